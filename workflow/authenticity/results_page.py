"""A run's figures as Markdown: `python -m authenticity.results_page results > docs/results.md`."""

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from authenticity import energy, tables
from authenticity.errors import UserError
from authenticity.files import read_json
from authenticity.names import view_name

_FIGURES = {
    "roc_auc": ("ROC-AUC", 1),
    "eer": ("EER, %", 100),
    "hter": ("HTER, %", 100),
    "average_precision": ("average precision", 1),
    "cllr": ("Cllr", 1),
    "min_dcf": ("min DCF", 1),
    "ece": ("ECE, %", 100),
    "brier": ("Brier score", 1),
}


def page(folder: Path) -> str:
    """Return the page of a run's results.

    Raises:
        UserError: there are none yet.
    """
    path = folder / "results.parquet"
    if not path.is_file():
        raise UserError(f"{path}: not there yet; run the workflow first (`make run`)")
    figures = tables.read(path).to_pandas()
    parts = ["# Results of the demonstration", _ABOUT]
    for target, found in figures[figures["split"] == "eval"].groupby("target", sort=False):
        own = found[(found["group"] == "all") & found["corpus"].eq(target)]
        scored = {
            item["name"]: item["view"]
            for item in _metrics(folder / str(target), own["experiment"].unique())
        }
        parts += [f"## {target}: eval, by experiment", _by_experiment(own, scored)]
        parts += [f"## {target}: ROC-AUC by view of the audio", _by_view(own)]
        attacks = found[(found["group"] == "attack") & (found["metric"] == "roc_auc")]
        attacks = attacks[[scored[row.experiment] == row.view for row in attacks.itertuples()]]
        parts += [f"## {target}: ROC-AUC by attack", _pivot(attacks, "group_value")]
        verdict = folder / str(target) / "verdict.json"
        if verdict.is_file():
            parts += [f"## {target}: is it better?", _verdicts(read_json(verdict)["pairs"])]
        parts += [
            f"## {target}: where the time went",
            _time(folder.parent / "benchmarks" / str(target)),
        ]
    return "\n\n".join(parts) + "\n"


_ABOUT = (
    "`make run`, then `python -m authenticity.results_page results > docs/results.md`, wrote this "
    f"page on {platform.machine()} with {os.cpu_count()} cores. Another processor rounds "
    "differently, which moves figures in the third digit, and those of fine-tuning in the second. "
    "Brackets hold 95% intervals; [figures.md](figures.md) says what they cover."
)


def _metrics(folder: Path, experiments: Iterable[str]) -> list[dict[str, Any]]:
    return [read_json(folder / "metrics" / name / f"{folder.name}.json")[0] for name in experiments]


def _by_experiment(found: pd.DataFrame, scored: dict[str, str]) -> str:
    rows = []
    for name, view in scored.items():
        own = found[(found["experiment"] == name) & (found["view"] == view)].set_index("metric")
        cells = [_cell(own.loc[metric], times) for metric, (_, times) in _FIGURES.items()]
        rows.append([name, *cells])
    return _table(["experiment", *(label for label, _ in _FIGURES.values())], rows)


def _by_view(found: pd.DataFrame) -> str:
    chosen = found[found["metric"] == "roc_auc"].assign(
        named=lambda rows: rows["view"].map(view_name)
    )
    return _pivot(chosen, "named")


def _pivot(found: pd.DataFrame, column: str) -> str:
    wide = found.assign(cell=[_cell(row) for _, row in found.iterrows()]).pivot(
        index="experiment", columns=column, values="cell"
    )
    rows = [[name, *cells] for name, *cells in wide.fillna("").itertuples()]
    return _table(["experiment", *map(str, wide.columns)], rows)


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
    spent = sorted(energy.spent(folder, "", []), key=lambda each: -each.wall_seconds)
    rows = [
        [each.rule, each.jobs, f"{each.wall_seconds:.0f}", f"{each.cpu_seconds:.0f}"]
        for each in spent
    ]
    total = [sum(each.jobs for each in spent)]
    total += [f"{sum(getattr(each, name) for each in spent):.0f}" for name in _TIMES]
    return _table(["rule", "jobs", "s, side by side or not", "CPU s"], [*rows, ["all", *total]])


_TIMES = ("wall_seconds", "cpu_seconds")


def _cell(row: pd.Series, times: float = 1) -> str:
    digits = 2 if times == 100 else 4
    value = f"{times * row['value']:.{digits}f}"
    if pd.isna(row["low"]):
        return value
    return f"{value} ({times * row['low']:.{digits}f} to {times * row['high']:.{digits}f})"


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


if __name__ == "__main__":
    try:
        sys.stdout.write(page(Path(sys.argv[1] if len(sys.argv) > 1 else "results")))
    except UserError as error:
        sys.exit(f"error: {error}")
