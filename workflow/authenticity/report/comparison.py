"""Verdicts on pairs of experiments, and the table of ablations."""

from collections.abc import Mapping, Sequence
from typing import Any

from authenticity import wording
from authenticity.estimates import Estimate, points, points_between
from authenticity.evaluation.results import Tested
from authenticity.html import render
from authenticity.names import NO, OPEN, POINT, YES, labelled
from authenticity.report.cells import Cell, Words, estimate, quietly
from authenticity.wording import Json

_COLOURS = {YES: "good", OPEN: "doubt", NO: "bad"}
_SIDES = ("candidate", "baseline")


def answers(verdict: Json, items: Sequence[Tested]) -> list[str]:
    """Return the answers of `verdict.verdict` in one line per pair, for the top of the page."""
    controls = {item.name for item in items if item.control}
    return [
        pair["headline"]
        + "".join(f" {pair[side]} is a control." for side in _SIDES if pair[side] in controls)
        for pair in verdict["pairs"]
    ]


def pair_name(pair: Json, items: Sequence[Tested]) -> str:
    """Name both sides of a pair of `verdict.verdict`, controls as such."""
    controls = {item.name for item in items if item.control}
    return " against ".join(labelled(pair[side], pair[side] in controls) for side in _SIDES)


def in_short(verdict: Json, items: Sequence[Tested]) -> list[list[Cell]]:
    """Return a row per pair of `verdict.verdict`, for the top of the report.

    Each has the pair, whether the first is better by a point (of these speakers, and in general),
    the difference, and the counts of clips and speakers of each class.
    """
    rows = []
    for pair in verdict["pairs"]:
        speakers = [pair["interval"][f"n_{name}_speakers"] for name in ("bonafide", "spoof")]
        rows.append(
            [
                pair_name(pair, items),
                _coloured(pair["on_these_speakers"]["at_least_one_point"]),
                _coloured(pair["at_least_one_point"]),
                _change(pair["roc_auc"]),
                f"{pair['n_bonafide']:,} + {pair['n_spoof']:,}",
                " + ".join(f"{number:,}" for number in speakers),
            ]
        )
    return rows


def comparison(verdict: Json, items: Sequence[Tested]) -> str:
    """Return the page of `verdict.verdict`; `items` are the experiments compared."""
    rows = [
        [
            pair_name(pair, items),
            *(_answer(pair, question) for question in ("at_least_one_point", "better_at_all")),
            _change(pair["roc_auc"]),
            _change(pair["eer"]),
            _share(pair["relative_reduction"]),
            f"{100 * pair['detectable']:.2f} points",
            _seeds(pair["seeds"], pair["roc_auc"]["spread"]),
            _delong(pair["delong"]),
        ]
        for pair in verdict["pairs"]
    ]
    intervals = [pair["interval"] for pair in verdict["pairs"]]
    return render(
        "comparison.html.j2",
        **verdict,
        answers=answers(verdict, items),
        warnings=wording.warnings(items),
        rows=rows,
        point=POINT,
        draws=dict.fromkeys(f"{how['method']} ({how['why']})" for how in intervals),
    )


def ablations(grid: Json, items: Sequence[Tested]) -> str:
    """Return the page of `verdict.ablations`; the row that others are held against is marked."""
    rows = [
        [
            _named(row),
            row["about"],
            None if row["dev_roc_auc"] is None else f"{row['dev_roc_auc']:.4f}",
            estimate(Estimate.of(row["roc_auc"])),
            estimate(Estimate.of(row["eer"]), percent=True),
            _change(row["difference"]["roc_auc"]) if row["difference"] else None,
            _seeds(row["seeds"], row["roc_auc"]["spread"], percent=False),
            *_cost(row["cost"]),
        ]
        for row in grid["rows"]
    ]
    return render(
        "ablations.html.j2",
        **grid | {"rows": rows},
        warnings=wording.warnings(items),
        chosen=[i for i, row in enumerate(grid["rows"]) if row["name"] == grid["reference"]],
    )


def _named(row: Json) -> Cell:
    marks = {"leaks": row["leaks"], "flipped": row["orientation"] == "flipped"}
    name = labelled(row["name"], row["control"])
    return [name, *(Words(mark, "bad") for mark, holds in marks.items() if holds)]


def _coloured(answer: str) -> Cell:
    return [Words(answer, _COLOURS[answer])]


def _answer(pair: Json, question: str) -> Cell:
    """The answer in general; where the one on these speakers differs, that one too."""
    general, here = pair[question], pair["on_these_speakers"][question]
    if here == general:
        return _coloured(general)
    return [Words(f"{general};", _COLOURS[general]), "on these speakers", *_coloured(here)]


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


def _cost(cost: Json | None) -> list[Cell]:
    if cost is None:
        return [None] * 4
    return [
        f"{cost['seconds']:,.1f}",
        f"{cost['peak_mib']:,.0f} MiB",
        cost["parameters"],
        f"{cost['cpu_seconds']:,.1f}",
    ]
