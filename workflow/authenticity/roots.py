"""A corpus root: a folder, or a zip archive that is read in place and never extracted."""

import os
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from authenticity.errors import RejectedClip, UserError
from authenticity.names import printable


class Entry(NamedTuple):
    """What identifies a file's content without reading it.

    For a member of an archive its checksum stands in place of the time: an archive's stamps are
    coarse, and a member replaced by one of the same size and stamp must be seen.
    """

    bytes: int
    mtime_ns: int


# What zipfile raises for damage; also for a name that is not in UTF-8 though it claims so
# (ValueError), a member that is encrypted, and an archive of another version (RuntimeError).
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)


class MissingFileError(RejectedClip):
    """There is no such file in the root."""


class Root:
    """List and read the files of a corpus by their path relative to the root.

    Paths use forward slashes. File names come from protocols, so they are data: a path is only
    ever looked up among the names that `entries` listed, or read below the root.
    """

    def __init__(self, location: str | Path):
        self.location = Path(location)
        self._archive: zipfile.ZipFile | None = None
        self._members: dict[str, dict[str, zipfile.ZipInfo]] = {}
        self._folders: set[str] = {""}
        if self.location.is_dir():
            return
        if not self.location.exists():
            raise UserError(
                f"{location}: no such corpus root; expected a folder or a zip archive there. "
                "Put the corpus there, or correct `root` of the corpus in the configuration"
            )
        try:
            self._archive = zipfile.ZipFile(self.location)
        except (*_DAMAGE, OSError) as error:
            raise UserError(
                f"{location}: expected a folder or a zip archive, but {error}; "
                "download it again, or correct `root` of the corpus in the configuration"
            ) from error
        for info in self._archive.infolist():
            if info.filename and not info.is_dir():
                folder, _, name = info.filename.rpartition("/")
                self._members.setdefault(folder, {})[name] = info
        for folder in self._members:
            while folder not in self._folders:
                self._folders.add(folder)
                folder = folder.rpartition("/")[0]

    def signature(self) -> str | None:
        """Identify the whole content at once where that is possible: an archive, not a folder."""
        if self._archive is None:
            return None
        status = self.location.stat()
        return f"{status.st_size} {status.st_mtime_ns}"

    def has_folder(self, folder: str) -> bool:
        """Say whether there is such a folder."""
        if self._archive is None:
            return (self.location / folder).is_dir()
        return folder in self._folders

    def entries(self, folder: str) -> dict[str, Entry]:
        """Return the files that lie directly in a folder, by name."""
        if self._archive is None:
            with os.scandir(self.location / folder) as scan:
                return {
                    item.name: Entry(item.stat().st_size, item.stat().st_mtime_ns)
                    for item in scan
                    if item.is_file()
                }
        return {
            name: Entry(info.file_size, info.CRC)
            for name, info in self._members.get(folder, {}).items()
        }

    def walk(self) -> dict[str, Entry]:
        """Return the files of the whole tree, by path.

        Hidden files and folders are not part of a corpus: they are what desktops and archivers
        leave behind, `._clip.wav` among them, which is no sound. Links are followed once.
        """
        if self._archive is None:
            entries: dict[str, Entry] = {}
            self._walk_folder("", entries, set())
            return entries
        return {
            f"{folder}/{name}" if folder else name: Entry(info.file_size, info.CRC)
            for folder, names in self._members.items()
            if not any(_is_hidden(part) for part in folder.split("/"))
            for name, info in names.items()
            if not _is_hidden(name)
        }

    def _walk_folder(self, folder: str, entries: dict[str, Entry], seen: set[tuple]) -> None:
        status = (self.location / folder).stat()
        identity = (status.st_dev, status.st_ino)
        if identity in seen:  # a link back to where the walk has been
            return
        seen.add(identity)
        with os.scandir(self.location / folder) as scan:
            items = sorted(scan, key=lambda item: item.name)
        for item in items:
            path = f"{folder}/{item.name}" if folder else item.name
            if _is_hidden(item.name):
                continue
            if item.is_dir():
                self._walk_folder(path, entries, seen)
            elif item.is_file():
                entries[path] = Entry(item.stat().st_size, item.stat().st_mtime_ns)

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
            if self._archive is None:
                return self._read_file(path, max_bytes)
            return self._read_member(path, max_bytes)
        except (FileNotFoundError, KeyError) as error:
            message = "listed, but there is no such file"
            raise MissingFileError(message) from error
        except _DAMAGE as error:
            raise RejectedClip(f"cannot be read: {error}") from error
        except OSError as error:
            raise UserError(
                f"{printable(str(self.location / path))}: cannot be read now "
                f"({error.strerror or error}); correct this and run again"
            ) from error

    def _read_file(self, path: str, max_bytes: int) -> bytes:
        with (self.location / path).open("rb") as stream:
            _check_size(os.fstat(stream.fileno()).st_size, max_bytes)
            return stream.read()

    def _read_member(self, path: str, max_bytes: int) -> bytes:
        folder, _, name = path.rpartition("/")
        info = self._members[folder][name]
        _check_size(info.file_size, max_bytes)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # zipfile bounds what these two decompress to; bzip2 and lzma fill the memory first.
            raise RejectedClip("compressed otherwise than by deflate; pack the archive again")
        with self._archive.open(info) as stream:
            return stream.read(info.file_size)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise RejectedClip(
            f"too large: {size / 1e6:.0f} MB, limit {max_bytes / 1e6:.0f} MB "
            "(`audio.max_megabytes` in the configuration)"
        )
