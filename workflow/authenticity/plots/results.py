"""Results as figures: forest plots, candidates layer by layer, and trained here, tested there.

A forest plot has a row per attack, view of the audio or pair, with values and their intervals.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from authenticity.estimates import Estimate
from authenticity.evaluation.results import ATTACK, REPORTED, Row, Tested
from authenticity.features.matrix import layers_of
from authenticity.names import (
    NO,
    OPEN,
    POINT,
    POOLING_WORDS,
    YES,
    labelled,
    ordered_splits,
    ordered_views,
    view_name,
)
from authenticity.plots import drawing
from authenticity.report.results import Candidate


@mpl.rc_context(drawing.STYLE)
def attacks(items: Sequence[Tested]) -> Figure:
    """Draw the ROC-AUC per attack with 95% intervals; the attack missed most stands on top."""
    aucs = [item.on(REPORTED, ATTACK).each("roc_auc") for item in items]
    found: dict[str, list[Row]] = {}
    for by_attack in aucs:
        for attack, auc in by_attack.items():
            found.setdefault(attack, []).append(auc)
    order = sorted(found, key=lambda name: (np.mean([auc.value for auc in found[name]]), name))
    names = {attack: f"{attack} (n = {_n_spoof(found[attack])})" for attack in order}
    figure, axes = _side_by_side(items, aucs, names)
    axes.set_xlabel("ROC-AUC of the attack against all bona fide clips, 95% interval")
    axes.set_title(f"Attacks, {REPORTED}")
    return figure


def _n_spoof(aucs: Sequence[Row]) -> str:
    """How many spoof clips there are; experiments of several protocols may differ in it."""
    numbers = [auc.n_spoof for auc in aucs]
    return " to ".join(dict.fromkeys(f"{end(numbers):,}" for end in (min, max)))


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
    if lowest <= 0.5:
        axes.axvline(0.5, color=drawing.GREY, linewidth=0.8)
        where = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        axes.annotate("guessing", (0.5, 0), (3, 3), color=drawing.GREY, fontsize=8, **where)
    left, right = axes.get_xlim()
    axes.set_xlim(left, min(right, 1 + 0.02 * (1 - left)))
    for border in range(1, len(names)):
        axes.axhline(border - 0.5, color="#E4E4E4", linewidth=0.7)
    _name_rows(axes, list(names.values()))
    # Three short names stand in a line; longer ones would be cut at the figure's edges.
    columns = max(1, min(3, len(items), 84 // (max(map(len, labels)) + 8)))
    note = drawing.leak_note(item.leaks for item in items)
    drawing.legend_below(figure, axes, columns=columns, note=note)
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
    axes.set_xlabel("Difference in ROC-AUC, in points of 0.01\n95% interval; dashed: one point")
    axes.set_title(title)
    note = drawing.leak_note(leaks for _, leaks, _ in items)
    drawing.legend_below(figure, axes, columns=2, note=note)
    return figure


_SPLIT_MARKS = {
    "train": ("^", drawing.GREEN),
    "dev": ("o", drawing.BLUE),
    "eval": ("s", drawing.VERMILLION),
}


@mpl.rc_context(drawing.STYLE)
def candidates(items: Sequence[Candidate], tested: Tested) -> Figure:
    """Draw the ROC-AUC of an experiment's candidates on every split, one panel per pooling.

    Layers come first, joined by a line; other candidates stand to their right. The choice is
    marked in its panel.
    """
    poolings = list(dict.fromkeys(item.pooling for item in items))
    figure = drawing.empty(9.0, 4.6)
    panels = figure.subplots(1, len(poolings), squeeze=False, sharey=True)[0]
    for axes, pooling in zip(panels, poolings, strict=True):
        _panel(axes, [item for item in items if item.pooling == pooling])
        axes.set_title(POOLING_WORDS[pooling])
    drawing.title(figure, tested.label, tested.leaks)
    panels[0].set_ylabel("ROC-AUC")
    value, low, _ = drawing.bounds([auc for item in items for auc in item.roc_auc.values()])
    height = max(1 - np.nanmin([value, low]), 0.02)
    panels[0].set_ylim(1 - 1.08 * height, 1 + 0.04 * height)
    with_choice = next((axes for axes in panels if axes.patches), panels[0])
    drawing.legend_below(figure, with_choice, columns=4)
    return figure


def _panel(axes: Axes, items: Sequence[Candidate]) -> None:
    # All layers together, and spectral numbers alone, have no layer for a place.
    numbers = {item.name: next(iter(layers_of(item.name, 0)), None) for item in items}
    others = [item for item in items if numbers[item.name] is None]
    layers = [item for item in items if item not in others]
    layers.sort(key=lambda item: numbers[item.name])
    places = {item.name: float(numbers[item.name]) for item in layers}
    start = max(places.values(), default=-2) + 1.6
    places |= {item.name: start + 1.2 * index for index, item in enumerate(others)}
    splits = ordered_splits(split for item in items for split in item.roc_auc)
    for split, shift in zip(splits, np.linspace(-0.12, 0.12, len(splits)), strict=True):
        mark, colour = _SPLIT_MARKS.get(split, ("D", drawing.BLACK))
        style = {"marker": mark, "color": colour, "markersize": 5, "linewidth": 1.2}
        for group, joined in ((layers, "-"), (others, "none")):
            x = [places[item.name] + shift for item in group]
            value, low, high = drawing.bounds([item.roc_auc[split] for item in group])
            label = f"{split}, 95% interval" if group is (layers or others) else None
            axes.vlines(x, low, high, color=colour, alpha=0.55, linewidth=1.6)
            axes.plot(x, value, linestyle=joined, label=label, **style)
    axes.set_xlim(min(places.values()) - 0.8, max(places.values()) + 0.8)
    if len(items) > 1:
        label = "chosen on dev" if "dev" in splits else "chosen by cross-validation"
        for place in (places[item.name] for item in items if item.n_chosen):
            span = {"color": drawing.ORANGE, "alpha": 0.22, "linewidth": 0, "zorder": 0}
            axes.axvspan(place - 0.45, place + 0.45, label=label, **span)
            label = "_nolegend_"  # rounds may choose differently; the legend says it once
    names = [f"{numbers[item.name]}" for item in layers]
    names += [item.name.removeprefix("spectral+").removeprefix("layers_") for item in others]
    axes.set_xticks(list(places.values()), names)
    axes.set_xlabel("Layer of the encoder" if layers else "Features")
    axes.grid(visible=False, axis="x")


# Cividis (Nuñez et al. 2018) reads alike with and without colour vision: the lighter, the better.
# Worse than guessing is as dark as guessing: the number says how much worse.
_PANELS = (
    ("roc_auc", "ROC-AUC", "cividis", Normalize(0.5, 1.0, clip=True), False),
    ("eer", "EER", "cividis_r", Normalize(0.0, 0.5, clip=True), True),
)
_WIDEST_SIDE_BY_SIDE = 3


@mpl.rc_context(drawing.STYLE)
def matrix(items: Sequence[Tested]) -> Figure:
    """Draw ROC-AUC and EER, rows trained on, columns tested on, the interval below each value.

    `items` are one experiment on every pair of corpora; a corpus may lack eval.
    """
    items = [item for item in items if item.reported]
    rows = list(dict.fromkeys(item.corpus for item in items))
    tested = dict.fromkeys(item.target for item in items)
    columns = sorted(tested, key=lambda name: rows.index(name) if name in rows else len(rows))
    stacked = len(columns) > _WIDEST_SIDE_BY_SIDE
    shape = (2, 1) if stacked else (1, 2)
    figure = drawing.empty(9.0, (1.1 + 0.72 * len(rows)) * shape[0] + 1.2)
    panels = figure.subplots(*shape, squeeze=False, sharey=not stacked).ravel()
    places = [(rows.index(item.corpus), columns.index(item.target)) for item in items]
    for axes, (metric, title, colours, scale, percent) in zip(panels, _PANELS, strict=True):
        values = np.full((len(rows), len(columns)), np.nan)
        for item, place in zip(items, places, strict=True):
            values[place] = item.reported[metric].value
        # Cells as polygons, not as a picture: they stay sharp and are equal bytes everywhere.
        drawn = axes.pcolormesh(values, cmap=colours, norm=scale, edgecolor="white", linewidth=2)
        for item, place in zip(items, places, strict=True):
            ink = _ink(drawn.cmap(scale(values[place]))[:3])
            words = drawing.interval(item.reported[metric], percent)
            _cell(axes, *place, item.leaks, words, ink)
        axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=20, ha="right")
        axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
        axes.set_ylim(len(rows), 0)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set(xlabel="Tested on", title=title)
    for axes in panels if stacked else panels[:1]:
        axes.set_ylabel("Trained on")
    drawing.title(figure, labelled(items[0].experiment, items[0].control))
    note = drawing.leak_note(item.leaks for item in items)
    words = f"Lighter is better; intervals are 95%.{f' {note}.' if note else ''}"
    figure.supxlabel(words, fontsize=9, color=drawing.GREY)
    return figure


def _cell(axes: Axes, row: int, column: int, leaks: bool, words: str, ink: str) -> None:
    value, _, interval = words.partition(" ")
    x, centre = column + 0.5, {"ha": "center", "color": ink}
    axes.text(x, row + 0.47, value, va="center", fontsize=11, fontweight="bold", **centre)
    axes.text(x, row + 0.76, interval, va="center", fontsize=7.5, **centre)
    if leaks:
        axes.text(x, row + 0.2, drawing.LEAKS, va="center", fontsize=8, **centre)
        border = {"edgecolor": drawing.VERMILLION, "linewidth": 2.4, "fill": False}
        axes.add_patch(Rectangle((column + 0.04, row + 0.05), 0.92, 0.90, **border))


def _ink(rgb: Sequence[float]) -> str:
    """Return black or white, whichever is read more easily on a colour (its luminance, WCAG 2)."""
    rgb = np.asarray(rgb)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return "black" if linear @ (0.2126, 0.7152, 0.0722) > 0.179 else "white"
