"""A run's results as Markdown: `python -m authenticity.results_page results > docs/results.md`."""

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from authenticity import benchmarks, tables
from authenticity.errors import UserError
from authenticity.evaluation.results import ALL, ATTACK, ATTACKS, KNOWN, REPORTED, UNKNOWN
from authenticity.files import read_json
from authenticity.names import view_name

_METRICS = {
    "roc_auc": "ROC-AUC",
    "eer": "EER, %",
    "hter": "HTER, %",
    "average_precision": "average precision",
    "cllr": "Cllr",
    "min_dcf": "min DCF",
    "ece": "ECE, %",
    "brier": "Brier score",
}


def page(folder: Path) -> str:
    """Return the page of a run's results.

    Raises:
        UserError: there are none yet.
    """
    path = folder / "results.parquet"
    if not path.is_file():
        raise UserError(f"{path}: not there yet; run the workflow first (`make run`)")
    results = tables.read(path).to_pandas().query(f"split == {REPORTED!r} and corpus == target")
    parts = ["# Results of the demonstration", _ABOUT]
    for name, own in results.groupby("corpus"):
        views_scored = {
            experiment: read_json(folder / name / f"records/{experiment}/{name}.json")["view"]
            for experiment in own["experiment"].unique()
        }
        overall, auc = own["group"] == ALL, own["metric"] == "roc_auc"
        scored = own["view"] == own["experiment"].map(views_scored)
        by_metric = own[overall & scored & own["metric"].isin(_METRICS)]
        by_view, by_attack = (
            own[overall & auc],
            own[scored & auc & own["group"].isin([ATTACKS, ATTACK])],
        )
        parts += [f"## {name}: eval, by experiment", _pivot(by_metric, "metric", _METRICS)]
        views = {view: view_name(view) for view in sorted(by_view["view"].unique(), key=view_name)}
        parts += [f"## {name}: ROC-AUC by view of the audio", _pivot(by_view, "view", views)]
        names = sorted(set(by_attack["group_value"]) - {KNOWN, UNKNOWN})
        attacks = {name: name for name in [KNOWN, UNKNOWN, *names]}
        parts += [f"## {name}: ROC-AUC by attack", _pivot(by_attack, "group_value", attacks)]
        verdict = folder / name / "verdict.json"
        if verdict.is_file():
            parts += [f"## {name}: is it better?", _verdicts(read_json(verdict)["pairs"])]
        parts += [f"## {name}: where the time went", _time(folder.parent / "benchmarks" / name)]
    return "\n\n".join(parts) + "\n"


_ABOUT = (
    "`make run`, then `python -m authenticity.results_page results > docs/results.md`, wrote this "
    f"page on {platform.machine()} with {os.cpu_count()} cores. Another processor rounds "
    "differently, which moves values in the third digit, and those of fine-tuning in the second. "
    "Brackets hold 95% intervals; [metrics.md](metrics.md) says what they cover."
)


def _pivot(rows: pd.DataFrame, column: str, labels: dict[str, str]) -> str:
    """Return a table with a row per experiment and a column for each label."""
    cells = rows.assign(cell=[_cell(row) for _, row in rows.iterrows()])
    wide = cells.pivot(index="experiment", columns=column, values="cell")
    wide = wide.reindex(columns=list(labels)).fillna("")
    return _table(["experiment", *labels.values()], [list(row) for row in wide.itertuples()])


def _verdicts(pairs: Sequence[dict[str, Any]]) -> str:
    rows = [
        [
            item["baseline"],
            item["candidate"],
            item["on_these_speakers"]["at_least_one_point"],
            item["at_least_one_point"],
            f"{100 * item['roc_auc']['value']:+.2f} ({100 * item['roc_auc']['low']:+.2f} to "
            f"{100 * item['roc_auc']['high']:+.2f})",
            f"{100 * item['detectable']:.2f}",
        ]
        for item in pairs
    ]
    columns = ["first", "second", "a point better on these speakers", "in general"]
    return _table([*columns, "change in points of ROC-AUC", "80% power at"], rows)


def _time(folder: Path) -> str:
    spent = sorted(benchmarks.spent(folder, "", []), key=lambda each: -each.wall_seconds)
    rows = [
        [each.rule, each.jobs, f"{each.wall_seconds:.0f}", f"{each.cpu_seconds:.0f}"]
        for each in spent
    ]
    total = [sum(each.jobs for each in spent)]
    total += [f"{sum(getattr(each, name) for each in spent):.0f}" for name in _TIMES]
    return _table(["rule", "jobs", "s, side by side or not", "CPU s"], [*rows, ["all", *total]])


_TIMES = ("wall_seconds", "cpu_seconds")


def _cell(row: pd.Series) -> str:
    form, times = ("{:.2f}", 100) if "%" in _METRICS[row["metric"]] else ("{:.4f}", 1)
    value, low, high = (form.format(times * row[end]) for end in ("value", "low", "high"))
    return value if pd.isna(row["low"]) else f"{value} ({low} to {high})"


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


if __name__ == "__main__":
    try:
        sys.stdout.write(page(Path(sys.argv[1] if len(sys.argv) > 1 else "results")))
    except UserError as error:
        sys.exit(f"error: {error}")
