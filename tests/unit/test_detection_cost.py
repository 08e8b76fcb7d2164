"""Detection costs against definitions written out, and the organisers' published constants."""

import numpy as np
import pandas as pd
import pytest
from authenticity.evaluation import detection_cost, metrics
from authenticity.evaluation.detection_cost import Cost, SpeakerVerification
from checkout import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st

REFERENCE = REPOSITORY.parent / "shared/reference/asvspoof2019_la"
ASV = SpeakerVerification(p_fa=0.02, p_miss=0.03, p_miss_spoof=0.4)


@st.composite
def field_scores(draw):
    """Bona fide and spoof scores as the field has them: higher is bona fide."""
    whole = st.lists(st.integers(-6, 6), min_size=1, max_size=20)
    return np.array(draw(whole)) / 2.0, np.array(draw(whole)) / 2.0


def ours(bonafide, spoof):
    """The same trials with our labels and sign."""
    labels = np.repeat([0, 1], [bonafide.size, spoof.size])
    return labels, -np.concatenate([bonafide, spoof])


def field_rates(bonafide, spoof, threshold):
    """The field's miss and false-alarm rates: accepted is what scores as much or more."""
    return np.mean(bonafide < threshold), np.mean(spoof >= threshold)


def least(labels, scores, cost):
    return cost.least(metrics.once(metrics.Ranking.of(labels, scores)))[0]


def every_threshold(bonafide, spoof):
    return [*np.unique(np.concatenate([bonafide, spoof])), np.inf]


@given(field_scores())
def test_the_least_dcf_is_that_of_the_evaluation_plan(scores):
    costs = []
    for threshold in every_threshold(*scores):
        miss, false_alarm = field_rates(*scores, threshold)
        costs.append(1 * (1 - 0.05) * miss + 10 * 0.05 * false_alarm)
    expected = min(costs) / min(1 * (1 - 0.05), 10 * 0.05)
    found = least(*ours(*scores), detection_cost.ASVSPOOF5)
    assert found == pytest.approx(expected, abs=1e-12)


@given(field_scores(), st.sampled_from([-np.log(1.9), 0.0]))
def test_the_actual_dcf_decides_at_the_bayes_threshold(scores, shift):
    bonafide, spoof = (values + shift for values in scores)
    miss, false_alarm = field_rates(bonafide, spoof, -np.log(0.95 / 0.5))
    expected = (0.95 * miss + 0.5 * false_alarm) / 0.5
    labels, llr = ours(bonafide, spoof)
    trials = metrics.once(metrics.Ranking.of(labels, llr))
    cost = detection_cost.ASVSPOOF5
    found = cost.at(detection_cost.called_spoof(llr), trials)[0]
    assert found == pytest.approx(expected, abs=1e-12)
    assert cost.least(trials)[0] <= found + 1e-12


@given(field_scores())
def test_tandem_costs_are_those_of_the_papers(scores):
    p_target, p_nontarget, p_spoof = 0.95 * 0.99, 0.95 * 0.01, 0.05
    c1 = p_target * (1 - 1 * ASV.p_miss) - p_nontarget * 10 * ASV.p_fa
    c2 = 10 * p_spoof * (1 - ASV.p_miss_spoof)
    c0 = p_target * 1 * ASV.p_miss + p_nontarget * 10 * ASV.p_fa
    sums = [
        c1 * miss + c2 * false_alarm
        for miss, false_alarm in (field_rates(*scores, at) for at in every_threshold(*scores))
    ]
    labels, values = ours(*scores)
    legacy = least(labels, values, detection_cost.tandem(ASV, revised=False))
    assert legacy == pytest.approx(min(sums) / min(c1, c2), abs=1e-12)
    revised = least(labels, values, detection_cost.tandem(ASV, revised=True))
    assert revised == pytest.approx((c0 + min(sums)) / (c0 + min(c1, c2)), abs=1e-12)
    assert legacy <= 1 + 1e-12
    assert revised <= 1 + 1e-12


def test_a_small_table_by_hand():
    # Ours: bona fide at 1 2 3 7, spoof at 4 5 6 8. At 4 one bona fide of four is rejected (0.25)
    # and no spoof passes; rejecting less lets spoofs pass, three of four above 7 (0.75).
    labels = np.repeat([0, 1], 4)
    scores = np.array([1, 2, 3, 7, 4, 5, 6, 8])
    assert least(labels, scores, Cost(0.0, 1.9, 1.0)) == pytest.approx(0.475)
    assert least(labels, scores, Cost(0.1, 4.0, 1.0)) == pytest.approx(0.85)
    assert least(labels, -scores, Cost(0.1, 4.0, 0.9)) == pytest.approx(1.0)
    assert least(labels, labels, Cost(0.0627, 2.2, 0.9)) == pytest.approx(0.0627)


def test_an_asv_system_by_hand():
    # Nearest at 3: targets up to it 1/4, non-targets above it 1/4; accepted is then 3 and above.
    table = pd.DataFrame(
        [("target", x) for x in (2, 4, 5, 6)]
        + [("nontarget", x) for x in (0, 1, 3, 4.5)]
        + [("spoof", x) for x in (0, 3, 9)],
        columns=["kind", "score"],
    )
    assert detection_cost.speaker_verification(table) == SpeakerVerification(
        p_fa=0.5, p_miss=0.25, p_miss_spoof=pytest.approx(1 / 3)
    )
    for kind in ("target", "nontarget", "spoof"):
        assert detection_cost.speaker_verification(table[table["kind"] != kind]) is None


def test_no_tandem_cost_where_the_asv_system_accepts_no_spoof():
    asv = SpeakerVerification(p_fa=0.02, p_miss=0.03, p_miss_spoof=1.0)
    assert detection_cost.tandem(asv, revised=False) is None
    assert detection_cost.tandem(asv, revised=True) is None


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the organisers' ASV scores are not here")
def test_the_organisers_constants_of_asvspoof_2019_la():
    table = pd.read_csv(
        REFERENCE / "ASVspoof2019.LA.asv.eval.gi.trl.scores.txt",
        sep=" ",
        names=["source", "kind", "score"],
    )
    asv = detection_cost.speaker_verification(table)
    rates = [asv.p_fa, asv.p_miss, asv.p_miss_spoof]
    assert rates == pytest.approx([0.024605, 0.024581, 0.239348], abs=5e-7)
    legacy, revised = (detection_cost.tandem(asv, each) for each in (False, True))
    assert legacy == Cost(0.0, pytest.approx(2.40595, abs=5e-6), 1.0)
    assert revised.floor == pytest.approx(0.06273, abs=5e-6)
    c1, c2 = 0.915044, 0.380326
    assert legacy.bonafide_rejected == pytest.approx(c1 / c2, abs=5e-6)
    assert revised.spoof_accepted == pytest.approx(1 - revised.floor, abs=1e-12)
    assert revised.bonafide_rejected * c2 == pytest.approx(revised.spoof_accepted * c1, abs=2e-6)
