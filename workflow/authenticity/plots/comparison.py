"""Differences of experiments from one that they are held against: a forest plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from authenticity.estimates import Estimate
from authenticity.names import NO, OPEN, POINT, YES
from authenticity.plots import drawing


@dataclass(frozen=True)
class Difference:
    """By how much an experiment's ROC-AUC is above another's, with 95% interval.

    Attributes:
        name: the experiment, or both.
        leaks: whether a side leaks.
        answer: of `verdict`, whether it is at least one point better on these speakers.
        roc_auc: the difference as a fraction, the mean over seeds.
        seeds: the difference for each seed.
    """

    name: str
    leaks: bool
    answer: str
    roc_auc: Estimate
    seeds: Sequence[float]

    @classmethod
    def of(cls, name: str, leaks: bool, difference: Mapping[str, Any]) -> "Difference":
        """Return a pair of `verdict.verdict`, or the difference of a row of `ablations`."""
        auc = difference["roc_auc"]
        return cls(
            name,
            leaks,
            answer=difference["on_these_speakers"]["at_least_one_point"],
            roc_auc=Estimate(auc["value"], auc["low"], auc["high"]),
            seeds=list(auc["spread"]["each"].values()) if auc["spread"] else [],
        )


@mpl.rc_context(drawing.STYLE)
def differences(items: Sequence[Difference], title: str) -> Figure:
    """Draw differences in ROC-AUC, the first on top, with lines at no difference and at one point.

    Colour and mark give the answer; the legend says what each means.
    """
    last = len(items) - 1
    figure = drawing.empty(8.0, 1.9 + 0.34 * len(items))
    axes = figure.subplots()
    axes.axvline(0.0, color=drawing.GREY, linewidth=1.0)
    axes.axvline(100 * POINT, color=drawing.GREY, linewidth=1.0, linestyle="--")
    for answer, (words, colour, mark) in _ANSWERS.items():
        members = [index for index, item in enumerate(items) if item.answer == answer]
        if not members:
            continue
        y = [last - index for index in members]
        value, low, high = 100 * drawing.bounds([items[index].roc_auc for index in members])
        axes.hlines(y, low, high, color=colour, alpha=0.6, linewidth=2.0)
        axes.plot(value, y, mark, color=colour, markersize=6, label=words)
    seeds = [(100 * seed, last - i) for i, item in enumerate(items) for seed in item.seeds]
    if seeds:
        x, y = zip(*seeds, strict=True)
        style = {"color": drawing.BLACK, "markersize": 7, "markeredgewidth": 0.9, "zorder": 3}
        axes.plot(x, y, "|", label="one seed", **style)
    names = [drawing.named(item.name, item.leaks) for item in items]
    axes.set_yticks([last - index for index in range(len(items))], names)
    axes.set_ylim(-0.6, last + 0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Difference in ROC-AUC in points of 0.01, 95% interval; dashed: one point")
    axes.set_title(title)
    note = drawing.LEAK_NOTE if any(item.leaks for item in items) else None
    drawing.legend_below(figure, axes, columns=2, note=note)
    return figure


_ANSWERS = {
    YES: ("at least one point better on these speakers", drawing.GREEN, "^"),
    OPEN: ("cannot tell", drawing.ORANGE, "o"),
    NO: ("less than one point better on these speakers", drawing.BLUE, "s"),
}
