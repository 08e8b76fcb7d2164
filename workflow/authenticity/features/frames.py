"""The output of an encoder's frozen layers, frame by frame, kept on disk.

What lies below the trained layers is a constant: it is computed once, while the encoder embeds the
clips, and an epoch costs no more than the trained layers. A shard is two files: the frames of all
its clips one after the other (`.npy`, half precision, to be memory-mapped), and the index that says
which frames are of which clip (`.parquet`).

The frames depend on the first trained layer alone, so "the last of the first two layers" and "the
last two of the first three" share a cache.
"""

import contextlib
import hashlib
import itertools
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.lib import format as npy
from numpy.typing import NDArray

from authenticity import tables
from authenticity.audio import SAMPLE_RATE
from authenticity.errors import UserError
from authenticity.features.encoder import receptive_field, window_bounds
from authenticity.features.sources import FAMILIES
from authenticity.files import atomic, sha256

VERSION = "1"
"""Raise it when the frames of any clip change: shards of another version are computed anew."""

INDEX = pa.schema(
    [
        ("file", pa.string()),
        ("first", pa.int64()),
        ("windows", pa.list_(pa.int32())),
        ("content", pa.string()),
    ]
)
"""A clip's frames begin at row `first`; `windows` counts them, window by window."""

Windows = Sequence[NDArray[np.floating]]
"""A clip's frames, window by window, each of shape (frames, dimension)."""

Add = Callable[[str, str, Windows], None]
"""Takes the next clip's file, the digest of its content, and its frames."""

_STORED = np.dtype("<f2")  # half precision
_logger = logging.getLogger("authenticity")


def n_frames(n_samples: int, config: Mapping[str, Any], window_seconds: float) -> int:
    """Return how many frames an encoder makes of a clip of so many samples, at 16 kHz.

    `config` is the encoder's `config.json`, with the `conv_kernel` and `conv_stride` of its front
    end; `window_seconds` is the longest stretch that it hears at once.
    """
    stride, reach = receptive_field(config["conv_kernel"], config["conv_stride"])
    bounds = window_bounds(n_samples, int(window_seconds * SAMPLE_RATE))
    return sum((last - first - reach) // stride + 1 for first, last in itertools.pairwise(bounds))


def require_room(
    folders: Sequence[Path],
    durations: Sequence[float],
    config: Mapping[str, Any],
    window_seconds: float,
) -> int:
    """Say how large the frames of these clips will be, before any is computed.

    Args:
        folders: of each layer's shards, on one disk; made if absent. Shards that are there count
            towards the size.
        durations: of the clips, in seconds.
        config: the encoder's `config.json`.
        window_seconds: longest stretch that the encoder hears at once.

    Returns:
        The size in bytes.

    Raises:
        UserError: the disk cannot hold them, or the encoder's layers are not called as wav2vec2's.
    """
    if config["model_type"] not in FAMILIES or config.get("add_adapter", False):
        raise UserError(
            f"an encoder of type {config['model_type']}: layers are fine-tuned of "
            f"{', '.join(FAMILIES)} without adapters; choose another `encoder.model`"
        )
    total = sum(
        n_frames(round(duration * SAMPLE_RATE), config, window_seconds) for duration in durations
    )
    size = len(folders) * total * config["hidden_size"] * _STORED.itemsize
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    present = sum(path.stat().st_size for folder in folders for path in folder.glob("*.npy"))
    free = shutil.disk_usage(folders[0]).free
    named, clips = ", ".join(map(str, folders)), f"frames of {len(durations)} clips"
    _logger.info(
        f"{clips}, {sum(durations) / 3600:.1f} hours: {_gibibytes(size)} in {named}, "
        f"{_gibibytes(present)} there already, {_gibibytes(free)} free"
    )
    if size - present > free:
        raise UserError(
            f"{named}: the {clips} need {_gibibytes(size - present)} and the disk has "
            f"{_gibibytes(free)} free; make room, or fine-tune on fewer clips or with a smaller "
            "encoder"
        )
    return size


def _gibibytes(size: int) -> str:
    return f"{size / (1 << 30):.2f} GiB"


@contextlib.contextmanager
def updated(
    path: Path, dimension: int, metadata: Mapping[str, str]
) -> Iterator[tuple[Mapping[tuple[str, str], Windows], Add]]:
    """Bring a shard up to date: it will have the frames of the clips that are added, and no others.

    One clip is in memory at a time.

    Args:
        path: the `.npy` file; the index is beside it.
        dimension: of a frame.
        metadata: of the index; its `version` names everything but the audio that the frames
            depend on.

    Yields:
        The frames of the last shard that may be used again, by file and digest of its content; and
        a function that takes those of the next clip.

    Raises:
        UserError: activations are too large for half precision.
    """
    previous = _previous(path, metadata["version"])
    index: list[dict[str, Any]] = []
    total = 0
    with atomic(path) as temporary:
        with temporary.open("wb") as stream:
            _write_header(stream, 0, dimension)

            def add(file: str, content: str, windows: Windows) -> None:
                nonlocal total
                lengths = [len(window) for window in windows]
                index.append({"file": file, "first": total, "windows": lengths, "content": content})
                for window in windows:
                    stream.write(_stored(window, file))
                total += sum(lengths)

            yield previous, add
            stream.seek(0)  # numpy pads a header so that it keeps its length whatever the total
            _write_header(stream, total, dimension)
        checksum = sha256(temporary)
        index_of(path).unlink(missing_ok=True)  # never an index beside the frames of another
    said = {"version": metadata["version"], "frames": str(total), "sha256": checksum}
    table = pa.Table.from_pylist(index, schema=INDEX)
    tables.write(index_of(path), table, INDEX, {**said, **metadata})


def _previous(path: Path, version: str) -> dict[tuple[str, str], Windows]:
    try:
        if path.exists() and tables.metadata(index_of(path)).get("version") == version:
            return {(clip.file, clip.content): clip.windows for clip in _open(path)}
    except UserError:
        _logger.warning("%s: damaged; all of its frames are computed again", path)
    return {}


def index_of(path: Path) -> Path:
    """Return the index that belongs to a file of frames."""
    return path.with_suffix(".parquet")


def _write_header(stream: BinaryIO, n_rows: int, dimension: int) -> None:
    header = {"descr": _STORED.str, "fortran_order": False, "shape": (n_rows, dimension)}
    npy.write_array_header_1_0(stream, header)


def _stored(window: NDArray[np.floating], file: str) -> bytes:
    with np.errstate(over="ignore"):
        stored = window.astype(_STORED)
    if not np.isfinite(stored).all():
        raise UserError(
            f"{file}: activations too large for half precision where the first trained layer "
            "begins; train other layers of the encoder"
        )
    return stored.tobytes()


@dataclass(frozen=True)
class Clip:
    """A clip's key, the digest of its file's content, and its frames, not read before use."""

    file: str
    content: str
    windows: Windows


@dataclass(frozen=True)
class Frames:
    """The frames of many clips, memory-mapped.

    Clips are sorted by file: what is drawn from them does not depend on the shards. `version` names
    everything but the audio that the frames depend on.
    """

    clips: Sequence[Clip]
    version: str

    @classmethod
    def load(cls, paths: Iterable[str | Path], layer: int | None = None) -> "Frames":
        """Open shards, by their `.npy` files; of a layer alone, those in `{layer}/{view}/`.

        Raises:
            UserError: a shard is unreadable, or not of the version of the others.
        """
        paths = [path for path in map(Path, paths) if layer is None or path.parts[-3] == str(layer)]
        clips = [clip for path in paths for clip in _open(path)]
        indices = [index_of(path) for path in paths]
        tables.require_one_version(indices)
        version = tables.metadata(indices[0])["version"]
        return cls(sorted(clips, key=lambda clip: clip.file), version)

    @property
    def files(self) -> list[str]:
        """The clips' keys."""
        return [clip.file for clip in self.clips]

    @cached_property
    def digest(self) -> str:
        """Identify what the frames are of, and what they depend on."""
        parts = [self.version, *(f"{clip.file} {clip.content}" for clip in self.clips)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _open(path: Path) -> list[Clip]:
    """Open one shard."""
    metadata, index = tables.metadata(index_of(path)), tables.read(index_of(path))
    try:
        stored = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: not readable frames ({str(error).splitlines()[0]}); delete it and run again"
        ) from error
    if str(len(stored)) != metadata.get("frames"):
        raise UserError(f"{path}: not the frames that its index is of; delete it and run again")
    # At 1.3 GiB/s, or 0.36 on a CPU without instructions for it. Older indices have no checksum.
    if "sha256" in metadata and metadata["sha256"] != sha256(path):
        raise UserError(f"{path}: damaged, its checksum differs; delete it and run again")
    clips = []
    for row in index.to_pylist():
        edges = np.cumsum([row["first"], *row["windows"]])
        windows = [stored[first:last] for first, last in itertools.pairwise(edges)]
        clips.append(Clip(row["file"], row["content"], windows))
    return clips
