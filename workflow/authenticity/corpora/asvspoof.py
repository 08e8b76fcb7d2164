"""Corpora in the layout of the ASVspoof challenges: a protocol per partition, a folder of audio.

What differs between the challenges is data: a `Layout`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from authenticity.errors import RejectedClip, UserError
from authenticity.roots import Entry, Root

_LABELS = {"bonafide": 0, "spoof": 1}
_MAX_PROTOCOL_BYTES = 1 << 30


@dataclass(frozen=True)
class Partition:
    """Where one partition's protocol and audio lie, below the corpus root."""

    protocol: str
    audio: str


@dataclass(frozen=True)
class Layout:
    """How one challenge lays out its corpus.

    Attributes:
        columns: the protocol's fields in order; `None` for one that is not used. `speaker`, `key`,
            `attack` and `label` are required.
        partitions: by split name.
        prefixes: folders that an archive may nest the corpus in; the first that fits is used.
        suffixes: of the audio files, in order of preference.
    """

    columns: tuple[str | None, ...]
    partitions: Mapping[str, Partition]
    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]


ASVSPOOF2019_LA = Layout(
    columns=("speaker", "key", None, "attack", "label"),
    partitions={
        split: Partition(
            f"ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{split}.{extension}.txt",
            f"ASVspoof2019_LA_{split}/flac",
        )
        for split, extension in (("train", "trn"), ("dev", "trl"), ("eval", "trl"))
    },
    prefixes=("", "LA/", "LA/LA/"),  # the published archive holds LA/, a well-known copy LA/LA/
    suffixes=(".flac", ".ogg", ".opus", ".wav"),
)


class Format:
    """Reads corpora of one layout."""

    def __init__(self, layout: Layout):
        self._layout = layout

    def folders(self, root: Root, splits: Sequence[str]) -> list[str]:
        """Return the folders whose listings decide whether the manifest is still right."""
        prefix = self._prefix(root)
        partitions = [self._layout.partitions[split] for split in splits]
        for partition in partitions:
            if not root.has_folder(prefix + partition.audio):
                raise UserError(
                    f"{root.location}: expected a folder {prefix}{partition.audio}; "
                    "complete the corpus, or leave its split out of the corpus's `splits` "
                    "in the configuration"
                )
        return [
            *sorted({prefix + item.protocol.rpartition("/")[0] for item in partitions}),
            *(prefix + partition.audio for partition in partitions),
        ]

    def trials(
        self, root: Root, splits: Sequence[str], listing: Mapping[str, Mapping[str, Entry]]
    ) -> Iterator[dict[str, Any]]:
        """Yield one manifest row (less `corpus`) for each line of the splits' protocols.

        Args:
            root: the corpus.
            splits: which partitions.
            listing: the entries of `folders`.

        Raises:
            UserError: a protocol is absent, or a line is not what the layout says.
        """
        prefix = self._prefix(root)
        seen: dict[str, str] = {}
        for split in splits:
            partition = self._layout.partitions[split]
            folder = prefix + partition.audio
            for where, fields in self._lines(root, prefix + partition.protocol):
                row = self._row(where, fields)
                if first := seen.get(row["key"]):
                    raise UserError(
                        f"{where}: {row['key']} is listed twice, first in {first}; "
                        "remove one of the two lines"
                    )
                seen[row["key"]] = where
                yield {**row, "split": split, **self._file(folder, row["key"], listing[folder])}

    def _prefix(self, root: Root) -> str:
        first = next(iter(self._layout.partitions.values())).protocol.partition("/")[0]
        for prefix in self._layout.prefixes:
            if root.has_folder(prefix + first):
                return prefix
        raise UserError(
            f"{root.location}: expected a folder {first} in it; point `root` of the corpus in the "
            "configuration at the folder or archive that holds the challenge's data"
        )

    def _lines(self, root: Root, protocol: str) -> Iterator[tuple[str, list[str]]]:
        folder, _, name = protocol.rpartition("/")
        if name not in root.entries(folder):
            raise UserError(
                f"{root.location}/{protocol}: no such protocol; complete the corpus, or leave its "
                "split out of the corpus's `splits` in the configuration"
            )
        try:
            # -sig: a byte-order mark is not part of the first speaker's name.
            text = root.read(protocol, _MAX_PROTOCOL_BYTES).decode("utf-8-sig")
        except RejectedClip as error:
            raise UserError(f"{root.location}/{protocol}: {error}") from error
        except UnicodeDecodeError as error:
            raise UserError(
                f"{root.location}/{protocol}: expected text in UTF-8; download it again"
            ) from error
        for number, line in enumerate(text.split("\n"), start=1):
            if fields := line.split():
                yield f"{root.location}/{protocol}, line {number}", fields

    def _row(self, where: str, fields: list[str]) -> dict[str, Any]:
        columns = self._layout.columns
        if len(fields) != len(columns):
            raise UserError(
                f"{where}: expected {len(columns)} fields separated by spaces, "
                f"found {len(fields)}; correct or remove the line"
            )
        row: dict[str, Any] = {
            name: value for name, value in zip(columns, fields, strict=True) if name
        }
        if "/" in row["key"]:
            raise UserError(
                f"{where}: expected a file name without folder, found {row['key']}; "
                "correct or remove the line"
            )
        if row["label"] not in _LABELS:
            raise UserError(
                f"{where}: unknown label {row['label']!r}, expected bonafide or spoof; "
                "correct or remove the line"
            )
        row["label"] = _LABELS[row["label"]]
        if (row["label"] == 0) != (row["attack"] == "-"):
            raise UserError(
                f"{where}: expected the attack - for bona fide and an attack for spoof, found "
                f"attack {row['attack']!r} with label {fields[-1]}; correct or remove the line"
            )
        return row

    def _file(self, folder: str, key: str, names: Mapping[str, Entry]) -> dict[str, Any]:
        """Find a trial's file; one that is absent is set aside later, when it is read."""
        for suffix in self._layout.suffixes:
            if entry := names.get(key + suffix):
                return {"path": f"{folder}/{key}{suffix}", **entry._asdict()}
        return {"path": f"{folder}/{key}{self._layout.suffixes[0]}", "bytes": 0, "mtime_ns": 0}
