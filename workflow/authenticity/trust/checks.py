"""The checks: each reads some numbers of a run and says what they are worth."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from authenticity import estimates
from authenticity.names import CLEAN, INVERTED, NOT_KNOWN, TRIMMED, ordered_views, view_name
from authenticity.report import wording
from authenticity.report.data import (
    audited,
    duplicates,
    known_voices,
    near_duplicates,
    strongest,
)
from authenticity.report.wording import REPORTED, Json
from authenticity.trust.bounds import (
    COST,
    DRIFT,
    FEW,
    HANDFUL,
    LOSS,
    LOST,
    MANY_SET_ASIDE,
    MEANINGLESS,
    MISCALIBRATED,
    ONE_SIDED,
    ONE_SPEAKER,
    SET_ASIDE,
    SHORTCUT,
    UNSURE,
    VAGUE,
    WIDE,
    Bound,
)

TRUST, CAUTION, DISTRUST = "trust", "caution", "do not trust"
_SEVERITY = (TRUST, CAUTION, DISTRUST)
RANKING, DECISIONS, PROBABILITIES = "ROC-AUC and EER", "Decisions", "Probabilities"
KINDS = (RANKING, DECISIONS, PROBABILITIES)


@dataclass(frozen=True)
class Evidence:
    """What a run found out about one experiment.

    Attributes:
        metrics: on its own corpus, in the view that it is made for: mostly clean audio.
        views: metrics by view, of the same corpus, the view of `metrics` among them.
        audit: of the corpus, in the view of `metrics`.
        verified: of the corpus.
    """

    metrics: Json
    views: Mapping[str, Json]
    audit: Json
    verified: Json

    @property
    def found(self) -> Json:
        """The figures on the reported split."""
        return self.metrics["splits"][REPORTED]

    @property
    def others(self) -> list[str]:
        """The views that it is tested in beside the one that it is made for."""
        return [name for name in ordered_views(self.views) if name != self.metrics["view"]]

    def seen(self, view: str) -> Json:
        """The figures on the reported split in a view."""
        return self.views[view]["splits"][REPORTED]


@dataclass(frozen=True)
class Check:
    """One check: what it found, in a sentence with the numbers, and which figures it bears on."""

    name: str
    status: str
    sentence: str
    concerns: Sequence[str] = KINDS


def worst(statuses: Iterable[str]) -> str:
    """Return the most severe rating; trust where there is none."""
    return max(statuses, key=_SEVERITY.index, default=TRUST)


def checks(evidence: Evidence) -> list[Check]:
    """Return every check that the run has the numbers for."""
    made = [make(evidence) for make in _CHECKS]
    return [check for check in made if check]


def _auc(estimate: Json) -> str:
    return estimates.whole(estimate)


def _leak(evidence: Evidence) -> Check:
    said = wording.leak(evidence.metrics)
    if said:
        return Check("Leak", DISTRUST, said)
    unknown = wording.unknown_speakers(evidence.metrics)
    if unknown:
        return Check("Leak", CAUTION, unknown)
    if wording.is_published(evidence.metrics):
        words = f"Trained by others: whether on clips or speakers of {REPORTED} is not known."
        return Check("Leak", CAUTION, words)
    said = f"{REPORTED} shares no speaker and no copy of a clip with train or dev."
    return Check("Leak", TRUST, said)


def _direction(evidence: Evidence) -> Check:
    item, found = evidence.metrics, evidence.found
    said = wording.orientation(item, REPORTED)
    if not said:
        auc = _auc(found["roc_auc"])
        return Check("Direction", TRUST, f"ROC-AUC {auc}: its interval lies above 0.5.")
    one_round = len(item["chosen"]) == 1
    if found["orientation"] == "flipped" and one_round and wording.turned(item):
        # Calibrated on dev, before eval was seen, the probabilities point the right way.
        return Check("Direction", DISTRUST, said, [RANKING, DECISIONS])
    # With several rounds, the score that is ranked is the calibrated one.
    harmless = found["orientation"] == "as expected" and not one_round
    return Check("Direction", CAUTION if harmless else DISTRUST, said)


def _precision(evidence: Evidence) -> Check:
    width, of_eer = (
        evidence.found[name]["high"] - evidence.found[name]["low"] for name in ("roc_auc", "eer")
    )
    said = f"The interval of ROC-AUC is {width:.4f} wide, that of EER {100 * of_eer:.2f} points."
    status = worst([_graded(width, WIDE, VAGUE), CAUTION if of_eer > UNSURE.value else TRUST])
    if width == 0:
        status, said = CAUTION, wording.NO_WIDTH
    return Check("Precision", status, said, [RANKING])


def _clips(evidence: Evidence) -> Check:
    counts = evidence.found["n_bonafide"], evidence.found["n_spoof"]
    said = f"{counts[0]:,} bona fide and {counts[1]:,} spoof clips."
    status = CAUTION if min(counts) < FEW.value else TRUST
    return Check("Number of clips", DISTRUST if min(counts) < HANDFUL.value else status, said)


def _graded(value: float, caution: Bound, distrust: Bound) -> str:
    if value > distrust.value:
        return DISTRUST
    return CAUTION if value > caution.value else TRUST


def _new_speakers(evidence: Evidence) -> Check:
    how = evidence.found["interval"]
    said = f"Intervals come from a {how['method']} ({how['why']})"
    if wording.covers_new_speakers(evidence.found):
        return Check("New speakers", TRUST, f"{said}: they cover new speakers like these.")
    return Check(
        "New speakers", CAUTION, f"{said}: they do not cover new speakers of both classes."
    )


def _speakers(evidence: Evidence) -> Check:
    found = evidence.found
    counts = found["n_speakers_bonafide"], found["n_speakers_spoof"]
    said = f"{counts[0]:,} bona fide and {counts[1]:,} spoof speakers."
    fewest = evidence.metrics["interval"]["minimum_speakers"]
    if not min(counts):
        words = f"{said} A class without a known speaker: nothing says how many voices it has."
        return Check("Number of speakers", CAUTION, words)
    if min(counts) <= ONE_SPEAKER.value:
        words = f"{said} A class with one speaker: any difference may be that of two voices."
        return Check("Number of speakers", DISTRUST, words)
    if min(counts) < fewest:
        words = f"{said} Fewer than {fewest} in a class say little about others."
        return Check("Number of speakers", CAUTION, words)
    return Check("Number of speakers", TRUST, said)


def _voices(evidence: Evidence) -> Check | None:
    speakers = evidence.found["per_speaker"].values()
    if not speakers:
        return None
    one = sum(not (item["n_bonafide"] and item["n_spoof"]) for item in speakers)
    said = f"{one:,} of {wording.counted(len(speakers), 'speaker')} with clips of one class only."
    status = CAUTION if one / len(speakers) > ONE_SIDED.value else TRUST
    return Check("One-sided speakers", status, said, [RANKING])


def _shortcut(evidence: Evidence) -> Check:
    audits = audited(evidence.audit, evidence.metrics)
    if not audits:
        words = "Not measured: no partition that it is reported on holds both classes by itself."
        return Check("Shortcuts", CAUTION, words)
    own = evidence.found["roc_auc"]
    names, best = strongest(audits, known_voices(evidence.metrics))
    view = evidence.metrics["view"]
    heard = "" if view == CLEAN else f" ({view_name(view)})"
    said = f"{names}{heard}, without listening: ROC-AUC {_auc(best)}; the experiment: {_auc(own)}"
    if own["value"] <= best["value"]:
        return Check("Shortcuts", DISTRUST, f"{said}: no better.")
    if own["low"] <= best["high"]:
        return Check("Shortcuts", CAUTION, f"{said}: the intervals overlap.")
    if best["value"] >= SHORTCUT.value:
        return Check("Shortcuts", CAUTION, f"{said}: better, but part of it may be the shortcut.")
    return Check("Shortcuts", TRUST, f"{said}: beyond what it explains.")


def _silence(evidence: Evidence) -> Check:
    if evidence.metrics["view"] == TRIMMED:
        words = "Fitted and tested without leading and trailing silence."
        return Check("Silence", TRUST, words, [RANKING])
    if TRIMMED not in evidence.views:
        words = "Not measured: the run has no view without leading and trailing silence."
        return Check("Silence", CAUTION, words, [RANKING])
    return _carried(evidence, TRIMMED, "Silence", "with silence", "with silence trimmed")


def _polarity(evidence: Evidence) -> Check:
    if INVERTED not in evidence.views:
        words = "Not measured: the run has no view with the waveform turned upside down."
        return Check("Polarity", CAUTION, words, [RANKING])
    return _carried(
        evidence, INVERTED, "Polarity", "as recorded", "upside down, which sounds the same"
    )


def _carried(evidence: Evidence, view: str, name: str, with_it: str, without_it: str) -> Check:
    """Judge whether a figure is carried by what a view takes away, and speech does not need."""
    clean, other = evidence.found["roc_auc"], evidence.seen(view)["roc_auc"]
    change = evidence.views[view]["change"]["roc_auc"]
    said = (
        f"ROC-AUC {_auc(clean)} {with_it}, {_auc(other)} {without_it}, a change of "
        f"{estimates.change(change['value'])} {estimates.interval(change)} on the same clips"
    )
    if change["value"] < -LOSS.value and change["high"] < 0:
        return Check(name, DISTRUST, f"{said}: part of the figure is {name.lower()}.", [RANKING])
    if change["value"] < -LOSS.value:
        return Check(name, CAUTION, f"{said}: lower, perhaps by chance.", [RANKING])
    return Check(name, TRUST, f"{said}: {name.lower()} does not carry it.", [RANKING])


def _worst_view(evidence: Evidence) -> Check | None:
    if not evidence.others:
        return None
    view = min(
        evidence.others,
        key=lambda name: evidence.seen(name)["roc_auc"]["value"],
    )
    seen = evidence.seen(view)["roc_auc"]
    change = seen["value"] - evidence.found["roc_auc"]["value"]
    if round(change, 4) >= 0:
        words = f"None of {wording.counted(len(evidence.others), 'other view')} costs ROC-AUC."
        return Check("Worst view", TRUST, words)
    said = (
        f"Of {wording.counted(len(evidence.others), 'other view')}, {view_name(view)} is "
        f"the most harmful: ROC-AUC {_auc(seen)}, a change of {estimates.change(change)}."
    )
    if seen["low"] <= 0.5:
        return Check("Worst view", CAUTION, f"{said} {_no_better(seen)} there.")
    status = CAUTION if -change > LOSS.value else TRUST
    return Check("Worst view", status, said)


def _no_better(auc: Json) -> str:
    return "Ranked the wrong way round" if auc["high"] < 0.5 else "Not told apart from guessing"


def _worst_attack(evidence: Evidence) -> Check | None:
    attacks = evidence.found["per_attack"]
    measured = {
        name: item["roc_auc"]
        for name, item in attacks.items()
        if item["roc_auc"] and item["roc_auc"]["low"] is not None
    }
    if len(measured) < 2:  # a single one is the pooled figure
        return None
    name = min(measured, key=lambda attack: measured[attack]["value"])
    own, pooled = measured[name], evidence.found["roc_auc"]
    who = "spoof of an unknown attack" if name == NOT_KNOWN else name
    said = f"Of {wording.counted(len(measured), 'attack')}, {who} passes most: ROC-AUC {_auc(own)}"
    if own["low"] <= 0.5:
        words = f"{said}. {_no_better(own)}; the pooled figure hides it."
        return Check("Worst attack", CAUTION, words)
    if own["high"] < pooled["low"]:
        words = f"{said}, wholly below the pooled {_auc(pooled)}."
        return Check("Worst attack", CAUTION, words)
    return Check("Worst attack", TRUST, f"{said}.")


def _threshold(evidence: Evidence) -> Check | None:
    at, eer = evidence.found["at_threshold"], evidence.found["eer"]
    if not at:
        return None
    # Both rates, not their mean: a threshold that is off trades one for the other.
    drift = max(abs(at[name]["value"] - eer["value"]) for name in ("miss", "false_alarm"))
    said = (
        f"At the threshold of dev, {estimates.value(at['miss'], True)} of spoof is missed and "
        f"{estimates.value(at['false_alarm'], True)} of bona fide called spoof, where EER is "
        f"{estimates.value(eer, True)}; HTER {estimates.whole(at['hter'], True)}."
    )
    status = _graded(drift, DRIFT, LOST)
    if at["hter"]["high"] >= 0.5:
        status, said = DISTRUST, f"{said} No better than deciding by lot."
    return Check("Threshold", status, said, [DECISIONS])


def _calibration(evidence: Evidence) -> Check:
    found = evidence.found
    when = wording.stage(found)
    status = _graded(wording.beyond_chance(found, when), MISCALIBRATED, MEANINGLESS)
    said = wording.ece_in_words(found, when)
    if when == "before":
        said = f"{said} Not calibrated, because the protocol has no dev part."
        return Check("Calibration", worst([CAUTION, status]), said, [PROBABILITIES])
    said = (
        f"After calibration on dev: {said} Before: {wording.ece(found, 'before')}. "
        f"{_class_shares(evidence)}"
    )
    return Check("Calibration", status, said, [PROBABILITIES])


def _class_shares(evidence: Evidence) -> str:
    """Another share of spoof than dev's moves probabilities, however good the likelihood ratios."""
    here, dev = (
        each["n_spoof"] / (each["n_bonafide"] + each["n_spoof"])
        for each in (evidence.found, evidence.metrics["threshold"])
    )
    return f"The share of spoof is {here:.2f} on {REPORTED}, {dev:.2f} on dev."


def _cost(evidence: Evidence) -> Check | None:
    least, actual = evidence.found["min_dcf"], evidence.found["act_dcf"]
    if not (least and actual):
        return None
    excess = actual["value"] - least["value"]
    said = (
        f"Act DCF {_auc(actual)} against min DCF {_auc(least)}: {excess:.4f} lost to calibration."
    )
    if actual["value"] >= 1:
        words = f"{said} Deciding without listening costs no more."
        return Check("Cost of decisions", DISTRUST, words, [PROBABILITIES])
    status = CAUTION if excess > COST.value else TRUST
    return Check("Cost of decisions", status, said, [PROBABILITIES])


def _set_aside(evidence: Evidence) -> Check:
    verified = evidence.verified
    share = verified["n_rejected"] / verified["n_manifest"]
    said = f"{verified['n_rejected']:,} of {verified['n_manifest']:,} clips set aside "
    status = _graded(share, SET_ASIDE, MANY_SET_ASIDE)
    return Check("Clips set aside", status, f"{said}({100 * share:.2f}%).")


def _duplicates(evidence: Evidence) -> Check:
    found = evidence.verified["duplicates"]
    near = evidence.verified["near_duplicates"]
    said = f"{duplicates(found)} {near_duplicates(near)}"
    kept = found["n_groups"] > 0 and found["policy"] == "keep"
    status = CAUTION if kept or found["n_conflicts"] or near["n_groups"] else TRUST
    return Check("Duplicates", status, said)


_CHECKS = (
    _leak,
    _direction,
    _clips,
    _precision,
    _new_speakers,
    _speakers,
    _voices,
    _shortcut,
    _silence,
    _polarity,
    _worst_view,
    _worst_attack,
    _threshold,
    _calibration,
    _cost,
    _set_aside,
    _duplicates,
)
