"""Metrics against scikit-learn, hand-made cases and DeLong's variance; bootstrap intervals."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from authenticity import tables
from authenticity.errors import UserError
from authenticity.evaluation import audit, bootstrap, figures, metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm, rankdata
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve


@st.composite
def scored_trials(draw):
    """Labels with both classes, scores with ties, and whole weights that keep both classes."""
    n = draw(st.integers(2, 40))
    labels = np.array([0, 1, *draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))])
    ints = st.lists(st.integers(-6, 6), min_size=n + 2, max_size=n + 2)
    weights = np.array(draw(st.lists(st.integers(0, 3), min_size=n + 2, max_size=n + 2)))
    weights[:2] += 1
    return labels, np.array(draw(ints), dtype=float), weights.astype(np.int32)


def eer_by_root_finding(labels, scores, weights=None):
    """The EER as the root along scikit-learn's ROC curve: another way to the same point."""
    false_alarm, detection, _ = roc_curve(
        labels, scores, sample_weight=weights, drop_intermediate=False
    )
    return brentq(lambda x: 1 - x - np.interp(x, false_alarm, detection), 0, 1, xtol=1e-12)


@pytest.mark.parametrize(
    ("bonafide", "spoof", "auc", "eer", "precision"),
    [
        ([1, 2], [3, 4], 1.0, 0.0, 1.0),
        ([3, 4], [1, 2], 0.0, 1.0, 5 / 12),
        ([1, 1], [1, 1], 0.5, 0.5, 0.5),
        ([0.1, 0.4], [0.35, 0.8], 0.75, 0.5, 5 / 6),
        # From (0, 1/2) to (1/3, 1): half missed meets no false alarm at 0.6 of the way.
        ([0, 0, 1], [1, 2], 11 / 12, 0.2, 5 / 6),
    ],
)
def test_hand_computed_cases(bonafide, spoof, auc, eer, precision):
    labels, scores = [0] * len(bonafide) + [1] * len(spoof), [*bonafide, *spoof]
    assert metrics.roc_auc(labels, scores) == pytest.approx(auc, abs=1e-12)
    assert metrics.eer(labels, scores) == pytest.approx(eer, abs=1e-9)
    assert metrics.average_precision(labels, scores) == pytest.approx(precision, abs=1e-12)


@given(scored_trials())
def test_weighted_figures_agree_with_scikit_learn(trials):
    labels, scores, weights = trials
    counts = metrics.Ranking.of(labels, scores).count(np.stack([weights, np.ones_like(weights)]))
    for row, given_weights in enumerate((weights, None)):
        expected = roc_auc_score(labels, scores, sample_weight=given_weights)
        assert counts.roc_auc()[row] == pytest.approx(expected, abs=1e-12)
        expected = average_precision_score(labels, scores, sample_weight=given_weights)
        assert counts.average_precision()[row] == pytest.approx(expected, abs=1e-12)
        expected = eer_by_root_finding(labels, scores, given_weights)
        assert counts.eer()[row] == pytest.approx(expected, abs=1e-9)


@given(scored_trials())
def test_weights_are_repetitions(trials):
    labels, scores, weights = trials
    counts = metrics.Ranking.of(labels, scores).count(weights[None])
    repeated = np.repeat(labels, weights), np.repeat(scores, weights)
    assert counts.eer()[0] == pytest.approx(metrics.eer(*repeated), abs=1e-12)
    assert counts.roc_auc()[0] == pytest.approx(metrics.roc_auc(*repeated), abs=1e-12)


@given(scored_trials())
def test_a_rising_transform_changes_nothing_and_a_flip_mirrors(trials):
    labels, scores, _ = trials
    for figure in (metrics.roc_auc, metrics.eer):
        value = figure(labels, scores)
        assert figure(labels, np.exp(scores / 3) - 7) == pytest.approx(value, abs=1e-12)
        assert figure(labels, -scores) == pytest.approx(1 - value, abs=1e-12)


def test_a_random_scorer_is_at_one_half():
    random = np.random.default_rng(0)
    labels, scores = random.integers(0, 2, 20_000), random.normal(size=20_000)
    assert metrics.roc_auc(labels, scores) == pytest.approx(0.5, abs=0.015)
    assert metrics.eer(labels, scores) == pytest.approx(0.5, abs=0.015)
    assert metrics.average_precision(labels, scores) == pytest.approx(labels.mean(), abs=0.015)


def test_two_bell_curves_give_the_textbook_figures():
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1], 50_000)
    scores = random.normal(size=labels.size) + 2.0 * labels
    assert metrics.roc_auc(labels, scores) == pytest.approx(norm.cdf(2 / np.sqrt(2)), abs=0.003)
    assert metrics.eer(labels, scores) == pytest.approx(norm.cdf(-1.0), abs=0.003)


@given(scored_trials())
def test_operating_points_are_scikit_learns(trials):
    labels, scores, _ = trials
    points = metrics.operating_points(labels, scores)
    false_alarm, detection, _ = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(points.false_alarm, false_alarm)
    np.testing.assert_allclose(points.miss, 1 - detection, atol=1e-12)


@pytest.mark.parametrize(
    ("labels", "scores", "said"),
    [
        ([1, 1], [0.1, 0.2], "both classes"),
        ([], [], "both classes"),
        ([0, 1], [0.1, np.nan], "finite"),
        ([0, 2], [0.1, 0.2], "bona fide"),
        ([0, 1, 1], [0.1, 0.2], "agree"),
    ],
)
def test_what_cannot_be_scored_is_refused(labels, scores, said):
    with pytest.raises(ValueError, match=said):
        metrics.eer(labels, scores)


def bell_curves(n_bonafide, n_spoof, distance, seed=0):
    labels = np.repeat([0, 1], [n_bonafide, n_spoof])
    scores = np.random.default_rng(seed).normal(size=labels.size) + distance * labels
    return labels, scores


def delong_standard_error(labels, scores):
    """DeLong, DeLong and Clarke-Pearson 1988, by the midranks of Sun and Xu 2014."""
    spoof, bonafide = scores[labels == 1], scores[labels == 0]
    ranks = rankdata(np.concatenate([spoof, bonafide]))
    above = (ranks[: spoof.size] - rankdata(spoof)) / bonafide.size
    below = 1 - (ranks[spoof.size :] - rankdata(bonafide)) / spoof.size
    return np.sqrt(above.var(ddof=1) / spoof.size + below.var(ddof=1) / bonafide.size)


@pytest.mark.parametrize("distance", [0.5, 1.5, 2.5])
def test_trial_intervals_are_as_wide_as_delongs(distance):
    labels, scores = bell_curves(300, 700, distance)
    found = bootstrap.intervals(labels, scores, ["-"] * labels.size, seed=3)
    width = found.estimates["roc_auc"].high - found.estimates["roc_auc"].low
    expected = 2 * norm.ppf(0.975) * delong_standard_error(labels, scores)
    assert width == pytest.approx(expected, rel=0.12)
    assert found.method == bootstrap.BY_TRIAL


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    truth = norm.cdf(1 / np.sqrt(2))
    held = 0
    for seed in range(200):
        labels, scores = bell_curves(60, 60, 1.0, seed=seed)
        found = bootstrap.intervals(
            labels, scores, ["-"] * 120, seed, figures=["roc_auc"], n_resamples=300
        ).estimates["roc_auc"]
        held += found.low <= truth <= found.high
    assert 0.89 <= held / 200 <= 0.99


def test_drawing_speakers_is_wider_when_speakers_differ():
    random = np.random.default_rng(4)
    labels = np.repeat([0, 1], 600)
    speakers = np.tile(np.repeat(np.arange(20), 30), 2)
    own = random.normal(size=(2, 20)) * 1.5
    scores = random.normal(size=labels.size) + 2 * labels + own[labels, speakers]
    clustered = bootstrap.intervals(labels, scores, speakers, seed=1)
    by_trial = bootstrap.intervals(labels, scores, np.zeros(labels.size), seed=1)
    assert clustered.method == bootstrap.BY_SPEAKER
    for figure in bootstrap.FIGURES:
        wide, narrow = clustered.estimates[figure], by_trial.estimates[figure]
        assert wide.value == narrow.value
        assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


@pytest.mark.parametrize(
    ("n_speakers", "method"), [(9, bootstrap.BY_TRIAL), (10, bootstrap.BY_SPEAKER)]
)
def test_ten_speakers_in_each_class_are_enough(n_speakers, method):
    labels, scores = bell_curves(40, 200, 1.0)
    speakers = [f"b{i % n_speakers}" for i in range(40)] + [f"s{i % 30}" for i in range(200)]
    found = bootstrap.intervals(labels, scores, speakers, seed=0, n_resamples=50)
    assert found.method == method
    assert f"{n_speakers} bona fide and 30 spoof speakers" in found.why


def test_a_draw_without_a_class_is_drawn_again(monkeypatch):
    monkeypatch.setattr(bootstrap, "MINIMUM_SPEAKERS", 1)
    labels, _ = bell_curves(10, 30, 1.0)
    speakers = np.repeat(["b", "s1", "s2", "s3"], 10)
    resampler = bootstrap.Resampler(labels, speakers, seed=0)
    weights = np.concatenate(list(resampler.blocks(500)))
    assert (weights[:, labels == 0].sum(axis=1) > 0).all()
    assert (weights[:, labels == 1].sum(axis=1) > 0).all()
    # Three of four draws miss "b" each time: (3/4)^4, and (1/4)^4 hold nothing else.
    missed = (3 / 4) ** 4 + (1 / 4) ** 4
    assert resampler.n_redrawn / 500 == pytest.approx(missed / (1 - missed), rel=0.2)
    assert len({tuple(weights[0][speakers == name]) for name in set(speakers)}) <= 4
    assert all(np.ptp(weights[:, speakers == name], axis=1).max() == 0 for name in set(speakers))


def test_resamples_follow_from_the_seed_alone(monkeypatch):
    labels, scores = bell_curves(50, 80, 1.0)
    grid = np.linspace(0, 1, 11)
    first = bootstrap.intervals(labels, scores, ["-"] * 130, seed=5, band_at=grid)
    monkeypatch.setattr(bootstrap, "_BLOCK", 1)
    again = bootstrap.intervals(labels, scores, ["-"] * 130, seed=5, band_at=grid)
    other = bootstrap.intervals(labels, scores, ["-"] * 130, seed=6)
    np.testing.assert_array_equal(first.band.low, again.band.low)
    for name, estimate in first.estimates.items():
        # Blocks of another size add in another order, which shows in the last digit only.
        expected = (estimate.value, estimate.low, estimate.high)
        found = again.estimates[name]
        assert (found.value, found.low, found.high) == pytest.approx(expected, rel=1e-13)
    assert first.estimates["roc_auc"] != other.estimates["roc_auc"]


def test_perfect_separation_has_no_width_and_the_band_holds_the_curve():
    labels, scores = bell_curves(20, 20, 100.0)
    perfect = bootstrap.intervals(labels, scores, ["-"] * 40, seed=0, n_resamples=100)
    assert perfect.estimates["roc_auc"] == bootstrap.Estimate(1.0, 1.0, 1.0)
    labels, scores = bell_curves(400, 400, 1.0)
    grid = np.linspace(0.05, 0.95, 19)
    band = bootstrap.intervals(labels, scores, ["-"] * 800, seed=0, band_at=grid).band
    points = metrics.operating_points(labels, scores)
    curve = np.interp(grid, points.false_alarm, points.detection)
    assert ((band.low <= curve) & (curve <= band.high)).all()
    assert (np.diff(band.low) >= 0).all()
    assert ((norm.cdf(norm.ppf(grid) + 1) > band.low) & (band.low > 0)).mean() > 0.7


@settings(max_examples=25, deadline=None)
@given(scored_trials())
def test_the_point_value_is_the_metric_itself(trials):
    labels, scores, _ = trials
    found = bootstrap.intervals(labels, scores, ["-"] * labels.size, seed=0, n_resamples=10)
    for name in bootstrap.FIGURES:
        assert found.estimates[name].value == getattr(metrics, name)(labels, scores)


def score_table(path, seed=0, n=60, spoof_in_eval=True):
    labels, scores = bell_curves(n, n, 1.5, seed)
    parts = []
    for split in ("dev", "eval"):
        part = pd.DataFrame({"file": [f"{split}_{i:03d}" for i in range(2 * n)], "split": split})
        part["label"], part["score"] = labels, scores
        part["attack"] = np.where(labels == 1, np.where(np.arange(2 * n) % 3, "A01", "A02"), "-")
        part["speaker"] = [f"s{i % 4}" for i in range(2 * n)]
        part["p_spoof"] = 1 / (1 + np.exp(-part["score"]))
        parts.append(part if spoof_in_eval or split == "dev" else part[part["label"] == 0])
    table = pa.Table.from_pandas(pd.concat(parts), preserve_index=False)
    chosen = json.dumps({"candidate": "layer_2", "pooling": "mean", "C": 0.1})
    about = {"experiment": "one", "corpus": "toy", "protocol": "official", "chosen": chosen}
    tables.write(path, table.select(tables.SCORES.names), tables.SCORES, about)
    return labels, scores


def test_an_experiments_metrics_are_complete(tmp_path):
    labels, scores = score_table(tmp_path / "scores.parquet")
    said = []
    found, bands = figures.experiment_metrics(
        tmp_path / "scores.parquet", {"shared_speakers": 2}, seed=7, say=said.append
    )
    json.dumps(found, allow_nan=False)
    assert (found["experiment"], found["corpus"], found["protocol"]) == ("one", "toy", "official")
    assert found["interval"]["level"] == 0.95
    assert found["interval"]["seed"] == 7
    assert found["leak"] == {"shared_speakers": 2}
    assert list(found["splits"]) == ["dev", "eval"]
    split = found["splits"]["eval"]
    assert (split["n_bonafide"], split["n_spoof"], split["n_speakers_spoof"]) == (60, 60, 4)
    assert split["interval"]["method"] == bootstrap.BY_TRIAL
    for name in bootstrap.FIGURES:
        assert split[name]["value"] == getattr(metrics, name)(labels, scores)
        assert split[name]["low"] < split[name]["value"] < split[name]["high"]
    assert {name: item["n_spoof"] for name, item in split["per_attack"].items()} == {
        "A01": 40,
        "A02": 20,
    }
    chosen = (labels == 0) | (np.arange(120) % 3 == 0)
    expected = roc_auc_score(labels[chosen], scores[chosen])
    assert split["per_attack"]["A02"]["roc_auc"]["value"] == pytest.approx(expected)
    assert set(bands["split"].to_pylist()) == {"dev", "eval"}
    assert len(said) == 2


def test_a_split_with_one_class_is_named(tmp_path):
    score_table(tmp_path / "scores.parquet", spoof_in_eval=False)
    with pytest.raises(UserError, match=r"corpus toy, split eval: .* add spoof clips"):
        figures.experiment_metrics(tmp_path / "scores.parquet", {}, seed=1, say=print)


def test_the_audit_finds_a_shortcut_and_its_direction(tmp_path):
    random = np.random.default_rng(2)
    labels = np.tile(np.repeat([0, 1], 50), 2)
    keys = [f"c{i:03d}" for i in range(200)]
    manifest = pd.DataFrame({"key": keys, "path": keys, "corpus": "toy", "label": labels})
    manifest["split"] = np.repeat(["dev", "eval"], 100)
    manifest["attack"], manifest["speaker"] = np.where(labels, "A01", "-"), "x"
    manifest["bytes"], manifest["mtime_ns"] = 1, 1
    table = pa.Table.from_pandas(manifest, preserve_index=False).select(tables.MANIFEST.names)
    tables.write(tmp_path / "manifest.parquet", table, tables.MANIFEST)
    spectral = pd.DataFrame({"file": keys[::-1], "label": labels[::-1]})
    for item in audit.PROPERTIES:
        spectral[item.column] = random.normal(size=200)
    spectral["duration"] -= 10 * spectral["label"]
    columns = pa.Table.from_pandas(spectral, preserve_index=False)
    tables.write(tmp_path / "0.parquet", columns[:70], columns.schema)
    tables.write(tmp_path / "1.parquet", columns[70:], columns.schema)
    shards = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    found = audit.audit(tmp_path / "manifest.parquet", shards, seed=1)
    assert list(found["splits"]) == ["dev", "eval"]
    duration = found["splits"]["eval"]["properties"]["duration"]
    assert duration["direction"] == "lower"
    assert duration["roc_auc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    for item in found["splits"]["dev"]["properties"].values():
        figure = item["roc_auc"]
        assert figure["value"] >= 0.5
        assert figure["low"] <= figure["value"] <= figure["high"]
    lines = audit.markdown(found).splitlines()
    assert len(lines) == 2 + len(audit.PROPERTIES)
    assert "| Duration (s) | 1.000 (1.000 to 1.000), lower |" in audit.markdown(found)
