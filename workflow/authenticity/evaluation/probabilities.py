"""How good probabilities and likelihood ratios are: Brier score, calibration error, Cllr.

All are averages over trials, so that a bootstrap needs only weighted sums.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from authenticity.evaluation.metrics import Floats, Weighted

N_BINS = 15


@dataclass(frozen=True)
class Brier:
    """The Brier score: mean squared distance of the probability of spoof from 0 or 1.

    Brier 1950, "Verification of forecasts expressed in terms of probability", halved as is usual
    for two classes. `p_spoof` is (n,).
    """

    p_spoof: Floats

    def __call__(self, trials: Weighted) -> Floats:
        """Return it for each row of weights, (m,)."""
        return trials.mean((self.p_spoof - trials.ranking.labels) ** 2)


@dataclass(frozen=True)
class CalibrationError:
    """The expected calibration error, over bins that hold equally many trials.

    Naeini, Cooper and Hauskrecht 2015 ("Obtaining well calibrated probabilities using Bayesian
    binning"): the mean over trials of the distance, per bin, between mean probability and share of
    spoof. 15 bins as in Guo et al. 2017 (arXiv 1706.04599), but of equal mass, since most
    probabilities lie near 0 and 1 and bins of equal width would leave the middle to a few trials;
    they are less biased too (Roelofs et al. 2022, arXiv 2012.08668). Equal probabilities share a
    bin. The bins are those of the whole sample in every resample. Chance alone makes it positive,
    the more so the fewer trials there are, and resampling adds chance: its interval leans upwards.

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

    @cached_property
    def _gaps(self) -> csr_array:
        """Distance of each trial's probability from its label, in its bin's row: (bins, n)."""
        n = self.p_spoof.size
        return csr_array((self.p_spoof - self.labels, (self.bin, np.arange(n))))

    def __call__(self, trials: Weighted) -> Floats:
        """Return it for each row of weights, (m,)."""
        amounts = trials.amounts.T
        return np.abs(self._gaps @ amounts).sum(axis=0) / amounts.sum(axis=0)

    def diagram(self) -> list[dict[str, Any]]:
        """Return the bins of a reliability diagram, by rising probability."""
        n = np.bincount(self.bin)
        mean_p = np.bincount(self.bin, weights=self.p_spoof) / n
        share = np.bincount(self.bin, weights=self.labels) / n
        return [
            {"mean_p": float(p), "share_spoof": float(found), "n": int(count)}
            for p, found, count in zip(mean_p, share, n, strict=True)
        ]


@dataclass(frozen=True)
class Cllr:
    """The cost of likelihood ratios in bits: 0 is perfect, 1 says nothing, more is misleading.

    Brümmer and du Preez 2006, "Application-independent evaluation of speaker detection". `llr` (n,)
    are natural logarithms of spoof over bona fide; the field's are of bona fide over spoof, and
    Cllr is the same for both.
    """

    llr: Floats

    def __call__(self, trials: Weighted) -> Floats:
        """Return it for each row of weights, (m,)."""
        bits = np.logaddexp(0.0, np.where(trials.ranking.labels == 1, -self.llr, self.llr))
        return (trials.mean(bits, 0) + trials.mean(bits, 1)) / (2.0 * np.log(2.0))
