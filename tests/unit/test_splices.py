"""Recordings with a synthetic stretch: the truth is where it is said to be, figures find it."""

import numpy as np
import pyarrow as pa
import pytest
from authenticity.audio import SAMPLE_RATE
from authenticity.errors import UserError
from authenticity.features import spectral
from authenticity.scoring import splices
from authenticity.scoring.decision import Band
from authenticity.scoring.result import Windows

TRIALS = pa.table(
    {
        "file": [f"h{number}" for number in range(30)] + [f"s{number}" for number in range(12)],
        "label": [0] * 30 + [1] * 12,
        "speaker": ["ann"] * 20 + ["ben"] * 10 + [None] * 12,
        "attack": ["-"] * 30 + ["A1"] * 6 + ["A2"] * 6,
    }
)
LOUD = {"h": 0.5, "s": 0.05}
HERTZ = {"h": 300, "s": 3000}


def load(file: str) -> np.ndarray:
    """Three to four seconds of a tone, by class, and loud or soft by class."""
    number = int(file[1:])
    time = np.arange(SAMPLE_RATE * (30 + number % 10) // 10) / SAMPLE_RATE
    return (LOUD[file[0]] * np.sin(2 * np.pi * HERTZ[file[0]] * time)).astype(np.float32)


def is_synthetic(samples: np.ndarray) -> bool:
    spectrum = np.abs(np.fft.rfft(samples))
    return spectrum.argmax() * SAMPLE_RATE / len(samples) > 1000


def test_the_stretch_is_where_it_is_said_to_be_and_as_long():
    made = list(splices.make(TRIALS, load, seed=3, number=4))
    assert [one.polarity for one in made[:2]] == [splices.AS_RECORDED, splices.BY_CHANCE]
    assert [one.name for one in made] == [name for name in "1234" for _ in range(2)]
    assert {one.speaker for one in made} == {"ann", "ben"}
    assert {one.attack for one in made} == {"A1", "A2"}
    for one in made:
        assert len(one.samples) == 70 * SAMPLE_RATE
        assert one.end - one.start == pytest.approx(10)
        assert 0 < one.start < one.end < 70
        seconds = np.arange(0.1, 69.8, 0.2)
        heard = [
            is_synthetic(one.samples[int(at * SAMPLE_RATE) :][: SAMPLE_RATE // 10])
            for at in seconds
        ]
        inside = (seconds > one.start) & (seconds + 0.1 < one.end)
        outside = (seconds + 0.1 < one.start) | (seconds > one.end)
        assert all(np.array(heard)[inside])
        assert not any(np.array(heard)[outside])


def test_clips_of_nobody_known_are_one_voice_that_is_not_counted():
    speakers = pa.array([None] * 42, pa.string())
    table = TRIALS.set_column(2, "speaker", speakers)
    found = list(splices.make(table, load, seed=3, number=1))
    assert {one.speaker for one in found} == {"not known"}
    scored = windows(np.random.default_rng(0).normal(size=67))
    table = pa.concat_tables([splices.table(one, scored) for one in found])
    assert splices.figures(table, Band(-1, 1), 1)["people"] == 0


def test_loudness_does_not_tell_and_joints_are_all_alike():
    one, _ = splices.make(TRIALS, load, seed=3, number=1)
    first, last = round(one.start * SAMPLE_RATE), round(one.end * SAMPLE_RATE)
    levels = [
        10 * np.log10(spectral.active_power(part))
        for part in (one.samples[:first], one.samples[first:last], one.samples[last:])
    ]
    assert max(levels) - min(levels) < 0.5
    assert one.samples[first] == one.samples[first - 1] == one.samples[last] == 0


def test_the_versions_differ_in_the_sign_of_whole_clips_alone():
    upright, turned = splices.make(TRIALS, load, seed=3, number=1)
    assert np.array_equal(np.abs(upright.samples), np.abs(turned.samples))
    assert (upright.start, upright.end) == (turned.start, turned.end)
    sounding = np.flatnonzero(np.abs(upright.samples) > 1e-3)
    flipped = np.sign(upright.samples[sounding]) != np.sign(turned.samples[sounding])
    assert 0.1 < flipped.mean() < 0.9
    assert np.diff(flipped.astype(int)).astype(bool).sum() < 25  # at joints, of some twenty clips


def test_the_same_seed_makes_the_same_recordings():
    once, again, other = (
        [one.samples for one in splices.make(TRIALS, load, seed, 3)] for seed in (1, 1, 2)
    )
    assert all(map(np.array_equal, once, again))
    assert not any(map(np.array_equal, once, other))


def test_without_a_class_there_are_no_splices():
    with pytest.raises(UserError, match="both classes"):
        list(splices.make(TRIALS.slice(0, 30), load, 1))


def windows(llr: np.ndarray) -> Windows:
    start = np.arange(len(llr), dtype=float)
    return Windows(start, start + 4, llr, llr, np.ones(len(llr)))


def test_figures_count_the_windows_by_their_share():
    """A score that is the truth finds every stretch; noise finds it as often as chance."""
    random = np.random.default_rng(0)
    perfect, noise = [], []
    for number in range(30):
        start = float(random.uniform(5, 50))
        nothing = np.zeros(0, np.float32)
        one = splices.Splice(str(number), "as recorded", nothing, start, start + 10, "ann", "A1")
        at = np.arange(67.0)
        share = one.share(at, at + 4)
        assert share.max() == 1
        assert share.sum() * 4 == pytest.approx(40, abs=2)  # ten seconds, each heard four times
        llr = share - random.random() - 1
        llr[0] = np.nan
        perfect.append(splices.table(one, windows(llr)))
        noise.append(splices.table(one, windows(random.normal(size=67))))
    found = splices.figures(pa.concat_tables(perfect), Band(-2.0, -0.9), 1)
    assert found["within"] == {"value": 1, "low": 1, "high": 1}
    assert 0.5 < found["roc_auc"]["low"] < found["roc_auc"]["value"] < 1
    assert found["found"] == 1
    assert found["people"] == 1
    assert found["above"]["human"] == 0
    assert 0 < found["above"]["synthetic"] < 1
    assert 0 < found["above"]["recordings"] < 1
    assert (found["n_recordings"], found["n_silent"]) == (30, 30)
    counted = found["n_human"] + found["n_synthetic"] + found["n_between"] + found["n_silent"]
    assert counted == 30 * 67
    blind = splices.figures(pa.concat_tables(noise), Band(-2.0, 9.0), 1)
    assert blind["within"]["low"] < 0.5 < blind["within"]["high"]
    assert abs(blind["found"] - blind["by_chance"]) < 0.25
    assert blind["attacks"]["A1"]["n_recordings"] == 30
