"""Which figures of a run to trust, and why: named checks on the run's own numbers.

A check has a rating, a sentence with the numbers behind it, and the kinds of figure it bears on.
The worst rating of a kind of figure is the rating of it; that of the ranking figures, ROC-AUC and
EER, is the experiment's. What a check holds a figure against is a `Bound`, with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from authenticity import estimates
from authenticity.report import wording
from authenticity.report.wording import REPORTED, Json
from authenticity.trust.bounds import BOUNDS
from authenticity.trust.checks import (
    CAUTION,
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
"""Stands for the rating of figures that a protocol without a dev part does not have."""
__all__ = [
    "CAUTION",
    "DISTRUST",
    "NONE_MADE",
    "TRUST",
    "Check",
    "Evidence",
    "checks",
    "gather",
    "judge",
    "judge_all",
]


def gather(
    metrics: Sequence[Json], applied: Sequence[Json], audits: Mapping[str, Json], verified: Json
) -> list[Evidence]:
    """Put together what a corpus's files say of each experiment; see `Evidence`.

    `audits` are by view: each experiment is held against that of the view which it scores.
    """
    views = wording.by_view(metrics, applied)
    return [Evidence(item, views[item["name"]], audits[item["view"]], verified) for item in metrics]


def judge(evidence: Evidence) -> dict[str, Any]:
    """Return the rating of one experiment as plain data: overall, per kind of figure, checks."""
    made = checks(evidence)
    figures = {
        kind: worst(check.status for check in made if kind in check.concerns) for kind in KINDS
    }
    if not evidence.found["at_threshold"]:
        figures[DECISIONS] = NONE_MADE
    because = {kind: _because(made, kind, status) for kind, status in figures.items()}
    return {
        "name": evidence.metrics["name"],
        "control": evidence.metrics["control"],
        "overall": {
            "status": figures[RANKING],
            "sentence": " ".join(f"{kind}: {why}." for kind, why in because.items()),
        },
        "claim": _claim(evidence, figures[RANKING]),
        "figures": figures,
        "checks": [asdict(check) | {"concerns": list(check.concerns)} for check in made],
    }


def judge_all(corpus: str, evidence: Sequence[Evidence]) -> dict[str, Any]:
    """Return the ratings of a corpus's experiments, with what figures were held against."""
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
    level = 100 * evidence.metrics["interval"]["level"]
    interval = _interval(evidence.found["roc_auc"])
    new_speakers = wording.covers_new_speakers(evidence.found)
    whom = "speakers drawn like those" if new_speakers else "clips of the same speakers as those"
    return (
        f"What can be claimed: on {whom} of {REPORTED}, and on its attacks, ROC-AUC lies between "
        f"{interval} ({level:g}% interval)."
    )


def _interval(estimate: Json, percent: bool = False) -> str:
    return estimates.interval(estimate, percent).strip("()").replace(" to ", " and ")
