"""Trained here, tested there: one experiment's results over every pair of corpora."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from authenticity.evaluation.results import Tested
from authenticity.names import labelled
from authenticity.plots import drawing

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
        drawn = axes.pcolormesh(
            np.ma.masked_invalid(values), cmap=colours, norm=scale, edgecolor="white", linewidth=2
        )
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
    note = drawing.leak_note(items)
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
