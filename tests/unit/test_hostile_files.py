"""Broken, odd and hostile files and names: each ends in a result or in a clear reason."""

import io
import os
import resource
import struct
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import av
import corpora
import numpy as np
import psutil
import pytest
from authenticity import audio, manifest
from authenticity.audio import SAMPLE_RATE, Limits, decode, load
from authenticity.config import Corpus
from authenticity.errors import RejectedClip, UserError
from authenticity.files import read_json
from authenticity.names import printable
from authenticity.roots import Root
from authenticity.scoring import inputs
from authenticity.scoring.worker import drawn_name
from corpora import encoded, voice
from recordings import muxed

LIMITS = Limits(max_seconds=60)
CLIP = voice(1, spoof=False, seconds=1)
WAV, FLAC = encoded(CLIP, format="WAV"), encoded(CLIP)
OPUS = encoded(CLIP, format="OGG", subtype="OPUS")
MP3, MP4 = muxed("mp3", "mp3", seconds=1.0), muxed("mp4", "aac", seconds=1.0)
SURROUND = np.stack([CLIP * gain for gain in (1, 0.5, 0.2, 0.1, 0.3, 0.4)], axis=1)

HEARD = {
    **{
        f"WAV of {subtype}": encoded(CLIP, format="WAV", subtype=subtype)
        for subtype in (
            "PCM_U8",
            "PCM_24",
            "PCM_32",
            "FLOAT",
            "DOUBLE",
            "ULAW",
            "ALAW",
            "IMA_ADPCM",
        )
    },
    **{
        f"{rate} Hz": encoded(np.resize(CLIP, rate), rate, format="WAV")
        for rate in (8000, 11_025, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
    },
    **{f"{form}": encoded(CLIP, format=form) for form in ("AIFF", "AU", "CAF", "W64", "RF64")},
    "stereo": encoded(SURROUND[:, :2], format="WAV"),
    "5.1": encoded(SURROUND, format="WAV"),
    "5.1 FLAC": encoded(SURROUND),
    "clipped": encoded(np.clip(50 * CLIP, -1, 1), format="WAV"),
    "a constant offset": encoded(CLIP * 0.5 + 0.4, format="WAV"),
    "integers saved as floats": encoded(CLIP * 32_768, format="WAV", subtype="FLOAT"),
    "garbage after the sound": FLAC + b"\x00\xff" * 2000,
    "a tag with garbage before MP3": b"ID3\x03\x00\x00\x00\x00\x0f\x76" + b"\xee" * 2038 + MP3,
    "a tag with garbage after MP3": MP3 + b"TAG" + b"\xee" * 125,
    "chunks that nobody knows": WAV[:36] + b"junk\x04\x00\x00\x00\xff\xff\xff\xff" + WAV[36:],
}


@pytest.mark.parametrize("name", HEARD)
def test_an_odd_file_is_heard(name: str):
    samples = decode(HEARD[name], LIMITS)
    assert len(samples) / SAMPLE_RATE == pytest.approx(1, abs=0.15)
    assert np.isfinite(samples).all()


@pytest.mark.parametrize("channels", [7, 8, 9, 16, 62])
def test_ffmpeg_gives_all_channels_and_nothing_else(channels: int):
    """PyAV's planes of eight channels or more are others' memory, too; reading it crashed."""
    sounds = np.random.default_rng(0).integers(-9000, 9000, (16_000, channels), dtype=np.int16)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as output:
        layout = {7: "6.1", 8: "7.1"}.get(channels, f"{channels} channels")
        stream = output.add_stream("pcm_s16le", rate=16_000, layout=layout)
        for first in range(0, 16_000, 1000):
            part = sounds[first : first + 1000].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
            frame.sample_rate, frame.pts = 16_000, first
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    heard = decode(buffer.getvalue(), LIMITS)
    np.testing.assert_allclose(heard, sounds.mean(axis=1) / 2**15, atol=1e-6)


REFUSED = {
    **{
        f"{name} cut to {share:.0%}": content[: int(share * len(content))]
        for name, content in {"WAV": WAV, "FLAC": FLAC, "Opus": OPUS, "MP4": MP4}.items()
        for share in (0.01, 0.3, 0.6)
    },
    "one sample": encoded(CLIP[:1], format="WAV"),
    "no sample": encoded(CLIP[:0], format="WAV"),
    "one byte": b"R",
    "zero bytes alone": bytes(5000),
    "noise": np.random.default_rng(0).bytes(5000),
    "a page": b"<!DOCTYPE html><title>404</title>" * 30,
    "a zip": b"PK\x03\x04" + bytes(500),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "a program": b"\x7fELF" + bytes(500),
    "a tag and no sound": b"ID3\x04\x00\x00\x00\x00\x0f\x76" + b"\xee" * 2038,
    "no channels": WAV[:22] + struct.pack("<H", 0) + WAV[24:],
    "no rate": WAV[:24] + struct.pack("<I", 0) + WAV[28:],
    "the header of another format": b"fLaC" + WAV[4:],
    "infinite": encoded(np.full(16_000, np.inf, np.float32), format="WAV", subtype="FLOAT"),
    "one sample that is no number": encoded(
        np.append(CLIP, np.float32("nan")), format="WAV", subtype="FLOAT"
    ),
    "a quarter of an hour of silence": encoded(np.zeros(3_600_000, np.int16), 4000),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_file_has_a_reason_that_fits_on_a_line(name: str):
    with pytest.raises(RejectedClip) as reason:
        decode(REFUSED[name], LIMITS)
    assert str(reason.value)
    assert str(reason.value).isprintable()


def test_a_header_that_ffmpeg_has_no_memory_for_is_refused(monkeypatch: pytest.MonkeyPatch):
    """Fuzzing found one; the error is FFmpeg's own, and a lack of ours still ends the work."""
    for error, expected in (
        (av.error.MemoryError(12, "Cannot allocate memory"), RejectedClip),
        (MemoryError(), MemoryError),
    ):
        monkeypatch.setattr(audio, "_opened", Mock(side_effect=error))
        with pytest.raises(expected):
            decode(b"no header that libsndfile knows", LIMITS)
        # Where memory is short, no clip is set aside for it.
        before = resource.getrlimit(resource.RLIMIT_AS)
        most = psutil.Process().memory_info().vms + 2**25
        resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
        try:
            with monkeypatch.context() as patch, pytest.raises(MemoryError):
                # What other tests have let go in this process might hold as much as it asks for.
                patch.setattr(audio, "_MORE_THAN_ENOUGH", 1 << 31)
                decode(b"no header that libsndfile knows", LIMITS)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)


NAMES = {
    "spaces": " two  words .wav",
    "quotes": 'it\'s "a" `b`.wav',
    "a command": "$(touch made); rm -rf *.wav",
    "a line break": "a\nb.wav",
    "ESC and a change of direction": "a\x1b[2J\u202e.wav",
    "an option": "--output=x.wav",
    "a formula": "=1+1.wav",
    "one normal form": unicodedata.normalize("NFC", "é Å 한.wav"),
    "the other normal form": unicodedata.normalize("NFD", "é Å 한.wav"),
    "255 bytes": "ä" * 125 + "x.wav",
    "no UTF-8": os.fsdecode(b"\xff\xfe.wav"),
    "a pattern": "[a-z]*?.wav",
    "an address": "http:..x?y=%20&z#1.wav",
    "no letters": "....wav",
}


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_taken_as_it_is(name: str, tmp_path: Path):
    path = tmp_path / "in" / NAMES[name]
    path.parent.mkdir()
    path.write_bytes(b"x")
    hidden = NAMES[name].startswith(".")
    found = inputs.collect([str(path if hidden else path.parent)])
    assert found == [str(path)]
    shown = inputs.as_text(found[0])
    assert printable(shown).isprintable()
    drawn = drawn_name(shown, "content")
    assert drawn.isascii()
    assert not set(drawn) & set(" /\\\"'$`\n")
    assert len(drawn) < 100
    assert drawn != drawn_name(f"{shown}x", "content")


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "mp4", "matroska"])
def test_a_recording_on_standard_input_is_no_list_of_paths(form: str, tmp_path: Path):
    """Its pieces may be paths: even the root, below which are all files of the machine."""
    (tmp_path / "other.wav").write_bytes(b"x")
    recording = encoded(CLIP, format=form) if form.isupper() else muxed(form, "aac")
    content = recording + b"\0" + os.fsencode(tmp_path) + b"\0"
    with pytest.raises(UserError, match="expected paths, found a recording"):
        inputs.collect(["-"], io.BytesIO(content))


def test_the_two_normal_forms_are_two_files(tmp_path: Path):
    for name in ("one normal form", "the other normal form"):
        (tmp_path / NAMES[name]).write_bytes(b"x")
    assert len(inputs.collect([str(tmp_path)])) == len(list(tmp_path.iterdir()))


def encrypted(path: Path) -> None:
    plain(path)
    content = bytearray(path.read_bytes())
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(start) + flags] |= 1
    path.write_bytes(content)


def plain(path: Path, name: str = "a.flac", content: bytes = FLAC) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.flac", bytes(20_000_000))


def lying_bomb(path: Path) -> None:
    """It says that it has 1000 bytes, and has 20 million."""
    bomb(path)
    content, size = path.read_bytes(), struct.pack("<I", 20_000_000)
    path.write_bytes(content.replace(size, struct.pack("<I", 1000)))


def link(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("a.flac")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")


ARCHIVES: dict[str, tuple[Callable[[Path], None], str]] = {
    "encrypted": (encrypted, "encrypted"),
    "a bomb": (bomb, "too large: 20 MB"),
    "a bomb that lies": (lying_bomb, "Bad CRC"),
    "a link": (link, "not readable as audio"),
    "a name that climbs": (lambda path: plain(path, "../a.flac"), "no such file"),
    "an absolute name": (lambda path: plain(path, "/b/a.flac"), "no such file"),
    "an archive within": (lambda path: plain(path, content=b"PK\x03\x04" * 9), "not readable"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_is_read_in_place_and_has_a_reason(name: str, tmp_path: Path):
    make, reason = ARCHIVES[name]
    make(tmp_path / "x.zip")
    with pytest.raises(RejectedClip, match=reason):
        load(Root(tmp_path / "x.zip"), "a.flac", Limits(max_megabytes=10))
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


@pytest.mark.parametrize("keep", [10, 200, -10])
def test_an_archive_that_is_cut_is_a_users_error(keep: int, tmp_path: Path):
    plain(tmp_path / "x.zip")
    (tmp_path / "x.zip").write_bytes((tmp_path / "x.zip").read_bytes()[:keep])
    with pytest.raises(UserError, match=r"x\.zip: "):
        Root(tmp_path / "x.zip")


def replaced(old: bytes, new: bytes, times: int = -1) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        plain(path, "ä.flac")
        path.write_bytes(path.read_bytes().replace(old, new, times))

    return make


UNREADABLE: dict[str, tuple[Callable[[Path], None], type[Exception], str]] = {
    "names that are not the UTF-8 they claim": (
        replaced("ä".encode(), b"\xff\xff"),
        UserError,
        "can't decode",
    ),
    "such a name beside the sound alone": (
        replaced("ä".encode(), b"\xff\xff", 1),
        RejectedClip,
        "can't decode",
    ),
    "another version": (replaced(b"PK\1\2\x14\3\x14", b"PK\1\2\x14\3\xff"), UserError, "version"),
    "a member without a name": (
        replaced("ä".encode(), b"\0\0"),
        RejectedClip,
        "no such file",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_damaged_directory_of_an_archive_has_a_reason(name: str, tmp_path: Path):
    make, kind, reason = UNREADABLE[name]
    make(tmp_path / "x.zip")
    with pytest.raises(kind, match=reason):
        Root(tmp_path / "x.zip").read("ä.flac", 10**6)


@pytest.mark.parametrize("offset", [-1, 10**6, 2**40, 2**63])
def test_a_member_that_lies_where_no_member_can_has_a_reason(offset: int, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("whole.flac", FLAC)
        archive.writestr("a.flac", FLAC)
        archive.getinfo("a.flac").header_offset = max(offset, 0)
    if offset < 0:  # as the archive says where its directory begins, and it begins earlier
        content = (tmp_path / "x.zip").read_bytes()
        directory, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
        moved = content[: end + 16] + struct.pack("<I", directory + 99) + content[end + 20 :]
        (tmp_path / "x.zip").write_bytes(moved)
    root = Root(tmp_path / "x.zip")
    with pytest.raises(RejectedClip, match="no member can lie"):
        root.read("a.flac", 10**6)
    if offset > 0:
        assert root.read("whole.flac", 10**6) == FLAC


def test_a_file_whose_name_has_line_ends_is_named_on_one_line(tmp_path: Path):
    with pytest.raises(UserError, match="cannot be read now") as caught:
        Root(tmp_path).read("a\x1db\u2028" + 300 * "x", 10**6)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("sign", ["\0", "\x1b", "\x07"])
@pytest.mark.parametrize(
    ("corpus", "old", "listing"),
    [
        (
            "asvspoof2019_la",
            b"LA_E_",
            "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.eval.trl.txt",
        ),
        ("fakeavceleb", b".mp4", "FakeAVCeleb_v1.2/meta_data.csv"),
    ],
)
def test_a_control_character_in_a_list_of_clips_is_named(
    sign: str, corpus: str, old: bytes, listing: str, tmp_path: Path
):
    files = getattr(corpora, corpus)()
    files[listing] = files[listing].replace(old, sign.encode() + old, 1)
    root = corpora.write_folder(files, tmp_path / "corpus")
    with pytest.raises(UserError, match=r"line .: expected a file name in UTF-8") as caught:
        manifest.refresh(tmp_path / "x.parquet", "x", Corpus(format=corpus, root=str(root)))
    assert str(caught.value).isprintable()


def test_a_line_with_fewer_fields_than_names_is_named(tmp_path: Path):
    files = corpora.fakeavceleb()
    listing = "FakeAVCeleb_v1.2/meta_data.csv"
    header, lines = files[listing].split(b"\n", 1)
    files[listing] = b"one,two,three," + header + b"\n" + lines
    root = corpora.write_folder(files, tmp_path / "corpus")
    with pytest.raises(UserError, match="line 2: expected at least"):
        manifest.refresh(tmp_path / "x.parquet", "x", Corpus(format="fakeavceleb", root=str(root)))


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000])
def test_json_that_is_nested_too_deeply_is_a_users_error(content: str, tmp_path: Path):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(UserError, match=r"x\.json: expected JSON, but maximum recursion"):
        read_json(tmp_path / "x.json")
