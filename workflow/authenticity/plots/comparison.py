"""Differences of experiments from one that they are held against: a forest plot."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from authenticity.estimates import Estimate
from authenticity.names import NO, OPEN, POINT, YES
from authenticity.plots import drawing


@mpl.rc_context(drawing.STYLE)
def differences(items: Sequence[tuple[str, bool, Mapping[str, Any]]], title: str) -> Figure:
    """Draw differences in ROC-AUC, the first on top, with lines at no difference and at one point.

    Colour and mark give the answer; the legend says what each means.

    Args:
        items: what is compared; whether a side leaks; and a pair of `verdict.verdict`, or the
            difference of a row of `verdict.ablations`.
        title: of the figure.
    """
    last = len(items) - 1
    figure = drawing.empty(8.0, 1.9 + 0.34 * len(items))
    axes = figure.subplots()
    axes.axvline(0.0, color=drawing.GREY, linewidth=1.0)
    axes.axvline(100 * POINT, color=drawing.GREY, linewidth=1.0, linestyle="--")
    for answer, (words, colour, mark) in _ANSWERS.items():
        members = {
            last - index: Estimate.of(difference["roc_auc"])
            for index, (_, _, difference) in enumerate(items)
            if difference["on_these_speakers"]["at_least_one_point"] == answer
        }
        if not members:
            continue
        y = list(members)
        value, low, high = 100 * drawing.bounds(list(members.values()))
        axes.hlines(y, low, high, color=colour, alpha=0.6, linewidth=2.0)
        axes.plot(value, y, mark, color=colour, markersize=6, label=words)
    spreads = [difference["roc_auc"]["spread"] for _, _, difference in items]
    seeds = [
        (100 * seed, last - index)
        for index, spread in enumerate(spreads)
        if spread
        for seed in spread["each"].values()
    ]
    if seeds:
        x, y = zip(*seeds, strict=True)
        style = {"color": drawing.BLACK, "markersize": 7, "markeredgewidth": 0.9, "zorder": 3}
        axes.plot(x, y, "|", label="one seed", **style)
    names = [drawing.named(name, leaks) for name, leaks, _ in items]
    axes.set_yticks([last - index for index in range(len(items))], names)
    axes.set_ylim(-0.6, last + 0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Difference in ROC-AUC in points of 0.01, 95% interval; dashed: one point")
    axes.set_title(title)
    note = drawing.LEAK_NOTE if any(leaks for _, leaks, _ in items) else None
    drawing.legend_below(figure, axes, columns=2, note=note)
    return figure


_ANSWERS = {
    YES: ("at least one point better on these speakers", drawing.GREEN, "^"),
    OPEN: ("cannot tell", drawing.ORANGE, "o"),
    NO: ("less than one point better on these speakers", drawing.BLUE, "s"),
}
