"""The candidates among which an experiment's features were chosen."""

from authenticity import html
from authenticity.names import POOLING_WORDS, ordered_splits
from authenticity.report import wording
from authenticity.report.wording import Json


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
    words = f"Folds of the cross-validation, which sets C: {found['folds']}."
    table = html.table(caption, columns, rows, chosen)
    parts = [wording.warnings([item]), table, html.paragraph(words)]
    return html.page(f"Candidates of {wording.label(item)}", parts)


def _figure(found: Json | None) -> str | None:
    """A mean over rounds has no interval."""
    if found is None:
        return None
    return html.text(found) if found["low"] is None else html.estimate(found)


def _chosen(item: Json, n_rounds: int) -> str:
    if not item["chosen"]:
        return ""
    return "chosen" if n_rounds == 1 else f"in {item['n_rounds_chosen']} of {n_rounds} rounds"
