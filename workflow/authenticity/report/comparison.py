"""Verdicts on pairs of experiments, and the table of ablations."""

from collections.abc import Mapping, Sequence
from typing import Any

from authenticity.estimates import Estimate, points, points_between
from authenticity.evaluation.results import Tested
from authenticity.names import POINT, labelled
from authenticity.report.cells import Cell, Words, coloured, estimate, page, quietly
from authenticity.wording import Json

_SIDES = ("candidate", "baseline")


def pair_name(pair: Json, items: Sequence[Tested]) -> str:
    """Name both sides of a pair of `verdict.verdict`, controls as such."""
    controls = _controls(pair, items)
    return " against ".join(labelled(pair[side], pair[side] in controls) for side in _SIDES)


def _controls(pair: Json, items: Sequence[Tested]) -> list[str]:
    """Return the sides of a pair that are controls."""
    controls = {item.name for item in items if item.control}
    return [pair[side] for side in _SIDES if pair[side] in controls]


def in_short(verdict: Json, items: Sequence[Tested]) -> list[list[Cell]]:
    """Return a row per pair of `verdict.verdict`, for the top of the report.

    Each has the pair, whether the first is better by a point (of these speakers, and in general),
    the difference, and the counts of clips and speakers of each class.
    """
    return [
        [
            pair_name(pair, items),
            coloured(pair["on_these_speakers"]["at_least_one_point"]),
            coloured(pair["at_least_one_point"]),
            _change(pair["roc_auc"]),
            f"{pair['n_bonafide']:,} + {pair['n_spoof']:,}",
            "{n_bonafide_speakers:,} + {n_spoof_speakers:,}".format(**pair["interval"]),
        ]
        for pair in verdict["pairs"]
    ]


def comparison(verdict: Json, items: Sequence[Tested]) -> str:
    """Return the page of `verdict.verdict`; `items` are the experiments compared."""
    answers, rows = [], []
    for pair in verdict["pairs"]:
        controls = [f" {name} is a control." for name in _controls(pair, items)]
        answers.append("".join([pair["headline"], *controls]))
        rows.append(
            [
                pair_name(pair, items),
                _answer(pair, "at_least_one_point"),
                _answer(pair, "better_at_all"),
                _change(pair["roc_auc"]),
                _change(pair["eer"]),
                _share(pair["relative_reduction"]),
                f"{100 * pair['detectable']:.2f} points",
                _seeds(pair["seeds"], pair["roc_auc"]["spread"]),
                _delong(pair["delong"]),
            ]
        )
    intervals = [pair["interval"] for pair in verdict["pairs"]]
    return page(
        "comparison.html.j2",
        items,
        **verdict,
        answers=answers,
        rows=rows,
        point=POINT,
        draws=dict.fromkeys(f"{how['method']} ({how['why']})" for how in intervals),
    )


def _answer(pair: Json, question: str) -> Cell:
    """The answer in general; where the one on these speakers differs, that one too."""
    general, here = pair[question], pair["on_these_speakers"][question]
    if here == general:
        return coloured(general)
    ((_, style),) = coloured(general)
    return [Words(f"{general};", style), "on these speakers", *coloured(here)]


def _change(difference: Mapping[str, float]) -> Cell:
    """A difference with its interval, in points."""
    ends = points_between(difference["low"], difference["high"])
    return quietly(f"{points(difference['value'])} points ({ends})")


def _share(item: Mapping[str, float] | None) -> Cell:
    if item is None:
        return None
    value, low, high = (f"{round(100 * item[name]) + 0:d}" for name in ("value", "low", "high"))
    return quietly(f"{value}% ({low} to {high})")


def _seeds(seeds: Sequence[str], spread: Mapping[str, Any] | None, percent: bool = True) -> Cell:
    """How a value or a difference varies over seeds."""
    if not seeds:
        return "training not random"
    if spread is None:
        return "one seed"
    if percent:
        ends = f"{points_between(spread['low'], spread['high'])} points"
        deviation = f"{100 * spread['deviation']:.2f}"
    else:
        ends = f"{spread['low']:.4f} to {spread['high']:.4f}"
        deviation = f"{spread['deviation']:.4f}"
    return [ends, Words(f"{len(seeds)} seeds, standard deviation {deviation}", "quiet")]


def _delong(tests: Mapping[str, Json | None]) -> str | None:
    values = [test["p"] for test in tests.values() if test]
    ends = dict.fromkeys("< 0.001" if p < 0.001 else f"{p:.3f}" for p in sorted(values))
    return " to ".join([*ends][:: max(1, len(ends) - 1)]) or None


def ablations(grid: Json, items: Sequence[Tested]) -> str:
    """Return the page of `verdict.ablations`; the row that others are held against is marked."""
    rows = []
    for row in grid["rows"]:
        marks = {"leaks": row["leaks"], "flipped": row["orientation"] == "flipped"}
        name, cost = labelled(row["name"], row["control"]), row["cost"]
        rows.append(
            [
                [name, *(Words(mark, "bad") for mark, holds in marks.items() if holds)],
                row["about"],
                None if row["dev_roc_auc"] is None else f"{row['dev_roc_auc']:.4f}",
                estimate(Estimate.of(row["roc_auc"])),
                estimate(Estimate.of(row["eer"]), percent=True),
                _change(row["difference"]["roc_auc"]) if row["difference"] else None,
                _seeds(row["seeds"], row["roc_auc"]["spread"], percent=False),
                cost and f"{cost['seconds']:,.1f}",
                cost and f"{cost['peak_mib']:,.0f} MiB",
                cost and cost["parameters"],
                cost and f"{cost['cpu_seconds']:,.1f}",
            ]
        )
    chosen = [i for i, row in enumerate(grid["rows"]) if row["name"] == grid["reference"]]
    return page("ablations.html.j2", items, **grid | {"rows": rows}, chosen=chosen)
