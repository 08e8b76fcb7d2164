"""The candidates among which an experiment's features were chosen."""

from authenticity import html
from authenticity.evaluation.figures import ordered_splits
from authenticity.plots import POOLING_WORDS
from authenticity.report.wording import Json


def selection(experiment: str, found: Json) -> str:
    """Return the page of one experiment's candidates; the chosen one is marked."""
    items = found["candidates"]
    splits = ordered_splits(split for item in items for split in item["splits"])
    columns = ["Candidate", "Pooling", "C", "Cross-validated AUC"]
    columns += [f"AUC on {split}" for split in splits] + ["Chosen"]
    rows, chosen = [], []
    for index, item in enumerate(items):
        if item["chosen"]:
            chosen.append(index)
        figures = [item["splits"].get(split) for split in splits]
        rows.append(
            [
                item["candidate"],
                POOLING_WORDS[item["pooling"]],
                f"{item['C']:g}",
                f"{item['cv_roc_auc']:.4f}",
                *(html.estimate(figure) if figure else None for figure in figures),
                "chosen" if item["chosen"] else "",
            ]
        )
    words = f"Folds of the cross-validation, which sets C: {found['folds']}."
    caption = "95% intervals in brackets"
    parts = [html.table(caption, columns, rows, chosen), html.paragraph(words)]
    return html.page(f"Candidates of {experiment}", parts)
