"""Verdicts on pairs of experiments, and the table of ablations."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from authenticity import html
from authenticity.names import NO, OPEN, POINT, YES, labelled
from authenticity.report import wording
from authenticity.report.wording import Json

_COLOURS = {YES: "good", OPEN: "doubt", NO: "bad"}


def answers(found: Json, metrics: Sequence[Json]) -> str:
    """Return the answers of `verdict.verdict` in one line per pair, for the top of the report."""
    controls = _controls(metrics)
    said = []
    for item in found["pairs"]:
        held = [f" {item[side]} is a control." for side in _SIDES if item[side] in controls]
        said.append("".join([item["headline"], *held]))
    return html.bullets(said)


_SIDES = ("candidate", "baseline")


def _controls(metrics: Sequence[Json]) -> set[str]:
    return {item["name"] for item in metrics if item["control"]}


def comparison(found: Json, metrics: Sequence[Json]) -> str:
    """Return the page of `verdict.verdict`; `metrics` are those of the experiments compared."""
    controls = _controls(metrics)
    rows = [
        [
            " against ".join(labelled(item[side], item[side] in controls) for side in _SIDES),
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
    columns = ["Pair", "At least one point better", "Better at all", "ROC-AUC changes by"]
    columns += ["EER changes by", "Removed of 1 - AUC", "Found with 80% power", "Over seeds"]
    columns += ["DeLong's p"]
    caption = f"Paired differences on {found['split']}, 95% intervals in brackets"
    parts = [
        answers(found, metrics),
        wording.warnings(metrics, found["split"]),
        html.table(caption, columns, rows, kind="wide"),
        html.heading("In words"),
        html.bullets([item["sentence"] for item in found["pairs"]]),
        html.paragraph(_how(found)),
    ]
    return html.page("Is it better, and by a point?", parts)


def ablations(found: Json, metrics: Sequence[Json]) -> str:
    """Return the page of `ablations.ablations`; the row that others are held against is marked."""
    rows = [
        [
            _named(item),
            item["about"],
            None if item["dev_roc_auc"] is None else f"{item['dev_roc_auc']:.4f}",
            html.estimate(item["roc_auc"]),
            html.estimate(item["eer"], percent=True),
            _change(item["difference"]["roc_auc"]) if item["difference"] else None,
            _seeds(item["seeds"], item["roc_auc"]["spread"], percent=False),
            *_cost(item["cost"]),
        ]
        for item in found["rows"]
    ]
    columns = ["Experiment", "What is varied", "ROC-AUC on dev", "ROC-AUC", "EER"]
    columns += [f"AUC against {found['reference']}", "AUC over seeds", "Seconds", "Peak memory"]
    columns += ["Parameters trained", "Energy, estimated"]
    n = f"{found['n_bonafide']:,} bona fide and {found['n_spoof']:,} spoof clips"
    caption = f"Ablations on {found['split']}: {n}, 95% intervals in brackets"
    reference = [i for i, item in enumerate(found["rows"]) if item["name"] == found["reference"]]
    how = found["interval"]
    parts = [
        wording.warnings(metrics, found["split"]),
        html.table(caption, columns, rows, reference, kind="wide described"),
        html.paragraph(f"Intervals: {how['method']} ({how['why']}), and over seeds. {_COST}"),
    ]
    return html.page("Ablations", parts)


_COST = (
    "Cost: an experiment's own jobs, all its seeds together; what experiments share, such as the "
    "encoder's features, is the same for all and not counted. Energy is CPU time at an assumed "
    "power of a core, not measured. ROC-AUC on dev is the first seed's. Among many rows, the best "
    "on these trials is in part lucky: choices are made on dev."
)


def _named(item: Json) -> html.Markup:
    badges = [html.coloured("leaks", "bad")] if item["leaks"] else []
    if item["orientation"] == "flipped":
        badges.append(html.coloured("flipped", "bad"))
    return html.Markup(" ".join([escape(wording.label(item)), *badges]))


def _answer(item: Json, question: str) -> html.Markup:
    """The answer in general; where the one on these speakers differs, that one too."""
    general, here = item[question], item["on_these_speakers"][question]
    words = html.coloured(general, _COLOURS[general])
    if here == general:
        return words
    return html.Markup(f"{words}; on these speakers {html.coloured(here, _COLOURS[here])}")


def _change(found: Mapping[str, float]) -> html.Markup:
    """A difference with its interval, in points."""
    value, low, high = (_points(found[name]) for name in ("value", "low", "high"))
    return html.Markup(f'{value} points <span class="quiet">({low} to {high})</span>')


def _points(value: float) -> str:
    return html.change(value, percent=True).removesuffix(" points")


def _share(found: Mapping[str, float] | None) -> html.Markup | None:
    if found is None:
        return None
    value, low, high = (f"{round(100 * found[name]) + 0:d}" for name in ("value", "low", "high"))
    return html.Markup(f'{value}% <span class="quiet">({low} to {high})</span>')


def _seeds(
    seeds: Sequence[str], spread: Mapping[str, Any] | None, percent: bool = True
) -> html.Markup | str:
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
    words = f"{len(seeds)} seeds, standard deviation {deviation}"
    return html.Markup(f'{ends} <span class="quiet">{words}</span>')


def _delong(tests: Mapping[str, Json | None]) -> str | None:
    values = [test["p"] for test in tests.values() if test]
    ends = dict.fromkeys("< 0.001" if p < 0.001 else f"{p:.3f}" for p in sorted(values))
    return " to ".join([*ends][:: max(1, len(ends) - 1)]) or None


def _cost(found: Json | None) -> list[Any]:
    if found is None:
        return [None] * 4
    return [
        f"{found['seconds']:,.1f}",
        f"{found['peak_mib']:,.0f} MiB",
        found["parameters"],
        f"{found['watt_hours']:.3f} Wh",
    ]


def _how(found: Json) -> str:
    how = found["interval"]
    draws = dict.fromkeys(
        f"{item['interval']['method']} ({item['interval']['why']})" for item in found["pairs"]
    )
    return (
        f"“Yes” means that the whole {100 * how['level']:g}% interval of the paired difference is "
        f"at or above {POINT:g} of ROC-AUC, “no” that it is wholly below, “cannot tell” that these "
        f"trials and seeds leave it open. Where a class has fewer than {how['minimum_speakers']} "
        "speakers, the interval and its answer hold for other clips of these speakers only, and "
        "the answer in general is “cannot tell”. "
        f"Intervals: {how['n_resamples']:,} resamples, the same for both sides; "
        f"{'; '.join(draws)}. Where training has chance in it, the interval allows for other seeds "
        f"too, and fewer than {found['minimum_seeds']} give no answer. Each pair is judged by "
        "itself: of forty that are no point better, about one may come out “yes”."
    )
