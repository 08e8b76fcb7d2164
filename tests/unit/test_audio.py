"""Decoding: every common format, and every way in which a file can be bad."""

import io
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
import soxr
from authenticity.audio import SAMPLE_RATE, Limits, decode, load
from authenticity.errors import RejectedClip, UserError
from authenticity.roots import Root
from corpora import encoded, voice, write_archive, write_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import muxed

LIMITS = Limits(min_seconds=0.25, silence_dbfs=-60, max_megabytes=10, max_seconds=60)
CLIP = voice(1, spoof=False, seconds=2)


@pytest.mark.parametrize("options", [{"format": "FLAC"}, {"format": "WAV", "subtype": "FLOAT"}])
def test_lossless_samples_come_back(options: dict):
    samples = decode(encoded(CLIP, **options), LIMITS)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, CLIP, atol=2**-15)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_is_read(subtype: str):
    samples = decode(encoded(CLIP, format="OGG", subtype=subtype), LIMITS)
    assert len(samples) == len(CLIP)
    assert np.corrcoef(samples, CLIP)[0, 1] > 0.9


def test_opus_of_ffmpeg_starts_where_it_starts():
    # A voice note: read in one go by libsndfile, it begins late and behind zeros.
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ogg") as output:
        stream = output.add_stream("libopus", rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(CLIP[None], "fltp", "mono")
        frame.sample_rate = SAMPLE_RATE
        for packets in (stream.encode(frame), stream.encode()):
            output.mux(packets)
    samples = decode(buffer.getvalue(), LIMITS)
    assert len(samples) == len(CLIP)
    assert np.corrcoef(samples, CLIP)[0, 1] > 0.9


@pytest.mark.parametrize(("container", "codec"), [("mp4", "aac"), ("adts", "aac"), ("mp3", "mp3")])
def test_other_formats_are_read_by_ffmpeg_or_libsndfile(container: str, codec: str):
    assert len(decode(muxed(container, codec), LIMITS)) / SAMPLE_RATE == pytest.approx(1, abs=0.1)


def test_the_audio_of_a_video_is_read():
    assert len(decode(muxed("mp4", "aac", video=True), LIMITS)) > 0.9 * SAMPLE_RATE


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_resampling_in_blocks_equals_resampling_at_once(rate: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("authenticity.audio._BLOCK_FRAMES", 1000)
    content = encoded(CLIP, rate, format="WAV", subtype="FLOAT")
    np.testing.assert_allclose(
        decode(content, LIMITS), soxr.resample(CLIP, rate, SAMPLE_RATE), atol=1e-6
    )


def test_channels_are_averaged():
    left, right = CLIP, 0.25 * CLIP[::-1]
    content = encoded(np.stack([left, right], axis=1), format="WAV", subtype="FLOAT")
    np.testing.assert_allclose(decode(content, LIMITS), (left + right) / 2, atol=1e-7)


FLAC = encoded(CLIP)
BAD = {
    "no bytes": (b"", "0 bytes"),
    "text": (b"this is a text file\n" * 50, "not readable as audio"),
    "cut off": (FLAC[: len(FLAC) // 2], "not readable as audio"),
    "one bit wrong": (FLAC[:9000] + bytes([FLAC[9000] ^ 1]) + FLAC[9001:], "flac decoder"),
    "too short": (encoded(CLIP[:3000]), "too short: 0.188 s"),
    "silent": (encoded(np.zeros(16000, np.float32)), "silent"),
    "nearly silent": (encoded(CLIP * 1e-3), "silent: no sample"),
    "channels that cancel each other": (encoded(np.stack([CLIP, -CLIP], axis=1)), "they cancel"),
    "silent stereo": (encoded(np.zeros((16000, 2), np.float32)), "silent: no sample"),
    "not numbers": (
        encoded(np.full(16000, np.nan, np.float32), format="WAV", subtype="FLOAT"),
        "not finite",
    ),
    "a tiny file of a long silence": (encoded(np.full(61 * 16000, 0.5)), "too long"),
    "one sample a second": (encoded(CLIP, rate=1, format="WAV"), "sampling rate of 1 Hz"),
    "a codec that nobody knows": (
        encoded(CLIP, format="WAV")[:20] + b"\x34\x12" + encoded(CLIP, format="WAV")[22:],
        "codec is unknown",
    ),
    "a WAV of which half is there": (
        encoded(CLIP, format="WAV")[: len(CLIP)],
        "the header promises 1.00 s that are not there",
    ),
    "an AIFF of which half is there": (
        encoded(CLIP, format="AIFF")[: len(CLIP)],
        "the header promises 1.00 s that are not there",
    ),
    "a WAV that claims to last 26 hours": (
        encoded(CLIP, format="WAV")[:40] + (3 * 10**9).to_bytes(4, "little") + bytes(64_000),
        "the header promises 93748.00 s that are not there",
    ),
    "samples far beyond full scale": (
        encoded(CLIP * 1e30, format="WAV", subtype="FLOAT"),
        "dB above full scale",
    ),
    "video without audio": (muxed("mp4", "", video=True), "no audio stream"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_rejected_with_a_reason(name: str):
    content, reason = BAD[name]
    with pytest.raises(RejectedClip, match=reason):
        decode(content, LIMITS)


@pytest.mark.parametrize(
    "size", [64_000, 64_036, 64_044, 2**31 - 1, 2**31, 2**31 - 37, 2**32 - 1, 2**32 - 45]
)
def test_a_size_that_is_not_known_yet_or_some_bytes_off_is_no_damage(size: int):
    content = encoded(CLIP, format="WAV")
    content = content[:40] + size.to_bytes(4, "little") + content[44:]
    assert len(decode(content, LIMITS)) == len(CLIP)


def test_reasons_are_the_same_every_time():
    """They stand in tables that must not depend on the run: no addresses of objects."""
    reasons = set()
    for _ in range(2):
        with pytest.raises(RejectedClip) as caught:
            decode(b"RIFF but no more than that", LIMITS)
        reasons.add(str(caught.value))
    assert len(reasons) == 1
    assert "0x" not in reasons.pop()


@pytest.mark.parametrize(
    "playlist", ["#EXTM3U\n#EXTINF:2,\n{}\n", "ffconcat version 1.0\nfile '{}'\n"]
)
def test_a_playlist_cannot_make_us_open_another_file(playlist: str, tmp_path: Path):
    secret = tmp_path / "secret.wav"
    secret.write_bytes(encoded(CLIP, format="WAV"))
    with pytest.raises(RejectedClip):
        decode(playlist.format(secret.as_uri() if "EXT" in playlist else secret).encode(), LIMITS)


WHOLE = {
    "flac": FLAC,
    "wav": encoded(CLIP, format="WAV"),
    "ogg": encoded(CLIP, format="OGG", subtype="OPUS"),
    "mp4": muxed("mp4", "aac", video=True),
}


@settings(max_examples=150)
@given(st.sampled_from(sorted(WHOLE)), st.binary(max_size=40), st.floats(0, 1))
def test_damage_never_raises_anything_but_a_rejection(kind: str, noise: bytes, where: float):
    content = WHOLE[kind]
    # Headers are where damage is least expected, so half of it goes there.
    position = int(2 * where * 200) if where < 0.5 else int((2 * where - 1) * len(content))
    try:
        samples = decode(content[:position] + noise + content[position + len(noise) :], LIMITS)
    except RejectedClip:
        return
    assert np.isfinite(samples).all()


def test_folder_and_archive_hold_the_same(tmp_path: Path):
    files = {"a/b/one.flac": FLAC, "a/two.flac": encoded(CLIP * 0.5)}
    folder = Root(write_folder(files, tmp_path / "folder"))
    archive = Root(write_archive(files, tmp_path / "archive.zip"))
    for root in (folder, archive):
        assert set(root.entries("a/b")) == {"one.flac"}
        assert root.entries("a/b")["one.flac"].bytes == len(FLAC)
        assert root.has_folder("a")
        assert not root.has_folder("b")
        np.testing.assert_array_equal(load(root, "a/b/one.flac", LIMITS), decode(FLAC, LIMITS))


@pytest.mark.parametrize("kind", ["folder", "archive"])
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a/none.flac", "listed, but there is no such file"),
        ("../outside.flac", "leads out of the corpus root"),
        ("/etc/hostname", "leads out of the corpus root"),
        ("a/big.wav", "too large: 11 MB, limit 10 MB"),
    ],
)
def test_what_cannot_be_read_is_rejected(kind: str, path: str, reason: str, tmp_path: Path):
    files = {"a/big.wav": bytes(11_000_000)}
    (tmp_path / "outside.flac").write_bytes(FLAC)
    write_archive(files, tmp_path / "archive")
    write_folder(files, tmp_path / "folder")
    with pytest.raises(RejectedClip, match=reason):
        load(Root(tmp_path / kind), path, LIMITS)


def test_a_damaged_archive_member_is_rejected(tmp_path: Path):
    path = write_archive({"a/one.flac": FLAC}, tmp_path / "archive.zip")
    content = path.read_bytes()
    at = content.index(FLAC[1000:1100])
    path.write_bytes(content[:at] + b"\0" * 100 + content[at + 100 :])
    with pytest.raises(RejectedClip, match="cannot be read: Bad CRC"):
        load(Root(path), "a/one.flac", LIMITS)


def test_a_member_that_would_fill_the_memory_is_not_decompressed(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a/one.flac", FLAC)
    with pytest.raises(RejectedClip, match="compressed otherwise than by deflate"):
        load(Root(tmp_path / "bomb.zip"), "a/one.flac", LIMITS)


def test_an_archive_member_changed_in_place_is_seen(tmp_path: Path):
    """Same name, size and stamp: only the checksum tells."""
    before = Root(write_archive({"a/x": b"one"}, tmp_path / "1.zip")).entries("a")
    after = Root(write_archive({"a/x": b"two"}, tmp_path / "2.zip")).entries("a")
    assert before != after


def test_a_root_that_is_neither_folder_nor_archive(tmp_path: Path):
    (tmp_path / "file.zip").write_bytes(b"not a zip")
    with pytest.raises(UserError, match=r"file\.zip: expected a folder or a zip archive"):
        Root(tmp_path / "file.zip")
    with pytest.raises(UserError, match="no such corpus root"):
        Root(tmp_path / "nothing")
    assert zipfile.is_zipfile(write_archive({"a": b"b"}, tmp_path / "good.zip"))
