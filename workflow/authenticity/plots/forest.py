"""Figures with a row per attack, or per view of the audio, and a mark per experiment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from authenticity.evaluation.bootstrap import Estimate
from authenticity.plots import drawing


@dataclass(frozen=True)
class Row:
    """One experiment's ROC-AUC on one attack, or on one view of the audio."""

    experiment: str
    name: str
    n_spoof: int
    roc_auc: Estimate


@mpl.rc_context(drawing.STYLE)
def attacks(found: Sequence[Row], split: str, leaking: Collection[str] = ()) -> Figure:
    """Draw the ROC-AUC per attack with 95% intervals; the attack missed most stands on top."""
    totals: dict[str, list[float]] = {}
    for item in found:
        totals.setdefault(item.name, []).append(item.roc_auc.value)
    order = sorted(totals, key=lambda attack: (float(np.mean(totals[attack])), attack))
    n_spoof = {item.name: item.n_spoof for item in found}
    names = {attack: f"{attack} (n = {n_spoof[attack]:,})" for attack in order}
    figure, axes = _forest(found, names, leaking)
    axes.set_xlabel("ROC-AUC of the attack against all bona fide clips, 95% interval")
    axes.set_title(f"Attacks, {split}")
    return figure


@mpl.rc_context(drawing.STYLE)
def views(
    found: Sequence[Row], made_for: Mapping[str, str], split: str, leaking: Collection[str] = ()
) -> Figure:
    """Draw the ROC-AUC in every view, in the order given.

    A dotted line carries an experiment's figure in the view that it is made for (`made_for`, by
    experiment; mostly clean audio) down the figure, to hold the others against.
    """
    names = {item.name: item.name for item in found}
    figure, axes = _forest(found, names, leaking)
    for index, experiment in enumerate(dict.fromkeys(item.experiment for item in found)):
        own = (experiment, made_for[experiment])
        (before,) = [item for item in found if (item.experiment, item.name) == own]
        style = {"color": drawing.colour(index), "linewidth": 1.0, "linestyle": ":", "zorder": 1}
        axes.axvline(before.roc_auc.value, **style)
    axes.set_xlabel("ROC-AUC, 95% interval; dotted: in the view that it is made for")
    axes.set_title(f"Views of the audio, {split}")
    return figure


def _forest(
    found: Sequence[Row], names: dict[str, str], leaking: Collection[str]
) -> tuple[Figure, Axes]:
    """Draw the rows of `names`, the first on top; the experiments stand side by side in a row."""
    experiments = list(dict.fromkeys(item.experiment for item in found))
    last = len(names) - 1
    place = {name: last - index for index, name in enumerate(names)}
    height = 1.6 + len(names) * max(0.30, 0.13 * len(experiments)) + 0.22 * len(experiments)
    figure = drawing.empty(8.0, height)
    axes = figure.subplots()
    shifts = np.linspace(0.27, -0.27, len(experiments)) if len(experiments) > 1 else [0.0]
    for index, (experiment, shift) in enumerate(zip(experiments, shifts, strict=True)):
        chosen = [item for item in found if item.experiment == experiment]
        y = [place[item.name] + shift for item in chosen]
        low, high = ([getattr(item.roc_auc, end) for item in chosen] for end in ("low", "high"))
        colour = drawing.colour(index)
        axes.hlines(y, low, high, color=colour, alpha=0.55, linewidth=1.8)
        value = [item.roc_auc.value for item in chosen]
        label = drawing.named(experiment, leaking)
        axes.plot(value, y, drawing.mark(index), color=colour, markersize=5, label=label)
    left, right = axes.get_xlim()
    axes.set_xlim(left, min(right, 1 + 0.02 * (1 - left)))
    if min(np.nanmin([item.roc_auc.low, item.roc_auc.value]) for item in found) <= 0.5:
        axes.axvline(0.5, color=drawing.GREY, linewidth=0.8)
        where = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        axes.annotate("guessing", (0.5, 0), (3, 3), color=drawing.GREY, fontsize=8, **where)
    for border in range(1, len(names)):
        axes.axhline(border - 0.5, color="#E4E4E4", linewidth=0.7)
    axes.grid(visible=False, axis="y")
    axes.set_yticks(list(place.values()), list(names.values()))
    axes.set_ylim(-0.6, last + 0.6)
    # Three short names stand in a line; longer ones would be cut at the figure's edges.
    longest = max(len(drawing.named(experiment, leaking)) for experiment in experiments)
    columns = max(1, min(3, len(experiments), 84 // (longest + 8)))
    drawing.legend_below(figure, axes, columns=columns, leaking=leaking)
    return figure, axes
