"""Which results of a run to trust, and why: named checks on the run's own numbers.

A check has a rating, a sentence with the numbers behind it, and the kinds of metric it bears on.
The worst rating of a kind of metric is the rating of it; that of the ranking metrics, ROC-AUC and
EER, is the experiment's. What a check holds a value against is a `Bound`, with its reason.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from authenticity import estimates, wording
from authenticity.evaluation.bootstrap import LEVEL
from authenticity.evaluation.results import REPORTED
from authenticity.trust.bounds import BOUNDS
from authenticity.trust.checks import (
    DECISIONS,
    DISTRUST,
    KINDS,
    RANKING,
    TRUST,
    Check,
    Evidence,
    checks,
    worst,
)

NONE_MADE = "none made"
"""Stands for the rating of decisions that a protocol without a dev part does not make."""


def judge(evidence: Evidence) -> dict[str, Any]:
    """Return the ratings of one experiment as plain data: overall, per kind of metric, checks."""
    made = checks(evidence)
    ratings = {
        kind: worst(check.status for check in made if kind in check.concerns) for kind in KINDS
    }
    if not evidence.tested.threshold:
        ratings[DECISIONS] = NONE_MADE
    because = {kind: _because(made, kind, status) for kind, status in ratings.items()}
    return {
        "name": evidence.tested.name,
        "control": evidence.tested.control,
        "overall": {
            "status": ratings[RANKING],
            "sentence": " ".join(f"{kind}: {why}." for kind, why in because.items()),
        },
        "claim": _claim(evidence, ratings[RANKING]),
        "ratings": ratings,
        "checks": [asdict(check) | {"concerns": list(check.concerns)} for check in made],
    }


def judge_all(corpus: str, evidence: Sequence[Evidence]) -> dict[str, Any]:
    """Return the ratings of a corpus's experiments, with what values were held against."""
    return {
        "corpus": corpus,
        "split": REPORTED,
        "experiments": [judge(item) for item in evidence],
        "thresholds": [asdict(bound) for bound in BOUNDS],
    }


def _because(made: Sequence[Check], kind: str, status: str) -> str:
    if status in (TRUST, NONE_MADE):
        return status
    names = [check.name for check in made if kind in check.concerns and check.status == status]
    return f"{status}, because of {wording.listed([name.lower() for name in names])}"


def _claim(evidence: Evidence, status: str) -> str:
    """Say the most that the numbers support."""
    if status == DISTRUST:
        return "What can be claimed: nothing about clips that the experiment has not met."
    interval = estimates.interval(evidence.own["roc_auc"]).strip("()").replace(" to ", " and ")
    new_speakers = wording.covers_new_speakers(evidence.own)
    whom = "speakers drawn like those" if new_speakers else "clips of the same speakers as those"
    return (
        f"What can be claimed: on {whom} of {REPORTED}, and on its attacks, ROC-AUC lies between "
        f"{interval} ({100 * LEVEL:g}% interval)."
    )
