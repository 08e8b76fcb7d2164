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

_SAID = ("genuine", "synthetic")


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
        return f"The recording is unlike what the model was trained on: {severe[0].message}"
    lower, upper = decision["lower"], decision["upper"]
    if verdict == UNDECIDED:
        return (
            f"The log-likelihood ratio {llr:.2f} lies between {lower:.2f} and {upper:.2f}, where "
            f"either verdict would be wrong too often; {_errors(decision, UNDECIDED)}."
        )
    side = f"not below {upper:.2f}" if verdict == SYNTHETIC else f"below {lower:.2f}"
    return f"The log-likelihood ratio {llr:.2f} is {side}; {_errors(decision, verdict)}."


def _errors(decision: Mapping[str, Any], verdict: Verdict) -> str:
    """Say how often the verdict fell on the wrong class, or was refused, on dev and on eval."""
    parts = [("on the clips that set these limits", decision["dev"])]
    if decision["eval"]:
        parts.append((f"on {decision['unseen']}", decision["eval"]))
    said = [f"{where} {_share(found, verdict)}" for where, found in parts]
    return ", ".join(said) + ("" if decision["eval"] else "; on other clips it was never measured")


def _share(found: Mapping[str, Any], verdict: Verdict) -> str:
    if verdict == UNDECIDED:
        shares = [f"{100 * found[name][verdict]['value']:.0f}%" for name in CLASSES]
        return f"{shares[0]} of the genuine and {shares[1]} of the synthetic ones got no verdict"
    label = 0 if verdict == SYNTHETIC else 1
    wrong = found[CLASSES[label]][verdict]
    called = verdict.removeprefix("likely ")
    return (
        f"{100 * wrong['value']:.0f}% of the {_SAID[label]} ones were called {called} "
        f"({100 * wrong['low']:.0f} to {100 * wrong['high']:.0f}%)"
    )
