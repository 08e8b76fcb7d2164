"""Which results of a run to trust, and why: named checks on the run's own numbers.

A check has a rating, a sentence with the numbers behind it, and the kinds of metric it bears on.
The worst rating of a kind of metric is the rating of it; that of the ranking metrics, ROC-AUC and
EER, is the experiment's. What a check holds a value against is a `Bound`; none is a law, and each
has its reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from authenticity import estimates, wording
from authenticity.estimates import Estimate
from authenticity.evaluation.audit import audited, known_voices, strongest
from authenticity.evaluation.bootstrap import BY_SPEAKER, LEVEL, MINIMUM_SPEAKERS
from authenticity.evaluation.results import ATTACK, REPORTED, Results, Tested
from authenticity.names import CLEAN, INVERTED, NOT_KNOWN, TRIMMED, view_name

TRUST, CAUTION, DISTRUST = "trust", "caution", "do not trust"
_SEVERITY = (TRUST, CAUTION, DISTRUST)
RANKING, DECISIONS, PROBABILITIES = "ROC-AUC and EER", "Decisions", "Probabilities"
KINDS = (RANKING, DECISIONS, PROBABILITIES)
NONE_MADE = "none made"
"""Stands for the rating of decisions that a protocol without a dev part does not make."""

Found = tuple[str, str] | tuple[str, str, Sequence[str]] | None
"""A rating, its sentence, and the kinds of metric it bears on unless all; None without numbers."""


@dataclass(frozen=True)
class Bound:
    """A number that a check holds a value against, and the reason for it."""

    value: float
    reason: str


FEW = Bound(
    100, "Caution where a class has fewer clips: one error moves its rate by more than a point."
)
HANDFUL = Bound(20, "No trust where a class has fewer clips: one error moves its rate by five.")
WIDE = Bound(
    0.05, "Caution where the interval of ROC-AUC is wider: published systems differ by less."
)
VAGUE = Bound(
    0.20, "No trust where the interval of ROC-AUC is wider: from a weak detector to a good one."
)
UNSURE = Bound(
    0.10, "Caution where the interval of EER is wider: a fifth of what separates 0% from guessing."
)
ONE_SPEAKER = Bound(
    1,
    "No trust where a class has no more speakers than this: voice and class are one thing. Caution "
    "where both classes have the same speaker only.",
)
ONE_SIDED = Bound(
    0.5,
    "Caution where more than this share of the speakers has clips of one class only: a known voice "
    "tells the class.",
)
SHORTCUT = Bound(
    0.75,
    "Caution where a single property reaches this ROC-AUC: halfway from guessing to perfect, "
    "without any speech heard.",
)
LOSS = Bound(
    0.02,
    "Caution where a view costs more ROC-AUC. Where trimming silence or inverting the waveform "
    "costs it beyond chance, no trust: it is in part one of silence or polarity.",
)
DRIFT = Bound(
    0.05,
    "Caution where either error rate at the threshold of dev is further from the EER: the "
    "threshold does not carry over.",
)
LOST = Bound(0.25, "No trust where it is further: a threshold set on dev is useless on eval.")
MISCALIBRATED = Bound(
    0.05,
    "Caution where more of ECE is beyond chance (none is where chance gives as much in 1 of 40 "
    "draws): a probability is off by one in twenty on average.",
)
MEANINGLESS = Bound(
    0.15,
    "No trust in probabilities where more of it is beyond chance: 80% may mean 65% as well as 95%.",
)
COST = Bound(
    0.10,
    "Caution where act DCF exceeds min DCF by more, of the 1.0 that deciding without listening "
    "costs.",
)
SET_ASIDE = Bound(
    0.01, "Caution where a larger share of the clips was set aside: what a run allows by default."
)
MANY_SET_ASIDE = Bound(
    0.05, "No trust where the share is larger: the clips left need not be like the others."
)
BOUNDS = [found for found in list(vars().values()) if isinstance(found, Bound)]


@dataclass(frozen=True)
class Evidence:
    """What a run found out about one experiment.

    Attributes:
        tested: the experiment on its own corpus or another, in every view.
        audit: of that corpus, in the view in which the experiment scores.
        verified: of that corpus.
    """

    tested: Tested
    audit: Mapping[str, Any]
    verified: Mapping[str, Any]

    @property
    def own(self) -> Results:
        """The results on the reported split, in the view in which the experiment scores."""
        return self.tested.reported


@dataclass(frozen=True)
class Check:
    """One check: its rating, a sentence with the numbers behind it, and what it bears on."""

    name: str
    status: str
    sentence: str
    concerns: Sequence[str] = KINDS


def worst(statuses: Iterable[str]) -> str:
    """Return the most severe rating; trust where there is none."""
    return max(statuses, key=_SEVERITY.index, default=TRUST)


def checks(evidence: Evidence) -> list[Check]:
    """Return every check that the run has the numbers for."""
    found = {name: find(evidence) for name, find in _CHECKS.items()}
    return [Check(name, *each) for name, each in found.items() if each]


def _graded(value: float, caution: Bound, distrust: Bound) -> str:
    if value > distrust.value:
        return DISTRUST
    return CAUTION if value > caution.value else TRUST


def _leak(evidence: Evidence) -> Found:
    if leak := wording.leak(evidence.tested):
        return DISTRUST, leak
    if unknown := wording.unknown_speakers(evidence.tested):
        return CAUTION, unknown
    if wording.is_published(evidence.tested):
        words = f"Trained by others: whether on clips or speakers of {REPORTED} is not known."
        return CAUTION, words
    return TRUST, f"{REPORTED} shares no speaker and no copy of a clip with train or dev."


def _direction(evidence: Evidence) -> Found:
    item, words = evidence.tested, wording.orientation(evidence.tested)
    if not words:
        auc = estimates.whole(evidence.own["roc_auc"])
        return TRUST, f"ROC-AUC {auc}: its interval lies above 0.5."
    way, one_round = item.orientation(), len(item.chosen) == 1
    if way == "flipped" and one_round and wording.turned(item):
        # Calibrated on dev, before eval was seen, the probabilities point the right way.
        return DISTRUST, words, [RANKING, DECISIONS]
    # With several rounds, the score that is ranked is the calibrated one.
    return CAUTION if way == "as expected" and not one_round else DISTRUST, words


def _clips(evidence: Evidence) -> Found:
    auc = evidence.own["roc_auc"]
    words = f"{auc.n_bonafide:,} bona fide and {auc.n_spoof:,} spoof clips."
    fewest = min(auc.n_bonafide, auc.n_spoof)
    if fewest < HANDFUL.value:
        return DISTRUST, words
    return CAUTION if fewest < FEW.value else TRUST, words


def _precision(evidence: Evidence) -> Found:
    width, of_eer = (
        evidence.own[name].high - evidence.own[name].low for name in ("roc_auc", "eer")
    )
    if width == 0:
        return CAUTION, wording.NO_WIDTH, [RANKING]
    words = f"The interval of ROC-AUC is {width:.4f} wide, that of EER {100 * of_eer:.2f} points."
    of_auc = _graded(width, WIDE, VAGUE)
    return worst([of_auc, CAUTION if of_eer > UNSURE.value else TRUST]), words, [RANKING]


def _new_speakers(evidence: Evidence) -> Found:
    method, why = evidence.own["roc_auc"].method, evidence.tested.why[REPORTED]
    words = f"Intervals come from a {method} ({why})"
    if method == BY_SPEAKER:
        return TRUST, f"{words}: they cover new speakers like these."
    return CAUTION, f"{words}: they do not cover new speakers of both classes."


def _speakers(evidence: Evidence) -> Found:
    counts = [int(evidence.own[f"n_speakers_{name}"].value) for name in ("bonafide", "spoof")]
    words = f"{counts[0]:,} bona fide and {counts[1]:,} spoof speakers."
    if not min(counts):
        words += " A class without a known speaker: nothing says how many voices it has."
        return CAUTION, words
    if evidence.own["n_speakers"].value == 1:
        return CAUTION, f"{words} It is the same speaker: nothing is said about other voices."
    if min(counts) <= ONE_SPEAKER.value:
        words += " A class with one speaker: any difference may be that of two voices."
        return DISTRUST, words
    if min(counts) < MINIMUM_SPEAKERS:
        return CAUTION, f"{words} Fewer than {MINIMUM_SPEAKERS} in a class say little about others."
    return TRUST, words


def _voices(evidence: Evidence) -> Found:
    number, of_one_class = (
        int(evidence.own[name].value) for name in ("n_speakers", "n_speakers_of_one_class")
    )
    if not number:
        return None
    speakers = wording.counted(number, "speaker")
    words = f"{of_one_class:,} of {speakers} with clips of one class only."
    return CAUTION if of_one_class / number > ONE_SIDED.value else TRUST, words, [RANKING]


def _shortcut(evidence: Evidence) -> Found:
    item, auc = evidence.tested, evidence.own["roc_auc"]
    audits = audited(evidence.audit, item)
    if not audits:
        words = "Not measured: no split that it is reported on holds both classes by itself."
        return CAUTION, words
    names, best = strongest(audits, known_voices(item))
    heard = "" if item.view == CLEAN else f" ({view_name(item.view)})"
    words = (
        f"{wording.listed(names)}{heard}, without listening: ROC-AUC {estimates.whole(best)}; "
        f"the experiment: {estimates.whole(auc)}"
    )
    if auc.value <= best.value:
        return DISTRUST, f"{words}: no better."
    if auc.low <= best.high:
        return CAUTION, f"{words}: the intervals overlap."
    if best.value >= SHORTCUT.value:
        return CAUTION, f"{words}: better, but part of it may be the shortcut."
    return TRUST, f"{words}: beyond what it explains."


def _silence(evidence: Evidence) -> Found:
    if evidence.tested.view == TRIMMED:
        return TRUST, "Fitted and tested without leading and trailing silence.", [RANKING]
    heard = "with silence", "with silence trimmed"
    return _carried(evidence, TRIMMED, "silence", heard, "without leading and trailing silence")


def _polarity(evidence: Evidence) -> Found:
    heard, view = ("as recorded", "with inverted polarity, which sounds the same"), INVERTED
    if evidence.tested.view == INVERTED:
        heard, view = heard[::-1], CLEAN
    return _carried(evidence, view, "polarity", heard, "with inverted polarity")


def _carried(
    evidence: Evidence, view: str, name: str, heard: tuple[str, str], missing: str
) -> Found:
    """Judge whether a value is carried by what a view takes away, and speech does not need.

    `heard` says how clips sound in the experiment's own view and in the other; `missing` is what a
    run without the other has no view of.
    """
    if view not in evidence.tested.views:
        return CAUTION, f"Not measured: the run has no view {missing}.", [RANKING]
    other = evidence.tested.on(REPORTED, view=view)
    change = other["roc_auc_change"]
    words = (
        f"ROC-AUC {estimates.whole(evidence.own['roc_auc'])} {heard[0]}, "
        f"{estimates.whole(other['roc_auc'])} {heard[1]}, a change of "
        f"{estimates.change(change.value)} {estimates.interval(change)} on the same clips"
    )
    if change.value >= -LOSS.value:
        return TRUST, f"{words}: {name} does not carry it.", [RANKING]
    if change.high < 0:
        return DISTRUST, f"{words}: part of the value is {name}.", [RANKING]
    return CAUTION, f"{words}: lower, perhaps by chance.", [RANKING]


def _worst_view(evidence: Evidence) -> Found:
    others = evidence.tested.others
    if not others:
        return None
    view, results = min(others.items(), key=lambda item: item[1]["roc_auc_change"].value)
    auc, change = results["roc_auc"], results["roc_auc_change"].value
    views = wording.counted(len(others), "other view")
    if round(change, 4) >= 0:
        return TRUST, f"Of {views}, none costs ROC-AUC."
    words = (
        f"Of {views}, {view_name(view)} is the most harmful: ROC-AUC {estimates.whole(auc)}, "
        f"a change of {estimates.change(change)} on the same clips."
    )
    if auc.low <= 0.5:
        return CAUTION, f"{words} {_no_better(auc)} there."
    return CAUTION if -change > LOSS.value else TRUST, words


def _no_better(auc: Estimate) -> str:
    return "Ranked the wrong way round" if auc.high < 0.5 else "Not told apart from guessing"


def _worst_attack(evidence: Evidence) -> Found:
    attacks = evidence.tested.on(REPORTED, ATTACK).each("roc_auc")
    aucs = {name: auc for name, auc in attacks.items() if auc.low is not None}
    if len(aucs) < 2:  # a single one is the pooled value
        return None
    name, auc = min(aucs.items(), key=lambda item: item[1].value)
    pooled = evidence.own["roc_auc"]
    who = "spoof of an unknown attack" if name == NOT_KNOWN else name
    count = wording.counted(len(aucs), "attack")
    words = f"Of {count}, {who} passes most: ROC-AUC {estimates.whole(auc)}"
    if auc.low <= 0.5:
        return CAUTION, f"{words}. {_no_better(auc)}; the pooled value hides it."
    if auc.high < pooled.low:
        return CAUTION, f"{words}, wholly below the pooled {estimates.whole(pooled)}."
    return TRUST, f"{words}."


def _threshold(evidence: Evidence) -> Found:
    hter, eer = evidence.own.get("hter"), evidence.own["eer"]
    if not hter:
        return None
    miss, false_alarm = evidence.own["miss"], evidence.own["false_alarm"]
    words = (
        f"At the threshold of dev, {estimates.value(miss, True)} of spoof is missed and "
        f"{estimates.value(false_alarm, True)} of bona fide called spoof, where EER is "
        f"{estimates.value(eer, True)}; HTER {estimates.whole(hter, True)}."
    )
    if hter.high >= 0.5:
        return DISTRUST, f"{words} No better than deciding by lot.", [DECISIONS]
    # Both rates, not their mean: a threshold that is off trades one for the other.
    drift = max(abs(rate.value - eer.value) for rate in (miss, false_alarm))
    return _graded(drift, DRIFT, LOST), words, [DECISIONS]


def _calibration(evidence: Evidence) -> Found:
    own, suffix = evidence.own, wording.stage(evidence.own)
    beyond = wording.beyond_chance(own, suffix)
    status = _graded(beyond, MISCALIBRATED, MEANINGLESS)
    words = wording.ece_in_words(own, suffix)
    if suffix:
        words += " Not calibrated, because the protocol has no dev part."
        return worst([CAUTION, status]), words, [PROBABILITIES]
    # Another share of spoof than dev's moves probabilities, however good the likelihood ratios.
    auc, dev = own["roc_auc"], evidence.tested.threshold
    here = auc.n_spoof / (auc.n_bonafide + auc.n_spoof)
    on_dev = dev["n_spoof"] / (dev["n_bonafide"] + dev["n_spoof"])
    words = (
        f"After calibration on dev: {words} Before: {wording.ece(own, '_before_calibration')}. "
        f"The share of spoof is {here:.2f} on {REPORTED}, {on_dev:.2f} on dev."
    )
    return status, words, [PROBABILITIES]


def _cost(evidence: Evidence) -> Found:
    least, actual = evidence.own["min_dcf"], evidence.own.get("act_dcf")
    if not actual:
        return None
    excess = actual.value - least.value
    words = (
        f"Act DCF {estimates.whole(actual)} against min DCF {estimates.whole(least)}: "
        f"{excess:.4f} lost to calibration."
    )
    if actual.value >= 1:
        return DISTRUST, f"{words} Deciding without listening costs no more.", [PROBABILITIES]
    return CAUTION if excess > COST.value else TRUST, words, [PROBABILITIES]


def _set_aside(evidence: Evidence) -> Found:
    rejected, listed = evidence.verified["n_rejected"], evidence.verified["n_manifest"]
    words = f"{rejected:,} of {listed:,} clips set aside ({100 * rejected / listed:.2f}%)."
    return _graded(rejected / listed, SET_ASIDE, MANY_SET_ASIDE), words


def _duplicates(evidence: Evidence) -> Found:
    same, near = evidence.verified["duplicates"], evidence.verified["near_duplicates"]
    kept = same["n_groups"] > 0 and same["policy"] == "keep"
    status = CAUTION if kept or same["n_conflicts"] or near["n_groups"] else TRUST
    return status, f"{wording.duplicates(same)} {wording.near_duplicates(near)}"


_CHECKS = {
    "Leak": _leak,
    "Direction": _direction,
    "Number of clips": _clips,
    "Precision": _precision,
    "New speakers": _new_speakers,
    "Number of speakers": _speakers,
    "One-sided speakers": _voices,
    "Shortcuts": _shortcut,
    "Silence": _silence,
    "Polarity": _polarity,
    "Worst view": _worst_view,
    "Worst attack": _worst_attack,
    "Threshold": _threshold,
    "Calibration": _calibration,
    "Cost of decisions": _cost,
    "Clips set aside": _set_aside,
    "Duplicates": _duplicates,
}


def judge(evidence: Evidence) -> dict[str, Any]:
    """Return the ratings of one experiment as plain data: overall, per kind of metric, checks."""
    made = checks(evidence)
    ratings = {
        kind: worst(check.status for check in made if kind in check.concerns) for kind in KINDS
    }
    if not evidence.tested.threshold:
        ratings[DECISIONS] = NONE_MADE
    because = {kind: _because(made, kind, status) for kind, status in ratings.items()}
    return {
        "name": evidence.tested.name,
        "control": evidence.tested.control,
        "overall": {
            "status": ratings[RANKING],
            "sentence": " ".join(f"{kind}: {why}." for kind, why in because.items()),
        },
        "claim": _claim(evidence, ratings[RANKING]),
        "ratings": ratings,
        "checks": [asdict(check) | {"concerns": list(check.concerns)} for check in made],
    }


def judge_all(corpus: str, evidence: Sequence[Evidence]) -> dict[str, Any]:
    """Return the ratings of a corpus's experiments, with what values were held against."""
    return {
        "corpus": corpus,
        "split": REPORTED,
        "experiments": [judge(item) for item in evidence],
        "thresholds": [asdict(bound) for bound in BOUNDS],
    }


def _because(made: Sequence[Check], kind: str, status: str) -> str:
    if status in (TRUST, NONE_MADE):
        return status
    names = [check.name for check in made if kind in check.concerns and check.status == status]
    return f"{status}, because of {wording.listed([name.lower() for name in names])}"


def _claim(evidence: Evidence, status: str) -> str:
    """Say the most that the numbers support."""
    if status == DISTRUST:
        return "What can be claimed: nothing about clips that the experiment has not met."
    interval = estimates.interval(evidence.own["roc_auc"]).strip("()").replace(" to ", " and ")
    by_speaker = evidence.own["roc_auc"].method == BY_SPEAKER
    whom = "speakers drawn like those" if by_speaker else "clips of the same speakers as those"
    return (
        f"What can be claimed: on {whom} of {REPORTED}, and on its attacks, ROC-AUC lies between "
        f"{interval} ({100 * LEVEL:g}% interval)."
    )
