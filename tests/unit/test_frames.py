"""The cache of frames: what it holds, what it reuses, and what it costs before it is made."""

import json
import shutil
from collections import namedtuple
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from authenticity import audio, tables
from authenticity.audio import Limits
from authenticity.errors import UserError
from authenticity.features import encoder as encoders
from authenticity.features import frames
from authenticity.features.clips import Reader
from authenticity.features.encoder import Encoder, EncoderSource
from authenticity.features.extraction import embed_shard
from authenticity.features.frames import Frames
from authenticity.roots import Root
from corpora import encoded, voice
from encoders import ALL_KINDS, make_encoder

LIMITS = Limits(min_seconds=0.25, silence_dbfs=-60, max_seconds=60, max_megabytes=10)
WINDOW = 2.0


def heard(encoder: Path, clip: np.ndarray, layer: int) -> list[np.ndarray]:
    """Return the frames of each window of a clip."""
    return Encoder.load(encoder, window_seconds=WINDOW).hear(clip, [layer])[1][layer]


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("layer", [0, 1])
def test_frames_are_what_an_encoder_without_the_layers_above_gives(
    kind: str, layer: int, tmp_path: Path
):
    folder = make_encoder(tmp_path, kind)
    clip = voice(6, spoof=False, seconds=3.1)
    cut = Encoder.load(folder, window_seconds=WINDOW, layers=layer)
    found = heard(folder, clip, layer)
    assert len(found) == 2
    for (_, _, window), states in zip(cut.windows(clip), found, strict=True):
        with torch.no_grad():
            expected = cut.network(window[None]).last_hidden_state[0].numpy()
        np.testing.assert_array_equal(states, expected)


@pytest.mark.parametrize("seconds", [0.3, 1.99, 2.0, 4.3, 9.7])
def test_frames_are_counted_from_the_duration_alone(seconds: float, tmp_path: Path):
    folder = make_encoder(tmp_path)
    clip = voice(2, spoof=False, seconds=seconds)
    config = json.loads((folder / "config.json").read_text())
    assert frames.n_frames(len(clip), config, WINDOW) == sum(map(len, heard(folder, clip, 0)))


class Shard:
    """A folder of clips, and the shard of their embeddings and frames."""

    def __init__(self, folder: Path):
        self.encoder = make_encoder(folder / "encoder")
        self.identity = encoders.identify(EncoderSource(str(self.encoder)), "float32")
        self.clips = folder / "clips"
        self.clips.mkdir()
        self.path = folder / "frames" / "1-of-1.npy"
        self.embeddings = folder / "embeddings.parquet"
        self.durations = [0.5, 0.9, 2.7, 1.2]
        for number, seconds in enumerate(self.durations):
            self.record(number, seconds)

    def record(self, number: int, seconds: float) -> None:
        """Put a clip there, or another in its place."""
        clip = encoded(voice(number, spoof=False, seconds=seconds))
        (self.clips / f"{number}.flac").write_bytes(clip)

    def write(self, layer: int = 1, limits: Limits = LIMITS) -> dict[str, int]:
        """Bring the shard up to date."""
        rows = [
            {"key": path.stem, "path": path.name, "bytes": path.stat().st_size}
            for path in sorted(self.clips.iterdir())
        ]
        reader = Reader(Root(self.clips), limits)
        load = partial(Encoder.load, self.encoder, "float32", WINDOW)
        caches = {layer: self.path}
        return embed_shard(rows, reader, self.identity, WINDOW, load, self.embeddings, caches)

    def bytes(self) -> list[bytes]:
        """The content of the shard's files."""
        return [path.read_bytes() for path in sorted(self.path.parent.iterdir())]


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    return Shard(tmp_path)


def test_a_shard_reads_back_in_half_precision(shard: Shard):
    assert shard.write() == {"clips": 4, "computed": 4}
    assert tables.metadata(frames.index_of(shard.path))["precision"] == "float32"
    loaded = Frames.load([shard.path])
    assert loaded.files == ["0", "1", "2", "3"]
    assert [len(clip.windows) for clip in loaded.clips] == [1, 1, 2, 1]
    for clip in loaded.clips:
        samples = audio.decode((shard.clips / f"{clip.file}.flac").read_bytes(), LIMITS)
        for stored, exact in zip(clip.windows, heard(shard.encoder, samples, 1), strict=True):
            assert stored.dtype == np.float16
            assert isinstance(stored, np.memmap)
            np.testing.assert_array_equal(stored, exact.astype(np.float16))


def test_only_new_clips_are_computed_and_the_bytes_do_not_tell(shard: Shard):
    shard.write()
    shard.record(1, 1.4)
    shard.record(4, 0.6)
    (shard.clips / "0.flac").unlink()
    assert shard.write() == {"clips": 4, "computed": 2}
    updated, embedded = shard.bytes(), shard.embeddings.read_bytes()
    shutil.rmtree(shard.path.parent)
    assert shard.write()["computed"] == 4
    assert shard.bytes() == updated
    shard.embeddings.unlink()
    assert shard.write()["computed"] == 4
    assert shard.bytes() == updated
    assert shard.embeddings.read_bytes() == embedded
    assert shard.write()["computed"] == 0


def test_another_layer_or_a_lost_index_computes_all(shard: Shard):
    shard.write()
    assert shard.write(layer=0)["computed"] == 4
    frames.index_of(shard.path).unlink()
    assert shard.write(layer=0)["computed"] == 4


def test_a_clip_beyond_the_limits_is_set_aside(shard: Shard):
    stricter = Limits(min_seconds=0.7, silence_dbfs=-60, max_seconds=60, max_megabytes=10)
    assert shard.write(limits=stricter) == {"clips": 3, "computed": 3}
    assert Frames.load([shard.path]).files == ["1", "2", "3"]


def test_a_killed_job_leaves_the_old_shard_or_none(shard: Shard):
    shard.write()
    old = shard.bytes()

    with (
        pytest.raises(KeyboardInterrupt),
        frames.updated(shard.path, 32, {"version": "version"}) as (_, add),
    ):
        add("0", "content", [np.zeros((3, 32))])
        raise KeyboardInterrupt
    assert shard.bytes() == old


def test_frames_that_are_not_their_index_s_are_one_clear_line(shard: Shard):
    shard.write()
    np.save(shard.path, np.zeros((3, 32), np.float16))
    with pytest.raises(UserError, match=r"1-of-1\.npy: not the frames that its index is of"):
        Frames.load([shard.path])
    shard.write()
    content = bytearray(shard.path.read_bytes())
    for place in (content.index(b"<f2"), len(content) // 2, len(content) - 1):
        shard.path.write_bytes(content[:place] + bytes([content[place] ^ 2]) + content[place + 1 :])
        with pytest.raises(UserError, match=r"1-of-1\.npy: damaged, its checksum differs"):
            Frames.load([shard.path])
    shard.path.write_bytes(b"not an array")
    with pytest.raises(UserError, match=r"1-of-1\.npy: not readable frames"):
        Frames.load([shard.path])
    assert shard.write()["computed"] == 4


def test_shards_of_two_versions_are_refused(tmp_path: Path):
    for name in ("a", "b"):
        version = {"version": f"version {name}"}
        with frames.updated(tmp_path / f"{name}.npy", 4, version) as (_, add):
            add(name, "", [np.ones((2, 4))])
    with pytest.raises(
        UserError, match=r"b\.parquet: made by version 'version b', other shards by"
    ):
        Frames.load([tmp_path / "a.npy", tmp_path / "b.npy"])


def test_the_number_of_shards_does_not_tell(tmp_path: Path):
    clips = {name: (name, name, [np.full((2, 4), number)]) for number, name in enumerate("abcd")}
    for name, keys in {"one": "abcd", "first": "bd", "second": "ac"}.items():
        with frames.updated(tmp_path / f"{name}.npy", 4, {"version": "version"}) as (_, add):
            for key in keys:
                add(*clips[key])
    one = Frames.load([tmp_path / "one.npy"])
    two = Frames.load([tmp_path / "first.npy", tmp_path / "second.npy"])
    assert two.digest == one.digest
    for clip, same in zip(two.clips, one.clips, strict=True):
        np.testing.assert_array_equal(clip.windows, same.windows)


def test_activations_beyond_half_precision_are_refused(tmp_path: Path):
    with (
        pytest.raises(UserError, match="clip7: activations too large"),
        frames.updated(tmp_path / "a.npy", 4, {"version": "version"}) as (_, add),
    ):
        add("clip7", "", [np.full((2, 4), 1e6)])
    assert not list(tmp_path.iterdir())


def test_the_size_is_said_before_and_is_exact(shard: Shard, caplog: pytest.LogCaptureFixture):
    config = json.loads((shard.encoder / "config.json").read_text())
    with caplog.at_level("INFO", logger="authenticity"):
        size = frames.require_room([shard.path.parent], shard.durations, config, WINDOW)
    assert "frames of 4 clips" in caplog.text
    shard.write()
    assert size == np.load(shard.path).nbytes


def test_a_disk_that_is_too_small_is_one_clear_line(shard: Shard, monkeypatch: pytest.MonkeyPatch):
    config = json.loads((shard.encoder / "config.json").read_text())
    usage = namedtuple("usage", "total used free")(10**6, 10**6, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"frames: the frames of 4 clips need .* make room"):
        frames.require_room([shard.path.parent], shard.durations, config, WINDOW)


def test_a_disk_needs_room_for_all_layers(shard: Shard, monkeypatch: pytest.MonkeyPatch):
    config = json.loads((shard.encoder / "config.json").read_text())
    folders = [shard.path.parent / layer for layer in ("0", "1")]
    size = frames.require_room(folders, shard.durations, config, WINDOW)
    assert size == 2 * frames.require_room(folders[:1], shard.durations, config, WINDOW)
    usage = namedtuple("usage", "total used free")(10**6, 10**6, size - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"frames/0, .*frames/1: the frames of 4 clips need"):
        frames.require_room(folders, shard.durations, config, WINDOW)


def test_an_encoder_of_another_family_is_one_clear_line():
    with pytest.raises(UserError, match="type whisper: layers are fine-tuned of hubert"):
        frames.require_room([Path("frames")], [1.0], {"model_type": "whisper"}, WINDOW)
