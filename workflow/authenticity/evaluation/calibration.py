"""Scores turned into probabilities and likelihood ratios by a line fitted on dev; their error.

A score orders clips; only a calibrated one can be compared with a threshold that follows from
costs and priors, or with the score of another model.
"""

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from authenticity.evaluation.metrics import Floats, Ranking

N_BINS = 15
N_DRAWS = 1000
# Cells of one block of draws, (draws, trials): small enough for the processor's cache.
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Calibration:
    """Log-odds of spoof as a line in the score: `slope` x score + `offset`.

    Attributes:
        slope, offset: of the line, natural logarithm.
        prior_spoof: the share of spoof at which its probabilities hold, between 0 and 1.
    """

    slope: float
    offset: float
    prior_spoof: float

    def llr(self, scores: ArrayLike) -> Floats:
        """Return the natural log-likelihood ratio of spoof against bona fide, (n,)."""
        return self._log_odds(scores) - scipy.special.logit(self.prior_spoof)

    def probability(self, scores: ArrayLike) -> Floats:
        """Return the probability of spoof where its prior is `prior_spoof`, (n,)."""
        return scipy.special.expit(self._log_odds(scores))

    def _log_odds(self, scores: ArrayLike) -> Floats:
        return self.slope * np.asarray(scores, dtype=np.float64) + self.offset


def fit(scores: ArrayLike, labels: ArrayLike) -> Calibration:
    """Fit the line by logistic regression on Platt's smoothed targets.

    The targets of Platt 1999 ("Probabilistic outputs for support vector machines"),
    (n + 1) / (n + 2) for the n spoof trials and 1 / (n + 2) for the n bona fide ones, keep the line
    finite where dev is separable, and say less the fewer trials there are. `prior_spoof` is the
    targets' mean, dev's share of spoof but for that smoothing, so that a score which says nothing
    has a likelihood ratio of exactly one.

    A negative slope is kept: on dev a lower score did point to spoof, and a line forced upwards
    would be fitted to nothing.

    `scores` (n,) are finite, of any scale; `labels` (n,) are 0 bona fide or 1 spoof. A `ValueError`
    says when a score is not finite, or a class is missing.
    """
    from sklearn.linear_model import LogisticRegression

    trials = Ranking.of(labels, scores)
    scores, labels = trials.scores, trials.labels
    n_bonafide, n_spoof = np.bincount(labels)
    targets = np.where(labels == 1, (n_spoof + 1) / (n_spoof + 2), 1 / (n_bonafide + 2))
    prior = float(targets.mean())
    centre, spread = scores.mean(), scores.std()
    if spread <= 1e-12 * max(1.0, np.abs(scores).max()):
        return Calibration(0.0, float(scipy.special.logit(prior)), prior)
    standard = (scores - centre) / spread
    # A soft target is two weighted rows. Newton's method, so that the digits do not hang on when a
    # gradient is called small.
    regression = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
    regression.fit(
        np.tile(standard, 2)[:, None],
        np.repeat([1, 0], labels.size),
        sample_weight=np.concatenate([targets, 1.0 - targets]),
    )
    slope = float(regression.coef_[0, 0] / spread)
    offset = float(regression.intercept_[0] - slope * centre)
    return Calibration(slope, offset, prior)


@dataclass(frozen=True)
class CalibrationError:
    """The expected calibration error, over bins that hold equally many trials.

    Naeini, Cooper and Hauskrecht 2015 ("Obtaining well calibrated probabilities using Bayesian
    binning"): the mean over trials of the distance, per bin, between mean probability and share of
    spoof. 15 bins as in Guo et al. 2017 (arXiv 1706.04599), but of equal mass, since most
    probabilities lie near 0 and 1 and bins of equal width would leave the middle to a few trials;
    they are less biased too (Roelofs et al. 2022, arXiv 2012.08668). Equal probabilities share a
    bin.

    Chance alone makes it positive, more so with fewer trials: `chance` says by how much. It has no
    bootstrap interval, because resampling adds chance of its own: the interval would lie too high,
    often wholly above the value.

    `p_spoof` and `labels` are (n,).
    """

    p_spoof: Floats
    labels: NDArray[np.integer]

    @cached_property
    def bin(self) -> NDArray[np.intp]:
        """Bin of each trial, (n,), from 0 without gaps."""
        inner = np.arange(1, N_BINS) / N_BINS
        edges = np.unique(np.quantile(self.p_spoof, inner, method="lower"))
        return np.unique(np.searchsorted(edges, self.p_spoof), return_inverse=True)[1]

    def value(self) -> float:
        """Return the error, between 0 and 1."""
        gaps = np.bincount(self.bin, weights=self.p_spoof - self.labels)
        return float(np.abs(gaps).sum() / self.p_spoof.size)

    def chance(self, seed: int, files: ArrayLike) -> tuple[float, float]:
        """Return the mean and the 97.5% point of the errors that chance alone gives.

        Labels are drawn `N_DRAWS` times from the probabilities themselves, as if those held
        ("consistency resampling", Bröcker and Smith 2007, "Increasing the reliability of
        reliability diagrams"). Trials are taken as independent. Rows of one file (`files` is (n,)),
        which rounds of a protocol may each have, share their draw.
        """
        n = self.p_spoof.size
        order = np.argsort(self.bin, kind="stable")
        p, file = self.p_spoof[order], np.unique(np.asarray(files), return_inverse=True)[1][order]
        starts = np.searchsorted(self.bin[order], np.arange(self.bin.max() + 1))
        expected = np.add.reduceat(p, starts)
        random, errors, rows = np.random.default_rng(seed), [], max(1, _BLOCK // n)
        for start in range(0, N_DRAWS, rows):
            drawn = random.random((min(rows, N_DRAWS - start), file.max() + 1))[:, file] < p
            spoof = np.add.reduceat(drawn, starts, axis=1, dtype=np.intp)
            errors.append(np.abs(spoof - expected).sum(axis=1) / n)
        drawn_errors = np.concatenate(errors)
        return float(drawn_errors.mean()), float(np.quantile(drawn_errors, 0.975))

    def diagram(self) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
        """Return the bins of a reliability diagram by rising probability, (bins,) each.

        Their mean probability, how many spoof trials they hold, and how many trials.
        """
        n = np.bincount(self.bin)
        mean = np.bincount(self.bin, weights=self.p_spoof) / n
        return mean, np.bincount(self.bin[self.labels == 1], minlength=n.size), n


def beyond_chance(error: float, mean: float, high: float) -> float:
    """Return the part of a calibration error that is not chance; see `CalibrationError.chance`.

    It is 0 up to `high`: calibrated probabilities often have as much on as many trials. In a bin,
    the gap of the probabilities and that of chance add up as independent errors do, by their
    squares. The plain difference would understate the part: probabilities that are off by 9.5% have
    an error of 10.5% on 810 trials where chance alone gives 4.6%.
    """
    return sqrt(error**2 - mean**2) if error > high else 0.0


def wilson(hits: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Return the ends of the 95% interval of shares, `hits` of `n` independent clips: Wilson 1927.

    As of `scipy.stats.binomtest`, whose import takes longer than a page of the report.
    """
    hits, n = np.asarray(hits), np.asarray(n)
    share, z = hits / n, scipy.special.ndtri(0.975)
    width = 2 * (n + z**2)
    centre = (2 * n * share + z**2) / width
    half = z / width * np.sqrt(4 * n * share * (1 - share) + z**2)
    return np.where(hits == 0, 0.0, centre - half), np.where(hits == n, 1.0, centre + half)
