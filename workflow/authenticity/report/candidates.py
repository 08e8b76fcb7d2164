"""The candidates among which an experiment's features were chosen."""

from collections.abc import Mapping
from typing import Any

from authenticity import wording
from authenticity.evaluation.choice import candidates
from authenticity.evaluation.results import Tested
from authenticity.html import render
from authenticity.names import POOLING_WORDS
from authenticity.report.cells import estimate


def selection(item: Tested, model: Mapping[str, Any]) -> str:
    """Return the page of an experiment's candidates; the chosen ones are marked.

    `model` is its JSON, see `choice.candidates`.
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
