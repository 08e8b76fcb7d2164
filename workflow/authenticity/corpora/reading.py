"""What every corpus format gives, and how their lists are read."""

import csv
import io
import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from authenticity import tables
from authenticity.errors import RejectedClip, UserError
from authenticity.roots import Entry, Root

if TYPE_CHECKING:
    from authenticity.config import Corpus

NO_ATTACK = "-"
"""The attack of bona fide."""

_NOT_GIVEN = frozenset(
    ["", "-", "?", "n/a", "na", "nan", "not given", "not known", "null", "unknown"]
)
_NOT_KNOWN = _NOT_GIVEN | {"none"}

_SUFFIXES = (
    "3gp aac ac3 aif aifc aiff amr ape au avi caf flac m4a m4b mka mkv mov mp2 mp3 mp4 mpeg mpga "
    "oga ogg opus snd sph spx tta voc w64 wav webm wma wv"
)
AUDIO_SUFFIXES = frozenset(f".{name}" for name in _SUFFIXES.split())
"""What a clip's file name may end in where no list names the clips."""

BONAFIDE_WORDS = frozenset(
    ["bonafide", "bona-fide", "bona_fide", "bona fide", "genuine", "real", "human", "0"]
)
SPOOF_WORDS = frozenset(["spoof", "fake", "synthetic", "deepfake", "1"])

Files = Mapping[str, Entry]
"""A corpus's files by path: all that its trials depend on."""

_MAX_LIST_BYTES = 1 << 30
_CONTROL = re.compile(r"[\x00-\x1f]")


@dataclass(frozen=True)
class Content:
    """What a corpus holds.

    Attributes:
        trials: manifest rows, less `corpus`: the columns of `tables.MANIFEST` and the conditions.
        conditions: the names of the corpus's own columns, in order.
        asv_scores: a table of `tables.ASV_SCORES`; empty where the corpus publishes none.
        notes: what a user should know of what was left out.
    """

    trials: Sequence[Mapping[str, Any]]
    conditions: Sequence[str] = ()
    asv_scores: pa.Table = field(default_factory=tables.ASV_SCORES.empty_table)
    notes: Sequence[str] = ()


class Format(Protocol):
    """Reads the corpora of one format.

    Attributes:
        splits: the partitions that such a corpus has, `none` where it has no partitions.
        options: keys of the configuration's corpus entry that only some formats know.
        duplicates: `keep` or `remove`: what is done with trials of equal audio by default. A
            challenge's official keys are kept as they are, so that figures can be compared.
        labelled: whether its trials have labels; without, they are only scored.
    """

    splits: Sequence[str]
    options: Collection[str]
    duplicates: str
    labelled: bool

    def files(self, root: Root, settings: "Corpus") -> Files:
        """List what tells cheaply whether the manifest is still right."""

    def read(self, root: Root, settings: "Corpus", files: Files) -> Content:
        """Read the corpus; called only when `files` changed.

        Raises:
            UserError: the corpus is not what the format says.
        """


def known(name: str | None) -> str | None:
    """Return a speaker, or the attack of spoof; `None` for a word that says it is not known.

    Such words are `-`, `unknown`, `n/a`, `none` and the like, in upper or lower case.
    """
    return _unless(_NOT_KNOWN, name)


def given(value: str | None) -> str | None:
    """Return the value of a condition; `None` for a word that says it is not given.

    The words are those of `known` but for `none`, which is a value: of clips without codec, say.
    """
    return _unless(_NOT_GIVEN, value)


def _unless(words: Collection[str], text: str | None) -> str | None:
    return None if text is None or text.strip().lower() in words else text


def label_of(word: str) -> int | None:
    """Return 0 for a word that means bona fide, 1 for spoof, `None` for any other."""
    word = word.strip().lower()
    if word in BONAFIDE_WORDS:
        return 0
    return 1 if word in SPOOF_WORDS else None


def is_audio(path: str) -> bool:
    """Tell from a file's name whether it holds audio."""
    return posixpath.splitext(path)[1].lower() in AUDIO_SUFFIXES


def require_plain_name(where: str, path: str) -> None:
    """Refuse a path that no table or message can hold.

    Raises:
        UserError: it is not in UTF-8, or has a line end or another control character.
    """
    if _CONTROL.search(path) or not _is_utf8(path):
        raise UserError(
            f"{where}: expected a file name in UTF-8 on one line, found {path!a}; rename the file "
            "or its folder"
        )


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def file_columns(path: str, files: Files) -> dict[str, Any]:
    """Return a trial's `path`, `bytes` and `mtime_ns`.

    A listed file that is absent has 0 bytes: it is set aside later, with a reason, and counted.
    """
    return {"path": path, **files.get(path, Entry(0, 0))._asdict()}


def left_out(n_files: int) -> list[str]:
    """Say how many files are there but no trials."""
    return [f"other files left out: {n_files}"] if n_files else []


def unlisted(files: Files, trials: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say how many audio files are there that no trial names."""
    named = {trial["path"] for trial in trials}
    return left_out(sum(is_audio(path) and path not in named for path in files))


def unique_keys(paths: Sequence[str]) -> dict[str, str]:
    """Return a key for each path: the path without suffix, or whole where that is not unique."""
    stems = {path: posixpath.splitext(path)[0] for path in paths}
    uses = Counter(stems.values())
    return {
        path: path if uses[stem] > 1 or (stem in stems and stem != path) else stem
        for path, stem in stems.items()
    }


def find_list(root: Root, files: Files, name: str, what: str) -> str:
    """Return the path of the list with this name; it may lie in a folder of its own.

    Raises:
        UserError: there is none, or more than one equally near the root.
    """
    found = [path for path in files if path == name or path.endswith(f"/{name}")]
    found.sort(key=lambda path: (path.count("/"), path))
    if not found:
        raise UserError(
            f"{root.location}: expected {name} in it; point `root` of the corpus in the "
            f"configuration at the folder or archive of {what}"
        )
    if len(found) > 1 and found[0].count("/") == found[1].count("/"):
        raise UserError(
            f"{root.location}: expected one {name}, found {found[0]} and {found[1]}; point `root` "
            "of the corpus in the configuration at one of their folders"
        )
    return found[0]


def read_text(root: Root, path: str) -> str:
    """Return a list's text.

    Raises:
        UserError: it cannot be read, or is not text in UTF-8.
    """
    try:
        # -sig: a byte-order mark is not part of the first name.
        return root.read(path, _MAX_LIST_BYTES).decode("utf-8-sig")
    except RejectedClip as error:
        raise UserError(f"{root.location}/{path}: {error}") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{root.location}/{path}: expected text in UTF-8; download it again, or save it so"
        ) from error


def read_csv(
    root: Root, path: str, required: Sequence[str], delimiters: str = ",", quoted: bool = True
) -> tuple[list[str], Iterator[tuple[str, list[str]]]]:
    """Read a table whose first line names its columns.

    Args:
        root: the corpus.
        path: of the table.
        required: columns that it must have.
        delimiters: the first of these characters is taken that makes the first line have them.
        quoted: whether fields may stand in double quotes.

    Returns:
        The columns' names, in lower case and without spaces around them, and an iterator over the
        other lines: where each stands, and its fields without spaces around them.

    Raises:
        UserError: a column is missing, or the text is not a table.
    """
    text = read_text(root, path)
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    for delimiter in delimiters:
        # newline="": line ends stay as they are, which quoted fields may hold.
        lines = io.StringIO(text, newline="")
        reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
        header = [name.strip().lower() for name in _next(root, path, reader) or []]
        if set(required) <= set(header):
            return header, _csv_lines(root, path, reader)
    raise UserError(
        f"{root.location}/{path}, line 1: expected a table with the columns "
        f"{', '.join(required)}, separated by {' or '.join(map(_spoken, delimiters))}; "
        "name them in its first line"
    )


def _csv_lines(root: Root, path: str, reader: Any) -> Iterator[tuple[str, list[str]]]:
    while (fields := _next(root, path, reader)) is not None:
        if any(field.strip() for field in fields):
            where = f"{root.location}/{path}, line {reader.line_num}"
            yield where, [field.strip() for field in fields]


def _next(root: Root, path: str, reader: Any) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        raise UserError(
            f"{root.location}/{path}, line {reader.line_num}: not a table ({error}); "
            "correct or remove the line"
        ) from error


def _spoken(delimiter: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[delimiter]
