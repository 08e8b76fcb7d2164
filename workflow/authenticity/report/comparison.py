"""Verdicts on pairs of experiments, and the table of ablations."""

from collections.abc import Mapping, Sequence
from typing import Any

from authenticity import estimates
from authenticity.html import render
from authenticity.names import NO, OPEN, POINT, YES, labelled
from authenticity.report import wording
from authenticity.report.wording import Cell, Json, Words, estimate

_COLOURS = {YES: "good", OPEN: "doubt", NO: "bad"}


def answers(found: Json, metrics: Sequence[Json]) -> list[str]:
    """Return the answers of `verdict.verdict` in one line per pair, for the top of the report."""
    controls = _controls(metrics)
    said = []
    for item in found["pairs"]:
        held = [f" {item[side]} is a control." for side in _SIDES if item[side] in controls]
        said.append("".join([item["headline"], *held]))
    return said


_SIDES = ("candidate", "baseline")


def in_short(found: Json, metrics: Sequence[Json]) -> list[list[Cell]]:
    """Return a row per pair of `verdict.verdict`, for the top of the report.

    Each has the pair, whether the first is better by a point (of these speakers, and in general),
    the difference, and the counts of clips and speakers of each class.
    """
    controls = _controls(metrics)
    rows = []
    for item in found["pairs"]:
        asked = "at_least_one_point"
        answers_given = (item["on_these_speakers"][asked], item[asked])
        speakers = [item["interval"][f"n_{name}_speakers"] for name in ("bonafide", "spoof")]
        rows.append(
            [
                _pair(item, controls),
                *([Words(answer, _COLOURS[answer])] for answer in answers_given),
                _change(item["roc_auc"]),
                f"{item['n_bonafide']:,} + {item['n_spoof']:,}",
                None if None in speakers else " + ".join(f"{number:,}" for number in speakers),
            ]
        )
    return rows


def _pair(item: Json, controls: set[str]) -> str:
    return " against ".join(labelled(item[side], item[side] in controls) for side in _SIDES)


def _controls(metrics: Sequence[Json]) -> set[str]:
    return {item["name"] for item in metrics if item["control"]}


def comparison(found: Json, metrics: Sequence[Json]) -> str:
    """Return the page of `verdict.verdict`; `metrics` are those of the experiments compared."""
    controls = _controls(metrics)
    rows = [
        [
            _pair(item, controls),
            *(_answer(item, question) for question in ("at_least_one_point", "better_at_all")),
            _change(item["roc_auc"]),
            _change(item["eer"]),
            _share(item["relative_reduction"]),
            f"{100 * item['detectable']:.2f} points",
            _seeds(item["seeds"], item["roc_auc"]["spread"]),
            _delong(item["delong"]),
        ]
        for item in found["pairs"]
    ]
    intervals = [item["interval"] for item in found["pairs"]]
    return render(
        "comparison.html.j2",
        **found,
        answers=answers(found, metrics),
        warnings=wording.warnings(metrics, found["split"]),
        rows=rows,
        point=POINT,
        draws=dict.fromkeys(f"{how['method']} ({how['why']})" for how in intervals),
    )


def ablations(found: Json, metrics: Sequence[Json]) -> str:
    """Return the page of `ablations.ablations`; the row that others are held against is marked."""
    rows = [
        [
            _named(item),
            item["about"],
            None if item["dev_roc_auc"] is None else f"{item['dev_roc_auc']:.4f}",
            estimate(item["roc_auc"]),
            estimate(item["eer"], percent=True),
            _change(item["difference"]["roc_auc"]) if item["difference"] else None,
            _seeds(item["seeds"], item["roc_auc"]["spread"], percent=False),
            *_cost(item["cost"]),
        ]
        for item in found["rows"]
    ]
    return render(
        "ablations.html.j2",
        **found | {"rows": rows},
        warnings=wording.warnings(metrics, found["split"]),
        chosen=[i for i, item in enumerate(found["rows"]) if item["name"] == found["reference"]],
    )


def _named(item: Json) -> Cell:
    marks = {"leaks": item["leaks"], "flipped": item["orientation"] == "flipped"}
    return [wording.label(item), *(Words(mark, "bad") for mark, held in marks.items() if held)]


def _answer(item: Json, question: str) -> Cell:
    """The answer in general; where the one on these speakers differs, that one too."""
    general, here = item[question], item["on_these_speakers"][question]
    if here == general:
        return [Words(general, _COLOURS[general])]
    on_these = ["on these speakers", Words(here, _COLOURS[here])]
    return [Words(f"{general};", _COLOURS[general]), *on_these]


def _change(found: Mapping[str, float]) -> Cell:
    """A difference with its interval, in points."""
    value, low, high = (_points(found[name]) for name in ("value", "low", "high"))
    return wording.quietly(f"{value} points ({low} to {high})")


def _points(value: float) -> str:
    return estimates.change(value, percent=True).removesuffix(" points")


def _share(found: Mapping[str, float] | None) -> Cell:
    if found is None:
        return None
    value, low, high = (f"{round(100 * found[name]) + 0:d}" for name in ("value", "low", "high"))
    return wording.quietly(f"{value}% ({low} to {high})")


def _seeds(seeds: Sequence[str], spread: Mapping[str, Any] | None, percent: bool = True) -> Cell:
    """How a figure or a difference varies over seeds."""
    if not seeds:
        return "training not random"
    if spread is None:
        return "one seed"
    if percent:
        ends = f"{_points(spread['low'])} to {_points(spread['high'])} points"
        deviation = f"{100 * spread['deviation']:.2f}"
    else:
        ends = f"{spread['low']:.4f} to {spread['high']:.4f}"
        deviation = f"{spread['deviation']:.4f}"
    return [ends, Words(f"{len(seeds)} seeds, standard deviation {deviation}", "quiet")]


def _delong(tests: Mapping[str, Json | None]) -> str | None:
    values = [test["p"] for test in tests.values() if test]
    ends = dict.fromkeys("< 0.001" if p < 0.001 else f"{p:.3f}" for p in sorted(values))
    return " to ".join([*ends][:: max(1, len(ends) - 1)]) or None


def _cost(found: Json | None) -> list[Cell]:
    if found is None:
        return [None] * 4
    return [
        f"{found['seconds']:,.1f}",
        f"{found['peak_mib']:,.0f} MiB",
        found["parameters"],
        f"{found['watt_hours']:.3f} Wh",
    ]
