"""Files that are either whole or absent, whatever happens while they are written."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from authenticity.errors import UserError


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder, renamed to `path` when the block succeeds.

    The name carries the process id, so a process orphaned by a crash does no harm to its successor;
    it does not end like `path`, so that nobody takes it for a table. The data are on disk before
    the rename: a power cut leaves the old file or the new one.

    An `OSError`, as of a full disk, names the file even where a library does not.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.filename and Path(error.filename) != temporary:
            raise
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_left_over(folder: Path) -> None:
    """Remove temporary files below a folder that processes of this machine left when killed."""
    import psutil  # Snakemake installs it, and only its runs call this function

    for path in folder.rglob("*.*.tmp"):
        try:
            # A killed process stays listed until its parent waits for it; some containers never do.
            status = psutil.Process(int(path.suffixes[-2][1:])).status()
            is_dead = status == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            is_dead = True
        except (ValueError, OverflowError):  # of another program
            is_dead = False
        if is_dead:
            path.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON atomically: sorted keys, so that equal values are equal bytes; no NaN."""
    text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    write_text(path, text + "\n")


def read_json(path: str | Path, remedy: str = "delete it and run again") -> Any:
    """Read JSON; a file that is not JSON is a `UserError` that names it, and what to do."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: expected JSON, but {error}; {remedy}") from error


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_arrays(path: str | Path, arrays: Mapping[str, NDArray]) -> None:
    """Write named arrays atomically, as safetensors."""
    with atomic(path) as temporary:
        temporary.write_bytes(save({name: arrays[name] for name in sorted(arrays)}))


def read_arrays(path: str | Path) -> dict[str, NDArray]:
    """Read what `write_arrays` wrote; a file that is not safetensors is a `UserError`."""
    try:
        return load_file(path)
    except SafetensorError as error:
        raise UserError(
            f"{path}: expected safetensors, but {error}; delete it and run again"
        ) from error
