"""Calibration against direct minimisation, known densities, and its degenerate inputs."""

import numpy as np
import pytest
from authenticity.evaluation import calibration
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import logit
from scored import bell_curves


@pytest.mark.parametrize(("n_bonafide", "n_spoof", "distance"), [(3, 2, 9), (40, 90, 1), (9, 9, 0)])
def test_the_line_minimises_platts_loss(n_bonafide, n_spoof, distance):
    labels, scores = bell_curves(n_bonafide, n_spoof, distance)
    target = np.where(labels == 1, (n_spoof + 1) / (n_spoof + 2), 1 / (n_bonafide + 2))

    def loss(line):
        log_odds = line[0] * scores + line[1]
        return np.sum(np.logaddexp(0, log_odds) - target * log_odds)

    expected = minimize(loss, [0, 0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
    found = calibration.fit(scores, labels)
    assert [found.slope, found.offset] == pytest.approx(list(expected.x), rel=1e-4, abs=1e-5)
    assert found.probability(scores).mean() == pytest.approx(found.prior_spoof, abs=1e-9)


def test_the_llr_of_two_bell_curves_is_their_log_density_ratio():
    labels, scores = bell_curves(40_000, 10_000, 2.0)
    found = calibration.fit(scores, labels)
    at = np.array([-1.0, 1.0, 3.0])
    np.testing.assert_allclose(found.llr(at), 2 * at - 2, atol=0.1)
    assert found.prior_spoof == pytest.approx(0.2, abs=1e-3)
    np.testing.assert_allclose(logit(found.probability(at)), found.llr(at) + logit(0.2), atol=2e-3)


@settings(max_examples=30)
@given(
    st.lists(st.integers(-5, 5), min_size=3, max_size=30),
    st.floats(1e-3, 1e3),
    st.floats(-1e3, 1e3),
    st.integers(0, 99),
)
def test_scale_and_place_of_the_scores_do_not_matter(values, scale, shift, seed):
    scores = np.array(values, dtype=float)
    labels = np.random.default_rng(seed).permutation([0, 1, *[seed % 2] * (len(values) - 2)])
    llr = calibration.fit(scores, labels).llr(scores)
    assert np.isfinite(llr).all()
    moved = scale * scores + shift
    np.testing.assert_allclose(calibration.fit(moved, labels).llr(moved), llr, atol=1e-5)


def test_separable_dev_stays_finite_and_says_less_with_fewer_trials():
    few, many = (calibration.fit([-1.0] * n + [1.0] * n, [0] * n + [1] * n) for n in (3, 300))
    assert few.llr([1.0])[0] == pytest.approx(np.log(4), abs=1e-6)
    assert many.llr([1.0])[0] == pytest.approx(np.log(301), abs=1e-6)


def test_scores_the_wrong_way_round_are_told_and_turned():
    labels, scores = bell_curves(100, 100, 2.0)
    right, wrong = calibration.fit(scores, labels), calibration.fit(-scores, labels)
    assert right.slope > 0 > wrong.slope
    np.testing.assert_allclose(wrong.llr(-scores), right.llr(scores), atol=1e-8)


def test_a_constant_score_says_nothing():
    found = calibration.fit([3.0] * 30, [0] * 10 + [1] * 20)
    assert found.slope == 0
    assert found.llr([3.0, 99.0]).tolist() == [0.0, 0.0]
    assert found.probability([3.0])[0] == pytest.approx(found.prior_spoof)
    assert vars(found) == {
        "slope": 0.0,
        "offset": pytest.approx(logit(found.prior_spoof)),
        "prior_spoof": found.prior_spoof,
    }


@pytest.mark.parametrize(
    ("scores", "labels", "said"),
    [([1.0, 2.0], [1, 1], "both classes"), ([1.0, np.nan], [0, 1], "finite")],
)
def test_what_cannot_be_calibrated_is_refused(scores, labels, said):
    with pytest.raises(ValueError, match=said):
        calibration.fit(scores, labels)


def test_the_same_trials_give_the_same_line():
    labels, scores = bell_curves(50, 70, 1.0)
    assert calibration.fit(scores, labels) == calibration.fit(scores, labels)
