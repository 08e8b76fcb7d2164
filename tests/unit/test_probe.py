"""The probe that ranks features: whole, on a few clips of human speech that ship."""

import itertools
import zipfile
from pathlib import Path

import numpy as np
import pytest
from authenticity import audio
from authenticity.features import spectral
from authenticity.limits import Limits
from authenticity.roots import Root
from checkout import REPOSITORY
from demo_corpus import copy_synthesis
from encoders import make_encoder
from probe import __main__ as probe
from probe import corpus

METHODS = ("griffin_lim", "sinusoidal")  # those that need no other package


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six folders of a human clip each; for the probe they are six speakers."""
    folder = tmp_path_factory.mktemp("speech")
    with zipfile.ZipFile(REPOSITORY / "resources" / "demo" / "LA.zip") as archive:
        protocol = "LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt"
        lines = [line.split() for line in archive.read(protocol).decode().splitlines()]
        human = [utterance for _, utterance, *_, kind in lines if kind == "bonafide"][:6]
        names = {Path(name).stem: name for name in archive.namelist()}
        for index, utterance in enumerate(human):
            name = names[utterance]
            path = folder / f"reader_{index}" / Path(name).name
            path.parent.mkdir()
            path.write_bytes(archive.read(name))
    return folder


def test_it_runs_from_a_folder_to_the_table(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    encoder = make_encoder(tmp_path / "tiny")
    arguments = [str(speech), "--encoder", str(encoder), "--kept", str(tmp_path / "kept")]
    arguments += ["--methods", *METHODS]
    probe.main(arguments)
    printed = capsys.readouterr().out
    assert printed.startswith("6 human clips of 6 speakers, 12 spoken again.\n")
    rows = [line.split("|")[1:-1] for line in printed.splitlines() if line.startswith("| ")]
    header, *rows = [[cell.strip() for cell in row] for row in rows]
    assert header == ["features", "numbers", "ROC-AUC (95% interval)", *METHODS]
    widths = {row[0].split(", layer")[0]: row[1] for row in rows if len(row) == len(header)}
    assert widths == {
        "15 spectral numbers": "15",
        "the same and log-mel mean, std": "271",
        **{name: str(spectral.width(name)) for name in spectral.DYNAMICS},
        "dynamics": "445",
        "tiny": "64",
        "tiny, random weights": "64",
        "dynamics and tiny": "509",
    }
    differences = [row[0] for row in rows if len(row) == 2][1:]
    assert differences == [
        "dynamics minus 15 spectral numbers",
        "tiny minus tiny, random weights",
        "dynamics and tiny minus dynamics",
    ]


def test_clips_differ_by_what_spoke_them_alone(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made = [*corpus.clips(str(speech), 2, METHODS, 1, tmp_path / "one")]
    again = [*corpus.clips(str(speech), 2, METHODS, 1, tmp_path / "two")]
    other = [*corpus.clips(str(speech), 2, METHODS, 2, tmp_path / "one")]
    assert [clip.method for clip in made] == ["-", *METHODS] * 2
    assert [clip.key for clip in made] == sorted(clip.key for clip in made)
    for one, two, third in zip(made, again, other, strict=True):
        np.testing.assert_array_equal(one.samples, two.samples)
        assert not np.array_equal(one.samples, third.samples)
    for human, *spoken in (made[:3], made[3:]):
        for clip in spoken:
            assert clip.speaker == human.speaker and len(clip.samples) == len(human.samples)
            level = spectral.active_power(clip.samples) / spectral.active_power(human.samples)
            assert 0.5 < level < 2
    monkeypatch.setattr(corpus, "METHODS", {})  # nothing can be made
    kept = [*corpus.clips(str(speech), 2, METHODS, 1, tmp_path / "one")]
    assert [clip.key for clip in kept] == [clip.key for clip in made]


@pytest.mark.parametrize(
    ("path", "speaker"),
    [
        ("103-1240-0000.flac", "103"),
        ("train/103/1240/103-1240-0007.flac", "103"),
        ("p225/p225_001.wav", "p225"),
        ("clip.wav", ""),
    ],
)
def test_speakers_are_named_by_the_file_or_the_folder(path: str, speaker: str):
    assert corpus.speaker_of(path) == speaker


def test_speakers_take_turns_and_crops_do_not_overlap():
    paths = ["1-1-0.flac", "1-1-1.flac", "2-1-0.flac"]
    chosen = corpus._chosen(paths, 6)
    assert [speaker for _, speaker, _ in chosen] == ["1", "2"] * 3
    assert chosen[:5:2] == [("1-1-0.flac", "1", 0), ("1-1-1.flac", "1", 0), ("1-1-0.flac", "1", 1)]
    long = np.arange(12 * audio.SAMPLE_RATE, dtype=np.float32)
    crops = [corpus._cropped(long, crop) for crop in range(3)]
    assert all(first[-1] < second[0] for first, second in itertools.pairwise(crops))


def test_a_folder_without_speech_is_one_clear_line(tmp_path: Path):
    with pytest.raises(SystemExit, match=r"error: .*: no files in it"):
        probe.main([str(tmp_path), "--encoder", str(make_encoder(tmp_path.parent / "tiny"))])


def test_copy_synthesis_takes_any_size(speech: Path):
    root = Root(speech)
    samples = audio.load(root, sorted(root.walk())[0], Limits())
    for n_fft, n_mels in ((512, 40), (1024, None)):
        spoken = copy_synthesis.griffin_lim(samples, 1, n_fft, n_fft // 4, n_mels, 4)
        assert len(spoken) == len(samples) and np.isfinite(spoken).all()
    spoken = copy_synthesis.sinusoidal(samples, 1, 256, 30)
    assert len(spoken) == len(samples) and np.isfinite(spoken).all()
