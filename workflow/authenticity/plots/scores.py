"""How scores are spread, and whether probabilities mean what they say."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow as pa
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from authenticity import wording
from authenticity.evaluation.calibration import CalibrationError, wilson
from authenticity.evaluation.measure import STAGES
from authenticity.evaluation.metrics import Floats
from authenticity.evaluation.results import Tested
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
    edges = _bin_edges(trials)
    for axes, split in zip(panels, splits, strict=True):
        counts = []
        for label, words, colour in _CLASSES:
            members = trials[(trials["split"] == split) & (trials["label"] == label)]
            counts.append(f"{len(members):,} {words}")
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
        axes.set_title(f"{split}: {' + '.join(counts)}")
        axes.set_xlabel("Score (higher: more like spoof)")
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
        axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    panels[0].set_ylabel("Share of the class")
    drawing.title(figure, item.label, item.leaks)
    drawing.legend_below(figure, panels[0], columns=2)
    return figure


def _bin_edges(trials: pd.DataFrame) -> Floats:
    """Return common edges: more bins for more trials, by the smaller class."""
    fewest = int(trials.groupby(["split", "label"]).size().min())
    bins = int(np.clip(1.5 * np.sqrt(fewest), 12, 60))
    return np.histogram_bin_edges(trials["score"], bins=bins)


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
