"""Scores turned into probabilities and likelihood ratios, by a line fitted on dev.

A score orders clips; only a calibrated one can be compared with a threshold that follows from
costs and priors, or with the score of another model.
"""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from authenticity.evaluation.metrics import Floats


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

    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    n_bonafide, n_spoof = np.count_nonzero(labels == 0), np.count_nonzero(labels == 1)
    if not n_bonafide or not n_spoof:
        raise ValueError("both classes are needed, bona fide and spoof")
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
