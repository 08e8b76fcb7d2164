"""A corpus root: a folder, or a zip archive that is read in place and never extracted.

Either may lie in a bucket of S3, where pyarrow reads it. A storage plugin of Snakemake would need
each clip as an input of a job, and a plan of a million clips takes hours.
"""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from authenticity.errors import RejectedClip, UserError
from authenticity.names import printable

if TYPE_CHECKING:
    from pyarrow import fs


class Entry(NamedTuple):
    """What identifies a file's content without reading it.

    For a member of an archive its checksum stands in place of the time: an archive's stamps are
    coarse, and a member replaced by one of the same size and stamp must be seen.
    """

    bytes: int
    mtime_ns: int


# What zipfile raises for damage; also for a name that is not in UTF-8 though it claims so
# (ValueError), a member that is encrypted, and an archive of another version (RuntimeError).
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)


class MissingFileError(RejectedClip):
    """There is no such file in the root."""


class Root:
    """List and read the files of a corpus by their path relative to the root.

    Paths use forward slashes. File names come from protocols, so they are data: a path is only
    ever looked up among the names that `entries` listed, or read below the root.

    Attributes:
        location: the folder or archive, without credentials.
        signature: identifies the whole content of an archive; None for a folder.
    """

    def __init__(self, location: str | Path):
        self.location = str(location)
        self.signature: str | None = None
        self._archive: zipfile.ZipFile | None = None
        self._bucket: fs.FileSystem | None = None
        self._prefix = ""
        if self.location.startswith("s3://"):
            self._open_bucket()
            return
        local = Path(location)
        self.location = str(local)
        if not local.exists():
            raise _absent(self.location)
        if not local.is_dir():
            status = local.stat()
            self._open_archive(local, f"{status.st_size} {status.st_mtime_ns}")

    def _open_bucket(self) -> None:
        from pyarrow import fs

        if urlsplit(self.location).username is not None:
            raise UserError(
                "`root` of a corpus: expected no credentials in it; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY in the environment"
            )
        try:
            bucket, self._prefix = fs.FileSystem.from_uri(self.location)
            self.location = self.location.partition("?")[0].rstrip("/")
            self._prefix = self._prefix.rstrip("/")
            info = bucket.get_file_info(self._prefix)
            if info.type == fs.FileType.NotFound:
                raise _absent(self.location)
            if info.type == fs.FileType.Directory:
                self._bucket = bucket
            else:
                stream = bucket.open_input_file(self._prefix)
                self._open_archive(stream, f"{info.size} {info.mtime_ns}")
        except (OSError, ValueError) as error:
            raise UserError(
                f"{self.location}: cannot be read now ({_first_line(error)}); correct `root` of "
                "the corpus, the credentials in the environment, or the network, and run again"
            ) from error

    def _open_archive(self, file: Any, signature: str) -> None:
        try:
            self._archive = zipfile.ZipFile(file)
        except (*DAMAGE, OSError) as error:
            raise UserError(
                f"{self.location}: expected a folder or a zip archive, but {error}; "
                "download it again, or correct `root` of the corpus in the configuration"
            ) from error
        self.signature = signature

    @property
    def _is_local_folder(self) -> bool:
        return self._archive is None and self._bucket is None

    @cached_property
    def _members(self) -> dict[str, dict[str, Entry]]:
        """The files of an archive or a bucket, by folder and name."""
        members: dict[str, dict[str, Entry]] = {}
        for path, entry in self._listed():
            folder, _, name = path.rpartition("/")
            members.setdefault(folder, {})[name] = entry
        return members

    def _listed(self) -> Iterator[tuple[str, Entry]]:
        if self._archive is not None:
            for member in self._archive.infolist():
                if member.filename and not member.is_dir():
                    yield member.filename, Entry(member.file_size, member.CRC)
            return
        from pyarrow import fs

        for info in self._bucket.get_file_info(fs.FileSelector(self._prefix, recursive=True)):
            if info.is_file:
                yield info.path[len(self._prefix) + 1 :], Entry(info.size, info.mtime_ns)

    def has_folder(self, folder: str) -> bool:
        """Say whether there is such a folder."""
        if self._is_local_folder:
            return Path(self.location, folder).is_dir()
        return not folder or any(f"{name}/".startswith(f"{folder}/") for name in self._members)

    def entries(self, folder: str) -> dict[str, Entry]:
        """Return the files that lie directly in a folder, by name."""
        if self._is_local_folder:
            with os.scandir(Path(self.location, folder)) as scan:
                return {item.name: _entry(item) for item in scan if item.is_file()}
        return self._members.get(folder, {})

    def walk(self) -> dict[str, Entry]:
        """Return the files of the whole tree, by path.

        Hidden files and folders are left out: desktops and archivers leave them behind, such as
        `._clip.wav`, which is no sound. Links are followed, but not back to where the walk is; one
        that leads nowhere is a file of 0 bytes, so that it is set aside and counted.
        """
        if self._is_local_folder:
            return dict(self._walked("", frozenset()))
        return {path: entry for path, entry in self._listed() if not _is_hidden(path)}

    def _walked(self, folder: str, above: frozenset[tuple]) -> Iterator[tuple[str, Entry]]:
        status = Path(self.location, folder).stat()
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            return
        with os.scandir(Path(self.location, folder)) as scan:
            items = sorted(scan, key=lambda item: item.name)
        for item in items:
            path = f"{folder}/{item.name}" if folder else item.name
            if _is_hidden(item.name):
                continue
            if item.is_dir():
                yield from self._walked(path, above | {identity})
            elif item.is_file():
                yield path, _entry(item)
            elif not Path(item).exists():
                yield path, Entry(0, 0)

    def read(self, path: str, max_bytes: int) -> bytes:
        """Return a file's content.

        Raises:
            RejectedClip: it is absent (`MissingFileError`), larger than `max_bytes`, or an archive
                member that is damaged, encrypted, or compressed otherwise than by deflate.
            UserError: the machine cannot read it now: no permission, a failing disk.
        """
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise RejectedClip(f"{printable(path)}: leads out of the corpus root")
        try:
            if self._archive is not None:
                return self._read_member(path, max_bytes)
            return self._read_file(path, max_bytes)
        except (FileNotFoundError, KeyError) as error:
            raise MissingFileError("listed, but there is no such file") from error
        except DAMAGE as error:
            raise RejectedClip(f"cannot be read: {error}") from error
        except OSError as error:
            raise UserError(
                f"{printable(f'{self.location}/{path}')}: cannot be read now "
                f"({_first_line(error)}); correct this and run again"
            ) from error

    def _read_file(self, path: str, max_bytes: int) -> bytes:
        if self._bucket is not None:
            with self._bucket.open_input_file(f"{self._prefix}/{path}") as item:
                _check_size(item.size(), max_bytes)
                return item.read()
        with Path(self.location, path).open("rb") as stream:
            _check_size(os.fstat(stream.fileno()).st_size, max_bytes)
            return stream.read()

    def _read_member(self, path: str, max_bytes: int) -> bytes:
        info = self._archive.getinfo(path)
        _check_size(info.file_size, max_bytes)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # zipfile bounds what these two decompress to; bzip2 and lzma fill the memory first.
            raise RejectedClip("compressed otherwise than by deflate; pack the archive again")
        if info.header_offset not in range(self._archive.start_dir):
            raise RejectedClip("damaged: the archive lists it where no member can lie")
        with self._archive.open(info) as stream:
            return stream.read(info.file_size)


def _absent(location: str) -> UserError:
    return UserError(
        f"{location}: no such corpus root; expected a folder or a zip archive there. "
        "Put the corpus there, or correct `root` of the corpus in the configuration"
    )


def _first_line(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return reason.strip().splitlines()[0]


def _entry(item: os.DirEntry) -> Entry:
    status = item.stat()
    return Entry(status.st_size, status.st_mtime_ns)


def _is_hidden(path: str) -> bool:
    return any(name.startswith(".") or name == "__MACOSX" for name in path.split("/"))


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise RejectedClip(
            f"too large: {size / 1e6:.0f} MB, limit {max_bytes / 1e6:.0f} MB "
            "(`audio.max_megabytes` in the configuration)"
        )
