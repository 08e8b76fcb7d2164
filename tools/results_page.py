"""A run's results as Markdown: `python tools/results_page.py results > docs/results.md`.

After `make ablations`, `... results ablations > docs/ablations.md`.
"""

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from authenticity import benchmarks, estimates, tables
from authenticity.errors import UserError
from authenticity.estimates import Estimate, points, points_between
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
    parts = ["# Results of the demonstration", _about("run")]
    for name, own in results.groupby("corpus"):
        views_scored = {
            experiment: read_json(folder / name / f"records/{experiment}/{name}.json")["view"]
            for experiment in own["experiment"].unique()
        }
        overall, auc = own["group"] == ALL, own["metric"] == "roc_auc"
        scored = own["view"] == own["experiment"].map(views_scored)
        by_metric = own[overall & scored & own["metric"].isin(_METRICS)]
        by_view = own[overall & auc]
        by_attack = own[scored & auc & own["group"].isin([ATTACKS, ATTACK])]
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


def ablations(folder: Path) -> str:
    """Return the page of a run's ablations, and of the pairs that it compares.

    Raises:
        UserError: there are none yet.
    """
    paths = sorted(folder.glob("*/ablations.json"))
    if not paths:
        raise UserError(f"{folder}: no ablations there yet; run them first (`make ablations`)")
    parts = ["# Ablations on the demonstration", _about("ablations", " ablations")]
    for path in paths:
        name, table = path.parent.name, read_json(path)
        counts = f"{table['n_bonafide']:,} bona fide, {table['n_spoof']:,} spoof clips"
        parts += [
            f"## {name}: one thing varied at a time, {counts} of {table['split']}",
            f"Values are means over seeds, and differences those from `{table['reference']}`.",
            _ablated(table["rows"]),
            f"## {name}: is it better?",
            _verdicts(read_json(path.with_name("verdict.json"))["pairs"]),
        ]
    return "\n\n".join(parts) + "\n"


def _ablated(rows: Sequence[dict[str, Any]]) -> str:
    cells = [
        [
            row["name"],
            row["about"],
            max(1, len(row["seeds"])),
            "" if row["dev_roc_auc"] is None else f"{row['dev_roc_auc']:.4f}",
            estimates.whole(Estimate.of(row["roc_auc"])),
            _points(row["difference"]["roc_auc"]) if row["difference"] else "",
            f"{row['cost']['cpu_seconds']:.0f}" if row["cost"] else "",
        ]
        for row in rows
    ]
    columns = ["experiment", "what is varied", "seeds", "ROC-AUC on dev", "ROC-AUC on eval"]
    return _table([*columns, "difference in points", "CPU s"], cells)


def _about(target: str, which: str = "") -> str:
    return (
        f"`make {target}`, then `python tools/results_page.py results{which}`, wrote this "
        f"page on {platform.machine()} with {os.cpu_count()} cores. Another processor rounds "
        "differently, which moves values in the third digit. Brackets hold 95% intervals; "
        "[metrics.md](metrics.md) says what they cover."
    )


def _points(estimate: Mapping[str, float]) -> str:
    return f"{points(estimate['value'])} ({points_between(estimate['low'], estimate['high'])})"


def _pivot(rows: pd.DataFrame, column: str, labels: dict[str, str]) -> str:
    """Return a table with a row per experiment and a column for each label."""
    cells = rows.assign(cell=[_cell(row) for _, row in rows.iterrows()])
    wide = cells.pivot(index="experiment", columns=column, values="cell")
    wide = wide.reindex(columns=list(labels), fill_value="").fillna("")
    return _table(["experiment", *labels.values()], [list(row) for row in wide.itertuples()])


def _verdicts(pairs: Sequence[dict[str, Any]]) -> str:
    rows = [
        [
            item["baseline"],
            item["candidate"],
            item["on_these_speakers"]["at_least_one_point"],
            item["at_least_one_point"],
            _points(item["roc_auc"]),
            f"{100 * item['detectable']:.2f}",
        ]
        for item in pairs
    ]
    columns = ["first", "second", "a point better on these speakers", "in general"]
    return _table([*columns, "change in points of ROC-AUC", "80% power at"], rows)


def _time(folder: Path) -> str:
    spent = sorted(benchmarks.spent(folder), key=lambda each: -each.wall_seconds)
    rows = [[each.rule, each.jobs, each.wall_seconds, each.cpu_seconds] for each in spent]
    total = ["all", *(sum(row[column] for row in rows) for column in (1, 2, 3))]
    cells = [[name, jobs, f"{wall:.0f}", f"{cpu:.0f}"] for name, jobs, wall, cpu in [*rows, total]]
    return _table(["rule", "jobs", "s, side by side or not", "CPU s"], cells)


def _cell(row: pd.Series) -> str:
    form, times = ("{:.2f}", 100) if "%" in _METRICS[row["metric"]] else ("{:.4f}", 1)
    value, low, high = (form.format(times * row[end]) for end in ("value", "low", "high"))
    return value if pd.isna(row["low"]) else f"{value} ({low} to {high})"


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


if __name__ == "__main__":
    try:
        asked = ablations if sys.argv[2:] == ["ablations"] else page
        sys.stdout.write(asked(Path(sys.argv[1] if len(sys.argv) > 1 else "results")))
    except UserError as error:
        sys.exit(f"error: {error}")
