"""The candidates among which an experiment's features were chosen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median_low
from typing import Any

from authenticity import wording
from authenticity.evaluation.results import CANDIDATE, Row, Tested
from authenticity.html import render
from authenticity.names import POOLING_WORDS
from authenticity.report.cells import estimate
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


def selection(item: Tested, model: Mapping[str, Any]) -> str:
    """Return the page of an experiment's candidates; the chosen ones are marked.

    `model` is its JSON, see `candidates`.
    """
    items, n_rounds = list(candidates(item, model)), len(model["rounds"])
    rows = [
        [
            each.name,
            POOLING_WORDS[each.pooling],
            None if each.C is None else f"{each.C:g}",
            None if each.cv_roc_auc is None else f"{each.cv_roc_auc:.4f}",
            *(estimate(each.roc_auc.get(split)) for split in item.splits),
            _chosen(each.n_chosen, n_rounds),
        ]
        for each in items
    ]
    caption = "95% intervals in brackets"
    if n_rounds > 1:
        caption = f"Means over {n_rounds} rounds, each with models of its own"
    return render(
        "selection.html.j2",
        name=item.label,
        warnings=wording.warnings([item]),
        caption=caption,
        columns=["Candidate", "Pooling", "C", "Cross-validated AUC"]
        + [f"AUC on {split}" for split in item.splits]
        + ["Chosen"],
        rows=rows,
        chosen=[index for index, each in enumerate(items) if each.n_chosen],
        folds="; ".join(dict.fromkeys(each["folds"] for each in model["rounds"])),
    )


def _chosen(n_chosen: int, n_rounds: int) -> str:
    if not n_chosen:
        return ""
    return "chosen" if n_rounds == 1 else f"in {n_chosen} of {n_rounds} rounds"
