"""Print the headline figures of the last run: `python -m authenticity.summary results`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from authenticity import html
from authenticity.errors import UserError
from authenticity.files import read_json


def lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the headline table as aligned plain text, one line per experiment."""
    header = ["corpus", "experiment", "split", "ROC-AUC (95% interval)", "EER % (95% interval)"]
    header += ["bona fide", "spoof"]
    cells = [header, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    return [
        "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _cells(row: Mapping[str, Any]) -> list[str]:
    auc, eer = row["roc_auc"], row["eer"]
    return [
        row["corpus"],
        row["experiment"],
        row["split"],
        f"{html.text(auc)} {html.interval_text(auc)}",
        f"{html.text(eer, percent=True)} {html.interval_text(eer, percent=True)}",
        str(row["n_bonafide"]),
        str(row["n_spoof"]),
    ]


def main(results: Path) -> None:
    """Print the table of `results/headline.json`, and where the report is."""
    headline = results / "headline.json"
    if not headline.is_file():
        raise UserError(f"{headline}: not there yet; run the workflow first (`make run`)")
    print("\n".join(lines(read_json(headline))))
    report = results / "report.html"
    if report.is_file():
        print(f"\nreport: {report.resolve()}")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
    except UserError as error:
        sys.exit(f"error: {error}")
