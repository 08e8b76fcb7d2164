"""What all figures share: colours, marks, sizes, how an interval reads, and how a file is written.

Colours are those of Okabe and Ito (2008), which people with colour-blind eyes tell apart; marks and
line styles differ too. Rates come as fractions and are drawn in percent.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from authenticity.estimates import Estimate
from authenticity.files import atomic

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK, GREY = "#E69F00", "#56B4E9", "#000000", "#6B6B6B"
_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
_DASHES = ("-", (0, (5, 1.5)), (0, (8, 1.5, 1.5, 1.5)), (0, (2.5, 1.2)))
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")  # 9, so that 63 pairs with colours differ
LEAKS = "[leaks]"
STYLE = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "svg.fonttype": "path",  # outlines: the page looks the same wherever it is opened
    "svg.hashsalt": "authenticity",  # equal figures are equal bytes
}


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as SVG, atomically and without a date."""
    with atomic(path) as temporary, mpl.rc_context(STYLE):
        figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})


def empty(width: float, height: float) -> Figure:
    """Return an empty figure, sized in inches; 9 inches fill the report's page."""
    figure = Figure(figsize=(width, height))
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
    FigureCanvasSVG(figure)
    return figure


def title(figure: Figure, name: str, leaks: bool = False) -> None:
    """Name a figure's only experiment, flush left, and say where its protocol leaks."""
    words = f"{name} [leaks: results too good]" if leaks else name
    figure.suptitle(words, x=0.01, ha="left", fontsize=12, fontweight="bold")


def interval(estimate: Estimate, percent: bool = False) -> str:
    """Return a value with its interval in words, short enough for a legend."""
    if percent:
        low, high = 100 * estimate.low, 100 * estimate.high
        return f"{100 * estimate.value:.1f}% ({low:.1f} to {high:.1f})"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def bounds(estimates: Sequence[Estimate]) -> np.ndarray:
    """Return values, lower and upper ends, (3, n); an end that is not there is not a number."""
    rows = [[getattr(item, end) for item in estimates] for end in ("value", "low", "high")]
    return np.array(rows, dtype=float)


def look(index: int) -> tuple[str, str | tuple, str]:
    """Return colour, line style and mark of the experiment at this place in the configuration."""
    return tuple(kinds[index % len(kinds)] for kinds in (_COLOURS, _DASHES, _MARKS))


def named(name: str, leaks: bool) -> str:
    """Return an experiment's name, marked where its protocol leaks."""
    return f"{name} {LEAKS}" if leaks else name


def leak_note(leaks: Iterable[bool]) -> str | None:
    """Return what the mark of a leak means, if there is one."""
    note = "speakers or duplicate clips are on both sides of the protocol: results too good"
    return f"{LEAKS}: {note}" if any(leaks) else None


def legend_below(figure: Figure, axes: Axes, columns: int = 1, note: str | None = None) -> None:
    """Put the legend below the figure, under a note."""
    handles, labels = axes.get_legend_handles_labels()
    style = {"loc": "outside lower center", "ncols": columns, "handlelength": 3.2}
    legend = figure.legend(handles, labels, **style)
    if note:
        legend.set_title(note, prop={"size": 9})
