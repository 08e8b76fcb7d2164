"""Forest plots: a row per attack, view of the audio or pair, with values and their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from authenticity.estimates import Estimate
from authenticity.evaluation.results import ATTACK, REPORTED, Row, Tested
from authenticity.names import NO, OPEN, POINT, YES, ordered_views, view_name
from authenticity.plots import drawing


@mpl.rc_context(drawing.STYLE)
def attacks(items: Sequence[Tested]) -> Figure:
    """Draw the ROC-AUC per attack with 95% intervals; the attack missed most stands on top."""
    aucs = [item.on(REPORTED, ATTACK).each("roc_auc") for item in items]
    found: dict[str, list[Row]] = {}
    for by_attack in aucs:
        for attack, auc in by_attack.items():
            found.setdefault(attack, []).append(auc)
    order = sorted(found, key=lambda name: (np.mean([auc.value for auc in found[name]]), name))
    names = {attack: f"{attack} (n = {found[attack][-1].n_spoof:,})" for attack in order}
    figure, axes = _side_by_side(items, aucs, names)
    axes.set_xlabel("ROC-AUC of the attack against all bona fide clips, 95% interval")
    axes.set_title(f"Attacks, {REPORTED}")
    return figure


@mpl.rc_context(drawing.STYLE)
def views(items: Sequence[Tested]) -> Figure:
    """Draw the ROC-AUC in every view.

    A dotted line carries an experiment's value in the view in which it scores, mostly clean audio,
    down the figure, to hold the others against.
    """
    aucs = [
        {view: item.on(REPORTED, view=view)["roc_auc"] for view in item.views} for item in items
    ]
    order = ordered_views(view for item in items for view in item.views)
    figure, axes = _side_by_side(items, aucs, {view: view_name(view) for view in order})
    for index, (item, by_view) in enumerate(zip(items, aucs, strict=True)):
        style = {"color": drawing.look(index)[0], "linewidth": 1.0, "linestyle": ":", "zorder": 1}
        axes.axvline(by_view[item.view].value, **style)
    axes.set_xlabel("ROC-AUC, 95% interval; dotted: in the view that it is made for")
    axes.set_title(f"Views of the audio, {REPORTED}")
    return figure


def _side_by_side(
    items: Sequence[Tested], aucs: Sequence[Mapping[str, Row]], names: Mapping[str, str]
) -> tuple[Figure, Axes]:
    """Draw the rows of `names`, the first on top; the experiments stand side by side in a row."""
    height = 1.6 + len(names) * max(0.30, 0.13 * len(items)) + 0.22 * len(items)
    figure = drawing.empty(8.0, height)
    axes = figure.subplots()
    shifts = np.linspace(0.27, -0.27, len(items)) if len(items) > 1 else [0.0]
    labels = [drawing.named(item.label, item.leaks) for item in items]
    place = dict(zip(names, range(len(names))[::-1], strict=True))
    lowest = 1.0
    for index, (label, shift, by_name) in enumerate(zip(labels, shifts, aucs, strict=True)):
        y = [place[name] + shift for name in by_name]
        value, low, high = drawing.bounds(list(by_name.values()))
        colour, _, mark = drawing.look(index)
        axes.hlines(y, low, high, color=colour, alpha=0.55, linewidth=1.8)
        axes.plot(value, y, mark, color=colour, markersize=5, label=label)
        lowest = min(lowest, np.nanmin([value, low]))
    left, right = axes.get_xlim()
    axes.set_xlim(left, min(right, 1 + 0.02 * (1 - left)))
    if lowest <= 0.5:
        axes.axvline(0.5, color=drawing.GREY, linewidth=0.8)
        where = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        axes.annotate("guessing", (0.5, 0), (3, 3), color=drawing.GREY, fontsize=8, **where)
    for border in range(1, len(names)):
        axes.axhline(border - 0.5, color="#E4E4E4", linewidth=0.7)
    _name_rows(axes, list(names.values()))
    # Three short names stand in a line; longer ones would be cut at the figure's edges.
    columns = max(1, min(3, len(items), 84 // (max(map(len, labels)) + 8)))
    drawing.legend_below(figure, axes, columns=columns, note=drawing.leak_note(items))
    return figure, axes


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows, the first on top, at the whole numbers down to 0."""
    axes.grid(visible=False, axis="y")
    axes.set_yticks(range(len(names))[::-1], names)
    axes.set_ylim(-0.6, len(names) - 0.4)


_ANSWERS = {
    YES: ("at least one point better on these speakers", drawing.GREEN, "^"),
    OPEN: ("cannot tell", drawing.ORANGE, "o"),
    NO: ("less than one point better on these speakers", drawing.BLUE, "s"),
}


@mpl.rc_context(drawing.STYLE)
def differences(items: Sequence[tuple[str, bool, Mapping[str, Any]]], title: str) -> Figure:
    """Draw differences in ROC-AUC, the first on top, with lines at no difference and at one point.

    Colour and mark give the answer; the legend says what each means.

    Args:
        items: what is compared; whether a side leaks; and a pair of `verdict.verdict`, or the
            difference of a row of `verdict.ablations`.
        title: of the figure.
    """
    figure = drawing.empty(8.0, 1.9 + 0.34 * len(items))
    axes = figure.subplots()
    axes.axvline(0.0, color=drawing.GREY, linewidth=1.0)
    axes.axvline(100 * POINT, color=drawing.GREY, linewidth=1.0, linestyle="--")
    rows = [(len(items) - 1 - index, found) for index, (_, _, found) in enumerate(items)]
    for answer, (words, colour, mark) in _ANSWERS.items():
        members = {
            y: Estimate.of(found["roc_auc"])
            for y, found in rows
            if found["on_these_speakers"]["at_least_one_point"] == answer
        }
        if members:
            value, low, high = 100 * drawing.bounds(list(members.values()))
            axes.hlines(list(members), low, high, color=colour, alpha=0.6, linewidth=2.0)
            axes.plot(value, list(members), mark, color=colour, markersize=6, label=words)
    spreads = [(y, found["roc_auc"]["spread"]) for y, found in rows if found["roc_auc"]["spread"]]
    seeds = [(100 * seed, y) for y, spread in spreads for seed in spread["each"].values()]
    if seeds:
        style = {"color": drawing.BLACK, "markersize": 7, "markeredgewidth": 0.9, "zorder": 3}
        axes.plot(*zip(*seeds, strict=True), "|", label="one seed", **style)
    _name_rows(axes, [drawing.named(name, leaks) for name, leaks, _ in items])
    axes.set_xlabel("Difference in ROC-AUC in points of 0.01, 95% interval; dashed: one point")
    axes.set_title(title)
    note = drawing.LEAK_NOTE if any(leaks for _, leaks, _ in items) else None
    drawing.legend_below(figure, axes, columns=2, note=note)
    return figure
