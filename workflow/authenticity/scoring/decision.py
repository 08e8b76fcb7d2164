"""From a score to a verdict: two thresholds with a band between them, and how often they are wrong.

The band is set on dev alone, where the calibration was fitted and the layer was chosen, too: as it
is, and in every view that the model is tested in, since nobody knows what a recording has been
through. Its errors are counted on dev and on eval; only the rates on eval say what to expect, for
recordings like eval's. Where these are too high, the verdict is withheld. Eval is used for nothing
else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from authenticity.scoring.result import Verdict

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
"""Of `trust`, which imports the whole report."""


class Rate(TypedDict):
    """How many of some clips, their share, and its interval."""

    n: int
    value: float
    low: float
    high: float


ClassOutcomes = TypedDict(
    "ClassOutcomes", {"n": int, "speakers": int, **dict.fromkeys(VERDICTS, Rate)}
)
"""What the band makes of a class: `n` clips of how many known speakers; how many get a verdict."""


class IntervalMethod(TypedDict):
    """How intervals were made, and why so."""

    level: float
    method: str
    why: str


class Outcomes(TypedDict):
    """What the band makes of trials, by class."""

    bonafide: ClassOutcomes
    spoof: ClassOutcomes
    interval: IntervalMethod


Issued = TypedDict("Issued", dict.fromkeys(WRONG, bool))
"""Of each verdict, whether it is given at all."""


class Decision(TypedDict):
    """The band, and how often it is wrong; `decision` of a bundle.

    Attributes:
        lower, upper: see `Band`.
        target: see `TARGET_ERROR`.
        provenance: says what the band was set on.
        dev, eval, views: what it makes of dev, of eval, of eval in each view.
        issued: see `issued`.
        unseen: says of which clips the rates on eval are.
    """

    lower: float
    upper: float
    target: float
    provenance: str
    dev: Outcomes
    eval: Outcomes | None
    views: dict[str, Outcomes]
    issued: Issued
    unseen: str


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
    # A share such as 5% of 100 is 5, though 0.05 has no exact double.
    wrong, missed = (int(len(ratios) * target + 1e-9) for ratios in (bonafide, spoof))
    upper, lower = float(np.nextafter(bonafide[wrong], np.inf)), float(spoof[missed])
    if upper < lower:
        upper = lower = eer_threshold(labels, llr)
    return Band(lower, upper)


def outcomes(
    chosen: Band,
    llr: ArrayLike,
    labels: ArrayLike,
    speakers: Sequence[str] | NDArray,
    seed: int,
) -> Outcomes:
    """Count what the band makes of trials.

    Intervals are of 95%: by the bootstrap over speakers where a class has enough of them; else
    Wilson's (1927), of clips, which says what other clips of the same speakers could have given.

    Args:
        chosen: the band.
        llr: of the trials, (n,).
        labels: 0 bona fide, 1 spoof, both present, (n,).
        speakers: (n,); None for one that is not known.
        seed: of the bootstrap.
    """
    from authenticity.evaluation import bootstrap, calibration

    labels, verdicts = np.asarray(labels), chosen.verdicts(llr)
    names = np.asarray(speakers, dtype=object)
    resampler = bootstrap.Resampler(labels, speakers, seed)
    by_speaker = resampler.method == bootstrap.BY_SPEAKER
    if by_speaker:
        weights = np.concatenate(list(resampler.blocks(bootstrap.N_RESAMPLES)))

    def rate(hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> Rate:
        number, value = int(hits.sum()), hits.sum() / among.sum()
        if by_speaker:
            shares = weights[:, hits].sum(axis=1) / weights[:, among].sum(axis=1)
            low, high = bootstrap.ends(value, shares, resampler.n_speakers, bootstrap.SHARE)
        else:
            low, high = calibration.wilson(number, among.sum())
        return {"n": number, "value": float(value), "low": float(low), "high": float(high)}

    method = resampler.method if by_speaker else "Wilson score interval of clips"
    counted = {"interval": {"level": bootstrap.LEVEL, "method": method, "why": resampler.why}}
    for label, name in enumerate(CLASSES):
        of_class = labels == label
        counted[name] = {
            "n": int(of_class.sum()),
            "speakers": len(set(names[of_class].tolist()) - {None}),
            **{verdict: rate(of_class & (verdicts == verdict), of_class) for verdict in VERDICTS},
        }
    return counted


def issued(evaluated: Outcomes | None, views: Mapping[str, Outcomes], target: float) -> Issued:
    """Say of each verdict whether it is given at all.

    It is withheld where even the lower end of the interval of its error is above the target on
    unseen clips, as they are or in any view that they were tested in, since nobody knows what a
    recording has been through. Without eval, nothing is withheld. Eval only withholds: no number is
    tuned on it, so its rates stay those of unseen clips.
    """
    measured = [counted for counted in (evaluated, *views.values()) if counted is not None]
    return {
        verdict: all(counted[name][verdict]["low"] <= target for counted in measured)
        for verdict, name in WRONG.items()
    }
