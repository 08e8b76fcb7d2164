"""From a score to words: a band in which nothing is said, and what is known of the errors outside.

The band is set on dev alone. What it comes to is then counted on dev and, since dev was used to set
it and a layer was chosen there besides, on eval: only those rates say what to expect, and only of
recordings like eval's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from authenticity.scoring.result import Caution, Verdict

TARGET_ERROR = 0.05
"""The largest share of either class of dev that the verdict may get wrong."""

SYNTHETIC: Verdict = "likely synthetic"
GENUINE: Verdict = "likely genuine"
UNDECIDED: Verdict = "cannot tell"
VERDICTS = (SYNTHETIC, GENUINE, UNDECIDED)

CLASSES = ("bonafide", "spoof")
"""By label."""

_NAMES = ("genuine", "synthetic")


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
        said = np.where(llr < self.lower, GENUINE, UNDECIDED)
        return np.where(llr >= self.upper, SYNTHETIC, said)


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
        speakers: (n,).
        seed: of the bootstrap.

    Returns:
        By class (`bonafide`, `spoof`) `n` and, by verdict, `n`, `value`, `low` and `high` of its
        share; and under `interval` how the intervals were made.
    """
    from authenticity.evaluation.bootstrap import BY_SPEAKER, LEVEL, N_RESAMPLES, Resampler

    labels, said = np.asarray(labels), chosen.verdicts(llr)
    resampler = Resampler(labels, speakers, seed)
    by_speaker = resampler.method == BY_SPEAKER
    weights = np.concatenate(list(resampler.blocks(N_RESAMPLES))) if by_speaker else None
    found: dict[str, Any] = {
        "interval": {
            "level": LEVEL,
            "method": BY_SPEAKER if by_speaker else "Wilson score interval of clips",
            "why": resampler.why,
        }
    }
    for label, name in enumerate(CLASSES):
        own = labels == label
        rows: dict[str, Any] = {"n": int(own.sum())}
        for verdict in VERDICTS:
            hits = own & (said == verdict)
            if weights is None:
                low, high = _wilson(int(hits.sum()), rows["n"], LEVEL)
            else:
                shares = weights[:, hits].sum(axis=1) / weights[:, own].sum(axis=1)
                low, high = np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            rows[verdict] = {
                "n": int(hits.sum()),
                "value": float(hits.sum() / rows["n"]),
                "low": float(low),
                "high": float(high),
            }
        found[name] = rows
    return found


def _wilson(hits: int, number: int, level: float) -> tuple[float, float]:
    from scipy.stats import binomtest

    interval = binomtest(hits, number).proportion_ci(level, method="wilson")
    return interval.low, interval.high


def explained(
    verdict: Verdict, llr: float, cautions: Sequence[Caution], decision: Mapping[str, Any]
) -> str:
    """Say in one sentence why the verdict is what it is, and how often such a verdict was wrong.

    Args:
        verdict: what is said.
        llr: the recording's.
        cautions: on the recording.
        decision: of the bundle: `lower`, `upper`, `target`, `dev`, `eval` and `unseen`.
    """
    if severe := [caution for caution in cautions if caution.severe]:
        said = severe[0].message
        return f"It is unlike what the model was trained on: {said[0].lower()}{said[1:]}"
    ratio, lower, upper = (f"{value:.2f}" for value in (llr, decision["lower"], decision["upper"]))
    if verdict == UNDECIDED:
        return (
            f"Its log-likelihood ratio of {ratio} lies between {lower} and {upper}, where either "
            f"verdict would be wrong too often; {_undecided(decision)}."
        )
    side = f"not below {upper}" if verdict == SYNTHETIC else f"below {lower}"
    called = verdict.removeprefix("likely ")
    return (
        f"Its log-likelihood ratio of {ratio} is {side}, where a recording is called {called}; so "
        f"{_wrong(decision, verdict)}."
    )


def _wrong(decision: Mapping[str, Any], verdict: Verdict) -> str:
    """Say how often the verdict fell on the wrong class."""
    label = 0 if verdict == SYNTHETIC else 1

    def share(found: Mapping[str, Any]) -> str:
        row = found[CLASSES[label]][verdict]
        value, low, high = (f"{100 * row[name]:.0f}" for name in ("value", "low", "high"))
        return f"{value}% ({low} to {high}%)"

    said = f"were {share(decision['dev'])} of the {_NAMES[label]} clips that set this limit"
    if decision["eval"]:
        return f"{said}, and {share(decision['eval'])} of the {_NAMES[label]} {decision['unseen']}"
    return f"{said}; on other clips it was not measured"


def _undecided(decision: Mapping[str, Any]) -> str:
    """Say how often there was no verdict."""
    found = decision["eval"] or decision["dev"]
    where = decision["unseen"] if decision["eval"] else "the clips that set these limits"
    shares = [
        f"{100 * found[own][UNDECIDED]['value']:.0f}% of the {name} ones"
        for own, name in zip(CLASSES, _NAMES, strict=True)
    ]
    return f"of {where}, {' and '.join(shares)} got no verdict"
