"""Brier score, calibration error and Cllr against scikit-learn, slow sums and known answers."""

import numpy as np
import pytest
from authenticity.evaluation import calibration, metrics
from authenticity.evaluation.calibration import N_BINS, CalibrationError, beyond_chance, wilson
from authenticity.evaluation.metrics import brier, cllr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import binomtest
from scored import bell_curves, weighted_trials
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss


def once(figure, labels, scores):
    return float(figure(metrics.once(metrics.Ranking.of(labels, scores)))[0])


def slow_cllr(labels, llr):
    """The definition, trial by trial."""
    spoof = [np.log2(1 + np.exp(-x)) for x in llr[labels == 1]]
    bonafide = [np.log2(1 + np.exp(x)) for x in llr[labels == 0]]
    return (np.mean(spoof) + np.mean(bonafide)) / 2


def slow_min_cllr(labels, scores):
    """Cllr of scikit-learn's isotonic posteriors, turned into likelihood ratios."""
    posterior = IsotonicRegression().fit(scores, labels).predict(scores)
    with np.errstate(divide="ignore"):
        llr = np.log(posterior) - np.log1p(-posterior)
    prior = labels.mean()
    return slow_cllr(labels, llr - np.log(prior / (1 - prior)))


@given(weighted_trials())
def test_weights_are_repetitions(trials):
    labels, scores, weights = trials
    p_spoof = expit(scores)
    repeated = np.repeat(labels, weights), np.repeat(scores, weights)
    weighted = metrics.Weighted(metrics.Ranking.of(labels, scores), weights[None])
    expected = brier_score_loss(repeated[0], expit(repeated[1]))
    assert brier(p_spoof)(weighted)[0] == pytest.approx(expected, abs=1e-12)
    assert cllr(scores)(weighted)[0] == pytest.approx(slow_cllr(*repeated), abs=1e-12)
    expected = slow_min_cllr(*repeated)
    assert weighted.corners.least_cllr()[0] == pytest.approx(expected, abs=1e-9)


@given(weighted_trials())
def test_the_calibration_error_is_the_mean_distance_within_bins(trials):
    labels, scores, _ = trials
    error = CalibrationError(expit(scores), labels)
    within = [error.bin == one for one in np.unique(error.bin)]
    gaps = [abs((error.p_spoof - labels)[members].sum()) for members in within]
    assert error.value() == pytest.approx(sum(gaps) / labels.size, abs=1e-12)


@given(weighted_trials())
def test_cllr_is_the_fields_too_and_its_minimum_no_higher(trials):
    labels, llr, _ = trials
    assert once(cllr(llr), labels, llr) == pytest.approx(
        once(cllr(-llr), 1 - labels, -llr), abs=1e-12
    )
    least = metrics.once(metrics.Ranking.of(labels, llr)).corners.least_cllr()[0]
    field = metrics.once(metrics.Ranking.of(1 - labels, -llr)).corners.least_cllr()[0]
    assert least == pytest.approx(field, abs=1e-12)
    assert -1e-12 <= least <= min(1.0, once(cllr(llr), labels, llr)) + 1e-12


def test_cllr_is_log_loss_at_equal_shares():
    labels, scores = bell_curves(70, 70, 1.0)
    found = once(cllr(scores), labels, scores)
    assert found == pytest.approx(log_loss(labels, expit(scores)) / np.log(2), abs=1e-12)


def test_known_answers():
    labels = np.array([0, 0, 1, 1])
    assert once(cllr(np.zeros(4)), labels, labels) == pytest.approx(1.0)
    assert once(cllr(50.0 * labels - 25), labels, labels) == pytest.approx(0.0, abs=1e-9)
    perfect = metrics.once(metrics.Ranking.of(labels, labels)).corners
    assert perfect.least_cllr()[0] == 0.0
    wrong = metrics.once(metrics.Ranking.of(labels, -labels)).corners
    assert wrong.least_cllr()[0] == pytest.approx(1.0)
    # One bona fide above one of two spoofs: pools (1/2, 0), (1/2, 1/2), (0, 1/2); half of both
    # classes in a pool that tells nothing costs 1/2 bit.
    mixed = metrics.once(metrics.Ranking.of([0, 1, 0, 1], [1.0, 2.0, 3.0, 4.0])).corners
    assert mixed.least_cllr()[0] == pytest.approx(0.5)
    assert once(brier(np.array([0.0, 0.5, 0.5, 1.0])), labels, labels) == pytest.approx(0.125)


@pytest.mark.parametrize("offset", [0.0, 2.0])
def test_the_calibration_error_sees_an_offset(offset):
    random = np.random.default_rng(0)
    log_odds = random.normal(size=60_000) * 2
    labels = (random.random(log_odds.size) < expit(log_odds)).astype(int)
    said = expit(log_odds + offset)
    found = CalibrationError(said, labels).value()
    truth = np.abs(said - expit(log_odds)).mean()
    assert found == pytest.approx(truth, abs=0.01)


@pytest.mark.parametrize("n", [40, 71, 810])
def test_chance_is_what_labels_drawn_from_the_probabilities_give(n, monkeypatch):
    random = np.random.default_rng(n)
    p_spoof = random.random(n)
    errors = [
        CalibrationError(p_spoof, (random.random(n) < p_spoof).astype(int)).value()
        for _ in range(2000)
    ]
    one, files = CalibrationError(p_spoof, np.zeros(n)), np.arange(n)
    mean, high = one.chance(1, files)
    assert mean == pytest.approx(np.mean(errors), rel=0.04)
    assert high == pytest.approx(np.quantile(errors, 0.975), rel=0.06)
    assert one.chance(1, files) == (mean, high) != one.chance(2, files)
    monkeypatch.setattr(calibration, "_BLOCK", 3 * n)  # the blocks' size changes nothing
    assert one.chance(1, files) == (mean, high)


def test_probabilities_that_hold_are_rarely_beyond_chance_and_doubled_log_odds_often():
    beyond = {1.0: [], 2.0: []}
    for seed in range(100):
        labels, scores = bell_curves(405, 405, 0.7, seed)
        for factor, found in beyond.items():
            error = CalibrationError(expit(factor * 0.7 * (scores - 0.35)), labels)
            found.append(beyond_chance(error.value(), *error.chance(seed, np.arange(810))))
    assert np.count_nonzero(beyond[1.0]) <= 6  # 2.5 of 100 are expected
    assert np.mean(np.array(beyond[2.0]) > 0.05) > 0.95
    assert np.mean(beyond[2.0]) == pytest.approx(0.095, abs=0.01)


def test_wilsons_interval_is_that_of_scipy():
    hits, n = np.array([0, 1, 3, 7, 50]), np.array([4, 1, 7, 60, 99])
    tests = [binomtest(k, of).proportion_ci(method="wilson") for k, of in zip(hits, n, strict=True)]
    np.testing.assert_array_equal(wilson(hits, n), np.transpose(tests))


def test_rows_of_one_file_share_their_draw():
    p_spoof = np.tile(np.linspace(0.05, 0.95, 30), 5)
    error = CalibrationError(p_spoof, np.zeros(150))
    together, _ = error.chance(1, np.tile(np.arange(30), 5))
    alone, _ = CalibrationError(p_spoof[:30], np.zeros(30)).chance(1, np.arange(30))
    assert together == pytest.approx(alone)
    assert error.chance(1, np.arange(150))[0] < 0.6 * together


def test_bins_hold_equally_many_trials_and_equal_probabilities_share_one():
    labels, scores = bell_curves(1500, 1500, 1.0)
    mean, n_spoof, n = CalibrationError(expit(scores), labels).diagram()
    assert len(n) == N_BINS
    assert set(n) <= {199, 200, 201}
    assert mean.tolist() == sorted(mean)
    assert n_spoof.sum() == 1500
    tied = CalibrationError(np.array([0.2] * 50 + [0.9]), np.array([0, 1] * 25 + [1])).diagram()
    assert tied[0] == pytest.approx([0.2, 0.9])
    assert (tied[1].tolist(), tied[2].tolist()) == ([25, 1], [50, 1])


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_calibration_lowers_cllr_towards_its_minimum(seed):
    labels, scores = bell_curves(400, 400, 1.5, seed)
    fitted = calibration.fit(scores, labels).llr(scores)
    least = metrics.once(metrics.Ranking.of(labels, scores)).corners.least_cllr()[0]
    assert least <= once(cllr(fitted), labels, fitted) <= least + 0.06
    assert once(cllr(fitted), labels, fitted) < once(cllr(3 * scores + 1), labels, scores)
