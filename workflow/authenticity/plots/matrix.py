"""Trained here, tested there: one experiment's figures over every pair of corpora."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from authenticity.evaluation.bootstrap import Estimate
from authenticity.plots import drawing


@dataclass(frozen=True)
class Cell:
    """The figures of a model trained on one corpus and tested on one, which may be the same."""

    trained_on: str
    tested_on: str
    leaks: bool
    roc_auc: Estimate
    eer: Estimate


# Cividis (Nuñez et al. 2018) reads alike with and without colour vision: the lighter, the better.
# Worse than guessing is as dark as guessing: the number says how much worse.
_PANELS = (
    ("roc_auc", "ROC-AUC", "cividis", Normalize(0.5, 1.0, clip=True), False),
    ("eer", "EER", "cividis_r", Normalize(0.0, 0.5, clip=True), True),
)
_WIDEST_SIDE_BY_SIDE = 3


@mpl.rc_context(drawing.STYLE)
def matrix(cells: Sequence[Cell], experiment: str) -> Figure:
    """Draw ROC-AUC and EER, rows trained on, columns tested on, the interval below each figure."""
    rows = list(dict.fromkeys(cell.trained_on for cell in cells))
    tested = dict.fromkeys(cell.tested_on for cell in cells)
    columns = sorted(tested, key=lambda name: rows.index(name) if name in rows else len(rows))
    stacked = len(columns) > _WIDEST_SIDE_BY_SIDE
    shape = (2, 1) if stacked else (1, 2)
    figure = drawing.empty(9.0, (1.1 + 0.72 * len(rows)) * shape[0] + 1.2)
    panels = figure.subplots(*shape, squeeze=False, sharey=not stacked).ravel()
    for axes, (figure_name, title, colours, scale, percent) in zip(panels, _PANELS, strict=True):
        values = np.full((len(rows), len(columns)), np.nan)
        for cell in cells:
            place = rows.index(cell.trained_on), columns.index(cell.tested_on)
            values[place] = getattr(cell, figure_name).value
        # Cells as polygons, not as a picture: they stay sharp and are equal bytes everywhere.
        drawn = axes.pcolormesh(
            np.ma.masked_invalid(values), cmap=colours, norm=scale, edgecolor="white", linewidth=2
        )
        for cell in cells:
            x, y = columns.index(cell.tested_on), rows.index(cell.trained_on)
            estimate = getattr(cell, figure_name)
            rgb = drawn.cmap(scale(estimate.value))[:3]
            _cell(axes, x, y, cell.leaks, drawing.interval(estimate, percent), _ink(rgb))
        axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=20, ha="right")
        axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
        axes.set_ylim(len(rows), 0)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set(xlabel="Tested on", title=title)
    for axes in panels if stacked else panels[:1]:
        axes.set_ylabel("Trained on")
    drawing.title(figure, experiment, leaks=False)
    figure.supxlabel(_note(cells), fontsize=9, color=drawing.GREY)
    return figure


def _cell(axes: Axes, x: int, y: int, leaks: bool, words: str, ink: str) -> None:
    value, _, interval = words.partition(" ")
    centre = {"ha": "center", "color": ink}
    axes.text(x + 0.5, y + 0.47, value, va="center", fontsize=11, fontweight="bold", **centre)
    axes.text(x + 0.5, y + 0.76, interval, va="center", fontsize=7.5, **centre)
    if leaks:
        axes.text(x + 0.5, y + 0.2, drawing.LEAKS, va="center", fontsize=8, **centre)
        border = {"edgecolor": drawing.VERMILLION, "linewidth": 2.4, "fill": False}
        axes.add_patch(Rectangle((x + 0.04, y + 0.05), 0.92, 0.90, **border))


def _ink(rgb: Sequence[float]) -> str:
    """Return black or white, whichever is read more easily on a colour (its luminance, WCAG 2)."""
    linear = np.where(
        np.array(rgb) <= 0.04045, np.array(rgb) / 12.92, ((np.array(rgb) + 0.055) / 1.055) ** 2.4
    )
    return "black" if linear @ (0.2126, 0.7152, 0.0722) > 0.179 else "white"


def _note(cells: Sequence[Cell]) -> str:
    words = "Lighter is better; intervals are 95%."
    if any(cell.leaks for cell in cells):
        words += f" {drawing.LEAK_NOTE}."
    return words
