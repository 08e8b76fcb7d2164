"""Metrics against scikit-learn, hand-made cases and DeLong's variance; bootstrap intervals."""

import numpy as np
import pytest
from authenticity.evaluation import bootstrap, metrics
from hypothesis import given, settings
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm, rankdata, t
from scored import bell_curves, weighted_trials
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve


def counted(labels, scores, weights):
    return metrics.Weighted(metrics.Ranking.of(labels, scores), weights).counts


def eer(labels, scores):
    return metrics.once(metrics.Ranking.of(labels, scores)).corners.eer()[0]


def average_precision(labels, scores):
    return metrics.once(metrics.Ranking.of(labels, scores)).counts.average_precision()[0]


def eer_by_root_finding(labels, scores, weights=None):
    """The EER as the root along scikit-learn's ROC curve: another way to the same point."""
    false_alarm, detection, _ = roc_curve(
        labels, scores, sample_weight=weights, drop_intermediate=False
    )
    return brentq(lambda x: 1 - x - np.interp(x, false_alarm, detection), 0, 1, xtol=1e-12)


@pytest.mark.parametrize(
    ("bonafide", "spoof", "auc", "error", "precision"),
    [
        ([1, 2], [3, 4], 1.0, 0.0, 1.0),
        ([3, 4], [1, 2], 0.0, 1.0, 5 / 12),
        ([1, 1], [1, 1], 0.5, 0.5, 0.5),
        ([0.1, 0.4], [0.35, 0.8], 0.75, 0.5, 5 / 6),
        # From (0, 1/2) to (1/3, 1): half missed meets no false alarm at 0.6 of the way.
        ([0, 0, 1], [1, 2], 11 / 12, 0.2, 5 / 6),
    ],
)
def test_hand_computed_cases(bonafide, spoof, auc, error, precision):
    labels, scores = [0] * len(bonafide) + [1] * len(spoof), [*bonafide, *spoof]
    assert metrics.roc_auc(labels, scores) == pytest.approx(auc, abs=1e-12)
    assert eer(labels, scores) == pytest.approx(error, abs=1e-9)
    assert average_precision(labels, scores) == pytest.approx(precision, abs=1e-12)


@given(weighted_trials())
def test_weighted_figures_agree_with_scikit_learn(trials):
    labels, scores, weights = trials
    counts = counted(labels, scores, np.stack([weights, np.ones_like(weights)]))
    for row, given_weights in enumerate((weights, None)):
        expected = roc_auc_score(labels, scores, sample_weight=given_weights)
        assert counts.roc_auc()[row] == pytest.approx(expected, abs=1e-12)
        expected = average_precision_score(labels, scores, sample_weight=given_weights)
        assert counts.average_precision()[row] == pytest.approx(expected, abs=1e-12)
        expected = eer_by_root_finding(labels, scores, given_weights)
        assert counts.eer()[row] == pytest.approx(expected, abs=1e-9)


@given(weighted_trials())
def test_weights_are_repetitions(trials):
    labels, scores, weights = trials
    counts = counted(labels, scores, weights[None])
    repeated = np.repeat(labels, weights), np.repeat(scores, weights)
    assert counts.eer()[0] == pytest.approx(eer(*repeated), abs=1e-12)
    assert counts.roc_auc()[0] == pytest.approx(metrics.roc_auc(*repeated), abs=1e-12)


@given(weighted_trials())
def test_a_rising_transform_changes_nothing_and_a_flip_mirrors(trials):
    labels, scores, _ = trials
    for figure in (metrics.roc_auc, eer):
        value = figure(labels, scores)
        assert figure(labels, np.exp(scores / 3) - 7) == pytest.approx(value, abs=1e-12)
        assert figure(labels, -scores) == pytest.approx(1 - value, abs=1e-12)


def test_a_random_scorer_is_at_one_half():
    random = np.random.default_rng(0)
    labels, scores = random.integers(0, 2, 20_000), random.normal(size=20_000)
    assert metrics.roc_auc(labels, scores) == pytest.approx(0.5, abs=0.015)
    assert eer(labels, scores) == pytest.approx(0.5, abs=0.015)
    assert average_precision(labels, scores) == pytest.approx(labels.mean(), abs=0.015)


def test_two_bell_curves_give_the_textbook_figures():
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1], 50_000)
    scores = random.normal(size=labels.size) + 2.0 * labels
    assert metrics.roc_auc(labels, scores) == pytest.approx(norm.cdf(2 / np.sqrt(2)), abs=0.003)
    assert eer(labels, scores) == pytest.approx(norm.cdf(-1.0), abs=0.003)


@given(weighted_trials())
def test_operating_points_are_scikit_learns(trials):
    labels, scores, _ = trials
    points = metrics.operating_points(labels, scores)
    false_alarm, detection, _ = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(points, [false_alarm, detection], atol=1e-12)


@given(weighted_trials())
def test_corners_of_the_roc_curve_are_enough(trials):
    labels, scores, weights = trials
    ranking = metrics.Ranking.of(labels, scores)
    weighted = metrics.Weighted(ranking, np.stack([weights, np.ones_like(weights)]))
    assert set(ranking.corners) <= set(ranking.ends)
    for figure in ("roc_auc", "eer", "least_cllr"):
        few, all_points = (
            getattr(counts, figure)() for counts in (weighted.corners, weighted.counts)
        )
        np.testing.assert_allclose(few, all_points, atol=1e-12)
    few, all_points = (
        counts.least_cost(2.4, 0.7) for counts in (weighted.corners, weighted.counts)
    )
    np.testing.assert_allclose(few, all_points, atol=1e-12)


def test_a_good_scorer_has_few_corners():
    labels, scores = bell_curves(2000, 8000, 4.0)
    assert metrics.Ranking.of(labels, scores).corners.size < 400


@given(weighted_trials())
def test_the_eer_threshold_is_the_nearest_decision(trials):
    labels, scores, _ = trials
    threshold = metrics.eer_threshold(labels, scores)

    def distance(at):
        called = scores >= at
        return abs((~called[labels == 1]).mean() - called[labels == 0].mean())

    assert distance(threshold) == pytest.approx(min(map(distance, scores)), abs=1e-12)
    assert scores.min() <= threshold <= scores.max()


@pytest.mark.parametrize(
    ("labels", "scores", "threshold"),
    [
        ([0, 0, 1, 1], [-1, 0, 3, 4], 1.5),  # separable: half-way between the classes
        ([0, 1, 0, 1], [1, 2, 3, 4], 2.5),  # (1/2, 1/2) at 3; 2.5 has as much room on both sides
        ([0, 1], [5, 5], 5),
        ([0, 1], [1.0, np.nextafter(1.0, 2)], np.nextafter(1.0, 2)),
    ],
)
def test_eer_thresholds_by_hand(labels, scores, threshold):
    assert metrics.eer_threshold(labels, scores) == threshold


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
        eer(labels, scores)


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
    found = bootstrap.intervals(labels, scores, [None] * labels.size, seed=3)
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
            labels, scores, [None] * 120, seed, bootstrap.ROC_AUC
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
    for figure in bootstrap.RANKED:
        wide, narrow = clustered.estimates[figure], by_trial.estimates[figure]
        assert wide.value == narrow.value
        assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


@pytest.mark.parametrize(
    ("n_speakers", "method"), [(9, bootstrap.BY_TRIAL), (10, bootstrap.BY_SPEAKER)]
)
def test_ten_speakers_in_each_class_are_enough(n_speakers, method):
    labels, scores = bell_curves(40, 200, 1.0)
    speakers = [f"b{i % n_speakers}" for i in range(40)] + [f"s{i % 30}" for i in range(200)]
    found = bootstrap.intervals(labels, scores, speakers, seed=0)
    assert found.method == method
    assert f"{n_speakers} bona fide and 30 spoof speakers" in found.why


def test_rows_of_one_file_are_drawn_together():
    labels = np.tile(np.repeat([0, 1], 20), 3)
    files = np.tile([f"f{i}" for i in range(40)], 3)
    resampler = bootstrap.Resampler(labels, [None] * 120, seed=0, files=files)
    weights = np.concatenate(list(resampler.blocks(50)))
    np.testing.assert_array_equal(weights[:, :40], weights[:, 40:80])
    np.testing.assert_array_equal(weights[:, :40], weights[:, 80:])
    assert (weights[:, labels == 0].sum(axis=1) == 60).all()
    once = bootstrap.Resampler(labels[:40], [None] * 40, seed=0)
    np.testing.assert_array_equal(np.concatenate(list(once.blocks(50))), weights[:, :40])


def test_trials_drawn_at_once_are_those_drawn_one_by_one(monkeypatch):
    resampler = bootstrap.Resampler([1, 0, 0, 1, 1, 0, 1], [None] * 7, 3, list("abbcdea"))
    (at_once,) = resampler.blocks(50)
    monkeypatch.setattr(bootstrap, "_BLOCK", 7 * 30)
    one_by_one = np.concatenate(list(resampler.blocks(50)))
    np.testing.assert_array_equal(at_once, one_by_one)


def test_repeating_every_trial_in_another_round_does_not_narrow_intervals():
    labels, scores = bell_curves(100, 100, 1.0)
    files = [f"f{i}" for i in range(200)]
    single = bootstrap.intervals(labels, scores, [None] * 200, seed=0, files=files)
    twice = bootstrap.intervals(
        np.tile(labels, 2), np.tile(scores, 2), [None] * 400, seed=0, files=files * 2
    )
    for name, estimate in single.estimates.items():
        assert twice.estimates[name].low == pytest.approx(estimate.low, abs=1e-12)
        assert twice.estimates[name].high == pytest.approx(estimate.high, abs=1e-12)


def test_the_mean_over_rounds_is_that_of_one_round_repeated():
    labels, scores = bell_curves(100, 100, 1.0)
    files, nobody = [f"f{i}" for i in range(200)], [None] * 200
    one = bootstrap.intervals(labels, scores, nobody, 0, bootstrap.ROC_AUC, files=files)
    method, mean = bootstrap.mean_roc_auc(
        np.tile(labels, 2),
        np.concatenate([scores, 5 * scores + 100]),
        nobody * 2,
        files * 2,
        np.repeat(["a", "b"], 200),
        seed=0,
    )
    expected = one.estimates["roc_auc"]
    assert method == one.method
    assert (mean.value, mean.low, mean.high) == pytest.approx(
        (expected.value, expected.low, expected.high), abs=1e-12
    )


def test_with_one_speaker_to_a_round_rounds_are_drawn():
    random = np.random.default_rng(0)
    speakers = np.repeat([f"s{i:02d}" for i in range(12)], 40)
    labels = np.tile(np.repeat([0, 1], 20), 12)
    distance = np.repeat(np.linspace(0, 3, 12), 40)
    scores = random.normal(size=labels.size) + distance * labels
    files = [f"f{i}" for i in range(labels.size)]
    _, mean = bootstrap.mean_roc_auc(labels, scores, speakers, files, speakers, seed=0)
    aucs = [
        roc_auc_score(labels[speakers == name], scores[speakers == name])
        for name in np.unique(speakers)
    ]
    assert mean.value == pytest.approx(np.mean(aucs))
    # The t interval of the rounds' mean, on the scale of the logit.
    slope = 1 / (mean.value * (1 - mean.value))
    half = t.ppf(0.975, 11) * np.std(aucs, ddof=1) / np.sqrt(12) * slope
    expected = expit(logit(mean.value) - half), expit(logit(mean.value) + half)
    assert (mean.low, mean.high) == pytest.approx(expected, abs=0.012)


def test_unknown_speakers_are_no_speaker():
    labels, _ = bell_curves(40, 200, 1.0)
    all_unknown = bootstrap.Resampler(labels, [None] * 240, seed=0)
    assert all_unknown.method == bootstrap.BY_TRIAL
    assert all_unknown.why.startswith("0 bona fide and 0 spoof speakers")
    speakers = np.array([f"s{i % 12}" for i in range(240)], dtype=object)
    speakers[200:] = None
    many = bootstrap.Resampler(labels, speakers, seed=0)
    assert many.method == bootstrap.BY_TRIAL
    assert many.why.endswith("only 80% of the trials have a known speaker")
    speakers[200:230] = "s1"
    mixed = bootstrap.Resampler(labels, speakers, seed=0)
    assert mixed.method == bootstrap.BY_SPEAKER
    weights = np.concatenate(list(mixed.blocks(20)))
    assert (np.ptp(weights[:, speakers == "s3"], axis=1) == 0).all()
    assert (np.ptp(weights[:, 230:], axis=1) > 0).any()


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
    first = bootstrap.intervals(labels, scores, [None] * 130, seed=5, band_at=grid)
    monkeypatch.setattr(bootstrap, "_BLOCK", 1)
    again = bootstrap.intervals(labels, scores, [None] * 130, seed=5, band_at=grid)
    other = bootstrap.intervals(labels, scores, [None] * 130, seed=6)
    np.testing.assert_array_equal(first.band.low, again.band.low)
    for name, estimate in first.estimates.items():
        # Blocks of another size add in another order, which shows in the last digit only.
        expected = (estimate.value, estimate.low, estimate.high)
        found = again.estimates[name]
        assert (found.value, found.low, found.high) == pytest.approx(expected, rel=1e-13)
    assert first.estimates["roc_auc"] != other.estimates["roc_auc"]


def test_perfect_separation_has_no_width_and_the_band_holds_the_curve():
    labels, scores = bell_curves(20, 20, 100.0)
    perfect = bootstrap.intervals(labels, scores, [None] * 40, seed=0)
    assert perfect.estimates["roc_auc"] == bootstrap.Estimate(1.0, 1.0, 1.0)
    labels, scores = bell_curves(400, 400, 1.0)
    grid = np.linspace(0.05, 0.95, 19)
    band = bootstrap.intervals(labels, scores, [None] * 800, seed=0, band_at=grid).band
    curve = np.interp(grid, *metrics.operating_points(labels, scores))
    assert ((band.low <= curve) & (curve <= band.high)).all()
    assert (np.diff(band.low) >= 0).all()
    assert ((norm.cdf(norm.ppf(grid) + 1) > band.low) & (band.low > 0)).mean() > 0.7


@settings(max_examples=25)
@given(weighted_trials())
def test_the_point_value_is_the_metric_itself(trials):
    labels, scores, _ = trials
    found = bootstrap.intervals(labels, scores, [None] * labels.size, seed=0)
    alone = {"roc_auc": metrics.roc_auc, "eer": eer, "average_precision": average_precision}
    assert alone.keys() == set(bootstrap.RANKED)
    for name, metric in alone.items():
        assert found.estimates[name].value == metric(labels, scores)
