"""The candidates among which an experiment's features were chosen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median_low
from typing import Any

from authenticity.evaluation.results import CANDIDATE, Row, Tested
from authenticity.tables import candidate_column


@dataclass(frozen=True)
class Candidate:
    """One candidate with one pooling.

    Attributes:
        name: layer, layers or spectral numbers.
        pooling: over time.
        C: of its logistic regression; over several rounds the lower median of theirs;
            None where nothing was fitted.
        cv_roc_auc: cross-validated on train, the mean over rounds; None where C was chosen on dev.
        n_chosen: in how many rounds it was chosen.
        roc_auc: by split; over several rounds the mean of theirs.
    """

    name: str
    pooling: str
    C: float | None
    cv_roc_auc: float | None
    n_chosen: int
    roc_auc: Mapping[str, Row]


def candidates(item: Tested, model: Mapping[str, Any]) -> Iterator[Candidate]:
    """Yield an experiment's candidates; `model` is its JSON, which has C and the choice."""
    by_split = {split: item.on(split, CANDIDATE).each("roc_auc") for split in item.splits}
    chosen = [(each["candidate"], each["pooling"]) for each in model["rounds"]]
    fits: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for fit in model["selection"]:
        fits.setdefault((fit["candidate"], fit["pooling"]), []).append(fit)
    for key, by_round in fits.items():
        column, cv = candidate_column(*key), [fit["cv_roc_auc"] for fit in by_round]
        yield Candidate(
            *key,
            C=_middle([fit["C"] for fit in by_round]),
            cv_roc_auc=None if None in cv else fmean(cv),
            n_chosen=chosen.count(key),
            roc_auc={
                split: columns[column] for split, columns in by_split.items() if column in columns
            },
        )


def _middle(values: Sequence[float | None]) -> float | None:
    return None if None in values else median_low(values)
