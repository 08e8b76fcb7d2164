"""From a score to a verdict: two thresholds with a band between them, and how often they are wrong.

The band is set on dev alone, where the calibration was fitted and the layer was chosen, too. So its
errors are counted on dev and on eval, and only the rates on eval say what to expect, of recordings
like eval's. Where these are too high, the verdict is withheld. Eval is used for nothing else.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from authenticity.names import view_name
from authenticity.scoring.result import Caution, Verdict

TARGET_ERROR = 0.05
"""The largest share of either class of dev that the verdict may get wrong."""

SYNTHETIC: Verdict = "likely synthetic"
GENUINE: Verdict = "likely genuine"
UNDECIDED: Verdict = "cannot tell"
VERDICTS = (SYNTHETIC, GENUINE, UNDECIDED)

CLASSES = ("bonafide", "spoof")
"""By label."""

NAMES = dict(zip(CLASSES, ("genuine", "synthetic"), strict=True))
WRONG = {SYNTHETIC: "bonafide", GENUINE: "spoof"}
"""On which class a verdict is an error."""

DISTRUST, PROBABILITIES = "do not trust", "Probabilities"
"""Of `trust.checks`, which draws on the whole report."""

OF_THE_ANSWER = ("polarity", "part_synthetic")
"""Cautions that say that answers contradict each other; all others are on the recording."""


@dataclass(frozen=True)
class Band:
    """Log-likelihood ratios between `lower` and `upper` are not decided.

    Attributes:
        lower: below it a recording is called genuine.
        upper: from it on a recording is called synthetic; no less than `lower`.
    """

    lower: float
    upper: float

    def verdicts(self, llr: ArrayLike) -> NDArray[np.str_]:
        """Return what is said at each log-likelihood ratio, (n,)."""
        llr = np.asarray(llr, np.float64)
        below = np.where(llr < self.lower, GENUINE, UNDECIDED)
        return np.where(llr >= self.upper, SYNTHETIC, below)


def band(llr: ArrayLike, labels: ArrayLike, target: float = TARGET_ERROR) -> Band:
    """Set the band so that no more than `target` of either class is called what it is not.

    `upper` is the smallest number at which few enough bona fide trials are called synthetic,
    `lower` the largest at which few enough spoof ones are called genuine. Where the classes are so
    far apart that these cross, nothing needs to stay open: both are then the EER threshold.

    Args:
        llr: of dev, finite, (n,).
        labels: 0 bona fide, 1 spoof, both present, (n,).
        target: between 0 and 1.
    """
    from authenticity.evaluation.metrics import eer_threshold

    llr, labels = np.asarray(llr, np.float64), np.asarray(labels)
    bonafide, spoof = np.sort(llr[labels == 0])[::-1], np.sort(llr[labels == 1])
    upper = float(np.nextafter(bonafide[_allowed(len(bonafide), target)], np.inf))
    lower = float(spoof[_allowed(len(spoof), target)])
    if upper < lower:
        upper = lower = eer_threshold(labels, llr)
    return Band(lower, upper)


def _allowed(number: int, target: float) -> int:
    # A share such as 5% of 100 is 5, though 0.05 has no exact double.
    return math.floor(number * target + 1e-9)


def outcomes(
    chosen: Band,
    llr: ArrayLike,
    labels: ArrayLike,
    speakers: Sequence[str] | NDArray,
    seed: int,
) -> dict[str, Any]:
    """Count what the band makes of trials.

    Intervals are of 95%: where a class has enough speakers, by the bootstrap over speakers; else
    Wilson's (1927), of clips, which says what other clips of the same speakers could have given.

    Args:
        chosen: the band.
        llr: of the trials, (n,).
        labels: 0 bona fide, 1 spoof, both present, (n,).
        speakers: (n,); None for one that is not known.
        seed: of the bootstrap.

    Returns:
        By class (`bonafide`, `spoof`) `n`, `speakers` (how many are known) and, by verdict, `n`,
        `value`, `low` and `high` of its share; and under `interval` how the intervals were made.
    """
    from authenticity.evaluation.bootstrap import (
        BY_SPEAKER,
        LEVEL,
        N_RESAMPLES,
        SHARE,
        Resampler,
        ends,
    )

    labels, verdicts = np.asarray(labels), chosen.verdicts(llr)
    resampler = Resampler(labels, speakers, seed)
    by_speaker = resampler.method == BY_SPEAKER
    weights = np.concatenate(list(resampler.blocks(N_RESAMPLES))) if by_speaker else None
    counted: dict[str, Any] = {
        "interval": {
            "level": LEVEL,
            "method": BY_SPEAKER if by_speaker else "Wilson score interval of clips",
            "why": resampler.why,
        }
    }
    for label, name in enumerate(CLASSES):
        of_class = labels == label
        known = set(np.asarray(speakers, dtype=object)[of_class].tolist()) - {None}
        rows: dict[str, Any] = {"n": int(of_class.sum()), "speakers": len(known)}
        for verdict in VERDICTS:
            hits = of_class & (verdicts == verdict)
            if weights is None:
                low, high = _wilson(int(hits.sum()), rows["n"], LEVEL)
            else:
                shares = weights[:, hits].sum(axis=1) / weights[:, of_class].sum(axis=1)
                low, high = ends(hits.sum() / rows["n"], shares, resampler.n_speakers, SHARE)
            rows[verdict] = {
                "n": int(hits.sum()),
                "value": float(hits.sum() / rows["n"]),
                "low": float(low),
                "high": float(high),
            }
        counted[name] = rows
    return counted


def _wilson(hits: int, number: int, level: float) -> tuple[float, float]:
    from scipy.stats import binomtest

    interval = binomtest(hits, number).proportion_ci(level, method="wilson")
    return interval.low, interval.high


def issued(
    evaluated: Mapping[str, Any] | None, views: Mapping[str, Any], target: float
) -> dict[str, bool]:
    """Say of each verdict whether it is given at all.

    It is not where, on clips that nothing was fitted, chosen or set on, even the lower end of the
    interval of its error is above the target: as they are, or in any view that they were tested in,
    since nobody knows what a recording has been through. Eval only ever withholds: no number is
    tuned on it, so its rates stay those of unseen clips.

    Args:
        evaluated: `outcomes` of eval; None without: nothing is then withheld.
        views: the same in each tested view.
        target: the largest share of either class that a verdict may get wrong.
    """
    measured = [each for each in (evaluated, *views.values()) if each is not None]
    return {
        verdict: all(each[name][verdict]["low"] <= target for each in measured)
        for verdict, name in WRONG.items()
    }


def concluded(
    verdict: Verdict, llr: float, cautions: Sequence[Caution], about: Mapping[str, Any]
) -> tuple[Verdict, str]:
    """Return the verdict and, in a few sentences, why it is that and how often it is wrong.

    Args:
        verdict: where the recording lies by the band.
        llr: its log-likelihood ratio.
        cautions: on it, severe ones first.
        about: of the bundle: `decision` and `trust`.
    """
    if cautions and cautions[0].severe:
        message = cautions[0].message
        if cautions[0].code in OF_THE_ANSWER:
            return UNDECIDED, f"Its answers contradict each other. {message}"
        message = f"{message[0].lower()}{message[1:]}"
        return UNDECIDED, f"It is unlike what the model was trained on: {message}"
    decision = about["decision"]
    ratio, lower, upper = (f"{value:.2f}" for value in (llr, decision["lower"], decision["upper"]))
    if verdict == UNDECIDED:
        why = (
            f"Its log-likelihood ratio of {ratio} lies between {lower} and {upper}, where either "
            f"verdict would be wrong too often. {_undecided(decision)}"
        )
        return UNDECIDED, why + _distrusted(about["trust"])
    side = f"not below {upper}" if verdict == SYNTHETIC else f"below {lower}"
    lies = f"Its log-likelihood ratio of {ratio} is {side}, where"
    if not decision["issued"][verdict]:
        why = (
            f"{lies} the limit for “{verdict}” lies; but {withheld(decision, verdict)}, so it "
            "gives no such verdict."
        )
        return UNDECIDED, why + _distrusted(about["trust"])
    called, name = verdict.removeprefix("likely "), NAMES[WRONG[verdict]]
    by_construction = decision["dev"][WRONG[verdict]][verdict]["value"]
    why = (
        f"{lies} a recording is called {called}; by construction, so were "
        f"{100 * by_construction:.0f}% of the {name} clips that set this limit. "
        f"{_unseen(decision, verdict)}"
    )
    return verdict, why + _distrusted(about["trust"])


def withheld(decision: Mapping[str, Any], verdict: Verdict) -> str:
    """Say where a verdict is wrong too often, and so not given."""
    name = WRONG[verdict]
    view, row = against(decision, verdict)
    heard = f", {view_name(view)}," if view else ""
    return (
        f"this model would call {share(row[verdict])} of {row['n']} unseen {NAMES[name]} clips"
        f"{people(row, name)}{heard} {verdict.removeprefix('likely ')}, where "
        f"{100 * decision['target']:g}% is the aim"
    )


def against(decision: Mapping[str, Any], verdict: Verdict) -> tuple[str, Mapping[str, Any]]:
    """Return a view where a verdict is wrong too often, and the outcomes there of the wrong class.

    The view is "", clips as recorded, if it is wrong too often there, else the worst one.
    """
    name = WRONG[verdict]
    measured = {"": decision["eval"], **decision["views"]}
    wrong = {
        view: outcomes[name]
        for view, outcomes in measured.items()
        if outcomes is not None and outcomes[name][verdict]["low"] > decision["target"]
    }
    view = "" if "" in wrong else max(wrong, key=lambda each: wrong[each][verdict]["value"])
    return view, wrong[view]


def share(row: Mapping[str, float]) -> str:
    """Return a share in percent, with its interval."""
    value, low, high = (f"{100 * row[name]:.0f}" for name in ("value", "low", "high"))
    return f"{value}% ({low} to {high}%)"


def people(rows: Mapping[str, Any], name: str) -> str:
    """Say how many people bona fide clips are of, where that is known."""
    if name != "bonafide" or not rows["speakers"]:
        return ""
    return " (1 person)" if rows["speakers"] == 1 else f" ({rows['speakers']} people)"


def _unseen(decision: Mapping[str, Any], verdict: Verdict) -> str:
    """Say how often the verdict is wrong on clips of eval."""
    if not decision["eval"]:
        return "It was never measured on unseen clips."
    name = WRONG[verdict]
    row = decision["eval"][name]
    return (
        f"Of {decision['unseen']}, so were {share(row[verdict])} of the {row['n']} {NAMES[name]} "
        f"ones{people(row, name)}; "
        f"{at_even_odds(decision['eval'], verdict)}."
    )


def at_even_odds(evaluated: Mapping[str, Any], verdict: Verdict) -> str:
    """Say how many recordings with a verdict are not what it says, were half of all synthetic.

    Args:
        evaluated: `outcomes` of eval.
        verdict: synthetic or genuine.
    """
    name = WRONG[verdict]
    (other,) = set(CLASSES) - {name}
    false, right = evaluated[name][verdict], evaluated[other][verdict]["value"]
    if not false["n"] and not right:
        return "none of the other class was either, so what it is worth is not known"
    # Where none was seen to be wrong, it is not known that none is.
    rate, about = (false["value"], "about") if false["n"] else (false["high"], "up to")
    number = max(1, round(100 * rate / (rate + right)))
    called = verdict.removeprefix("likely ")
    return f"at even odds {about} {number} in 100 recordings called {called} are {NAMES[name]}"


def without_verdict(rows: Mapping[str, Any], decision: Mapping[str, Any]) -> float:
    """Return the share of a class's clips that get no verdict."""
    left = [verdict for verdict, is_issued in decision["issued"].items() if not is_issued]
    return sum(rows[verdict]["value"] for verdict in (UNDECIDED, *left))


def _undecided(decision: Mapping[str, Any]) -> str:
    """Say how often there was no verdict."""
    counted = decision["eval"] or decision["dev"]
    where = decision["unseen"] if decision["eval"] else "the clips that set these limits"
    genuine, synthetic = (100 * without_verdict(counted[name], decision) for name in CLASSES)
    whose = people(counted["bonafide"], "bonafide")
    return (
        f"Of {where}, {genuine:.0f}% of the genuine ones{whose} and "
        f"{synthetic:.0f}% of the synthetic ones got no verdict."
    )


def _distrusted(trust: Mapping[str, Any] | None) -> str:
    """Warn of probabilities that the run's own checks speak against."""
    if not trust or trust[PROBABILITIES]["status"] != DISTRUST:
        return ""
    return f" The model's probabilities are not to be trusted{because(trust[PROBABILITIES])}."


def because(rating: Mapping[str, Any]) -> str:
    """Name the checks that a status comes from."""
    names = [check["name"].lower() for check in rating["checks"]]
    if not names:
        return ""
    named = " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    return f", because of {named}"
