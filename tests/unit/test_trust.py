"""Which figures to trust: each check by the numbers that must trip it, and no claim beyond them."""

import json
from html import unescape

import pytest
import run_files as run
from authenticity import report, trust
from authenticity.trust import CAUTION, DISTRUST, NONE_MADE, TRUST, bounds
from authenticity.trust.checks import DECISIONS, KINDS, RANKING

SOUND = run.many_speakers()


def evidence(auc=0.93, views=None, audit=None, verified=None, **changes):
    """Evidence against which nothing can be said, but for what a test changes."""
    changes["eval_changes"] = SOUND | changes.get("eval_changes", {})
    audit = audit or run.audit(view=changes.get("view", "clean"))
    seen = {"trimmed": auc - 0.005, "inverted": auc} if views is None else views
    (found,) = trust.gather(
        [run.metrics(auc=auc, **changes)],
        [run.view(name, value) for name, value in seen.items()],
        audit,
        verified or run.verified(),
    )
    return found


def rating(found, name):
    (check,) = [check for check in trust.checks(found) if check.name == name]
    return check.status


def attacks(**aucs):
    return {
        name: {"n_spoof": 150, "roc_auc": run.estimate(auc), "eer": run.estimate(1 - auc)}
        for name, auc in aucs.items()
    }


def test_a_sound_experiment_passes_every_check():
    sound = evidence(eval_changes={"per_attack": attacks(A07=0.93, A08=0.95)})
    found = trust.judge(sound)
    assert {check["name"]: check["status"] for check in found["checks"]} == dict.fromkeys(
        [check["name"] for check in found["checks"]], TRUST
    )
    assert set(found["figures"].values()) == {TRUST}
    assert len(found["checks"]) == 17
    assert found["overall"]["status"] == TRUST
    assert "speakers drawn like those of eval" in found["claim"]
    assert "0.9200 and 0.9350 (95% interval)" in found["claim"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("speakers", "speakers"),
        ("duplicates", "duplicate clips"),
        ("near_duplicates", "near-duplicate clips"),
    ],
)
def test_a_leak_is_not_trusted_whatever_the_figure(kind, words):
    found = trust.judge(evidence(0.999, leak=run.leak(**{kind: 7})))
    assert found["overall"]["status"] == DISTRUST
    assert set(found["figures"].values()) == {DISTRUST}
    assert "nothing" in found["claim"]
    (said,) = [check["sentence"] for check in found["checks"] if check["name"] == "Leak"]
    assert f"train and eval share 7 {words}" in said


@pytest.mark.parametrize("auc", [0.5, 0.3])
def test_a_random_or_flipped_scorer_is_not_trusted(auc):
    found = trust.judge(evidence(auc))
    assert found["overall"]["status"] == DISTRUST
    assert set(found["figures"].values()) == {DISTRUST}
    assert "direction" in found["overall"]["sentence"]


def test_intervals_over_trials_claim_nothing_about_new_speakers():
    found = trust.judge(evidence(eval_changes=run.split(0.93)))
    assert found["overall"]["status"] == CAUTION
    assert "clips of the same speakers as those of eval" in found["claim"]


CASES = [
    ("Leak", CAUTION, {"leak": run.leak(unknown_speakers=4)}),
    ("Precision", CAUTION, {"eval_changes": {"roc_auc": run.estimate(0.9, 0.05, 0.05)}}),
    ("Precision", DISTRUST, {"eval_changes": {"roc_auc": run.estimate(0.8, 0.2, 0.05)}}),
    ("Precision", CAUTION, {"eval_changes": {"roc_auc": run.estimate(1.0, 0.0, 0.0)}}),
    ("Number of speakers", CAUTION, {"eval_changes": {"n_speakers_bonafide": 9}}),
    ("Number of speakers", DISTRUST, {"eval_changes": {"n_speakers_spoof": 1}}),
    ("Number of speakers", CAUTION, {"eval_changes": {"n_speakers_spoof": 0}}),
    (
        "One-sided speakers",
        CAUTION,
        {"eval_changes": {"per_speaker": {"a": run.speaker(1), "b": run.speaker(2)}}},
    ),
    ("Shortcuts", CAUTION, {"audit": run.audit(0.8)}),
    ("Shortcuts", CAUTION, {"audit": run.audit(0.925)}),
    ("Shortcuts", DISTRUST, {"audit": run.audit(0.95)}),
    ("Silence", CAUTION, {"views": {}}),
    ("Silence", DISTRUST, {"views": {"trimmed": 0.7}}),
    ("Silence", TRUST, {"views": {"trimmed": 0.95}}),
    ("Silence", TRUST, {"view": "trimmed", "views": {"clean": 0.95}}),
    ("Polarity", DISTRUST, {"views": {"trimmed": 0.93, "inverted": 0.6}}),
    ("Polarity", CAUTION, {"views": {"trimmed": 0.93}}),
    ("Polarity", TRUST, {"views": {"trimmed": 0.93, "inverted": 0.92}}),
    ("Worst view", CAUTION, {"views": {"trimmed": 0.93, "noise": 0.8}}),
    ("Worst view", CAUTION, {"views": {"trimmed": 0.93, "noise": 0.5}}),
    ("Worst attack", CAUTION, {"eval_changes": {"per_attack": attacks(A07=0.5, A08=0.95)}}),
    ("Worst attack", CAUTION, {"eval_changes": {"per_attack": attacks(A07=0.8, A08=0.95)}}),
    ("Threshold", CAUTION, {"hter": 0.15}),
    ("Threshold", DISTRUST, {"hter": 0.40}),
    ("Calibration", CAUTION, {"ece": (0.1,)}),
    ("Calibration", DISTRUST, {"ece": (0.2,)}),
    ("Calibration", TRUST, {"ece": (0.2, 0.16)}),
    ("Calibration", TRUST, {"ece": (0.06, 0.045)}),
    ("Cost of decisions", CAUTION, {"eval_changes": {"act_dcf": run.estimate(0.5)}}),
    ("Cost of decisions", DISTRUST, {"eval_changes": {"act_dcf": run.estimate(1.1)}}),
    ("Clips set aside", CAUTION, {"verified": run.verified(n_rejected=16)}),
    ("Clips set aside", DISTRUST, {"verified": run.verified(n_rejected=150)}),
]


@pytest.mark.parametrize(("name", "expected", "change"), CASES)
def test_each_check_trips_on_its_own_number(name, expected, change):
    change = dict(change)
    more = change.setdefault("eval_changes", {})
    if hter := change.pop("hter", None):
        more["at_threshold"] = dict.fromkeys(["miss", "false_alarm", "hter"], run.estimate(hter))
    if ece := change.pop("ece", None):
        more["ece"] = run.ece(0.3, *ece)
    assert rating(evidence(**change), name) == expected


def test_a_loss_with_the_silence_that_may_be_chance_calls_for_caution():
    found = evidence(views={"trimmed": 0.9})
    found.views["trimmed"]["change"]["roc_auc"] = run.estimate(-0.03, 0.05, 0.05)
    assert rating(found, "Silence") == CAUTION


@pytest.mark.parametrize(("policy", "conflicts", "expected"), [
    ("keep", 0, CAUTION),
    ("remove", 0, TRUST),
    ("remove", 1, CAUTION),
])  # fmt: skip
def test_duplicates_that_stay_or_contradict_call_for_caution(policy, conflicts, expected):
    counts = {"n_groups": 2, "n_trials": 4, "n_removed": 2, "examples": [["a", "b"]]}
    found = run.verified(duplicates={"policy": policy, "n_conflicts": conflicts} | counts)
    assert rating(evidence(verified=found), "Duplicates") == expected


def test_near_duplicates_call_for_caution():
    near = {"n_groups": 1, "n_trials": 2, "n_steady": 0, "examples": [["a", "b"]]}
    assert rating(evidence(verified=run.verified(near_duplicates=near)), "Duplicates") == CAUTION
    assert rating(evidence(), "Duplicates") == TRUST


def test_without_dev_no_decision_is_made_and_probabilities_call_for_caution():
    (found,) = trust.gather([run.without_dev()], [], run.audit(), run.verified())
    judged = trust.judge(found)
    assert judged["figures"]["Decisions"] == NONE_MADE
    assert judged["figures"]["Probabilities"] == CAUTION


def test_who_speaks_is_a_shortcut_only_where_voices_are_known():
    assert rating(evidence(), "Shortcuts") == TRUST
    assert rating(evidence(leak=run.leak(speakers=3)), "Shortcuts") == DISTRUST


def test_shortcuts_are_those_of_the_view_that_is_scored():
    audits = run.audit(0.95) | run.audit(0.55, view="trimmed")
    changes = {"view": "trimmed", "views": {"clean": 0.95}}
    made = {check.name: check for check in trust.checks(evidence(audit=audits, **changes))}
    assert made["Shortcuts"].status == TRUST
    assert "Level (silence trimmed), without listening: ROC-AUC 0.55" in made["Shortcuts"].sentence
    assert rating(evidence(audit=audits), "Shortcuts") == DISTRUST
    with pytest.raises(KeyError):  # never another view's
        evidence(audit=run.audit(), **changes)


def test_shortcuts_that_tie_to_the_printed_digits_are_all_named():
    audits = run.audit(0.55004)
    made = {check.name: check for check in trust.checks(evidence(audit=audits))}
    assert made["Shortcuts"].sentence.startswith("Duration and Level, without listening: ROC-AUC")


def test_without_an_audit_of_eval_shortcuts_are_not_known():
    made = {check.name: check for check in trust.checks(evidence(audit={"clean": {"splits": {}}}))}
    assert made["Shortcuts"].status == CAUTION
    assert made["Shortcuts"].sentence.startswith("Not measured")


def test_a_perfect_score_on_a_handful_of_clips_is_not_trusted():
    few = evidence(eval_changes={"n_bonafide": 10, "n_spoof": 10})
    assert trust.judge(few)["overall"]["status"] == DISTRUST
    some = evidence(eval_changes={"n_bonafide": 60, "n_spoof": 600})
    assert trust.judge(some)["overall"]["status"] == CAUTION


def turned(rounds=1):
    found = [run.chosen(str(number)) for number in range(rounds)]
    found[0]["calibration"]["slope"] = -0.3
    return found


def direction(found):
    (check,) = [check for check in trust.checks(found) if check.name == "Direction"]
    return check


def test_scores_that_dev_turned_round_against_eval_are_not_trusted():
    found = direction(evidence(chosen=turned()))
    assert (found.status, found.concerns) == (DISTRUST, KINDS)
    assert "calibration on dev turned the scores round (slope -0.3)" in found.sentence
    assert found.sentence.endswith("which points the wrong way on eval.")


def test_a_scorer_flipped_on_dev_and_eval_has_probabilities_the_right_way_round():
    found = direction(evidence(0.154, chosen=turned()))
    assert (found.status, found.concerns) == (DISTRUST, [RANKING, DECISIONS])
    assert "is flipped on eval" in found.sentence
    assert (
        "EER, average precision and error rates at the threshold are of the raw" in found.sentence
    )
    assert "exported score files are of the calibrated log-likelihood ratio" in found.sentence
    assert found.sentence.endswith("which points the right way on eval.")
    assert "would be a choice" not in found.sentence
    only_eval = direction(evidence(0.154))
    assert (only_eval.status, only_eval.concerns) == (DISTRUST, KINDS)
    assert "would be a choice made on the clips that are reported" in only_eval.sentence


def test_the_score_of_several_rounds_is_the_calibrated_one():
    found = direction(evidence(chosen=turned(rounds=5)))
    assert found.status == CAUTION
    assert "In 1 of 5 rounds the calibration on dev turned the scores round" in found.sentence
    assert "wrong way" not in found.sentence


def test_what_chance_does_to_a_calibration_error_is_said():
    small = {"n_bonafide": 100, "n_spoof": 100, "ece": run.ece(0.3, 0.091, 0.087)}
    made = {check.name: check for check in trust.checks(evidence(eval_changes=small))}
    assert made["Calibration"].status == TRUST
    assert made["Calibration"].sentence.startswith(
        "After calibration on dev: ECE 9.10%, where chance alone gives 8.70% with 200 clips (up to "
        "12.18% in 39 of 40 draws): none of it is beyond chance. Before: 30.00% (8.70% by chance)."
    )
    made = trust.checks(evidence(eval_changes={"ece": run.ece(0.3, 0.1, 0.06)}))
    (said,) = [check.sentence for check in made if check.name == "Calibration"]
    assert "8.00% is beyond chance" in said


def test_ill_calibrated_probabilities_do_not_touch_the_ranking():
    bad = {"ece": run.ece(0.3, 0.3)}
    found = trust.judge(evidence(eval_changes=bad | {"per_attack": attacks(A07=0.94)}))
    assert found["figures"]["Probabilities"] == DISTRUST
    assert found["overall"]["status"] == TRUST
    assert "Probabilities: do not trust, because of calibration" in found["overall"]["sentence"]


def test_the_page_shows_every_rating_and_every_bound_with_its_reason():
    found = trust.judge_all("toy", [evidence(), evidence(leak=run.leak(speakers=3))])
    json.dumps(found, allow_nan=False)
    page = report.rating(found)
    for check in found["experiments"][0]["checks"]:
        assert check["name"] in page
        assert check["sentence"] in unescape(page)
    for bound in bounds.BOUNDS:
        assert bound.reason in page
    assert 'class="bad">do not trust' in page
    assert 'class="good">trust' in page
    assert "http" not in page
