"""Detection costs of the ASVspoof challenges, alone and in tandem with speaker verification.

This is the one place where the field's terms meet ours. In its papers bona fide is the class to
detect: a "miss" there is a bona fide clip that the countermeasure rejects, which is our false
alarm, and a "false alarm" there is a spoof that it accepts, which is our miss. Its scores rise
towards bona fide, ours towards spoof.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from authenticity.evaluation.metrics import Floats, Weighted

# Priors and costs of every ASVspoof challenge since 2019 (Wang et al. 2020, arXiv 1911.01601; the
# evaluation plans of 2021 and of ASVspoof 5): a spoof is 5% of the trials and costs ten times as
# much to accept as a bona fide clip to reject; 1% of the others are not the target.
P_SPOOF = 0.05
P_TARGET = (1.0 - P_SPOOF) * 0.99
P_NONTARGET = (1.0 - P_SPOOF) * 0.01
COST_REJECTED = 1.0
COST_ACCEPTED = 10.0
_REJECTED, _ACCEPTED = COST_REJECTED * (1.0 - P_SPOOF), COST_ACCEPTED * P_SPOOF


@dataclass(frozen=True)
class Cost:
    """A normalised cost, linear in a countermeasure's error rates.

    Attributes:
        floor: what remains with a perfect countermeasure.
        bonafide_rejected: what rejecting every bona fide clip adds (the field's miss).
        spoof_accepted: what accepting every spoof adds (the field's false alarm).
    """

    floor: float
    bonafide_rejected: float
    spoof_accepted: float

    def least(self, trials: Weighted) -> Floats:
        """Return the lowest cost over all thresholds, for each row of weights, (m,)."""
        return self.floor + trials.corners.least_cost(self.bonafide_rejected, self.spoof_accepted)

    def at(self, called_spoof: Floats, trials: Weighted) -> Floats:
        """Return the cost of given decisions, 1 or 0 of shape (n,), for each row, (m,)."""
        false_alarm, miss = trials.mean(called_spoof, 0), 1.0 - trials.mean(called_spoof, 1)
        return self.floor + self.bonafide_rejected * false_alarm + self.spoof_accepted * miss


ASVSPOOF5 = Cost(
    floor=0.0,
    bonafide_rejected=_REJECTED / min(_REJECTED, _ACCEPTED),
    spoof_accepted=_ACCEPTED / min(_REJECTED, _ACCEPTED),
)
"""The detection cost of ASVspoof 5, track 1: Wang et al. 2024 (arXiv 2408.08739).

It is normalised by the cheaper of rejecting and accepting everything.
"""


def called_spoof(llr: ArrayLike) -> Floats:
    """Return decisions (n,), 1 or 0, from likelihood ratios at the Bayes threshold of `ASVSPOOF5`.

    The field accepts a clip whose log-likelihood ratio of bona fide is at least -log(beta), where
    beta = Cmiss (1 - Pspoof) / (Cfa Pspoof). Ours has the other sign, and is called spoof above it.
    """
    return (np.asarray(llr) > np.log(_REJECTED / _ACCEPTED)).astype(np.float64)


@dataclass(frozen=True)
class SpeakerVerification:
    """A speaker-verification system at one threshold, as the tandem cost sees it.

    Attributes:
        p_fa: share of non-targets accepted.
        p_miss: share of targets rejected.
        p_miss_spoof: share of spoofs rejected.
    """

    p_fa: float
    p_miss: float
    p_miss_spoof: float


def speaker_verification(scores: pd.DataFrame) -> SpeakerVerification | None:
    """Return the rates of an ASV system at its own EER threshold.

    The organisers' rule, which gives published costs to their last digit: the threshold is the
    score at which the shares of targets up to it and of non-targets above it are nearest. The rates
    then accept the threshold itself.

    `scores` has the columns `kind` and `score` of `tables.ASV_SCORES`. None where targets,
    non-targets or spoofs are absent: there is no tandem without them.
    """
    target, nontarget, spoof = (
        np.sort(scores.loc[scores["kind"] == kind, "score"].to_numpy(dtype=float))
        for kind in ("target", "nontarget", "spoof")
    )
    if not (target.size and nontarget.size and spoof.size):
        return None
    thresholds = np.unique(np.concatenate([target, nontarget]))
    up_to = np.searchsorted(target, thresholds, side="right") / target.size
    above = 1.0 - np.searchsorted(nontarget, thresholds, side="right") / nontarget.size
    threshold = thresholds[np.argmin(np.abs(up_to - above))]
    return SpeakerVerification(
        p_fa=float(np.mean(nontarget >= threshold)),
        p_miss=float(np.mean(target < threshold)),
        p_miss_spoof=float(np.mean(spoof < threshold)),
    )


def tandem(asv: SpeakerVerification, revised: bool) -> Cost | None:
    """Return the tandem detection cost (t-DCF) as ASVspoof 2019 reported it, or the revised one.

    Kinnunen et al. 2018 (arXiv 1804.09618): C1 Pmiss + C2 Pfa over the smaller of C1 and C2. The
    revised one of ASVspoof 2021, Kinnunen et al. 2020 (arXiv 2007.05979), adds C0, the cost of the
    ASV system's own errors, to both. None where C1 or C2 is not positive: such a system leaves
    nothing to defend.
    """
    own_errors = P_TARGET * COST_REJECTED * asv.p_miss + P_NONTARGET * COST_ACCEPTED * asv.p_fa
    rejected = P_TARGET * COST_REJECTED - own_errors
    accepted = _ACCEPTED * (1.0 - asv.p_miss_spoof)
    if min(rejected, accepted) <= 0:
        return None
    floor = own_errors if revised else 0.0
    default = floor + min(rejected, accepted)
    return Cost(floor / default, rejected / default, accepted / default)
