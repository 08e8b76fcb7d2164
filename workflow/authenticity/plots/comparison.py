"""Differences of experiments from one that they are held against: a forest plot."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from authenticity.evaluation.bootstrap import Estimate
from authenticity.names import NO, OPEN, POINT, YES, labelled
from authenticity.plots import drawing


@dataclass(frozen=True)
class Difference:
    """By how much an experiment's ROC-AUC is above another's, with 95% interval.

    Attributes:
        name: the experiment, or both.
        answer: of `verdict`, whether it is at least one point better on these speakers.
        leaks: whether a side leaks.
        roc_auc: the difference as a fraction, the mean over seeds.
        seeds: the difference for each seed.
    """

    name: str
    answer: str
    leaks: bool
    roc_auc: Estimate
    seeds: Collection[float]

    @classmethod
    def of_pair(
        cls, item: Mapping[str, Any], leaking: Collection[str], controls: Collection[str] = ()
    ) -> "Difference":
        """Return a pair of `verdict.verdict`.

        `leaking` and `controls` are the names of experiments that leak, and of controls.
        """
        auc, pair = item["roc_auc"], (item["candidate"], item["baseline"])
        return cls(
            name=" against ".join(labelled(name, name in controls) for name in pair),
            answer=item["on_these_speakers"]["at_least_one_point"],
            leaks=bool(set(pair) & set(leaking)),
            roc_auc=Estimate(auc["value"], auc["low"], auc["high"]),
            seeds=list(auc["spread"]["each"].values()) if auc["spread"] else [],
        )

    @classmethod
    def of_row(cls, item: Mapping[str, Any]) -> "Difference":
        """Return a row of `ablations.ablations`, other than the reference."""
        found = item["difference"]
        auc = found["roc_auc"]
        return cls(
            name=labelled(item["name"], item["control"]),
            answer=found["on_these_speakers"]["at_least_one_point"],
            leaks=item["leaks"],
            roc_auc=Estimate(auc["value"], auc["low"], auc["high"]),
            seeds=list(auc["spread"]["each"].values()) if auc["spread"] else [],
        )


@mpl.rc_context(drawing.STYLE)
def differences(found: Sequence[Difference], title: str) -> Figure:
    """Draw differences in ROC-AUC, the first on top, with lines at no difference and at one point.

    Colour and mark give the answer; the legend says what each means.
    """
    last = len(found) - 1
    figure = drawing.empty(8.0, 1.9 + 0.34 * len(found))
    axes = figure.subplots()
    axes.axvline(0.0, color=drawing.GREY, linewidth=1.0)
    axes.axvline(100 * POINT, color=drawing.GREY, linewidth=1.0, linestyle="--")
    for answer, (words, colour, mark) in _ANSWERS.items():
        members = [index for index, item in enumerate(found) if item.answer == answer]
        if not members:
            continue
        y = [last - index for index in members]
        value, low, high = (
            [100 * getattr(found[index].roc_auc, name) for index in members]
            for name in ("value", "low", "high")
        )
        axes.hlines(y, low, high, color=colour, alpha=0.6, linewidth=2.0)
        axes.plot(value, y, mark, color=colour, markersize=6, label=words)
    seeds = [(100 * seed, last - i) for i, item in enumerate(found) for seed in item.seeds]
    if seeds:
        x, y = zip(*seeds, strict=True)
        style = {"color": drawing.BLACK, "markersize": 7, "markeredgewidth": 0.9, "zorder": 3}
        axes.plot(x, y, "|", label="one seed", **style)
    leaking = [item.name for item in found if item.leaks]
    names = [drawing.named(item.name, leaking) for item in found]
    axes.set_yticks([last - index for index in range(len(found))], names)
    axes.set_ylim(-0.6, last + 0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Difference in ROC-AUC in points of 0.01, 95% interval; dashed: one point")
    axes.set_title(title)
    drawing.legend_below(figure, axes, columns=2, leaking=leaking)
    return figure


_ANSWERS = {
    YES: ("at least one point better on these speakers", drawing.GREEN, "^"),
    OPEN: ("cannot tell", drawing.ORANGE, "o"),
    NO: ("less than one point better on these speakers", drawing.BLUE, "s"),
}
