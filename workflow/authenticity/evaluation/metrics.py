"""Metrics of one set of scored trials that follow from their order, or from one threshold.

Label 0 = bona fide, 1 = spoof; a higher score means more spoof. Every function takes plain arrays:
`labels` (n,) of 0 and 1, `scores` (n,) finite floats. A `ValueError` says when a class is missing.

Every page of the report imports this module. SciPy loads `scipy.optimize`, which takes half a
second, when it is first used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Trials sorted once by falling score, so that any weighting of them is evaluated by sums.

    Trials with equal scores share one threshold: no order among them can be right.
    """

    labels: NDArray[np.int8]
    scores: Floats

    @classmethod
    def of(cls, labels: ArrayLike, scores: ArrayLike) -> "Ranking":
        """Check the arrays: equal lengths, finite scores, both classes present."""
        labels, scores = np.asarray(labels), np.asarray(scores, dtype=np.float64)
        if labels.ndim != 1 or labels.shape != scores.shape:
            raise ValueError(f"labels {labels.shape} and scores {scores.shape} must agree")
        if not np.isfinite(scores).all():
            raise ValueError("scores must be finite")
        if not np.isin(labels, (0, 1)).all():
            raise ValueError("labels must be 0 (bona fide) or 1 (spoof)")
        if len(np.unique(labels)) < 2:
            raise ValueError("both classes are needed, bona fide and spoof")
        return cls(labels.astype(np.int8), scores)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Positions of the trials by falling score, (n,)."""
        return np.argsort(-self.scores, kind="stable")

    @cached_property
    def classes(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which of the sorted trials are spoof, and which bona fide, (n,) each."""
        spoof = self.labels[self.order] == 1
        return spoof, ~spoof

    @cached_property
    def ends(self) -> NDArray[np.intp]:
        """Position of the last sorted trial of each distinct score, (k,)."""
        ranked = self.scores[self.order]
        return np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), ranked.size - 1)

    @cached_property
    def corners(self) -> NDArray[np.intp]:
        """Those of `ends` where the ROC curve may turn, (c,).

        Between two of them lie trials of one class only, so that the curve runs straight. Areas,
        crossings and minima of linear costs need no other point, and a good scorer has few of them.
        """
        starts = np.append(0, self.ends[:-1] + 1)
        spoof = np.add.reduceat(self.classes[0], starts, dtype=np.intp)
        share = spoof / (self.ends - starts + 1)
        pure = (share == 0) | (share == 1)
        straight = pure[:-1] & pure[1:] & (share[:-1] == share[1:])
        return self.ends[np.append(~straight, True)]


@dataclass(frozen=True)
class Weighted:
    """Ranked trials with m weightings of them, `weights` (m, n); what metrics are computed from."""

    ranking: Ranking
    weights: NDArray[np.int32]

    @cached_property
    def _running(self) -> list[NDArray[np.int32]]:
        rows = (self.ranking.order[members] for members in self.ranking.classes)
        return [np.cumsum(self.weights[:, each], axis=1, dtype=np.int32) for each in rows]

    def _at(self, positions: NDArray[np.intp]) -> "Counts":
        passed = (np.cumsum(members)[positions] for members in self.ranking.classes)
        both = zip(self._running, passed, strict=True)
        return Counts(*(np.where(n > 0, sums[:, n - 1], np.int32(0)) for sums, n in both))

    @cached_property
    def counts(self) -> "Counts":
        """Counts at every distinct score."""
        return self._at(self.ranking.ends)

    @cached_property
    def corners(self) -> "Counts":
        """Counts where the ROC curve may turn."""
        return self._at(self.ranking.corners)

    @cached_property
    def amounts(self) -> Floats:
        """The weights as floats, (m, n), which the linear algebra library multiplies fast."""
        return self.weights.astype(np.float64)

    def mean(self, values: Floats, label: int | None = None) -> Floats:
        """Weighted mean of values (n,) in each row, (m,), over all trials or those of one class."""
        members = np.ones(values.size) if label is None else self.ranking.labels == label
        parts = np.stack([values * members, members], axis=1)
        total, weight = (self.amounts @ parts).T
        return total / weight


@dataclass(frozen=True)
class Counts:
    """Weighted trials at or above each distinct score, by falling score; rows are weightings.

    `spoof` and `bonafide` are (m, k) integers that rise along a row; each row has both classes.
    """

    spoof: NDArray[np.int32]
    bonafide: NDArray[np.int32]

    def roc_auc(self) -> Floats:
        """Area under the ROC curve of each row, (m,): P(spoof > bona fide) + P(equal) / 2."""
        step = np.diff(self.bonafide, axis=1, prepend=0)
        height = self.spoof.astype(np.float64)
        height[:, 1:] += self.spoof[:, :-1]
        area = np.einsum("ij,ij->i", height, step) / 2.0
        return area / self.spoof[:, -1] / self.bonafide[:, -1]

    def average_precision(self) -> Floats:
        """Average precision of each row, (m,): the mean precision over the spoof trials found.

        The step sum over distinct scores, each weighted by the spoof trials it adds; no
        interpolation.
        """
        added = np.diff(self.spoof, axis=1, prepend=0)
        called = np.maximum(self.spoof + self.bonafide, 1)
        return np.einsum("ij,ij->i", added, self.spoof / called) / self.spoof[:, -1]

    def eer(self) -> Floats:
        """Return the equal error rate of each row as a fraction, (m,).

        The convention: the threshold sweeps over the distinct scores (ties share one); between the
        two neighbouring operating points where miss minus false alarm changes sign, both rates are
        linear and meet at the EER. This is where the ROC curve drawn with straight lines crosses
        the diagonal "miss = false alarm". Nothing is clipped: a scorer that points the wrong way
        has an EER above 0.5, and turning its scores round gives one minus it.
        """
        rows = np.arange(len(self.spoof))
        n_spoof = self.spoof[:, -1].astype(np.int64)
        n_bonafide = self.bonafide[:, -1].astype(np.int64)
        # miss - false alarm, times both counts: whole numbers, so that the sign is never in doubt.
        gap = self.spoof * n_bonafide[:, None]
        gap += self.bonafide * n_spoof[:, None]
        np.subtract((n_spoof * n_bonafide)[:, None], gap, out=gap)
        after = np.argmax(gap <= 0, axis=1)
        before = np.maximum(after - 1, 0)
        first = after == 0
        gap_before = np.where(first, n_spoof * n_bonafide, gap[rows, before])
        alarms_before = np.where(first, 0, self.bonafide[rows, before])
        share = gap_before / (gap_before - gap[rows, after])
        alarms = alarms_before + share * (self.bonafide[rows, after] - alarms_before)
        return alarms / n_bonafide

    def least_cost(self, false_alarm: float, miss: float) -> Floats:
        """Lowest `false_alarm` x false-alarm rate + `miss` x miss rate over all thresholds, (m,).

        "Call nothing spoof" is a threshold too, so no row exceeds the lower of the two costs.
        """
        cost = (false_alarm / self.bonafide[:, -1:]) * self.bonafide
        cost -= (miss / self.spoof[:, -1:]) * self.spoof
        return miss + np.minimum(cost.min(axis=1), 0.0)

    def least_cllr(self) -> Floats:
        """Cllr in bits of each row after the best rising transform of the scores, (m,).

        The transform is the likelihood ratio that isotonic regression (pool adjacent violators)
        finds: Brümmer and du Preez 2006, "Application-independent evaluation of speaker detection".
        In a pool that holds a share x of the spoof trials and y of the bona fide, it is
        x / y, and Cllr is summed over the pools in that form, where x or y may be zero.
        """
        spoof = np.diff(self.spoof, axis=1, prepend=0)
        bonafide = np.diff(self.bonafide, axis=1, prepend=0)
        return np.array([_pooled_cllr(*row) for row in zip(spoof, bonafide, strict=True)])

    def detection_at(self, false_alarm: Floats) -> Floats:
        """Return the detection rate of each row at given false-alarm rates (g,), as (m, g).

        Linear between operating points; on a vertical piece of the ROC curve, its upper end.
        """
        zero = np.zeros((len(self.spoof), 1))
        rates = [np.hstack([zero, of / of[:, -1:]]) for of in (self.bonafide, self.spoof)]
        return np.stack([np.interp(false_alarm, x, y) for x, y in zip(*rates, strict=True)])


def _pooled_cllr(spoof: NDArray[np.int32], bonafide: NDArray[np.int32]) -> float:
    drawn = spoof + bonafide
    held = np.flatnonzero(drawn)
    pools = scipy.optimize.isotonic_regression(
        spoof[held] / drawn[held], weights=drawn[held], increasing=False
    )
    starts = pools.blocks[:-1]
    x = np.add.reduceat(spoof[held], starts) / spoof.sum()
    y = np.add.reduceat(bonafide[held], starts) / bonafide.sum()
    xlogy = scipy.special.xlogy
    nats = xlogy(x + y, x + y) - xlogy(x, x) - xlogy(y, y)
    return float(nats.sum() / (2.0 * np.log(2.0)))


Metric = Callable[[Weighted], Floats]
"""A metric's value for each row of weighted trials, (m,)."""


def brier(p_spoof: Floats) -> Metric:
    """Return the Brier score: mean squared distance of the probability of spoof (n,) from 0 or 1.

    Brier 1950, "Verification of forecasts expressed in terms of probability", halved as is usual
    for two classes.
    """
    return lambda trials: trials.mean((p_spoof - trials.ranking.labels) ** 2)


def cllr(llr: Floats) -> Metric:
    """Return the cost of likelihood ratios in bits: 0 is perfect, 1 says nothing, more misleads.

    Brümmer and du Preez 2006, "Application-independent evaluation of speaker detection". `llr` (n,)
    are natural logarithms of spoof over bona fide; the field's are of bona fide over spoof, and
    Cllr is the same for both.
    """

    def cost(trials: Weighted) -> Floats:
        bits = np.logaddexp(0.0, np.where(trials.ranking.labels == 1, -llr, llr))
        return (trials.mean(bits, 0) + trials.mean(bits, 1)) / (2.0 * np.log(2.0))

    return cost


def once(ranking: Ranking) -> Weighted:
    """Weight every trial once: one row."""
    return Weighted(ranking, np.ones((1, ranking.scores.size), dtype=np.int32))


def operating_points(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Return the error rates at every distinct threshold, from "nothing is spoof" to "all is".

    The shares of bona fide and of spoof trials that are called spoof, (k,) each: the ROC curve's
    axes. Both rise from 0 to 1; ties share a threshold.
    """
    counts = once(Ranking.of(labels, scores)).counts
    return tuple(np.append(0.0, of[0] / of[0, -1]) for of in (counts.bonafide, counts.spoof))


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the area under the ROC curve: P(spoof scores higher than bona fide), ties half."""
    return float(once(Ranking.of(labels, scores)).corners.roc_auc()[0])


def eer_threshold(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return a threshold near the EER: a clip that scores as much or more is called spoof.

    A threshold is one of finitely many decisions, so miss and false alarm seldom meet. Taken is the
    operating point where they are nearest, at equal distance the one with fewer false alarms; and
    there the threshold half-way between the lowest score called spoof and the highest that is not,
    which gives new clips equal room on both sides.
    """
    ranking = Ranking.of(labels, scores)
    false_alarm, detection = operating_points(labels, scores)
    chosen = int(np.argmin(np.abs(1.0 - detection - false_alarm)[1:]))
    levels = ranking.scores[ranking.order][ranking.ends]
    if chosen + 1 == levels.size:
        return float(levels[chosen])
    above, below = levels[chosen], levels[chosen + 1]
    half = below + (above - below) / 2.0
    return float(half if half > below else above)
