"""Scoring recordings: the workflow's numbers, where in time, why, and when not to be believed."""

import dataclasses
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

import librosa
import numpy as np
import pytest
import soundfile
import torch
from authenticity import Detector, audio, tables
from authenticity.config import Audio, Config
from authenticity.errors import RejectedClip, UserError
from authenticity.evaluation.metrics import eer_threshold
from authenticity.features import spectral
from authenticity.features.encoder import Encoder, _mean_and_variance
from authenticity.files import read_arrays, sha256, write_arrays
from authenticity.models.projection import LinearModel, Model
from authenticity.scoring import batch, bundle, cautions, decision, detector, words
from authenticity.scoring.bundle import Bundle, misfit
from authenticity.scoring.cautions import part_synthetic, stretches
from authenticity.scoring.decision import Band
from authenticity.scoring.result import Windows
from authenticity.trust import DISTRUST, PROBABILITIES
from bundles import LAYER, LIMITS, make_bundle, model_of, trained
from checkout import REPOSITORY, Checkout
from corpora import encoded, voice
from encoders import ALL_KINDS, make_encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import muxed
from recordings import recording as made_up
from scipy.special import expit, logit

LONG = voice(3, spoof=False, seconds=7.3)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("encoder") / "small")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, encoder: Path) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "layers", encoder)


@pytest.fixture(scope="module")
def with_spectrum(tmp_path_factory: pytest.TempPathFactory, encoder: Path) -> Path:
    base = tmp_path_factory.mktemp("bundles")
    return make_bundle(base / "both", encoder, spectral_numbers="full", kind="contrastive")


def bias(model: Model) -> float:
    """The score of a clip to which no part of the evidence adds anything."""
    return model.bias if isinstance(model, LinearModel) else model.classifier.bias


# The encoder: one pass over a recording.


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_whole_is_embedded_as_ever_and_stretches_are_their_frames(encoder: Path, jobs: int):
    spans = detector.window_spans(len(LONG), 1.5, 0.5)
    loaded = Encoder.load(encoder, window_seconds=2.0)
    expected = loaded.embed(LONG)
    *found, whole = loaded.embed_spans(LONG, spans, [0, 2], jobs)
    assert whole.frames == expected.frames
    np.testing.assert_array_equal(whole.mean, expected.mean[[0, 2]])
    np.testing.assert_array_equal(whole.std, expected.std[[0, 2]])
    # Each frame hears 400 samples, from 320 after its neighbour's first on, window by window.
    states, middles = [], []
    for first, _, window in loaded.windows(LONG):
        states.append(torch.stack(loaded._hidden_states(window, [0, 2])).double())
        middles.append(first + 320 * np.arange(states[-1].shape[1]) + 199.5)
    states, middles = torch.cat(states, dim=1), np.concatenate(middles)
    for (first, last), embedding in zip(spans, found, strict=True):
        own = states[:, (middles >= first) & (middles < last)]
        assert embedding.frames == own.shape[1]
        np.testing.assert_allclose(embedding.mean, own.mean(1), rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(embedding.std, own.std(1, correction=0), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("samples", [447_000, 448_159, 449_000])
def test_the_number_of_jobs_changes_nothing_in_bfloat16(encoder: Path, samples: int):
    """Its layers attend in another way to windows of 14 s and more than to shorter ones."""
    clip = np.resize(LONG, samples)
    loaded = Encoder.load(encoder, "bfloat16", window_seconds=14.5)
    wanted = loaded.embed(clip)
    *_, whole = loaded.embed_spans(clip, np.array([[0, 16000]]), [0, 2], jobs=2)
    np.testing.assert_array_equal(whole.mean, wanted.mean[[0, 2]])
    np.testing.assert_array_equal(whole.std, wanted.std[[0, 2]])


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_cut_encoder_has_the_same_hidden_states(kind: str, layer: int, tmp_path: Path):
    folder = make_encoder(tmp_path, kind)
    whole, cut = Encoder.load(folder), Encoder.load(folder)
    cut.cut_above(layer)
    assert len(cut.network.encoder.layers) == layer
    signal = torch.from_numpy(LONG[:16000])
    below = list(range(layer + 1))
    for one, other in zip(
        cut._hidden_states(signal), whole._hidden_states(signal, below), strict=True
    ):
        assert torch.equal(one, other)


@pytest.mark.parametrize("length", [401, 2**20, 2**20 + 1, 2**21 + 2**19 + 13])
def test_the_variance_of_a_long_clip_is_numpys_to_the_bit(length: int):
    samples = np.random.default_rng(length).standard_normal(length).astype(np.float32) + 0.01
    assert _mean_and_variance(samples)[1] == samples.var(dtype=np.float64)


@settings(max_examples=100)
@given(st.integers(400, 400_000), st.sampled_from([(4.0, 1.0), (1.5, 0.5), (2.0, 2.0)]))
def test_windows_cover_the_recording_and_the_last_ends_with_it(n: int, window: tuple):
    spans = detector.window_spans(n, *window)
    length, hop = (round(value * 16000) for value in window)
    assert spans[0, 0] == 0
    assert spans[-1, 1] == n
    assert set(spans[:, 1] - spans[:, 0]) == {min(length, n)}
    steps = np.diff(spans[:, 0])
    assert (steps[:-1] == hop).all()
    assert (steps > 0).all()
    assert (steps <= hop).all()


MEASURED = """
import re, sys
from pathlib import Path
from authenticity import Detector
loaded = Detector.load(sys.argv[1])
for path in sys.argv[2:]:
    loaded.score(path)
    print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def test_memory_does_not_grow_with_the_length_of_a_recording(encoder: Path, tmp_path: Path):
    """Five minutes more are 19 MB more of samples; what is kept in memory fits into five."""
    limits = audio.Limits(max_seconds=1000)
    folder = make_bundle(tmp_path / "bundle", encoder, limits=limits, window_seconds=10.0)
    paths = [tmp_path / f"{seconds}.flac" for seconds in (20, 300, 600)]
    for path in paths:
        soundfile.write(path, np.resize(LONG, int(path.stem) * 16000), 16000)
    command = [sys.executable, "-c", MEASURED, folder, *paths]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, **batch._FRUGAL}
    )
    _, short, long = map(int, done.stdout.split())  # the first one has what is loaded on demand
    assert long - short < 8_000  # kB


NO_ROOM = """
import resource, signal, sys
from authenticity import Detector, UserError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    Detector.load(sys.argv[1]).score(sys.argv[2])
except UserError as error:
    print(error)
"""


def test_a_full_disk_is_not_blamed_on_a_long_recording(folder: Path, tmp_path: Path):
    path = tmp_path / "long.flac"
    soundfile.write(path, np.resize(LONG, 5 * 60 * 16000), 16000)
    command = [sys.executable, "-c", NO_ROOM, folder, path]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.startswith(f"{tmp_path}: File too large; expected room for the samples")
    assert list(tmp_path.iterdir()) == [path]


# The answer.


def test_the_score_is_the_workflows_and_its_parts_add_up_to_it(finished: Checkout):
    """On the clips of eval, by way of the file, from a bundle that the workflow made."""
    results = finished.path / "results" / "toy"
    paths = tables.read(results / "trials.parquet", ["key", "path"]).to_pydict()
    where = dict(zip(paths["key"], paths["path"], strict=True))
    for experiment in ("spectral", "layers"):
        loaded = Detector.load(results / "bundles" / experiment)
        scores = tables.read(results / "scores" / f"{experiment}.parquet").to_pylist()
        for row in [row for row in scores if row["split"] == "eval"]:
            found = loaded.score(finished.corpus / where[row["file"]])
            assert found.score == pytest.approx(row["score"], abs=1e-6)
            assert found.llr == pytest.approx(row["llr"], abs=1e-6)
            parts = sum(part.log_odds for part in found.contributions)
            assert parts + bias(loaded.bundle.model) == pytest.approx(found.score)
            assert found.windows.score == pytest.approx(np.array([found.score]))
    assert (results / "bundles" / "layers" / "encoder" / "LICENSE").is_file()
    assert not (results / "bundles" / "spectral" / "encoder").exists()


def test_a_recording_is_told_of_in_full(folder: Path, tmp_path: Path):
    path = tmp_path / "long.wav"
    silent = np.zeros(5 * 16000, np.float32)
    samples = np.concatenate([LONG, silent, LONG])
    soundfile.write(path, np.stack([samples, samples], axis=1), 16000)
    loaded = Detector.load(folder)
    found = loaded.score(str(path), prior=0.1)
    assert (found.codec, found.sample_rate, found.channels) == ("pcm_s16le", 16000, 2)
    assert found.duration == pytest.approx(19.6)
    assert found.p_synthetic == pytest.approx(expit(found.llr + logit(0.1)))
    assert found.p_low <= found.p_synthetic <= found.p_high
    assert found.llr_low <= found.llr <= found.llr_high
    assert found.reason
    windows = found.windows
    assert windows.end[-1] == pytest.approx(19.6)
    in_silence = (windows.start >= 7.3) & (windows.end <= 12.3)
    assert np.isnan(windows.score[in_silence]).all()
    assert np.isnan(windows.llr[in_silence]).all()
    assert np.isfinite(windows.score[~in_silence]).all()
    assert (windows.speech[in_silence] == 0).all()
    assert (windows.speech[~in_silence] > 0.05).all()
    between = (found.activity.start < 12.2) & (found.activity.end > 7.5)
    assert not between.any()
    assert found.activity.start[0] < 0.2
    assert (found.activity.end[:-1] <= found.activity.start[1:] + 1e-9).all()


def test_samples_score_as_their_file_and_jobs_change_nothing(with_spectrum: Path, tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", LONG, 16000, subtype="FLOAT")
    one = Detector.load(with_spectrum).score(tmp_path / "a.wav")
    two = Detector.load(with_spectrum, jobs=3).score_samples(LONG)
    assert (one.score, one.llr_low, one.audio) == (two.score, two.llr_low, two.audio)
    np.testing.assert_array_equal(one.windows.score, two.windows.score)
    assert [part.name for part in one.contributions] == [part.name for part in two.contributions]
    assert {part.name for part in one.contributions} == {"spectral branch", "layers' branch"}


@pytest.mark.parametrize("kind", ["logistic", "contrastive"])
def test_a_long_recording_is_scored_by_its_dynamics(kind: str, encoder: Path, tmp_path: Path):
    folder = make_bundle(tmp_path / "dynamics", encoder, spectral_numbers="dynamics", kind=kind)
    found, described = Detector.load(folder).score_samples(LONG), spectral.describe(LONG)
    layer = Encoder.load(encoder, window_seconds=2.0).embed(LONG).mean[LAYER]
    features = np.concatenate([*(described[name] for name in spectral.DYNAMICS), layer])
    expected = Bundle.load(folder).model.scores(features[None])[0]
    assert found.score == pytest.approx(expected, rel=1e-5)
    assert len(found.windows.score) > 3 and np.isfinite(found.windows.score).all()
    assert len(set(found.windows.score.tolist())) == len(found.windows.score)
    parts = {part.name for part in found.contributions}
    assert parts > set(spectral.DYNAMICS) or parts == {"spectral branch", "layers' branch"}


def test_the_interval_is_that_of_refits_to_resamples_of_dev(folder: Path):
    loaded = Bundle.load(folder)
    assert loaded.about["calibration"]["replicates"]["method"].startswith("speaker-clustered")
    slope, offset = loaded.replicates.T
    assert len(slope) == 500
    found = Detector.load(folder).score_samples(LONG)
    each = slope * found.score + offset
    assert found.llr_low == pytest.approx(np.percentile(each, 2.5))
    assert found.llr_high == pytest.approx(np.percentile(each, 97.5))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "0 bytes"),
        (b"not audio at all" * 99, "not readable as audio"),
        (encoded(voice(1, False, 0.1)), "too short"),
    ],
)
def test_what_cannot_be_scored_is_rejected(content, reason, folder: Path, tmp_path: Path):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    with pytest.raises(RejectedClip, match=reason):
        Detector.load(folder).score(tmp_path / "file")


def test_a_prior_is_a_share(folder: Path):
    for prior in (0, 1, 7, float("nan")):
        with pytest.raises(UserError, match="expected a share between 0 and 1"):
            Detector.load(folder).score_samples(LONG, prior)


@pytest.mark.parametrize(
    "samples", [np.zeros(16000, np.int16), np.zeros((16000, 2), np.float32), ["a"], np.float32(1)]
)
def test_samples_are_floating_point_numbers_in_a_row(samples, folder: Path):
    with pytest.raises(UserError, match=r"of shape \(n,\); found") as caught:
        Detector.load(folder).score_samples(samples)
    assert "\n" not in str(caught.value)


def test_a_file_beyond_the_limit_is_not_read(folder: Path, tmp_path: Path):
    with (tmp_path / "film.mkv").open("wb") as file:
        file.truncate(LIMITS.max_bytes + 1)
    with pytest.raises(RejectedClip, match=r"too large: 10 MB, .* up to 10 MB; save its sound"):
        Detector.load(folder).score(tmp_path / "film.mkv")


# Evidence.


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from(["logistic", "contrastive"]))
def test_contributions_and_bias_add_up_to_the_score(seed: int, kind: str):
    random = np.random.default_rng(seed)
    features = random.standard_normal((30, 21)) * 5 + 2
    model = model_of(features, np.arange(30) % 2, kind, n_spectral=5)
    layers = [
        f"layer {layer}, {name} over time" for layer in (2, 3) for name in ("mean", "deviation")
    ]
    of = [("centroid", 1), ("logmel_mean", 4), *((name, 4) for name in layers)]
    clip = features[0].astype(np.float32)
    found = detector.contributions(model, clip, of)
    assert len(found) == (6 if kind == "logistic" else 2)
    total = sum(part.log_odds for part in found) + bias(model)
    assert total == pytest.approx(float(model.scores(clip[None])[0]))
    sizes = [abs(part.log_odds) for part in found]
    assert sizes == sorted(sizes, reverse=True)
    if kind == "logistic":
        changed = model.scores(np.concatenate([clip[:9], model.mean[9:13], clip[13:]])[None])
        by_name = {part.name: part.log_odds for part in found}
        without = float(model.scores(clip[None])[0] - changed[0])
        assert by_name["layer 2, deviation over time"] == pytest.approx(without)


# The decision.


@settings(max_examples=100)
@given(
    st.lists(st.integers(-8, 8), min_size=2, max_size=60),
    st.lists(st.integers(-8, 8), min_size=2, max_size=60),
    st.sampled_from([0.05, 0.2]),
)
def test_the_band_is_the_narrowest_that_keeps_both_errors(bonafide, spoof, target):
    llr = np.array([*bonafide, *spoof], float)
    labels = np.repeat([0, 1], [len(bonafide), len(spoof)])
    found = decision.band(llr, labels, target)
    assert found.lower <= found.upper
    said = found.verdicts(llr)

    def errors(upper, lower):
        return np.mean(np.array(bonafide) >= upper), np.mean(np.array(spoof) < lower)

    if found.lower == found.upper:
        assert decision.UNDECIDED not in said
    if found.lower < found.upper:
        false_alarms, misses = errors(found.upper, found.lower)
        assert false_alarms <= target
        assert misses <= target
        # Whatever decides more is wrong too often.
        assert errors(np.nextafter(found.upper, -np.inf), 0)[0] > target
        assert errors(0, np.nextafter(found.lower, np.inf))[1] > target


def test_classes_far_apart_leave_nothing_open():
    llr = np.array([*np.linspace(-5, -1, 40), *np.linspace(1, 5, 40)])
    labels = np.repeat([0, 1], 40)
    found = decision.band(llr, labels)
    assert found.lower == found.upper == eer_threshold(labels, llr)


def test_outcomes_are_counted_and_their_intervals_are_wilsons():
    llr = np.array([-2, -1, 0, 3, 4, -3, 0, 5.0])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = decision.outcomes(Band(-1, 2), llr, labels, ["a"] * 8, seed=1)
    n = {name: {v: found[name][v]["n"] for v in decision.VERDICTS} for name in decision.CLASSES}
    assert n["bonafide"] == {"likely synthetic": 1, "likely genuine": 1, "cannot tell": 2}
    assert n["spoof"] == {"likely synthetic": 2, "likely genuine": 1, "cannot tell": 1}
    # Wilson 1927, for 1 of 4 at 95%.
    z, p, size = 1.959964, 0.25, 4
    middle = (p + z**2 / 2 / size) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * np.sqrt(p * (1 - p) / size + z**2 / 4 / size**2)
    row = found["bonafide"]["likely synthetic"]
    assert (row["low"], row["high"]) == pytest.approx((middle - half, middle + half), abs=1e-5)


def counted(wrong: int, right: int, n: int = 100, speakers: int = 2) -> dict[str, dict]:
    """Outcomes of as many clips of either class, of which so many get either verdict."""
    llr = np.full(n, 0.0)
    llr[:right], llr[right : right + wrong] = -5.0, 5.0
    names = [f"s{number % speakers}" for number in range(n)] * 2
    both, labels = np.concatenate([llr, -llr]), np.repeat([0, 1], n)
    return decision.outcomes(Band(-1, 2), both, labels, names, seed=1)


def known(evaluated: dict | None, trust: dict | None = None) -> dict:
    """What a bundle with these outcomes says of itself, as far as reasons go."""
    return {
        "decision": {
            "lower": -1.0,
            "upper": 2.0,
            "target": 0.05,
            "dev": counted(5, 90),
            "eval": evaluated,
            "issued": decision.issued(evaluated, {}, 0.05),
            "views": {},
            "provenance": "set on dev",
            "unseen": "clips of speakers and 7 attacks that it had never met",
        },
        "trust": trust,
        "corpus": "toy",
        "experiment": "one",
        "demonstration": False,
    }


def test_a_reason_says_what_a_verdict_is_worth():
    verdict, said = words.concluded("likely synthetic", 3.0, [], known(counted(4, 60)))
    assert verdict == "likely synthetic"
    assert "so were 5% of the genuine clips that set this limit" in said
    assert "attacks that it had never met, so were 4% (2 to 10%) of the 100 genuine ones" in said
    assert "(2 people)" in said
    # Bayes at even odds: 0.04 / (0.04 + 0.60).
    assert "at even odds about 6 in 100 recordings called synthetic are genuine" in said
    assert said.count(". ") <= 2
    none_wrong = words.concluded("likely genuine", -3.0, [], known(counted(0, 60)))[1]
    assert "at even odds up to 6 in 100 recordings called genuine are synthetic" in none_wrong
    never = words.concluded("likely genuine", -3.0, [], known(None))
    assert never[0] == "likely genuine"
    assert "never measured on unseen clips" in never[1]


def test_a_verdict_that_unseen_clips_forbid_is_not_given():
    """Only where even the lower end of the interval of its error is above the target."""
    assert decision.issued(counted(9, 60), {}, 0.05) == dict.fromkeys(decision.WRONG, True)
    evaluated = counted(4, 60)
    evaluated["spoof"] = counted(23, 60)["spoof"]
    about = known(evaluated)
    assert about["decision"]["issued"] == {"likely synthetic": True, "likely genuine": False}
    verdict, said = words.concluded("likely genuine", -3.0, [], about)
    assert verdict == "cannot tell"
    assert "would call 23% (16 to 32%) of 100 unseen synthetic clips genuine" in said
    assert said.startswith("Its log-likelihood ratio of −3.00 is below −1.00, ")
    assert said.endswith("so it gives no such verdict.")
    assert words.concluded("likely synthetic", 3.0, [], about)[0] == "likely synthetic"
    # Who has no verdict for that reason counts among those without.
    said = words.concluded("cannot tell", 0.0, [], about)[1]
    assert "96% of the genuine ones (2 people) and 40% of the synthetic ones got no" in said
    assert words.opening(about)[1].endswith(
        "4% of unseen genuine clips for synthetic, 23% of synthetic ones for genuine. "
        "It never says “likely genuine”: that would be wrong too often."
    )
    assert any("“likely genuine” is not given" in each for each in words.known(about))


def test_what_was_measured_of_probabilities_and_views_is_said():
    check = {"name": "Calibration", "sentence": "ECE 23%.", "concerns": [PROBABILITIES]}
    rating = {"status": DISTRUST, "checks": [check]}
    trust = {"Decisions": rating, PROBABILITIES: rating}
    about = known(counted(4, 60), trust)
    about["decision"]["views"] = {"opus_12k": counted(11, 50)}
    for llr, said in ((3.0, "likely synthetic"), (0.0, "cannot tell"), (-3.0, "likely genuine")):
        reason = words.concluded(said, llr, [], about)[1]
        assert "probabilities are not to be trusted, because of calibration." in reason
    said = " ".join(words.known(about))
    assert "4% and 4%; opus 12k 11% and 11%" in said
    assert "Probabilities: do not trust, because of calibration." in said
    assert said.count("Calibration: ECE 23%.") == said.count("ECE 23%.") == 1
    found = about["decision"]
    found["issued"] = decision.issued(found["eval"], found["views"], 0.05)
    verdict, worse = words.concluded("likely synthetic", 3.0, [], about)
    assert verdict == "cannot tell"
    assert "11% (6 to 19%) of 100 unseen genuine clips (2 people), opus 12k, synthetic" in worse
    assert decision.issued(found["eval"], {"opus_12k": counted(9, 50)}, 0.05) == dict.fromkeys(
        decision.WRONG, True
    )
    assert "ECE 23%." in " ".join(words.known(about))
    on_dev = words.known(about)[1]
    assert on_dev.startswith("On those clips as recorded: ")
    assert " to " not in on_dev, "no interval of what was set so"


def test_two_lines_say_which_detector_and_what_it_is_worth():
    about = known(counted(4, 60))
    assert words.opening(about) == [
        "Detector: toy, one.",
        "It takes 4% of unseen genuine clips for synthetic, 4% of synthetic ones for genuine.",
    ]
    shown, worth = words.opening(known(None) | {"demonstration": True})
    assert shown == "Detector: toy, one, a demonstration: rely on no verdict of it."
    assert worth == "It was never measured on unseen clips."


@pytest.mark.parametrize(
    ("llr", "code", "expected"),
    [
        (0.5, None, "Its LLR of +0.50 is between −1.00 and +2.00."),
        (-3.0, None, "“likely genuine” is unreliable: 23% of unseen synthetic clips get it."),
        (
            9.0,
            "polarity",
            "With inverted polarity, which sounds the same, it would be judged otherwise.",
        ),
        (9.0, "part_synthetic", "A part of it scores as synthetic, the whole as genuine."),
        (9.0, "too_short", "It is too unlike the training data to judge: too short."),
        (9.0, "unlike_training", "It is too unlike the training data to judge."),
    ],
)
def test_one_sentence_says_why_there_is_no_verdict(llr: float, code: str | None, expected: str):
    evaluated = counted(4, 60)
    evaluated["spoof"] = counted(23, 60)["spoof"]
    severe = [cautions.Caution(code, "", severe=True)] if code else []
    mild = cautions.Caution("quiet", "", severe=False)
    recording = made_up(verdict="cannot tell", llr=llr, cautions=(*severe, mild))
    about = known(evaluated)
    assert words.why_no_verdict(recording, about["decision"]).endswith(expected)
    given = dataclasses.replace(recording, verdict="likely genuine")
    assert not words.why_no_verdict(given, about["decision"])


def test_a_verdict_that_is_wrong_too_often_in_one_view_names_the_view():
    limits = known(counted(4, 60))["decision"]
    limits["views"] = {"opus_12k": counted(4, 60) | {"spoof": counted(23, 60)["spoof"]}}
    recording = made_up(verdict="cannot tell", llr=-3.0, cautions=())
    said = words.why_no_verdict(recording, limits)
    assert said.endswith("23% of unseen synthetic clips, opus 12k, get it.")


def test_the_names_of_checks_are_those_of_trust():
    assert decision.DISTRUST == DISTRUST
    assert decision.PROBABILITIES == PROBABILITIES


def test_a_bundle_carries_the_checks_and_the_views(encoder: Path, tmp_path: Path):
    evaluated = trained(encoder)[1].evaluated
    checks = [
        {"name": "Calibration", "sentence": "Bad.", "status": DISTRUST},
        {"name": "Leak", "sentence": "None.", "status": "trust"},
    ]
    judged = {
        "name": "layers",
        "checks": [check | {"concerns": [PROBABILITIES]} for check in checks],
        "ratings": {PROBABILITIES: DISTRUST},
    }
    other = judged | {"name": "other", "ratings": {PROBABILITIES: "trust"}}
    folder = make_bundle(
        tmp_path / "b",
        encoder,
        views={"noise": evaluated | {"llr": -evaluated["llr"]}},
        dev_views={"noise": evaluated | {"llr": evaluated["llr"] + 1}},
        trust={"experiments": [other, judged]},
    )
    about = Bundle.load(folder).about
    found = about["trust"][PROBABILITIES]
    assert found == {
        "status": DISTRUST,
        "checks": [{"name": "Calibration", "sentence": "Bad."}],
    }
    clean, noise = about["decision"]["eval"], about["decision"]["views"]["noise"]
    assert noise["bonafide"]["n"] == clean["bonafide"]["n"]
    assert noise != clean
    assert Detector.load(folder).score_samples(LONG).p_trust == DISTRUST
    # On dev, one of the views moves each limit.
    as_recorded = decision.band(evaluated["llr"], evaluated["label"])
    limits = about["decision"]
    assert limits["lower"] == as_recorded.lower
    assert limits["upper"] == pytest.approx(as_recorded.upper + 1)
    assert "clips, as they are and noise, so that at most 5%" in limits["provenance"]


# Inverted polarity.


@pytest.mark.parametrize("jobs", [1, 3])
def test_inverted_is_heard_as_the_negated_samples_are(encoder: Path, jobs: int):
    loaded, none = Encoder.load(encoder, window_seconds=2.0), np.empty((0, 2), np.int64)
    expected = loaded.embed(-LONG)
    (found,) = loaded.embed_spans(LONG, none, [0, 1, 2], jobs, inverted=True)
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.std, expected.std)


@pytest.mark.parametrize("fixture", ["folder", "with_spectrum"])
def test_both_polarities_are_scored(fixture: str, request: pytest.FixtureRequest):
    loaded = Detector.load(request.getfixturevalue(fixture))
    one, two = loaded.score_samples(LONG), loaded.score_samples(-LONG)
    assert one.score != one.score_inverted
    assert (one.score, one.score_inverted) == pytest.approx((two.score_inverted, two.score))


def test_no_verdict_hangs_on_polarity(encoder: Path, tmp_path: Path):
    """A model made to hear nothing else: of one feature, the one that differs most."""
    loaded = Encoder.load(encoder, window_seconds=2.0)
    up, down = (loaded.embed(sign * LONG).mean[LAYER] for sign in (1, -1))
    weight = np.zeros(len(up))
    most = np.abs(up - down).argmax()
    weight[most] = 60 / (up - down)[most]
    made, clips = trained(encoder)
    model = LinearModel((up + down) / 2, np.ones(len(up)), weight, 0.0)
    line = {"slope": 1.0, "offset": 0.0, "prior_spoof": 0.5}
    chosen = made.chosen | {"calibration": made.chosen["calibration"] | line}
    changed = {
        "model": {**made.model, "rounds": [chosen]},
        "weights": model.arrays("0"),
        "dev_features": clips.dev_features * 1e6,  # nothing is far away
    }
    detectors = Detector.load(make_bundle(tmp_path / "b", encoder, **changed))
    found = detectors.score_samples(LONG)
    assert found.score == pytest.approx(30, abs=1e-3)
    assert found.score_inverted == pytest.approx(-30, abs=1e-3)
    assert [caution.code for caution in found.cautions if caution.severe] == ["polarity"]
    assert found.verdict == "cannot tell"
    assert "it would be called likely genuine: the model hears the polarity" in found.reason
    assert found.p_synthetic is found.p_low is found.p_high is None
    assert "called likely synthetic" in detectors.score_samples(-LONG).reason
    deaf = {**changed, "weights": LinearModel(up, np.ones(len(up)), 0 * weight, 9.0).arrays("0")}
    same = Detector.load(make_bundle(tmp_path / "c", encoder, **deaf)).score_samples(LONG)
    assert same.score_inverted == same.score
    assert "polarity" not in [caution.code for caution in same.cautions]


@pytest.mark.parametrize("said", decision.VERDICTS)
@pytest.mark.parametrize("inverted", decision.VERDICTS)
def test_the_caution_on_polarity_is_there_where_it_changes_anything(said, inverted):
    found = cautions.polarity(said, inverted)
    assert bool(found) == (said != inverted)
    assert all(caution.severe for caution in found)


# A part that says otherwise.


def windows(llr: list[float]) -> Windows:
    """Windows of four seconds, one a second."""
    start, ratios = np.arange(len(llr), dtype=float), np.array(llr, float)
    return Windows(start, start + 4, ratios, ratios, np.ones(len(llr)))


@pytest.mark.parametrize(
    ("llr", "said", "expected"),
    [
        ([-5] * 8 + [3] * 6 + [-5] * 8, "likely genuine", ("From 0:10 to 0:16", True)),
        ([0] * 8 + [3] * 6 + [0] * 8, "cannot tell", ("From 0:10 to 0:16", False)),
        ([-5] * 8 + [3] * 6 + [-5] * 8, "likely synthetic", None),
        ([-5] * 8 + [3] * 3 + [-5] * 11, "likely genuine", None),
        ([3, 3, 1, 3, 3, 1, 3, 3] + [1] * 14, "likely genuine", None),
        ([np.nan] * 8 + [3] * 6 + [np.nan] * 8, "likely genuine", ("From 0:10 to 0:16", True)),
    ],
)
def test_a_part_that_scores_as_synthetic_is_named(llr, said, expected):
    found = stretches(windows(llr), 25.0, Band(-1, 2))
    warned = part_synthetic(found, 4.0, said)
    if expected is None:
        assert warned == ()
        return
    (caution,) = warned
    assert caution.message == f"{expected[0]} it scores as synthetic; the whole does not."
    assert (caution.code, caution.severe) == ("part_synthetic", expected[1])


def test_many_parts_are_summed_up():
    llr = ([-5] * 6 + [3] * 6) * 7
    found = stretches(windows(llr), len(llr) + 3.0, Band(-1, 2))
    (caution,) = part_synthetic(found, 4.0, "likely genuine")
    assert caution.message.startswith("From 0:08 to 0:14, from 0:20 to 0:26, ")
    assert "in 2 other places it scores as synthetic" in caution.message


def test_a_part_is_found_in_a_recording_and_withholds_the_verdict(folder: Path):
    loaded = Detector.load(folder)
    clip = voice(3, spoof=False, seconds=60)
    windows = loaded.score_samples(clip).windows
    whole = loaded.score_samples(clip).llr
    # A band between the whole and a stretch of it: as a genuine recording with a splice has it.
    smooth = np.lib.stride_tricks.sliding_window_view(windows.llr, 5).min(axis=1).max()
    limits = {"upper": float(smooth), "lower": float(np.nextafter(whole, np.inf))}
    assert limits["lower"] < limits["upper"]
    changed = dataclasses.replace(
        loaded.bundle,
        about=loaded.bundle.about | {"decision": loaded.bundle.about["decision"] | limits},
    )
    found = Detector(changed, loaded._encoder, 1).score_samples(clip)
    assert "part_synthetic" in [caution.code for caution in found.cautions if caution.severe]
    assert found.verdict == "cannot tell"


# What is unlike the training data.

FLAC = audio.Format("flac", 16000, 1, None, True)
USUAL = {
    "duration": 2.0,
    "sound_share": 0.8,
    "level_dbfs": -26.0,
    "rolloff_95": 6000.0,
    "slope_skewness": 0.1,
    "clipped_share": 0.0,
    "distance": 1.0,
}
BOUNDS = {
    "tail": 0.01,
    "least_duration": 1.5,
    "greatest_duration": 30.0,
    "least_sound_share": 0.6,
    "least_level_dbfs": -30.0,
    "least_rolloff_95": 5000.0,
    "greatest_rolloff_95": 6700.0,
    "greatest_slope_skewness": 0.4,
    "least_bit_rate": None,
    "greatest_distance": 2.0,
}


def cautioned(form=FLAC, **changes) -> dict[str, bool]:
    found = cautions.beyond_limits({**USUAL, **changes}, form, BOUNDS)
    return {caution.code: caution.severe for caution in found}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"duration": 1.2}, {"too_short": False}),
        ({"duration": 0.7}, {"too_short": True}),
        ({"duration": 59.0}, {}),
        ({"duration": 61.0}, {"longer_than_training": False}),
        ({"duration": 60.0, "sound_share": 0.4}, {"mostly_silence": False}),
        ({"duration": 60.0, "sound_share": 0.05}, {"mostly_silence": True}),
        ({"duration": 2.0, "sound_share": 0.2}, {"mostly_silence": True}),
        ({"rolloff_95": 4000.0}, {"narrow_band": False}),
        ({"rolloff_95": 3300.0}, {"narrow_band": True}),
        ({"rolloff_95": 7000.0}, {"wide_band": False}),
        ({"slope_skewness": 0.4}, {}),
        ({"slope_skewness": 0.5}, {"reverberant": True}),
        ({"clipped_share": 0.01}, {"clipped": False}),
        ({"clipped_share": 0.1}, {"clipped": True}),
        ({"level_dbfs": -40.0}, {}),
        ({"level_dbfs": -50.0}, {"quiet": False}),
        ({"form": audio.Format("mp3", 44100, 2, 128_000, False)}, {}),
        ({"form": audio.Format("opus", 48000, 1, 12_000, False)}, {"lossy_codec": False}),
        ({"distance": 2.1, "level_dbfs": -50.0}, {"unlike_training": True, "quiet": False}),
    ],
)
def test_cautions(changes: dict, expected: dict):
    assert cautioned(**changes) == expected


def test_a_severe_caution_withholds_the_verdict(with_spectrum: Path):
    """Whatever the score: hiss is nothing that the model has learned to judge."""
    noise = np.random.default_rng(0).standard_normal(48000).astype(np.float32) * 0.05
    found = Detector.load(with_spectrum).score_samples(noise)
    assert "unlike_training" in [caution.code for caution in found.cautions]
    severe = [caution.severe for caution in found.cautions]
    assert severe == sorted(severe, reverse=True)
    assert found.verdict == "cannot tell"
    assert found.reason.startswith("It is unlike what the model was trained on: ")
    assert found.p_synthetic is found.p_low is found.p_high is None
    assert np.isfinite([found.llr, found.llr_low, found.llr_high]).all()


def test_clipping_is_seen():
    clip = voice(1, spoof=False)
    assert cautions.clipped_share(clip) == 0
    loud = np.clip(20 * clip, -1, 1)
    assert cautions.clipped_share(loud) > 0.3


def test_limits_know_coded_training_clips():
    names = ("duration", "level_dbfs", "rolloff_95", "slope_skewness")
    numbers = {name: np.full(10, 2.0) for name in names}
    silences = ("leading_silence", "trailing_silence", "pause_fraction")
    numbers |= {name: np.zeros(10) for name in silences}
    numbers |= {"bytes": np.full(10, 6000), "path": np.array(["a.ogg"] * 10)}
    coded = cautions.limits(numbers, np.ones(10))
    assert coded["least_bit_rate"] == 24_000
    plain = numbers | {"path": np.array(["a.flac"] * 10)}
    assert cautions.limits(plain, np.ones(10))["least_bit_rate"] is None


# Spectra.


@pytest.mark.parametrize("seconds", [0.3, 2.0, 20.0])
def test_the_rolloff_is_librosas(seconds: float):
    clip = voice(4, spoof=False, seconds=seconds)
    magnitude = np.abs(librosa.stft(clip, n_fft=2048, hop_length=512, pad_mode="constant"))
    expected = librosa.feature.spectral_rolloff(S=magnitude, sr=16000, roll_percent=0.95).mean()
    assert detector.rolloff_95(clip) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("seconds", [0.3, 3.0, 300.0])
def test_a_tone_stands_where_and_when_it_sounds(seconds: float):
    n = int(seconds * 16000)
    samples = np.zeros(n, np.float32)
    heard = slice(n // 2, 3 * n // 4)
    samples[heard] = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(n)[heard] / 16000)
    found = detector.spectrogram(samples)
    bands, columns = found.power_db.shape
    assert bands == 80
    assert columns <= detector.MOST_COLUMNS
    assert columns * found.seconds_per_column == pytest.approx(
        seconds, abs=found.seconds_per_column
    )
    time = np.arange(columns) * found.seconds_per_column
    loud = found.power_db.max(axis=0) > -30
    assert time[loud].min() == pytest.approx(seconds / 2, abs=0.05 * seconds + 0.04)
    assert time[loud].max() == pytest.approx(seconds * 3 / 4, abs=0.05 * seconds + 0.04)
    mel = 2595 * np.log10(1 + np.array([1000, 8000]) / 700)
    assert found.power_db[:, loud].mean(axis=1).argmax() == pytest.approx(
        80 * mel[0] / mel[1], abs=2
    )


# The bundle.


def test_a_bundle_may_be_moved_and_names_no_place(folder: Path, encoder: Path, tmp_path: Path):
    moved = shutil.copytree(folder, tmp_path / "elsewhere" / "b")
    one, two = (Detector.load(each).score_samples(LONG) for each in (folder, moved))
    assert one.score == two.score
    assert str(encoder.parent) not in (folder / "bundle.json").read_text()


def test_the_same_training_gives_the_same_bytes(folder: Path, encoder: Path, tmp_path: Path):
    again = make_bundle(tmp_path / "again", encoder)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        assert path.read_bytes() == (again / path.relative_to(folder)).read_bytes(), path


def test_a_demonstrations_bundle_says_so(folder: Path, encoder: Path, tmp_path: Path):
    about = Bundle.load(folder).about
    assert about["features"]["layers"] == [LAYER]
    assert not about["demonstration"]
    assert "Trained on 20 clips of the corpus toy" in about["statement"]
    shown = Bundle.load(make_bundle(tmp_path / "demo", encoder, demonstration=True)).about
    assert "do not rely on any verdict of it" in shown["statement"]


@pytest.mark.parametrize(
    ("attacks", "n_unknown", "said"),
    [
        ("A01", 0, "clips of speakers and one attack that it had never met"),
        ("A01", 3, "some of whose speakers it may have met in training (one attack)"),
        (None, 0, "had never met, some of the unknown attacks perhaps known to it"),
    ],
)
def test_a_bundle_claims_nothing_of_speakers_and_attacks_that_are_not_known(
    attacks: str | None, n_unknown: int, said: str, encoder: Path, tmp_path: Path
):
    experiment, clips = trained(encoder)
    experiment.model["leak"]["unknown_speakers"] = n_unknown
    for part in (clips.evaluated, clips.fitted):
        part["attack"] = np.where(part["label"] == 1, attacks, "-")
        part["speaker"] = np.where(np.arange(len(part["label"])) < 4, None, part["speaker"])
    changes = {"model": experiment.model, "evaluated": clips.evaluated, "fitted": clips.fitted}
    about = Bundle.load(make_bundle(tmp_path / "b", encoder, **changes)).about
    assert said in about["decision"]["unseen"]


def change_bundle(folder: Path, **changes) -> None:
    """Edit a bundle as its maker would have written it."""
    about = json.loads((folder / "bundle.json").read_text()) | changes
    about["identity"] = bundle.identity(about)
    (folder / "bundle.json").write_text(json.dumps(about))


SPOILT_ARRAYS = {
    "another width": ("model.weight", lambda weight: weight[1:]),
    "a mean for all": ("model.mean", lambda mean: mean[:1]),
    "no bias": ("model.bias", lambda bias: bias[:0]),
    "infinite weight": ("model.weight", lambda weight: weight + np.inf),
    "no spread": ("model.scale", np.zeros_like),
    "next to no spread": ("model.scale", lambda scale: scale * 1e-300),
    "a weight beyond all": ("model.weight", lambda weight: weight + 1e300),
    "other refits": ("calibration.replicates", lambda refits: refits[:, :1]),
}

SPOILT_VALUES = {
    "an integer beyond all": ({"calibration": {"offset": 10**400}}, "`calibration.offset` is"),
    "a number beyond all": ({"limits": {"max_megabytes": 1e308}}, "`limits.max_megabytes` is"),
    "no step": ({"window": {"hop": 0}}, "`window.hop` of 0.1 or more"),
    "next to no step": ({"window": {"hop": 1e-9}}, "`window.hop` of 0.1 or more"),
    "no end of a window": ({"window": {"seconds": 1e11}}, "`window.seconds`, which is 3600"),
    "no least duration": ({"limits": {"min_seconds": -1}}, "`limits.min_seconds` of 0.1"),
    "a layer from above": ({"features": {"layers": [-1]}}, "`features.layers` of 0 or more"),
    "a layer beyond the last": ({"features": {"layers": [3]}}, "up to the encoder's 2, found 3"),
    "no stretch": ({"encoder": {"window_seconds": 1e-9}}, "`encoder.window_seconds` from 1"),
    "too deep": ({"limits": {"x": json.loads("[" * 600 + "]" * 600)}}, "nested less deeply"),
}


def damaged(name: str, folder: Path) -> None:
    about = json.loads((folder / "bundle.json").read_text())
    if name == "no bundle":
        (folder / "bundle.json").unlink()
    elif name == "not JSON":
        (folder / "bundle.json").write_text("{")
    elif name == "edited":
        text = json.dumps(about | {"statement": "Trust me."})
        (folder / "bundle.json").write_text(text)
    elif name == "another schema":
        change_bundle(folder, schema=99)
    elif name == "other features":
        change_bundle(folder, features=about["features"] | {"spectral_version": "spectral 0"})
    elif name == "another decoder":
        change_bundle(folder, features=about["features"] | {"embedding_version": "decoder 0"})
    elif name == "no limit":
        change_bundle(folder, decision={**about["decision"], "lower": None})
    elif name == "no number":
        change_bundle(folder, calibration={**about["calibration"], "slope": float("nan")})
    elif name == "unknown kind":
        change_bundle(folder, kind="forest")
    elif name == "layers that are no list":
        change_bundle(folder, features=about["features"] | {"layers": "all"})
    elif name == "a check without a sentence":
        rating = {"status": "trust", "checks": [{"name": "Leak"}]}
        change_bundle(folder, trust={PROBABILITIES: rating})
    elif name in SPOILT_VALUES:
        ((section, values),) = SPOILT_VALUES[name][0].items()
        change_bundle(folder, **{section: about[section] | values})
    elif name == "no encoder":
        change_bundle(folder, encoder=None)
    elif name in SPOILT_ARRAYS:
        arrays = read_arrays(folder / "model.safetensors")
        array, spoilt = SPOILT_ARRAYS[name]
        write_arrays(folder / "model.safetensors", arrays | {array: spoilt(arrays[array])})
        change_bundle(folder, files={"model.safetensors": sha256(folder / "model.safetensors")})
    elif name == "no outcomes":
        rest = {key: value for key, value in about["decision"].items() if key != "dev"}
        change_bundle(folder, decision=rest)
    elif name == "half an outcome":
        half = {"bonafide": about["decision"]["dev"]["bonafide"]}
        change_bundle(folder, decision=about["decision"] | {"eval": half})
    elif name == "crossed limits":
        change_bundle(folder, decision=about["decision"] | {"lower": 2.0, "upper": 1.0})
    elif name in ("/etc", "encoder/../../other", ""):
        change_bundle(folder, encoder=about["encoder"] | {"folder": name})
    elif name == "no checksums":
        change_bundle(folder, encoder=about["encoder"] | {"files": {}})
    elif name == "no folder":
        shutil.rmtree(folder / "encoder")
    elif name == "no encoder said":
        rest = {key: value for key, value in about["encoder"].items() if key != "precision"}
        change_bundle(folder, encoder=rest)
    elif name == "no weights":
        (folder / "model.safetensors").unlink()
    elif name == "no weights of the encoder":
        (folder / "encoder" / "model.safetensors").unlink()
    else:
        path = folder / "encoder" / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-1] + b"\1")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no bundle", "expected a bundle there"),
        ("not JSON", "expected JSON"),
        ("edited", "changed after it was made"),
        ("another schema", "expected a bundle of schema 4"),
        ("other features", "features were of version “spectral 0”"),
        ("another decoder", "features were of version “decoder 0”"),
        ("no limit", "`decision.lower` is missing or not what was expected"),
        ("no number", "`calibration.slope` is missing or not what was expected"),
        ("unknown kind", "`kind` is missing or not what was expected"),
        ("layers that are no list", "`features.layers` is missing or not"),
        ("a check without a sentence", "`trust.Probabilities.checks.0.sentence` is missing"),
        *((name, message) for name, (_, message) in SPOILT_VALUES.items()),
        ("no encoder", "expected an encoder where layers are used"),
        *((name, "expected finite numbers of the model's shapes") for name in SPOILT_ARRAYS),
        ("no outcomes", "`decision.dev` is missing"),
        ("half an outcome", "`decision.eval.spoof` is missing"),
        ("crossed limits", "`decision.lower` no greater than `decision.upper`"),
        ("/etc", "`encoder.folder` within the bundle, found /etc"),
        ("encoder/../../other", "`encoder.folder` within the bundle"),
        ("", "`encoder.folder` within the bundle"),
        ("no checksums", "encoder/config.json: not the file"),
        ("no folder", "encoder/config.json: missing"),
        ("no encoder said", "`encoder.precision` is missing"),
        ("no weights", "model.safetensors: missing"),
        ("no weights of the encoder", "encoder/model.safetensors: missing; copy the whole bundle"),
        ("other encoder", "encoder/model.safetensors: not the file"),
    ],
)
def test_a_bundle_that_is_not_whole_is_one_clear_line(name, message, folder: Path, tmp_path: Path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    damaged(name, copy)
    with pytest.raises(UserError, match=message) as caught:
        Bundle.load(copy)
    assert "\n" not in str(caught.value)


def test_no_text_of_a_bundle_steers_the_terminal(folder: Path, tmp_path: Path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    decision = Bundle.load(copy).about["decision"]
    views = {"loud\x1b[31m": decision["dev"]}
    change_bundle(
        copy,
        corpus="a\x1b[2J\u202eb",
        statement="one\ntwo",
        decision=decision | {"views": views},
    )
    about = Bundle.load(copy).about
    assert [*about["decision"]["views"]] == ["loud\\x1b[31m"]
    assert about["corpus"] == "a\\x1b[2J\\u202eb"
    assert about["statement"] == "one\\ntwo"
    assert "".join(words.opening(about)).isprintable()


@pytest.mark.parametrize(
    ("value", "kind", "place"),
    [
        ({"a": {"b": [1, 2.5]}}, dict[str, dict[str, list[float]]], None),
        ({"a": {"b": [1, True]}}, dict[str, dict[str, list[float]]], "a.b.1"),
        ({"a": float("inf")}, dict[str, float], "a"),
        ({"a": -(10**400)}, dict[str, float], "a"),
        ({"a": 10**400}, dict[str, int], "a"),
        ({"a": 1.0}, dict[str, int], "a"),
        ({"a": None}, dict[str, int | None], None),
        ({"a": "x"}, dict[str, int | None], "a"),
        ({"a": ["x"]}, dict[str, str], "a"),
        ({"a": 3}, dict[str, Literal["x"]], "a"),
    ],
)
def test_plain_data_are_held_against_their_types(value: object, kind: object, place: str | None):
    assert misfit(value, kind) == place


# Reading files.


class Watched(io.BytesIO):
    """Counts the most that is asked for at once."""

    most = 0

    def read(self, size: int = -1) -> bytes:
        """Read as any file."""
        content = super().read(size)
        self.most = max(self.most, len(content))
        return content

    def readinto(self, buffer) -> int:
        """Read as any file."""
        count = super().readinto(buffer)
        self.most = max(self.most, count)
        return count


@pytest.mark.parametrize("kind", ["wav", "mp4"])
def test_a_file_is_read_piece_by_piece(kind: str):
    long = encoded(voice(2, spoof=False, seconds=60), format="WAV")
    content = long if kind == "wav" else muxed("mp4", "aac", video=True)
    file = Watched(content)
    samples = audio.decode(file, LIMITS)
    np.testing.assert_array_equal(samples, audio.decode(content, LIMITS))
    assert 0 < file.most <= 1 << 20


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encoded(LONG), ("flac", 16000, 1, True)),
        (encoded(LONG, format="OGG", subtype="OPUS"), ("opus", 48000, 1, False)),
        (encoded(LONG, 22050, format="WAV"), ("pcm_s16le", 22050, 1, True)),
        (muxed("mp4", "aac", video=True), ("aac", 44100, 2, False)),
        (muxed("mp3", "mp3"), ("mp3", 44100, 2, False)),
    ],
)
def test_the_format_of_a_file(content: bytes, expected: tuple):
    found = audio.file_format(io.BytesIO(content))
    assert (found.codec, found.sample_rate, found.channels, found.lossless) == expected
    if found.codec == "mp3":
        assert 32_000 < found.bit_rate < 200_000


# The workflow's part.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"kind": "finetune", "seeds": [1]}, "features": {"layers": [1]}}, "fine-tuned"),
        ({"features": {"layers": "last", "view": "trimmed"}}, "in the view trimmed"),
        ({"protocol": "speaker_folds"}, "several models or no dev"),
        ({"protocol": "prototype"}, "several models or no dev"),
        (None, "run.bundles: one is not defined"),
    ],
)
def test_what_no_bundle_can_be_made_of_is_refused(changes: dict | None, message: str):
    import yaml

    config = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    config["run"]["bundles"] = ["one"]
    if changes is not None:
        config["experiments"]["one"] = {**config["experiments"]["baseline_layer"], **changes}
    with pytest.raises(UserError, match=message):
        Config.of(config)


def test_the_limits_that_help_names_are_the_configurations():
    limits = dataclasses.asdict(audio.Limits())
    assert limits == {name: getattr(Audio(), name) for name in limits}


def test_the_package_is_imported_without_what_scores():
    code = "import authenticity, sys; assert not {'torch', 'numpy'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
