"""Bootstrap intervals for ROC-AUC, EER and average precision, and bands for ROC curves.

Percentile intervals (Efron and Tibshirani 1993, chapter 13). Trials of one speaker resemble each
other, so with enough speakers whole speakers are drawn (the cluster bootstrap), and the interval
says what other speakers could have given; with fewer, trials are drawn within each class, and it
says less: what other clips of the same speakers could have given. The attacks are those of the
corpus in both cases: no interval covers attacks that it does not hold.

The interval is the resamples' own 2.5% and 97.5% points. It is not stretched to hold the value: the
AUC's resamples are centred on it, the EER's may not be in small samples, and an interval that
misses its value shows such a bias where a forced one would hide it. Perfect separation gives an
interval of no width, since every resample is perfect too; that is not certainty.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from authenticity.evaluation.metrics import Counts, Floats, Ranking

LEVEL = 0.95
N_RESAMPLES = 1000
# Below about ten clusters the cluster bootstrap is known to give intervals that are too narrow
# (Cameron, Gelbach and Miller 2008), and so few speakers allow few distinct resamples.
MINIMUM_SPEAKERS = 10
BY_SPEAKER = "speaker-clustered bootstrap"
BY_TRIAL = "trial bootstrap, stratified by class"
FIGURES = ("roc_auc", "eer", "average_precision")
# Cells of one block of resamples, (resamples, trials): small enough for the processor's cache.
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Estimate:
    """A figure with the ends of its interval, all fractions."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Band:
    """Pointwise interval of a ROC curve: detection rate at each false-alarm rate, all (g,)."""

    false_alarm: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Intervals:
    """The figures of one set of trials, and how their intervals were made.

    `n_redrawn` counts the draws that held only one class: they have no ROC curve and were drawn
    again, so the interval is conditional on both classes being there.
    """

    method: str
    why: str
    n_redrawn: int
    estimates: dict[str, Estimate]
    band: Band | None


class Resampler:
    """Draws weights for trials: how often each occurs in each of a number of resamples."""

    def __init__(self, labels: ArrayLike, speakers: Sequence[str] | NDArray, seed: int):
        """Choose the method from the number of speakers in each class; arrays are (n,)."""
        self.labels = np.asarray(labels)
        names, self._speaker = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
        self._n_speakers = len(names)
        self._random = np.random.default_rng(seed)
        self._members = [np.flatnonzero(self.labels == label) for label in (0, 1)]
        bonafide, spoof = (len(np.unique(self._speaker[members])) for members in self._members)
        enough = min(bonafide, spoof) >= MINIMUM_SPEAKERS
        self.method = BY_SPEAKER if enough else BY_TRIAL
        rule = f"{MINIMUM_SPEAKERS} or more in each class"
        if not enough:
            rule = f"fewer than {MINIMUM_SPEAKERS} in a class"
        self.why = f"{bonafide} bona fide and {spoof} spoof speakers: {rule}"
        self.n_redrawn = 0

    def blocks(self, n_resamples: int) -> Iterator[NDArray[np.int32]]:
        """Yield the weights in blocks of rows (m, n); the blocks' size does not change the draw."""
        rows = max(1, _BLOCK // self.labels.size)
        for start in range(0, n_resamples, rows):
            count = min(rows, n_resamples - start)
            yield np.stack([self._draw() for _ in range(count)])

    def _draw(self) -> NDArray[np.int32]:
        if self.method == BY_TRIAL:
            weights = np.empty(self.labels.size, dtype=np.int32)
            for members in self._members:
                weights[members] = self._tally(members.size)
            return weights
        weights = self._tally(self._n_speakers)[self._speaker]
        while not all(weights[members].any() for members in self._members):
            self.n_redrawn += 1
            weights = self._tally(self._n_speakers)[self._speaker]
        return weights

    def _tally(self, size: int) -> NDArray[np.int32]:
        drawn = self._random.integers(size, size=size, dtype=np.int32)
        return np.bincount(drawn, minlength=size).astype(np.int32)


def _figure(counts: Counts, name: str) -> Floats:
    figures = {
        "roc_auc": counts.roc_auc,
        "eer": counts.eer,
        "average_precision": counts.average_precision,
    }
    return figures[name]()


def intervals(
    labels: ArrayLike,
    scores: ArrayLike,
    speakers: Sequence[str] | NDArray,
    seed: int,
    figures: Sequence[str] = FIGURES,
    n_resamples: int = N_RESAMPLES,
    band_at: Floats | None = None,
) -> Intervals:
    """Return figures of scored trials with 95% percentile intervals, and a ROC band if asked.

    `labels`, `scores` and `speakers` are (n,); `figures` are names out of `FIGURES`; `band_at` (g,)
    are false-alarm rates. The same seed draws the same resamples of the same trials whatever the
    scores, so that two scorers can be compared resample by resample. A `ValueError` says when a
    class is missing.
    """
    ranking = Ranking.of(labels, scores)
    resampler = Resampler(ranking.labels, speakers, seed)
    drawn: dict[str, list[Floats]] = {name: [] for name in figures}
    curves: list[Floats] = []
    for weights in resampler.blocks(n_resamples):
        counts = ranking.count(weights)
        for name in figures:
            drawn[name].append(_figure(counts, name))
        if band_at is not None:
            curves.append(counts.detection_at(band_at))
    once = ranking.count(np.ones((1, ranking.labels.size), dtype=np.int32))
    estimates = {
        name: Estimate(float(_figure(once, name)[0]), *_ends(np.concatenate(drawn[name])))
        for name in figures
    }
    return Intervals(
        method=resampler.method,
        why=resampler.why,
        n_redrawn=resampler.n_redrawn,
        estimates=estimates,
        band=None if band_at is None else Band(band_at, *_ends(np.concatenate(curves))),
    )


def _ends(values: Floats) -> tuple:
    """Return the percentile ends over the first axis: two floats, or two arrays."""
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail], axis=0)
    return (low, high) if values.ndim > 1 else (float(low), float(high))
