"""How good probabilities and likelihood ratios are: Brier score, calibration error, Cllr."""

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from authenticity.evaluation.metrics import Floats, Metric, Weighted

N_BINS = 15
N_DRAWS = 1000
# Cells of one block of draws, (draws, trials): small enough for the processor's cache.
_BLOCK = 1 << 20


def brier(p_spoof: Floats) -> Metric:
    """Return the Brier score: mean squared distance of the probability of spoof (n,) from 0 or 1.

    Brier 1950, "Verification of forecasts expressed in terms of probability", halved as is usual
    for two classes.
    """
    return lambda trials: trials.mean((p_spoof - trials.ranking.labels) ** 2)


def beyond_chance(error: float, mean: float, high: float) -> float:
    """Return the part of a calibration error that is not chance; see `CalibrationError.chance`.

    It is 0 up to `high`: calibrated probabilities often have as much on as many trials. In a bin,
    the gap of the probabilities and that of chance add up as independent errors do, by their
    squares. The plain difference would understate the part: probabilities that are off by 9.5% have
    an error of 10.5% on 810 trials where chance alone gives 4.6%.
    """
    return sqrt(error**2 - mean**2) if error > high else 0.0


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
