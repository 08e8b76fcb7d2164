"""Print the headline of the last run: `python -m authenticity.summary results`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from authenticity import benchmarks, estimates
from authenticity.errors import UserError
from authenticity.estimates import Estimate
from authenticity.files import read_json
from authenticity.names import labelled, printable


def lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the headline table as aligned plain text, one line per experiment."""
    header = ["corpus", "experiment", "split", "ROC-AUC (95% interval)", "EER % (95% interval)"]
    cells = [[*header, "bona fide", "spoof", "trust"]]
    for row in rows:
        auc, eer = (Estimate(**row[name]) for name in ("roc_auc", "eer"))
        about = [row["corpus"], labelled(row["name"], row["control"]), row["split"]]
        values = [estimates.whole(auc), estimates.whole(eer, percent=True)]
        cells.append([*about, *values, str(row["n_bonafide"]), str(row["n_spoof"]), row["trust"]])
    return _aligned(cells)


def by_novelty(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ROC-AUC on attacks that training had and on others, where both are told apart."""
    split = [row for row in rows if row["by_novelty"]]
    if not split:
        return []
    names = list(dict.fromkeys(name for row in split for name in row["by_novelty"]))
    cells = [["corpus", "experiment", *(f"ROC-AUC, {name}" for name in names)]]
    for row in split:
        values = {
            name: f"{estimates.whole(Estimate.of(value))}, {value['n_spoof']} spoof"
            for name, value in row["by_novelty"].items()
        }
        about = [row["corpus"], labelled(row["name"], row["control"])]
        cells.append([*about, *(values.get(name, "") for name in names)])
    return _aligned(cells)


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]


def warnings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each experiment that leaks, and for each that ranks wrongly."""
    sentences = []
    for row in rows:
        told = {
            f"leaks: {row['leak']}": row["leak"],
            "is flipped: bona fide scores higher than spoof": row["orientation"] == "flipped",
            "is not told apart from guessing": row["orientation"] == "undecided",
            "was turned round by its calibration on dev: see the report": row["turned"],
        }
        name = f"{row['corpus']}, {row['name']}"
        sentences += [f"{name} {what}" for what, is_so in told.items() if is_so]
    return sentences


def spent(corpora: Sequence[str], results: Path, folder: Path) -> list[str]:
    """Return what became of each corpus's clips, and what its jobs took, by their benchmarks."""
    sentences = []
    for corpus in corpora:
        counts = read_json(results / corpus / "verified" / "clean.json")
        sentence = f"{corpus}: {counts['n_manifest']:,} clips, {counts['n_rejected']:,} set aside"
        if rules := benchmarks.spent(folder / corpus):
            jobs, cpu = sum(rule.jobs for rule in rules), sum(rule.cpu_seconds for rule in rules)
            peak = max(rule.peak_mib for rule in rules) / 1024
            sentence += (
                f"; {jobs} measured jobs, {cpu / 3600:.2f} CPU hours, at most {peak:.2f} GiB in one"
            )
        sentences.append(sentence)
    return sentences


def main(results: Path) -> None:
    """Print the table of `results/headline.json`, what to beware of, and where to read on."""
    headline = results / "headline.json"
    if not headline.is_file():
        raise UserError(f"{headline}: not there yet; run the workflow first (`make run`)")
    rows = read_json(headline)
    corpora = list(dict.fromkeys(row["corpus"] for row in rows))
    taken = spent(corpora, results, results.parent / "benchmarks")
    for block in (lines(rows), by_novelty(rows), warnings(rows), taken):
        if block:
            print(*map(printable, block), "", sep="\n")
    trust = [results / corpus / "tables" / "trust.html" for corpus in corpora]
    titles = dict.fromkeys(trust, "which results to trust") | {results / "report.html": "report"}
    for page, title in titles.items():
        if page.is_file():
            print(f"{title}: {page.resolve()}")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
    except UserError as error:
        sys.exit(f"error: {error}")
