"""ROC-AUC of an experiment's candidates, layer by layer."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from authenticity.evaluation.results import Tested
from authenticity.names import POOLING_WORDS, ordered_splits
from authenticity.plots import drawing
from authenticity.report.candidates import Candidate

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


def layer_of(candidate: str) -> int | None:
    """Return a candidate's only layer, alone or joined to the spectral numbers, else None."""
    prefix, _, number = candidate.removeprefix("spectral+").partition("_")
    return int(number) if prefix == "layer" and number.isdigit() else None


def _panel(axes: Axes, items: Sequence[Candidate]) -> None:
    numbers = {item.name: layer_of(item.name) for item in items}
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
