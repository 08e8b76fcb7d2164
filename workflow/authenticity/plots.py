"""The report's figures: plain arrays and small dataclasses in, a matplotlib `Figure` out.

Colours are those of Okabe and Ito (2008), which people with colour-blind eyes tell apart; marks and
line styles differ too. Rates come as fractions and are drawn in percent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.special import ndtri

from authenticity.evaluation.bootstrap import Estimate
from authenticity.evaluation.figures import Curve
from authenticity.evaluation.metrics import Floats, OperatingPoints
from authenticity.files import atomic

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK, GREY = "#E69F00", "#56B4E9", "#000000", "#6B6B6B"
_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
_DASHES = ("-", (0, (5, 1.5)), (0, (8, 1.5, 1.5, 1.5)), (0, (2.5, 1.2)))
_MARKS = ("o", "s", "^", "D", "v", "P", "X")
_CLASSES = ((0, "bona fide", BLUE), (1, "spoof", VERMILLION))
POOLING_WORDS = {
    "mean": "mean over time",
    "std": "standard deviation over time",
    "mean_std": "mean and standard deviation over time",
    "none": "no pooling over time",
}
_STYLE = {
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


@dataclass(frozen=True)
class ScoredSplit:
    """The scores of one split: `labels` and `scores` are (n,)."""

    name: str
    labels: np.ndarray
    scores: Floats


@dataclass(frozen=True)
class Candidate:
    """One candidate with one pooling: its ROC-AUC per split, and whether it was chosen."""

    name: str
    pooling: str
    chosen: bool
    roc_auc: dict[str, Estimate]


@dataclass(frozen=True)
class AttackFigure:
    """One experiment's ROC-AUC on one attack."""

    experiment: str
    attack: str
    n_spoof: int
    roc_auc: Estimate


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as SVG, atomically and without a date."""
    with atomic(path) as temporary, mpl.rc_context(_STYLE):
        figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})


def _figure(width: float, height: float) -> Figure:
    """Return an empty figure, sized in inches; 9 inches fill the report's page."""
    figure = Figure(figsize=(width, height))
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
    FigureCanvasSVG(figure)
    return figure


def _title(figure: Figure, words: str) -> None:
    figure.suptitle(words, x=0.01, ha="left", fontsize=12, fontweight="bold")


def _interval(estimate: Estimate, percent: bool = False) -> str:
    if percent:
        low, high = 100 * estimate.low, 100 * estimate.high
        return f"{100 * estimate.value:.1f}% ({low:.1f} to {high:.1f})"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _dash(index: int) -> str | tuple:
    return _DASHES[index % len(_DASHES)]


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]


def _thinned(points: OperatingPoints, step: float = 2e-4) -> tuple[Floats, Floats]:
    """Drop operating points that no eye can tell apart, so that a figure stays small."""
    travelled = np.cumsum(
        np.abs(np.diff(points.false_alarm, prepend=0.0))
        + np.abs(np.diff(points.detection, prepend=0.0))
    )
    fine = np.minimum(points.false_alarm, points.miss) < 0.01
    cell = np.where(fine, np.arange(travelled.size), -1 - np.floor(travelled / step).astype(int))
    keep = np.append(cell[1:] != cell[:-1], True)
    keep[0] = True
    return points.false_alarm[keep], points.detection[keep]


@mpl.rc_context(_STYLE)
def roc(curves: Sequence[Curve], split: str) -> Figure:
    """Draw the ROC curves with pointwise 95% bands: the whole square, and its upper left corner."""
    figure = _figure(9.0, 5.0 + 0.22 * len(curves))
    whole, corner = figure.subplots(1, 2)
    for axes in (whole, corner):
        for index, curve in enumerate(curves):
            false_alarm, detection = _thinned(curve.points)
            axes.fill_between(
                100 * curve.band.false_alarm,
                100 * curve.band.low,
                100 * curve.band.high,
                color=_colour(index),
                alpha=0.18,
                linewidth=0,
            )
            style = {"color": _colour(index), "linestyle": _dash(index), "linewidth": 1.8}
            label = f"{curve.name}: AUC {_interval(curve.roc_auc)}, {curve.trials}"
            axes.plot(100 * false_alarm, 100 * detection, label=label, **style)
        axes.plot([0, 100], [0, 100], color=GREY, linewidth=0.8, linestyle=":")
        axes.set_xlabel("Bona fide called spoof (%)")
        axes.set_ylabel("Spoof detected (%)")
        axes.set_aspect("equal")
    whole.set(xlim=(-1, 101), ylim=(-1, 101), title=f"ROC, {split}")
    whole.text(60, 55, "chance", color=GREY, rotation=45, va="top", rotation_mode="anchor")
    side = _corner(curves)
    margin = side / 100
    corner.set(xlim=(-margin, side), ylim=(100 - side, 100 + margin))
    corner.set_title(f"The upper left {side}%, enlarged")
    ticks = np.linspace(0, side, 6)
    corner.set_xticks(ticks)
    corner.set_yticks(100 - ticks)
    _legend_below(figure, whole)
    return figure


def _corner(curves: Sequence[Curve]) -> int:
    """Return the side in percent of the corner in which at least half of the curves bend."""
    middle = 100 * float(np.median([curve.eer.value for curve in curves]))
    return next((side for side in (5, 10, 20, 50) if side >= 1.3 * middle), 50)


def _legend_below(figure: Figure, axes: Axes, columns: int = 1) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=3.2)


_DET_TICKS = (1e-5, 1e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95)


@mpl.rc_context(_STYLE)
def det(curves: Sequence[Curve], split: str) -> Figure:
    """Draw DET curves on normal-deviate axes (Martin et al. 1997), each with its EER marked."""
    figure = _figure(7.0, 6.3 + 0.22 * len(curves))
    axes = figure.subplots()
    low, high = _det_limits(curves)
    for index, curve in enumerate(curves):
        false_alarm, detection = _thinned(curve.points)
        accepted = ndtri(np.clip(1 - detection, low / 10, 1 - low / 10))
        rejected = ndtri(np.clip(false_alarm, low / 10, 1 - low / 10))
        label = f"{curve.name}: EER {_interval(curve.eer, percent=True)}, {curve.trials}"
        style = {"color": _colour(index), "linestyle": _dash(index), "linewidth": 1.8}
        axes.plot(accepted, rejected, label=label, **style)
        if low <= curve.eer.value <= high:
            place = ndtri(curve.eer.value)
            mark = _MARKS[index % len(_MARKS)]
            style = {"color": _colour(index), "markeredgecolor": "white", "markersize": 8}
            axes.plot(place, place, mark, zorder=4, **style)
    axes.axline((0, 0), slope=1, color=GREY, linewidth=0.8, linestyle=":")
    ticks = [tick for tick in _DET_TICKS if low <= tick <= high]
    names = [f"{100 * tick:g}" for tick in ticks]
    axes.set_xticks(ndtri(ticks), names)
    axes.set_yticks(ndtri(ticks), names)
    axes.set(xlim=ndtri([low, high]), ylim=ndtri([low, high]), aspect="equal")
    axes.set_xlabel("Spoof accepted as bona fide (%)")
    axes.set_ylabel("Bona fide rejected as spoof (%)")
    axes.set_title(f"DET, {split}")
    _legend_below(figure, axes)
    return figure


def _det_limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """From one error among the trials of the smaller class to above the worst EER."""
    one_error = 1 / max(min(curve.n_bonafide, curve.n_spoof) for curve in curves)
    low = max(tick for tick in _DET_TICKS if tick <= max(one_error, _DET_TICKS[0]))
    worst = max(curve.eer.value for curve in curves)
    high = next((tick for tick in _DET_TICKS if tick >= max(0.6, worst + 0.1)), _DET_TICKS[-1])
    return low, high


@mpl.rc_context(_STYLE)
def score_histograms(splits: Sequence[ScoredSplit], experiment: str) -> Figure:
    """Draw the scores of each class, one panel per split, as shares of the class."""
    figure = _figure(9.0, 4.4)
    panels = figure.subplots(1, len(splits), squeeze=False, sharex=True, sharey=True)[0]
    edges = _bin_edges(splits)
    for axes, split in zip(panels, splits, strict=True):
        said = []
        for label, name, colour in _CLASSES:
            chosen = split.scores[split.labels == label]
            said.append(f"{chosen.size:,} {name}")
            axes.hist(
                chosen,
                bins=edges,
                weights=np.full(chosen.size, 1 / chosen.size),
                histtype="stepfilled",
                label=name,
                facecolor=(colour, 0.30),
                edgecolor=colour,
                linewidth=1.4,
            )
        axes.set_title(f"{split.name}: {' + '.join(said)}")
        axes.set_xlabel("Score (higher: more like spoof)")
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
        axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    panels[0].set_ylabel("Share of the class")
    _title(figure, experiment)
    _legend_below(figure, panels[0], columns=2)
    return figure


def _bin_edges(splits: Sequence[ScoredSplit]) -> Floats:
    """Return common edges: more bins for more trials, by the smaller class."""
    fewest = min(int(np.bincount(split.labels).min()) for split in splits)
    bins = int(np.clip(1.5 * np.sqrt(fewest), 12, 60))
    return np.histogram_bin_edges(np.concatenate([split.scores for split in splits]), bins=bins)


_SPLIT_MARKS = {"train": ("^", GREEN), "dev": ("o", BLUE), "eval": ("s", VERMILLION)}


@mpl.rc_context(_STYLE)
def candidates(found: Sequence[Candidate], experiment: str) -> Figure:
    """Draw the ROC-AUC of every candidate on every split, one panel per pooling.

    Layers come first, joined by a line; other candidates stand to their right. The choice is
    marked in its panel.
    """
    poolings = list(dict.fromkeys(item.pooling for item in found))
    figure = _figure(9.0, 4.6)
    panels = figure.subplots(1, len(poolings), squeeze=False, sharey=True)[0]
    for axes, pooling in zip(panels, poolings, strict=True):
        _candidate_panel(axes, [item for item in found if item.pooling == pooling])
        axes.set_title(POOLING_WORDS[pooling])
    _title(figure, experiment)
    panels[0].set_ylabel("ROC-AUC")
    lowest = min(estimate.low for item in found for estimate in item.roc_auc.values())
    height = max(1 - lowest, 0.02)
    panels[0].set_ylim(1 - 1.08 * height, 1 + 0.04 * height)
    with_choice = next((axes for axes in panels if axes.patches), panels[0])
    _legend_below(figure, with_choice, columns=4)
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
        mark, colour = _SPLIT_MARKS.get(split, ("D", BLACK))
        for group, joined in ((layers, "-"), (others, "")):
            x = [places[item.name] + shift[split] for item in group]
            estimates = [item.roc_auc[split] for item in group]
            label = f"{split}, 95% interval" if group is (layers or others) else None
            _intervals(axes, x, estimates, mark, colour, joined, label)
    axes.set_xlim(min(places.values()) - 0.8, max(places.values()) + 0.8)
    for item in found:
        if item.chosen and len(found) > 1:
            place = places[item.name]
            span = {"color": ORANGE, "alpha": 0.22, "linewidth": 0, "zorder": 0}
            label = "chosen on dev" if "dev" in splits else "chosen by cross-validation"
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


@mpl.rc_context(_STYLE)
def attacks(found: Sequence[AttackFigure], split: str) -> Figure:
    """Draw the ROC-AUC per attack with 95% intervals; the attack missed most stands on top."""
    experiments = list(dict.fromkeys(item.experiment for item in found))
    totals: dict[str, list[float]] = {}
    for item in found:
        totals.setdefault(item.attack, []).append(item.roc_auc.value)
    order = sorted(totals, key=lambda attack: (-float(np.mean(totals[attack])), attack))
    row = {attack: index for index, attack in enumerate(order)}
    n_spoof = {item.attack: item.n_spoof for item in found}
    height = 1.6 + len(order) * max(0.30, 0.13 * len(experiments)) + 0.22 * len(experiments)
    figure = _figure(8.0, height)
    axes = figure.subplots()
    shifts = np.linspace(0.27, -0.27, len(experiments)) if len(experiments) > 1 else [0.0]
    for index, (experiment, shift) in enumerate(zip(experiments, shifts, strict=True)):
        chosen = [item for item in found if item.experiment == experiment]
        y = [row[item.attack] + shift for item in chosen]
        low, high = ([getattr(item.roc_auc, end) for item in chosen] for end in ("low", "high"))
        axes.hlines(y, low, high, color=_colour(index), alpha=0.55, linewidth=1.8)
        value = [item.roc_auc.value for item in chosen]
        mark = _MARKS[index % len(_MARKS)]
        axes.plot(value, y, mark, color=_colour(index), markersize=5, label=experiment)
    for border in range(1, len(order)):
        axes.axhline(border - 0.5, color="#E4E4E4", linewidth=0.7)
    axes.grid(visible=False, axis="y")
    axes.set_yticks(range(len(order)), [f"{attack} (n = {n_spoof[attack]:,})" for attack in order])
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.set_xlabel("ROC-AUC of the attack against all bona fide clips, 95% interval")
    axes.set_title(f"Attacks, {split}")
    _legend_below(figure, axes, columns=min(3, len(experiments)))
    return figure
