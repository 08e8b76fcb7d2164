"""Which results to trust: each check by the numbers that must trip it, and no claim beyond them."""

import json
from html import unescape

import pytest
import run_files as run
from authenticity import report, trust
from authenticity.trust import CAUTION, DECISIONS, DISTRUST, KINDS, NONE_MADE, RANKING, TRUST

SOUND = run.many_speakers()


def evidence(auc=0.93, views=None, audit=None, verified=None, **changes):
    """Evidence against which nothing can be said, but for what a test changes."""
    changes["of_eval"] = SOUND | changes.get("of_eval", {})
    changes["views"] = {"trimmed": auc - 0.005, "inverted": auc} if views is None else views
    audit = audit or run.audit(view=changes.get("view", "clean"))
    return trust.Evidence(run.tested(auc=auc, **changes), audit, verified or run.verified())


def rating(evidence, name):
    return check(evidence, name).status


def check(evidence, name):
    (found,) = [check for check in trust.checks(evidence) if check.name == name]
    return found


def attacks(**aucs):
    return {"attack": run.attacks(**aucs)}


def test_a_sound_experiment_passes_every_check():
    sound = evidence(by=attacks(A07=0.93, A08=0.95))
    found = trust.judge(sound)
    assert {check["name"]: check["status"] for check in found["checks"]} == dict.fromkeys(
        [check["name"] for check in found["checks"]], TRUST
    )
    assert set(found["ratings"].values()) == {TRUST}
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
    assert set(found["ratings"].values()) == {DISTRUST}
    assert "nothing" in found["claim"]
    (said,) = [check["sentence"] for check in found["checks"] if check["name"] == "Leak"]
    assert f"train and eval share 7 {words}" in said


@pytest.mark.parametrize("auc", [0.5, 0.3])
def test_a_random_or_flipped_scorer_is_not_trusted(auc):
    found = trust.judge(evidence(auc))
    assert found["overall"]["status"] == DISTRUST
    assert set(found["ratings"].values()) == {DISTRUST}
    assert "direction" in found["overall"]["sentence"]


def test_intervals_over_trials_claim_nothing_about_new_speakers():
    found = trust.judge(evidence(of_eval={"method": run.BY_TRIAL}))
    assert found["overall"]["status"] == CAUTION
    assert "clips of the same speakers as those of eval" in found["claim"]


CASES = [
    ("Leak", CAUTION, {"leak": run.leak(unknown_speakers=4)}),
    ("Precision", CAUTION, {"of_eval": {"roc_auc": run.estimate(0.9, 0.05, 0.05)}}),
    ("Precision", DISTRUST, {"of_eval": {"roc_auc": run.estimate(0.8, 0.2, 0.05)}}),
    ("Precision", CAUTION, {"of_eval": {"roc_auc": run.estimate(1.0, 0.0, 0.0)}}),
    ("Number of speakers", CAUTION, {"of_eval": {"n_speakers_bonafide": 9}}),
    ("Number of speakers", DISTRUST, {"of_eval": {"n_speakers_spoof": 1}}),
    ("Number of speakers", CAUTION, {"of_eval": {"n_speakers_spoof": 0}}),
    (
        "Number of speakers",
        CAUTION,
        {"of_eval": dict.fromkeys(["n_speakers_bonafide", "n_speakers_spoof", "n_speakers"], 1)},
    ),
    (
        "One-sided speakers",
        CAUTION,
        {"of_eval": {"n_speakers_of_one_class": 21}},
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
    ("Polarity", DISTRUST, {"view": "inverted", "views": {"clean": 0.6}}),
    ("Polarity", TRUST, {"views": {"trimmed": 0.93, "inverted": 0.92}}),
    ("Worst view", CAUTION, {"views": {"trimmed": 0.93, "noise": 0.8}}),
    ("Worst view", CAUTION, {"views": {"trimmed": 0.93, "noise": 0.5}}),
    (
        "Worst view",
        CAUTION,
        {"views": {"short": 0.94}, "of_views": {"roc_auc_change": run.estimate(-0.03)}},
    ),
    ("Worst attack", CAUTION, {"by": attacks(A07=0.5, A08=0.95)}),
    ("Worst attack", CAUTION, {"by": attacks(A07=0.8, A08=0.95)}),
    ("Threshold", CAUTION, {"hter": 0.15}),
    ("Threshold", DISTRUST, {"hter": 0.40}),
    ("Calibration", CAUTION, {"ece": (0.1,)}),
    ("Calibration", DISTRUST, {"ece": (0.2,)}),
    ("Calibration", TRUST, {"ece": (0.2, 0.16)}),
    ("Calibration", TRUST, {"ece": (0.06, 0.045)}),
    ("Cost of decisions", CAUTION, {"of_eval": {"act_dcf": run.estimate(0.5)}}),
    ("Cost of decisions", DISTRUST, {"of_eval": {"act_dcf": run.estimate(1.1)}}),
    ("Clips set aside", CAUTION, {"verified": run.verified(n_rejected=16)}),
    ("Clips set aside", DISTRUST, {"verified": run.verified(n_rejected=150)}),
]


@pytest.mark.parametrize(("name", "expected", "change"), CASES)
def test_each_check_trips_on_its_own_number(name, expected, change):
    change = dict(change)
    more = change.setdefault("of_eval", {})
    if hter := change.pop("hter", None):
        more |= dict.fromkeys(["miss", "false_alarm", "hter"], run.estimate(hter))
    if ece := change.pop("ece", None):
        more |= run.ece(0.3, *ece)
    assert rating(evidence(**change), name) == expected


def test_a_loss_with_the_silence_that_may_be_chance_calls_for_caution():
    unsure = {"roc_auc_change": run.estimate(-0.03, 0.05, 0.05)}
    assert rating(evidence(views={"trimmed": 0.9}, of_views=unsure), "Silence") == CAUTION


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
    judged = trust.judge(trust.Evidence(run.without_dev(), run.audit(), run.verified()))
    assert judged["ratings"]["Decisions"] == NONE_MADE
    assert judged["ratings"]["Probabilities"] == CAUTION


def test_who_speaks_is_a_shortcut_only_where_voices_are_known():
    assert rating(evidence(), "Shortcuts") == TRUST
    assert rating(evidence(leak=run.leak(speakers=3)), "Shortcuts") == DISTRUST


def test_shortcuts_are_those_of_the_view_that_is_scored():
    of_view = run.audit(0.55, view="trimmed")
    found = evidence(audit=of_view, view="trimmed", views={"clean": 0.95})
    shortcuts = check(found, "Shortcuts")
    assert shortcuts.status == TRUST
    assert "Level (silence trimmed), without listening: ROC-AUC 0.55" in shortcuts.sentence
    assert rating(evidence(audit=run.audit(0.95)), "Shortcuts") == DISTRUST


def test_shortcuts_that_tie_to_the_printed_digits_are_all_named():
    shortcuts = check(evidence(audit=run.audit(0.55004)), "Shortcuts")
    assert shortcuts.sentence.startswith("Duration and Level, without listening: ROC-AUC")


def test_without_an_audit_of_eval_shortcuts_are_not_known():
    shortcuts = check(evidence(audit={"splits": {}}), "Shortcuts")
    assert shortcuts.status == CAUTION
    assert shortcuts.sentence.startswith("Not measured")


def test_a_perfect_score_on_a_handful_of_clips_is_not_trusted():
    few = evidence(of_eval={"n_bonafide": 10, "n_spoof": 10})
    assert trust.judge(few)["overall"]["status"] == DISTRUST
    some = evidence(of_eval={"n_bonafide": 60, "n_spoof": 600})
    assert trust.judge(some)["overall"]["status"] == CAUTION


def turned(rounds=1):
    slopes = [-0.3, *[0.91] * (rounds - 1)]
    return [run.chosen(str(number), slope=slope) for number, slope in enumerate(slopes)]


def direction(found):
    return check(found, "Direction")


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
    small = {"n_bonafide": 100, "n_spoof": 100} | run.ece(0.3, 0.091, 0.087)
    calibration = check(evidence(of_eval=small), "Calibration")
    assert calibration.status == TRUST
    assert calibration.sentence.startswith(
        "After calibration on dev: ECE 9.10%, where chance alone gives 8.70% with 200 clips (up to "
        "12.18% in 39 of 40 draws): none of it is beyond chance. Before: 30.00% (8.70% by chance)."
    )
    assert calibration.sentence.endswith("The share of spoof is 0.50 on eval, 0.55 on dev.")
    beyond = check(evidence(of_eval=run.ece(0.3, 0.1, 0.06)), "Calibration")
    assert "8.00% is beyond chance" in beyond.sentence


def test_ill_calibrated_probabilities_do_not_touch_the_ranking():
    found = trust.judge(evidence(of_eval=run.ece(0.3, 0.3), by=attacks(A07=0.94)))
    assert found["ratings"]["Probabilities"] == DISTRUST
    assert found["overall"]["status"] == TRUST
    assert "Probabilities: do not trust, because of calibration" in found["overall"]["sentence"]


def test_the_page_shows_every_rating_and_every_bound_with_its_reason():
    found = trust.judge_all("toy", [evidence(), evidence(leak=run.leak(speakers=3))])
    json.dumps(found, allow_nan=False)
    page = report.rating(found)
    for check in found["experiments"][0]["checks"]:
        assert check["name"] in page
        assert check["sentence"] in unescape(page)
    named = [bound for bound in vars(trust).values() if isinstance(bound, trust.Bound)]
    assert len(named) == len(trust.BOUNDS) == len(found["thresholds"])
    for bound in named:
        assert bound.reason in page
    assert 'class="bad">do not trust' in page
    assert 'class="good">trust' in page
    # A rating of probabilities may be worse than that of the experiment.
    assert "An experiment is rated by its ROC-AUC and EER" in page
    assert "http" not in page
