"""Debian packages without root: download, read in memory, unpack into a folder.

A `.deb` is an `ar` archive (deb(5)) with one `data.tar`, compressed in one of a few ways, that
holds the files. Nothing is installed, and no name inside a package is trusted.
"""

import io
import logging
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa
from authenticity.errors import UserError
from authenticity.files import atomic

logger = logging.getLogger("authenticity")

MAX_MEMBER_BYTES = 256 * 2**20
_AR_MAGIC = b"!<arch>\n"
_AR_HEADER_BYTES = 60


def read_index(folder: str | Path) -> None:
    """Download the lists of available packages into a folder, for `download`.

    `apt-get` is given folders of ours for its state and cache, so it needs no root and leaves the
    machine's own as they are; it checks signatures and digests as always.
    """
    if shutil.which("apt-get") is None:
        raise UserError(
            "apt-get: not found; the demo corpus is rebuilt from Debian packages, "
            "so run this target on Debian or Ubuntu (the shipped archive works anywhere)"
        )
    (Path(folder) / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        _apt_get([*_private_options(folder, temporary), "update"], temporary)


def download(package: str, index: str | Path, target: str | Path) -> None:
    """Download one package as `target`, using the lists that `read_index` wrote."""
    with tempfile.TemporaryDirectory() as temporary:
        _apt_get([*_private_options(index, temporary), "download", package], temporary)
        (found,) = Path(temporary).glob("*.deb")
        logger.info("%s, %d bytes", found.name, found.stat().st_size)
        with atomic(target) as partial:
            shutil.copyfile(found, partial)


def _private_options(index: str | Path, cache: str) -> list[str]:
    """Options that keep apt's state in a folder of ours, and its cache in this job's own."""
    (Path(cache) / "archives" / "partial").mkdir(parents=True)
    return [
        "-q",
        f"-oDir::State={Path(index).resolve()}",
        "-oDir::State::status=/var/lib/dpkg/status",
        f"-oDir::Cache={cache}",
        # Root would otherwise download as the user _apt, who may not write into our folder.
        "-oAPT::Sandbox::User=",
    ]


def _apt_get(arguments: Sequence[str], folder: str | Path) -> None:
    done = subprocess.run(["apt-get", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(f"apt-get {arguments[-1]}: {reason}; check the network and apt's sources")


def ar_members(content: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the members of an `ar` archive as (name, content); `name` is for error messages."""
    if not content.startswith(_AR_MAGIC):
        raise UserError(f"{name}: expected a Debian package (an ar archive); download it again")
    position = len(_AR_MAGIC)
    while position < len(content):
        header = content[position : position + _AR_HEADER_BYTES]
        size_field = header[48:58].strip()
        if len(header) < _AR_HEADER_BYTES or header[58:] != b"`\n" or not size_field.isdigit():
            raise UserError(f"{name}: damaged at byte {position}; download it again")
        start = position + _AR_HEADER_BYTES
        end = start + int(size_field)
        if end > len(content):
            raise UserError(f"{name}: cut short; download it again")
        yield header[:16].decode("ascii", "replace").strip().rstrip("/"), content[start:end]
        position = end + end % 2  # members start at even offsets


def open_data(package: str | Path) -> tarfile.TarFile:
    """Open the tar archive of files in a `.deb`, as a stream to be read once, from memory."""
    for name, content in ar_members(Path(package).read_bytes(), str(package)):
        if not name.startswith("data.tar"):
            continue
        try:
            if name.endswith(".zst"):
                stream = pa.input_stream(io.BytesIO(content), compression="zstd")
                return tarfile.open(fileobj=io.BytesIO(stream.read()), mode="r:")
            return tarfile.open(fileobj=io.BytesIO(content), mode="r:*")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise UserError(f"{package}: {name}: {error}; download it again") from error
    raise UserError(f"{package}: holds no data.tar; expected a Debian package, download it again")


def files(package: str | Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield the regular files of a `.deb` as (path inside the package, content), in its order.

    Paths are only names here: relative, without `..`; anything else is an error.
    """
    with open_data(package) as archive:
        for member in archive:
            if not member.isreg():
                continue
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts:
                raise UserError(f"{package}: unsafe name {member.name!r}; do not use this package")
            if member.size > MAX_MEMBER_BYTES:
                raise UserError(f"{package}: {member.name!r} is larger than {MAX_MEMBER_BYTES} B")
            stream = archive.extractfile(member)
            yield path, stream.read() if stream else b""


def unpack(package: str | Path, folder: str | Path) -> None:
    """Unpack the files of a `.deb` below a folder that is ours, never outside it.

    Python's own "data" filter (PEP 706) refuses absolute and climbing names, links that lead out,
    devices, and set-user-id bits.
    """
    if not hasattr(tarfile, "data_filter"):
        raise UserError("Python: unpacking a package safely needs version 3.11.4 or newer")
    with open_data(package) as archive:
        try:
            archive.extractall(folder, filter="data")
        except tarfile.FilterError as error:
            raise UserError(f"{package}: {error}; do not use this package") from error


def read_notice(package: str | Path) -> str:
    """Return the package's own `copyright` file."""
    for path, content in files(package):
        if path.name == "copyright" and "doc" in path.parts:
            return content.decode("utf-8")
    raise UserError(f"{package}: has no copyright file; do not use this package")
