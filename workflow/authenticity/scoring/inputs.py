"""The files to score that a person names on the command line: folders, patterns and lists."""

import codecs
import glob
import logging
import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from authenticity.errors import UserError
from authenticity.names import printable

LIST = "-"
"""The argument that stands for a list of paths on standard input."""

KEPT, UNFINISHED = "recordings.jsonl", "recordings.jsonl.unfinished"
"""The file of all answers, and the one that a run appends to while it lasts."""

TABLE = "windows.parquet"
"""The first table that is written: nobody else's file has its name."""

_TABLES = {TABLE, "scores.csv"}  # of all results, also of those without a bundle
_NOT_A_FILE = "not a file"  # but a pipe or a device: opening a pipe would wait for ever
_LOGGER = logging.getLogger("authenticity")
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def collect(
    arguments: Sequence[str], stream: BinaryIO | None = None, output: Path | None = None
) -> list[str]:
    """Return the paths to score, each once, in the order of the arguments; within a folder, sorted.

    A folder stands for all files below it, whatever their names end with: a file that is no
    recording, and a path that does not exist, are set aside with a reason later, so that every file
    is accounted for. Hidden files, pipes, devices, and folders of earlier results are skipped and
    counted in the log. Nothing is opened here.

    Args:
        arguments: files, folders, patterns that no shell has expanded (`**` for any folders), and
            `-` for a list on `stream`.
        stream: paths, one a line, or each ended by a zero byte (as `find -print0` writes them).
        output: the folder of results, of which nothing is an input even if it has none yet.

    Raises:
        UserError: there is nothing to score, nothing that exists, or a recording on `stream`.
    """
    if "" in arguments:
        raise UserError("an empty path: name a recording or a folder of them")
    files: dict[tuple[str, str], str] = {}
    for argument in arguments:
        named = _listed(stream) if argument == LIST and stream else _expanded(argument)
        for path in (path for name in named for path in _files(name, output)):
            safe = f".{os.sep}{path}" if path.startswith(_FORMULA_STARTS) else path
            folder, name = os.path.split(path)
            files.setdefault((os.path.realpath(folder), name), safe)
    source = "standard input" if list(arguments) == [LIST] else ", ".join(arguments)
    if not files:
        raise UserError(f"{source}: no files there to score; name a recording or a folder of them")
    if not any(map(os.path.exists, files.values())):  # nor does what a dangling link leads to
        raise UserError(f"{source}: no such file or folder; nothing was scored, nothing changed")
    return list(files.values())


def require_own(output: Path, marks: Iterable[str]) -> None:
    """Refuse to write results to a folder that holds other things, which they might overwrite.

    Args:
        output: the folder.
        marks: names of files; earlier results have one of them.

    Raises:
        UserError: it holds other things, or is no folder.
    """
    if not output.exists() or any((output / mark).is_file() for mark in marks):
        return
    if not output.is_dir() or any(output.iterdir()):
        raise UserError(
            f"{output}: holds other things than results of such a model; name a new folder with "
            "--output"
        )


def as_text(path: str) -> str:
    """Return a path as valid Unicode: bytes of a name that are not UTF-8 are shown as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def unopenable(path: str) -> str | None:
    """Say why there is nothing to read at a path, if so."""
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return "no such file"
    except (OSError, ValueError) as error:
        return f"cannot be opened: {getattr(error, 'strerror', None) or error}"
    if stat.S_ISDIR(mode):
        return "a folder that cannot be opened"
    return None if stat.S_ISREG(mode) else _NOT_A_FILE


def _listed(stream: BinaryIO) -> list[str]:
    content = stream.read().removeprefix(codecs.BOM_UTF8)  # as Windows writes it
    separator = b"\0" if b"\0" in content else b"\n"
    if b"\0\0\0" in content:  # a recording, whose pieces could name any folder
        raise UserError(
            "standard input: expected paths, found a recording; save it to a file first"
        )
    lines = (line.removesuffix(b"\r") for line in content.split(separator))
    return [os.fsdecode(line) for line in lines if line]


def _expanded(argument: str) -> list[str]:
    """Return the matches of a pattern; a path that exists, or without matches, is itself."""
    if os.path.lexists(argument):
        return [argument]
    matches = glob.glob(argument, recursive=True)  # noqa: PTH207 - Path's takes no absolute ones
    return sorted(matches) or [argument]


def _files(path: str, output: Path | None) -> list[str]:
    """Return a path itself, or the files below a folder and the folders that cannot be opened."""
    if not os.path.isdir(path):  # noqa: PTH112 - Path's raises where a folder is not accessible
        return [path]
    files: list[str] = []
    skipped: Counter[str] = Counter()
    seen = {_identity(output)} if output and output.is_dir() else set()
    unopened: list[OSError] = []
    for folder, subfolders, names in os.walk(path, onerror=unopened.append, followlinks=True):
        identity, results = _identity(folder), UNFINISHED in names or set(names) >= _TABLES
        if results or identity in seen:  # the output, or a link back to where it has been
            skipped["folders of earlier results"] += identity not in seen
            subfolders.clear()
            continue
        seen.add(identity)
        skipped["hidden ones"] += sum(name.startswith(".") for name in [*subfolders, *names])
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        shown = [str(Path(folder, name)) for name in names if not name.startswith(".")]
        opened = [file for file in shown if unopenable(file) != _NOT_A_FILE]
        skipped["pipes or devices"] += len(shown) - len(opened)
        files += opened
    if counted := ", ".join(f"{kind} ({count})" for kind, count in skipped.items() if count):
        _LOGGER.warning("%s: skipped %s", printable(path), counted)
    return sorted([*files, *(str(error.filename) for error in unopened)])


def _identity(folder: str | Path) -> tuple[int, int]:
    status = Path(folder).stat()
    return status.st_dev, status.st_ino
