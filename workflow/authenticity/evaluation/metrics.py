"""ROC-AUC, EER and average precision of one set of scored trials.

Label 0 = bona fide, 1 = spoof; a higher score means more spoof. Every function takes plain arrays:
`labels` (n,) of 0 and 1, `scores` (n,) finite floats. A `ValueError` says when a class is missing.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OperatingPoints:
    """The error rates at every distinct threshold, from "call nothing spoof" to "call all spoof".

    `detection` (k,): share of spoof trials called spoof, the ROC curve's vertical axis.
    `false_alarm` (k,): share of bona fide trials called spoof, its horizontal axis.
    Both rise from 0 to 1.
    """

    false_alarm: Floats
    detection: Floats

    @property
    def miss(self) -> Floats:
        """Share of spoof trials that pass as bona fide, (k,)."""
        return 1.0 - self.detection


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
        checked_labels, checked_scores = _checked(labels, scores)
        return cls(checked_labels, checked_scores)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Positions of the trials by falling score, (n,)."""
        return np.argsort(-self.scores, kind="stable")

    @cached_property
    def spoof(self) -> NDArray[np.bool_]:
        """Which of the sorted trials are spoof, (n,)."""
        return self.labels[self.order] == 1

    @cached_property
    def ends(self) -> NDArray[np.intp]:
        """Position of the last sorted trial of each distinct score, (k,)."""
        ranked = self.scores[self.order]
        return np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), ranked.size - 1)

    def count(self, weights: NDArray[np.int32]) -> "Counts":
        """Count, per row of `weights` (m, n), the trials at or above each distinct score."""
        ranked = weights[:, self.order]
        total = np.cumsum(ranked, axis=1, dtype=np.int32)[:, self.ends]
        spoof = np.cumsum(ranked * self.spoof, axis=1, dtype=np.int32)[:, self.ends]
        return Counts(spoof=spoof, bonafide=total - spoof)


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
        """Average precision of each row, (m,): the mean precision over the spoof trials found."""
        found = np.diff(self.spoof, axis=1, prepend=0)
        called = np.maximum(self.spoof + self.bonafide, 1)
        return np.einsum("ij,ij->i", found, self.spoof / called) / self.spoof[:, -1]

    def eer(self) -> Floats:
        """Equal error rate of each row, (m,), by the convention of `eer`."""
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

    def detection_at(self, false_alarm: Floats) -> Floats:
        """Return the detection rate of each row at given false-alarm rates (g,), as (m, g).

        Linear between operating points; on a vertical piece of the ROC curve, its upper end.
        """
        rows = zip(self.bonafide, self.spoof, strict=True)
        return np.stack([_interpolated(bona, spoof, false_alarm) for bona, spoof in rows])


def _interpolated(bonafide: NDArray, spoof: NDArray, false_alarm: Floats) -> Floats:
    x = np.concatenate([[0.0], bonafide / bonafide[-1]])
    y = np.concatenate([[0.0], spoof / spoof[-1]])
    return np.interp(false_alarm, x, y)


def _checked(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.int8], Floats]:
    label_array = np.asarray(labels)
    score_array = np.asarray(scores, dtype=np.float64)
    if label_array.ndim != 1 or label_array.shape != score_array.shape:
        raise ValueError(f"labels {label_array.shape} and scores {score_array.shape} must agree")
    if not np.isfinite(score_array).all():
        raise ValueError("scores must be finite")
    if not np.isin(label_array, (0, 1)).all():
        raise ValueError("labels must be 0 (bona fide) or 1 (spoof)")
    if len(np.unique(label_array)) < 2:
        raise ValueError("both classes are needed, bona fide and spoof")
    return label_array.astype(np.int8), score_array


def _once(labels: ArrayLike, scores: ArrayLike) -> Counts:
    """Count every trial once: one row."""
    ranking = Ranking.of(labels, scores)
    return ranking.count(np.ones((1, ranking.scores.size), dtype=np.int32))


def operating_points(labels: ArrayLike, scores: ArrayLike) -> OperatingPoints:
    """Return the error rates at every distinct score, ties sharing a threshold."""
    counts = _once(labels, scores)
    false_alarm = counts.bonafide[0] / counts.bonafide[0, -1]
    detection = counts.spoof[0] / counts.spoof[0, -1]
    return OperatingPoints(np.append(0.0, false_alarm), np.append(0.0, detection))


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the area under the ROC curve: P(spoof scores higher than bona fide), ties half."""
    return float(_once(labels, scores).roc_auc()[0])


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the average precision with spoof as the positive class.

    The step sum over distinct scores, each weighted by the spoof trials it adds; no interpolation.
    """
    return float(_once(labels, scores).average_precision()[0])


def eer(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the equal error rate as a fraction.

    The convention: the threshold sweeps over the distinct scores (ties share one); between the two
    neighbouring operating points where miss minus false alarm changes sign, both rates are linear
    and meet at the EER. This is where the ROC curve drawn with straight lines crosses the diagonal
    "miss = false alarm". Nothing is clipped: a scorer that points the wrong way has an EER above
    0.5, and turning its scores round gives one minus it.
    """
    return float(_once(labels, scores).eer()[0])
