"""Bootstrap intervals for metrics of scored trials, and bands for ROC curves.

Trials of one speaker resemble each other, so with enough speakers whole speakers are drawn (the
cluster bootstrap), and the interval covers new speakers; with fewer, trials are drawn within each
class, and the interval covers other clips of the same speakers only. The attacks are those of the
corpus in both cases: no interval covers attacks that the corpus does not hold.

What is drawn is never a row: rows of one file (a protocol with several rounds may test it in each)
are drawn together. A file whose speaker is not known (null) counts as a speaker of its own where
speakers are drawn, but not towards their number.

Of trials, the interval is the resamples' own 2.5% and 97.5% points (Efron and Tibshirani 1993,
chapter 13). Of speakers, these points are too close: K speakers drawn with replacement vary by
(K - 1) / K too little, a normal quantile ignores that K is small, and a speaker drawn twice meets
its own clips of the other class twice, which moves the AUC's resamples up. There the interval is
Student's, around the value, as docs/metrics.md says; on its scale, the standard error is half the
distance of the two points that hold 68.3% of a normal distribution.
`tests/benchmarks/benchmark_inference.py` simulates how often both kinds hold the truth.

Perfect separation gives an interval of no width, since every resample is perfect too; that is not
certainty.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtr, stdtrit

from authenticity.estimates import Estimate
from authenticity.evaluation.metrics import Floats, Metric, Ranking, Weighted, once

LEVEL = 0.95
N_RESAMPLES = 1000
# Below about ten clusters the cluster bootstrap is known to give intervals that are too narrow
# (Cameron, Gelbach and Miller 2008); from ten on, simulated intervals hold the truth as promised.
MINIMUM_SPEAKERS = 10
# Trials of unknown speakers are drawn one by one: with many, the interval is one of trials.
MINIMUM_KNOWN = 0.9
BY_SPEAKER = "speaker-clustered bootstrap"
BY_TRIAL = "trial bootstrap, stratified by class"

RANKED: dict[str, Metric] = {
    "roc_auc": lambda trials: trials.corners.roc_auc(),
    "eer": lambda trials: trials.corners.eer(),
    "average_precision": lambda trials: trials.counts.average_precision(),
}
ROC_AUC = {"roc_auc": RANKED["roc_auc"]}
# Cells of one block of resamples, (resamples, trials): small enough for the processor's cache.
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Scale:
    """Where intervals over speakers are symmetric: a function, its inverse and its derivative.

    Correcting the bootstrap's variance lowers the number of speakers by `lost`.
    """

    to: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    lost: int = 1


SHARE = Scale(logit, expit, lambda value: 1.0 / (value * (1.0 - value)))
"""For metrics between 0 and 1."""
COST = Scale(np.log, np.exp, lambda value: 1.0 / value, lost=2)
"""For metrics from 0 without a bound above.

A few bad clips make most of a cost: with ten speakers, a loss of one is too small in simulations.
"""
DIFFERENCE = Scale(np.asarray, np.asarray, np.ones_like)


@dataclass(frozen=True)
class Band:
    """Pointwise interval of a ROC curve: detection rate at each false-alarm rate, all (g,)."""

    false_alarm: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Intervals:
    """The metrics of one set of trials, and how their intervals were made."""

    method: str
    why: str
    estimates: dict[str, Estimate]
    band: Band | None


class Resampler:
    """Draws weights for trials: how often each occurs in each of a number of resamples.

    Draws with only one class have no ROC curve and are drawn again: `n_redrawn` counts them. The
    interval is conditional on both classes being there.
    """

    def __init__(
        self,
        labels: ArrayLike,
        speakers: Sequence[str | None] | NDArray,
        seed: int,
        files: Sequence[str] | NDArray | None = None,
    ):
        """Choose the method from the number of speakers in each class.

        `labels`, `speakers` and `files` are (n,); a speaker that is not known is None or NaN.
        Without `files`, each trial is a file.
        """
        self.labels, self.seed, self.n_redrawn = np.asarray(labels), seed, 0
        n = self.labels.size
        file = np.arange(n) if files is None else pd.factorize(np.asarray(files))[0]
        known = ~pd.isna(np.asarray(speakers, dtype=object))
        speaker = np.where(known, speakers, "").astype(str)
        members = [self.labels == label for label in (0, 1)]
        counts = [len(pd.unique(speaker[known & of_class])) for of_class in members]
        self.n_bonafide_speakers, self.n_spoof_speakers = counts
        told = min(known[of_class].mean() for of_class in members)
        enough = min(counts) >= MINIMUM_SPEAKERS and told >= MINIMUM_KNOWN
        self.method = BY_SPEAKER if enough else BY_TRIAL
        if enough:
            self.rule = f"{MINIMUM_SPEAKERS} or more in each class"
            unit, names = pd.factorize(speaker, sort=True)
            units, self._unit = np.unique(
                np.where(known, unit, len(names) + file), return_inverse=True
            )
            self._sizes: tuple[int, ...] = (units.size,)
        else:
            self.rule = f"fewer than {MINIMUM_SPEAKERS} in a class"
            if min(counts) >= MINIMUM_SPEAKERS:
                share = f"{100 * told:.0f}%"
                self.rule = f"a class in which only {share} of the trials have a known speaker"
            units, self._unit = np.unique(file + n * members[1], return_inverse=True)
            self._sizes = (np.count_nonzero(units < n), np.count_nonzero(units >= n))
        # The numbers of speakers, and what follows from them.
        self.why = f"{counts[0]} bona fide and {counts[1]} spoof speakers: {self.rule}"
        self._holds = [
            np.bincount(self._unit[of_class], minlength=units.size) > 0 for of_class in members
        ]

    @property
    def how(self) -> dict[str, Any]:
        """How resamples are drawn, as plain data."""
        names = ("method", "rule", "why", "n_redrawn", "n_bonafide_speakers", "n_spoof_speakers")
        return {name: getattr(self, name) for name in names}

    @property
    def n_speakers(self) -> int | None:
        """The smaller class's number of speakers; None where trials are drawn: see `ends`."""
        fewest = min(self.n_bonafide_speakers, self.n_spoof_speakers)
        return fewest if self.method == BY_SPEAKER else None

    def blocks(self, n_resamples: int) -> Iterator[NDArray[np.int32]]:
        """Yield the weights in blocks of rows (m, n): the same ones at each call, for any size."""
        self.n_redrawn = 0
        rows = max(1, _BLOCK // self.labels.size)
        if self.method == BY_TRIAL and n_resamples <= rows:
            yield _tallies(self.seed, self._sizes, n_resamples).take(self._unit, axis=1)
            return
        random = np.random.default_rng(self.seed)
        for start in range(0, n_resamples, rows):
            count = min(rows, n_resamples - start)
            yield np.stack([self._draw(random)[self._unit] for _ in range(count)])

    def _draw(self, random: np.random.Generator) -> NDArray[np.int32]:
        while True:
            drawn = np.concatenate([_tally(random, size) for size in self._sizes])
            if all(drawn[holds].any() for holds in self._holds):
                return drawn
            self.n_redrawn += 1


def _tally(random: np.random.Generator, size: int) -> NDArray[np.int32]:
    drawn = random.integers(size, size=size, dtype=np.int32)
    return np.bincount(drawn, minlength=size).astype(np.int32)


@lru_cache(8)
def _tallies(seed: int, sizes: tuple[int, int], count: int) -> NDArray[np.int32]:
    """Return what `_draw` gives of two classes of trials so many times, (count, trials).

    With few trials, thousands of calls take longer than their work. It is kept, because many
    metrics and attacks are measured on equally many trials.
    """
    n = sum(sizes)
    each = np.repeat(sizes, sizes)
    drawn = np.random.default_rng(seed).integers(each, size=(count, n), dtype=np.int32)
    cell = np.repeat([0, sizes[0]], sizes) + n * np.arange(count)[:, None] + drawn
    return np.bincount(cell.ravel(), minlength=cell.size).astype(np.int32).reshape(cell.shape)


def intervals(
    labels: ArrayLike,
    scores: ArrayLike,
    speakers: Sequence[str] | NDArray,
    seed: int,
    metrics: Mapping[str, Metric] = RANKED,
    costs: Collection[str] = (),
    files: Sequence[str] | NDArray | None = None,
    band_at: Floats | None = None,
) -> Intervals:
    """Return metrics of scored trials with 95% intervals, and a ROC band if asked.

    `labels`, `scores`, `speakers` (null where not known) and `files` are (n,); metrics are shares
    except for those named in `costs`; `band_at` (g,) are false-alarm rates. The same seed draws the
    same resamples of the same trials whatever the scores, so that two scorers can be compared
    resample by resample. A `ValueError` says when a class is missing.
    """
    ranking = Ranking.of(labels, scores)
    resampler = Resampler(ranking.labels, speakers, seed, files)
    wanted = dict(metrics)
    if band_at is not None:
        wanted["band"] = lambda trials: trials.corners.detection_at(band_at)
    found = {}
    for name, drawn in resampled(resampler, ranking, wanted).items():
        value, scale = drawn[0], COST if name in costs else SHARE
        found[name] = value, *ends(value, drawn[1:], resampler.n_speakers, scale)
    band = None if band_at is None else Band(band_at, *found.pop("band")[1:])
    estimates = {name: Estimate(*map(float, each)) for name, each in found.items()}
    return Intervals(resampler.method, resampler.why, estimates, band)


def resampled(
    resampler: Resampler, ranking: Ranking, metrics: Mapping[str, Metric]
) -> dict[str, Floats]:
    """Return each metric of the trials themselves, then of m resamples: (1 + m,) or (1 + m, g)."""
    whole = once(ranking)
    found = {name: [metric(whole)] for name, metric in metrics.items()}
    for weights in resampler.blocks(N_RESAMPLES):
        trials = Weighted(ranking, weights)
        for name, metric in metrics.items():
            found[name].append(metric(trials))
    return {name: np.concatenate(values) for name, values in found.items()}


def mean_roc_auc(
    labels: ArrayLike,
    scores: ArrayLike,
    speakers: Sequence[str] | NDArray,
    files: Sequence[str] | NDArray,
    rounds: Sequence[str] | NDArray,
    seed: int,
) -> tuple[str, Estimate]:
    """Return the mean over rounds of each round's ROC-AUC, with its interval and its method.

    Scores of different rounds come from different models and are never compared. Files or speakers
    are drawn once for all rounds, which may share them. A draw's mean weights each round by how
    often its trials were drawn, so with one speaker to a round, rounds are drawn. Rounds without a
    class do not count in it, and a draw does not count where no round has both classes.

    All arguments but the seed are (n,); every round holds both classes.
    """
    labels, scores, rounds = np.asarray(labels), np.asarray(scores), np.asarray(rounds)
    members = [np.flatnonzero(rounds == name) for name in pd.unique(rounds)]
    rankings = [Ranking.of(labels[rows], scores[rows]) for rows in members]
    resampler = Resampler(labels, speakers, seed, files)
    means = []
    for weights in resampler.blocks(N_RESAMPLES):
        each = [weights[:, rows] for rows in members]
        weighted = map(Weighted, rankings, each)
        with np.errstate(invalid="ignore"):
            aucs = np.stack([trials.corners.roc_auc() for trials in weighted])
        share = np.stack([drawn.mean(axis=1) for drawn in each]) * np.isfinite(aucs)
        there = share.sum(axis=0) > 0
        means.append((share * np.nan_to_num(aucs)).sum(axis=0)[there] / share.sum(axis=0)[there])
    value = np.mean([once(ranking).corners.roc_auc()[0] for ranking in rankings])
    low, high = ends(value, np.concatenate(means), resampler.n_speakers, SHARE)
    return resampler.method, Estimate(float(value), float(low), float(high))


def ends(
    value: ArrayLike, drawn: Floats, n_speakers: int | None, scale: Scale
) -> tuple[Floats, Floats]:
    """Return the ends of the 95% interval of a value, or of each of several.

    `value` is of the trials themselves, a number or (g,); `drawn` of the resamples, (m,) or (m, g);
    `n_speakers` is the resampler's; `scale` the metric's.
    """
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    if n_speakers is None:
        return low, high
    value = np.asarray(value, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = stdtrit(n_speakers - 1, 1.0 - tail) * error(value, drawn, n_speakers, scale)
        student = [scale.back(scale.to(value) + sign * half) for sign in (-1.0, 1.0)]
    # At the end of its scale a value has no error there: the resamples' own points stay.
    inside = np.isfinite(half)
    return np.where(inside, student[0], low), np.where(inside, student[1], high)


def error(value: ArrayLike, drawn: Floats, n_speakers: int | None, scale: Scale) -> Floats:
    """Return the standard error of a value on its scale; for the arguments see `ends`."""
    points = np.quantile(drawn, ndtr([-1.0, 1.0]), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = (scale.to(points[1]) - scale.to(points[0])) / 2.0
        # Where a sixth of the resamples has no error at all: the delta method.
        delta = drawn.std(axis=0, ddof=1) * scale.slope(np.asarray(value, dtype=np.float64))
    return widened(np.where(np.isfinite(half), half, delta), n_speakers, scale.lost)


def widened(error: ArrayLike, n_speakers: int | None, lost: int = 1) -> Floats:
    """Return a standard error of the bootstrap, corrected for its bias where speakers are drawn."""
    return np.asarray(error) * (np.sqrt(n_speakers / (n_speakers - lost)) if n_speakers else 1.0)
