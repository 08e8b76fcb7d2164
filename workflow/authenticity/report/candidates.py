"""The candidates among which an experiment's features were chosen."""

from authenticity import estimates
from authenticity.html import render
from authenticity.names import POOLING_WORDS, ordered_splits
from authenticity.report import wording
from authenticity.report.wording import Cell, Json, estimate


def selection(item: Json, found: Json) -> str:
    """Return the page of the candidates of an experiment (`item`); the chosen ones are marked."""
    items = found["candidates"]
    splits = ordered_splits(split for each in items for split in each["splits"])
    columns = ["Candidate", "Pooling", "C", "Cross-validated AUC"]
    columns += [f"AUC on {split}" for split in splits] + ["Chosen"]
    rows = [
        [
            each["candidate"],
            POOLING_WORDS[each["pooling"]],
            "by round" if each["C"] is None else f"{each['C']:g}",
            None if each["cv_roc_auc"] is None else f"{each['cv_roc_auc']:.4f}",
            *(_figure(each["splits"].get(split)) for split in splits),
            _chosen(each, found["n_rounds"]),
        ]
        for each in items
    ]
    chosen = [index for index, each in enumerate(items) if each["chosen"]]
    caption = "95% intervals in brackets"
    if found["n_rounds"] > 1:
        caption = f"Means over {found['n_rounds']} rounds, each with models of its own"
    return render(
        "selection.html.j2",
        name=wording.label(item),
        warnings=wording.warnings([item]),
        caption=caption,
        columns=columns,
        rows=rows,
        chosen=chosen,
        folds=found["folds"],
    )


def _figure(found: Json | None) -> Cell:
    """A mean over rounds has no interval."""
    return estimates.value(found) if found and found["low"] is None else estimate(found)


def _chosen(item: Json, n_rounds: int) -> str:
    if not item["chosen"]:
        return ""
    return "chosen" if n_rounds == 1 else f"in {item['n_rounds_chosen']} of {n_rounds} rounds"
