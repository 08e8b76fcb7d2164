"""A run's results as Markdown: `python -m authenticity.results_page results > docs/results.md`."""

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from authenticity import energy, tables
from authenticity.errors import UserError
from authenticity.estimates import Estimate
from authenticity.evaluation.results import ALL, ATTACK, REPORTED, Results
from authenticity.files import read_json
from authenticity.names import view_name

_METRICS = {
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
    results = Results(tables.read(path)).where(split=REPORTED)
    parts = ["# Results of the demonstration", _ABOUT]
    for target in results.names("target"):
        parts += _corpus(folder, target, results.where(target=target, corpus=target))
        parts += [
            f"## {target}: where the time went",
            _time(folder.parent / "benchmarks" / target),
        ]
    return "\n\n".join(parts) + "\n"


_ABOUT = (
    "`make run`, then `python -m authenticity.results_page results > docs/results.md`, wrote this "
    f"page on {platform.machine()} with {os.cpu_count()} cores. Another processor rounds "
    "differently, which moves values in the third digit, and those of fine-tuning in the second. "
    "Brackets hold 95% intervals; [metrics.md](metrics.md) says what they cover."
)


def _corpus(folder: Path, corpus: str, results: Results) -> list[str]:
    """Return the tables of one corpus: by experiment, by view, by attack, and the verdicts."""
    by_experiment = {name: results.where(experiment=name) for name in results.names("experiment")}
    scored = {
        name: rows.where(view=read_json(folder / corpus / f"records/{name}/{corpus}.json")["view"])
        for name, rows in by_experiment.items()
    }
    overall = {name: rows.where(group=ALL) for name, rows in scored.items()}
    by_view = {
        name: {
            view_name(view): rows.where(group=ALL, view=view)["roc_auc"]
            for view in rows.names("view")
        }
        for name, rows in by_experiment.items()
    }
    by_attack = {name: rows.where(group=ATTACK).each("roc_auc") for name, rows in scored.items()}
    parts = [
        *(f"## {corpus}: eval, by experiment", _by_experiment(overall)),
        *(f"## {corpus}: ROC-AUC by view of the audio", _pivot(by_view)),
        *(f"## {corpus}: ROC-AUC by attack", _pivot(by_attack)),
    ]
    verdict = folder / corpus / "verdict.json"
    if verdict.is_file():
        parts += [f"## {corpus}: is it better?", _verdicts(read_json(verdict)["pairs"])]
    return parts


def _by_experiment(overall: Mapping[str, Results]) -> str:
    rows = [
        [name, *(_cell(results.get(metric), times) for metric, (_, times) in _METRICS.items())]
        for name, results in overall.items()
    ]
    return _table(["experiment", *(label for label, _ in _METRICS.values())], rows)


def _pivot(estimates: Mapping[str, Mapping[str, Estimate]]) -> str:
    """Return a table with a row per experiment and a column per view or attack."""
    columns = sorted({name for row in estimates.values() for name in row})
    rows = [
        [experiment, *(_cell(row.get(name)) for name in columns)]
        for experiment, row in estimates.items()
    ]
    return _table(["experiment", *columns], rows)


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


def _cell(estimate: Estimate | None, times: float = 1) -> str:
    if estimate is None:
        return ""
    digits = 2 if times == 100 else 4
    value = f"{times * estimate.value:.{digits}f}"
    if estimate.low is None:
        return value
    low, high = (f"{times * end:.{digits}f}" for end in (estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


if __name__ == "__main__":
    try:
        sys.stdout.write(page(Path(sys.argv[1] if len(sys.argv) > 1 else "results")))
    except UserError as error:
        sys.exit(f"error: {error}")
