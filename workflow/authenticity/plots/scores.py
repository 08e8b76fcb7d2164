"""How scores are spread, whether probabilities mean what they say, and ROC and DET curves."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pyarrow as pa
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.special import ndtri

from authenticity import tables, wording
from authenticity.evaluation.bootstrap import Band
from authenticity.evaluation.calibration import CalibrationError, wilson
from authenticity.evaluation.measure import STAGES
from authenticity.evaluation.metrics import Floats, operating_points
from authenticity.evaluation.results import REPORTED, Tested
from authenticity.names import ordered_splits
from authenticity.plots import drawing

_CLASSES = ((0, "bona fide", drawing.BLUE), (1, "spoof", drawing.VERMILLION))


@mpl.rc_context(drawing.STYLE)
def score_histograms(scores: pa.Table, item: Tested) -> Figure:
    """Draw an experiment's `tables.SCORES`, one panel per split, as shares of each class."""
    trials = scores.select(["split", "label", "score"]).to_pandas()
    splits = ordered_splits(trials["split"])
    figure = drawing.empty(9.0, 4.4)
    panels = figure.subplots(1, len(splits), squeeze=False, sharex=True, sharey=True)[0]
    # More bins for more trials, by the smaller class.
    fewest = int(trials.groupby(["split", "label"]).size().min())
    bins = int(np.clip(1.5 * np.sqrt(fewest), 12, 60))
    edges = np.histogram_bin_edges(trials["score"], bins=bins)
    for axes, split in zip(panels, splits, strict=True):
        for label, words, colour in _CLASSES:
            members = trials[(trials["split"] == split) & (trials["label"] == label)]
            axes.hist(
                members["score"],
                bins=edges,
                weights=np.full(len(members), 1 / len(members)),
                histtype="stepfilled",
                label=words,
                facecolor=(colour, 0.30),
                edgecolor=colour,
                linewidth=1.4,
            )
        # Of clips, which may have a score in each of several rounds.
        auc = item.on(split)["roc_auc"]
        axes.set_title(f"{split}: {auc.n_bonafide:,} bona fide + {auc.n_spoof:,} spoof")
        axes.set_xlabel("Score (higher: more like spoof)")
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
        axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    panels[0].set_ylabel("Share of the class")
    drawing.title(figure, item.label, item.leaks)
    drawing.legend_below(figure, panels[0], columns=2)
    return figure


# By the suffix of its metrics: name, colour, mark, and how far its bars stand aside in the counts.
_STYLES = {
    "_before_calibration": ("before calibration", drawing.BLUE, "o", -0.006),
    "": ("after calibration", drawing.VERMILLION, "s", 0.006),
}


@mpl.rc_context(drawing.STYLE)
def calibration(scores: pa.Table, item: Tested) -> Figure:
    """Draw the reliability diagram of each split, before and after calibration.

    Probabilities are right where a point lies on the diagonal: of the clips called spoof with
    probability p, a share p is spoof (DeGroot and Fienberg 1983). Bars are Wilson's 95% interval of
    each share, for clips that are independent; below, how many clips each point stands for.

    Args:
        scores: `tables.SCORES` of the experiment.
        item: its results, which have the calibration errors.
    """
    trials = scores.to_pandas()
    figure = drawing.empty(9.0, 6.4)
    ratios = {"height_ratios": (3.2, 1)}
    n_splits = len(item.splits)
    panels = figure.subplots(2, n_splits, squeeze=False, sharex=True, sharey="row", **ratios)
    for split, curve, counts in zip(item.splits, *panels, strict=True):
        members, results = trials[trials["split"] == split], item.on(split)
        curve.axline((0, 0), slope=1, color=drawing.GREY, linewidth=0.8, linestyle=":")
        errors = []
        for suffix, (words, colour, mark, aside) in _STYLES.items():
            if not results.get(f"ece{suffix}"):
                continue
            probabilities = members[STAGES[suffix]].to_numpy()
            error = CalibrationError(probabilities, members["label"].to_numpy())
            errors.append(f"ECE {wording.ece(results, suffix, digits=1)}, {words}")
            mean, n_spoof, n = error.diagram()
            curve.vlines(mean, *wilson(n_spoof, n), color=colour, alpha=0.45, linewidth=1.4)
            style = {"marker": mark, "color": colour, "markersize": 5, "linewidth": 1.2}
            curve.plot(mean, n_spoof / n, label=words, **style)
            counts.bar(mean + aside, n, width=0.012, color=colour)
        title = "\n".join([split, *errors])
        curve.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), title=title)
        for axes in (curve, counts):
            axes.set_xlabel("Probability of spoof")
        counts.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    panels[0][0].set_ylabel("Share that is spoof")
    panels[1][0].set_ylabel("Clips")
    drawing.title(figure, item.label, item.leaks)
    drawing.legend_below(figure, panels[0][-1], columns=2)
    return figure


@dataclass(frozen=True)
class Curve:
    """One experiment's error rates on eval, with the band of its ROC curve."""

    item: Tested
    points: tuple[Floats, Floats]
    band: Band

    @classmethod
    def of(cls, item: Tested, scores: pa.Table, bands: pa.Table) -> "Curve":
        """Return it from `tables.SCORES` and `measure.BAND`."""
        trials, band = (
            tables.where(table, split=REPORTED).to_pandas() for table in (scores, bands)
        )
        points = operating_points(trials["label"], trials["score"])
        return cls(item, points, Band(**band.drop(columns="split")))

    def label(self, words: str) -> str:
        """Return what the legend says: the experiment, the words, and how many trials."""
        name, eer = drawing.named(self.item.label, self.item.leaks), self.item.reported["eer"]
        return f"{name}: {words}, {eer.n_bonafide:,} bona fide + {eer.n_spoof:,} spoof"


def _thinned(points: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Drop operating points that no eye can tell apart, so that a figure stays small."""
    false_alarm, detection = points
    travelled = np.cumsum(sum(np.abs(np.diff(rate, prepend=0.0)) for rate in points))
    fine = np.minimum(false_alarm, 1.0 - detection) < 0.01
    cell = np.where(fine, np.arange(travelled.size), -1 - np.floor(travelled / 2e-4).astype(int))
    keep = np.append(cell[1:] != cell[:-1], True)
    keep[0] = True
    return false_alarm[keep], detection[keep]


@mpl.rc_context(drawing.STYLE)
def roc(curves: Sequence[Curve]) -> Figure:
    """Draw the ROC curves with pointwise 95% bands: the whole square, and its upper left corner."""
    figure = drawing.empty(9.0, 5.0 + 0.22 * len(curves))
    whole, corner = figure.subplots(1, 2)
    for axes in (whole, corner):
        for index, curve in enumerate(curves):
            false_alarm, detection = _thinned(curve.points)
            band = [100 * each for each in vars(curve.band).values()]
            colour, dash, _ = drawing.look(index)
            axes.fill_between(*band, color=colour, alpha=0.18, linewidth=0)
            label = curve.label(f"AUC {drawing.interval(curve.item.reported['roc_auc'])}")
            style = {"color": colour, "linestyle": dash, "linewidth": 1.8}
            axes.plot(100 * false_alarm, 100 * detection, label=label, **style)
        axes.plot([0, 100], [0, 100], color=drawing.GREY, linewidth=0.8, linestyle=":")
        axes.set_xlabel("Bona fide called spoof (%)")
        axes.set_ylabel("Spoof detected (%)")
        axes.set_aspect("equal")
    whole.set(xlim=(-1, 101), ylim=(-1, 101), title=f"ROC, {REPORTED}")
    whole.text(60, 55, "chance", color=drawing.GREY, rotation=45, va="top", rotation_mode="anchor")
    # The corner in which at least half of the curves bend.
    middle = 100 * float(np.median([curve.item.reported["eer"].value for curve in curves]))
    side = next((side for side in (5, 10, 20, 50) if side >= 1.3 * middle), 50)
    margin = side / 100
    corner.set(xlim=(-margin, side), ylim=(100 - side, 100 + margin))
    corner.set_title(f"The upper left {side}%, enlarged")
    ticks = np.linspace(0, side, 6)
    corner.set_xticks(ticks)
    corner.set_yticks(100 - ticks)
    drawing.legend_below(figure, whole, note=drawing.leak_note(each.item.leaks for each in curves))
    return figure


_DET_TICKS = (1e-5, 1e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95)


@mpl.rc_context(drawing.STYLE)
def det(curves: Sequence[Curve]) -> Figure:
    """Draw DET curves on normal-deviate axes (Martin et al. 1997), each with its EER marked."""
    figure = drawing.empty(7.0, 6.3 + 0.22 * len(curves))
    axes = figure.subplots()
    low, high = _det_limits(curves)
    for index, curve in enumerate(curves):
        false_alarm, detection = _thinned(curve.points)
        accepted = ndtri(np.clip(1 - detection, low / 10, 1 - low / 10))
        rejected = ndtri(np.clip(false_alarm, low / 10, 1 - low / 10))
        eer, (colour, dash, mark) = curve.item.reported["eer"], drawing.look(index)
        style = {"color": colour, "linestyle": dash, "linewidth": 1.8}
        label = curve.label(f"EER {drawing.interval(eer, percent=True)}")
        axes.plot(accepted, rejected, label=label, **style)
        if low <= eer.value <= high:
            place = ndtri(eer.value)
            style = {"color": colour, "markeredgecolor": "white", "markersize": 8}
            axes.plot(place, place, mark, zorder=4, **style)
    axes.axline((0, 0), slope=1, color=drawing.GREY, linewidth=0.8, linestyle=":")
    ticks = [tick for tick in _DET_TICKS if low <= tick <= high]
    names = [f"{100 * tick:g}" for tick in ticks]
    axes.set_xticks(ndtri(ticks), names)
    axes.set_yticks(ndtri(ticks), names)
    axes.set(xlim=ndtri([low, high]), ylim=ndtri([low, high]), aspect="equal")
    axes.set_xlabel("Spoof accepted as bona fide (%)")
    axes.set_ylabel("Bona fide rejected as spoof (%)")
    axes.set_title(f"DET, {REPORTED}")
    drawing.legend_below(figure, axes, note=drawing.leak_note(each.item.leaks for each in curves))
    return figure


def _det_limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """From one error among the trials of the smaller class to above the worst EER."""
    eers = [curve.item.reported["eer"] for curve in curves]
    one_error = min(1 / max(min(eer.n_bonafide, eer.n_spoof) for eer in eers), 0.4)
    low = max(tick for tick in _DET_TICKS if tick <= max(one_error, _DET_TICKS[0]))
    worst = max(eer.value for eer in eers)
    high = next((tick for tick in _DET_TICKS if tick >= max(0.6, worst + 0.1)), _DET_TICKS[-1])
    return low, high
