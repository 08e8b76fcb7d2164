"""ROC-AUC of an experiment's candidates, layer by layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from authenticity.evaluation.bootstrap import Estimate
from authenticity.names import POOLING_WORDS
from authenticity.plots import drawing

_SPLIT_MARKS = {
    "train": ("^", drawing.GREEN),
    "dev": ("o", drawing.BLUE),
    "eval": ("s", drawing.VERMILLION),
}


@dataclass(frozen=True)
class Candidate:
    """One candidate with one pooling: its ROC-AUC per split, and whether it was chosen.

    A mean over rounds has no interval: its `low` and `high` are NaN.
    """

    name: str
    pooling: str
    chosen: bool
    roc_auc: dict[str, Estimate]


@mpl.rc_context(drawing.STYLE)
def candidates(found: Sequence[Candidate], experiment: str, leaks: bool = False) -> Figure:
    """Draw the ROC-AUC of every candidate on every split, one panel per pooling.

    Layers come first, joined by a line; other candidates stand to their right. The choice is
    marked in its panel.
    """
    poolings = list(dict.fromkeys(item.pooling for item in found))
    figure = drawing.empty(9.0, 4.6)
    panels = figure.subplots(1, len(poolings), squeeze=False, sharey=True)[0]
    for axes, pooling in zip(panels, poolings, strict=True):
        _candidate_panel(axes, [item for item in found if item.pooling == pooling])
        axes.set_title(POOLING_WORDS[pooling])
    drawing.title(figure, experiment, leaks)
    panels[0].set_ylabel("ROC-AUC")
    estimates = [estimate for item in found for estimate in item.roc_auc.values()]
    lowest = np.nanmin([(estimate.low, estimate.value) for estimate in estimates])
    height = max(1 - lowest, 0.02)
    panels[0].set_ylim(1 - 1.08 * height, 1 + 0.04 * height)
    with_choice = next((axes for axes in panels if axes.patches), panels[0])
    drawing.legend_below(figure, with_choice, columns=4)
    return figure


def layer_of(candidate: str) -> int | None:
    """Return a candidate's only layer, alone or joined to the spectral numbers, else None."""
    prefix, _, number = candidate.removeprefix("spectral+").partition("_")
    return int(number) if prefix == "layer" and number.isdigit() else None


def _candidate_panel(axes: Axes, found: Sequence[Candidate]) -> None:
    layers = sorted((item for item in found if layer_of(item.name) is not None), key=_layer_key)
    others = [item for item in found if layer_of(item.name) is None]
    places = {item.name: float(layer_of(item.name) or 0) for item in layers}
    start = max(places.values(), default=-2) + 1.6
    places |= {item.name: start + 1.2 * index for index, item in enumerate(others)}
    splits = list(dict.fromkeys(split for item in found for split in item.roc_auc))
    shift = dict(zip(splits, np.linspace(-0.12, 0.12, len(splits)), strict=True))
    for split in splits:
        mark, colour = _SPLIT_MARKS.get(split, ("D", drawing.BLACK))
        for group, joined in ((layers, "-"), (others, "")):
            x = [places[item.name] + shift[split] for item in group]
            estimates = [item.roc_auc[split] for item in group]
            what = "95% interval" if np.isfinite([each.low for each in estimates]).any() else "mean"
            label = f"{split}, {what}" if group is (layers or others) else None
            _intervals(axes, x, estimates, mark, colour, joined, label)
    axes.set_xlim(min(places.values()) - 0.8, max(places.values()) + 0.8)
    for item in found:
        if item.chosen and len(found) > 1:
            place = places[item.name]
            span = {"color": drawing.ORANGE, "alpha": 0.22, "linewidth": 0, "zorder": 0}
            # Rounds may choose differently; the legend says it once.
            label = "chosen on dev" if "dev" in splits else "chosen by cross-validation"
            label = f"_{label}" if axes.patches else label
            axes.axvspan(place - 0.45, place + 0.45, label=label, **span)
    names = [f"{layer_of(item.name)}" for item in layers]
    names += [item.name.removeprefix("spectral+").removeprefix("layers_") for item in others]
    axes.set_xticks(list(places.values()), names)
    axes.set_xlabel("Layer of the encoder" if layers else "Features")
    axes.grid(visible=False, axis="x")


def _layer_key(item: Candidate) -> int:
    return layer_of(item.name) or 0


def _intervals(
    axes: Axes,
    x: Sequence[float],
    estimates: Sequence[Estimate],
    mark: str,
    colour: str,
    joined: str,
    label: str | None,
) -> None:
    value = np.array([estimate.value for estimate in estimates])
    low = np.array([estimate.low for estimate in estimates])
    high = np.array([estimate.high for estimate in estimates])
    axes.vlines(x, low, high, color=colour, alpha=0.55, linewidth=1.6)
    style = {"marker": mark, "color": colour, "markersize": 5, "linewidth": 1.2}
    axes.plot(x, value, linestyle=joined or "none", label=label, **style)
