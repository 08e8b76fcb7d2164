"""How scores are spread, and whether probabilities mean what they say."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from authenticity.evaluation.metrics import Floats
from authenticity.plots import drawing

_CLASSES = ((0, "bona fide", drawing.BLUE), (1, "spoof", drawing.VERMILLION))


@dataclass(frozen=True)
class Bin:
    """Clips with similar probabilities: their mean, the share that is spoof, and their number."""

    mean_p: float
    share_spoof: float
    n: int


@dataclass(frozen=True)
class Reliability:
    """One split's probabilities of spoof, before or after calibration.

    `ece` is their expected calibration error, `chance` what it is on average where they hold.
    """

    split: str
    calibrated: bool
    bins: Sequence[Bin]
    ece: float
    chance: float


@dataclass(frozen=True)
class ScoredSplit:
    """The scores of one split: `labels` and `scores` are (n,)."""

    name: str
    labels: np.ndarray
    scores: Floats


@mpl.rc_context(drawing.STYLE)
def score_histograms(splits: Sequence[ScoredSplit], experiment: str, leaks: bool = False) -> Figure:
    """Draw the scores of each class, one panel per split, as shares of the class."""
    figure = drawing.empty(9.0, 4.4)
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
    drawing.title(figure, experiment, leaks)
    drawing.legend_below(figure, panels[0], columns=2)
    return figure


def _bin_edges(splits: Sequence[ScoredSplit]) -> Floats:
    """Return common edges: more bins for more trials, by the smaller class."""
    fewest = min(int(np.bincount(split.labels).min()) for split in splits)
    bins = int(np.clip(1.5 * np.sqrt(fewest), 12, 60))
    return np.histogram_bin_edges(np.concatenate([split.scores for split in splits]), bins=bins)


# Whether calibrated: name, colour, mark, and how far its bars stand aside in the counts.
_STAGES = (
    (False, "before calibration", drawing.BLUE, "o", -0.006),
    (True, "after calibration", drawing.VERMILLION, "s", 0.006),
)


@mpl.rc_context(drawing.STYLE)
def calibration(found: Sequence[Reliability], experiment: str, leaks: bool = False) -> Figure:
    """Draw the reliability diagram of each split, before and after calibration.

    Probabilities are right where a point lies on the diagonal: of the clips called spoof with
    probability p, a share p is spoof (DeGroot and Fienberg 1983). Bars are Wilson's 95% interval of
    each share, for clips that are independent; below, how many clips each point stands for.
    """
    splits = list(dict.fromkeys(item.split for item in found))
    figure = drawing.empty(9.0, 6.4)
    ratios = {"height_ratios": (3.2, 1)}
    panels = figure.subplots(2, len(splits), squeeze=False, sharex=True, sharey="row", **ratios)
    for split, curve, counts in zip(splits, *panels, strict=True):
        curve.axline((0, 0), slope=1, color=drawing.GREY, linewidth=0.8, linestyle=":")
        for calibrated, *style in _STAGES:
            for item in found:
                if (item.split, item.calibrated) == (split, calibrated):
                    _reliability(curve, counts, item, *style)
        curve.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), title=_errors(found, split))
        for axes in (curve, counts):
            axes.set_xlabel("Probability of spoof")
        counts.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    panels[0][0].set_ylabel("Share that is spoof")
    panels[1][0].set_ylabel("Clips")
    drawing.title(figure, experiment, leaks)
    drawing.legend_below(figure, panels[0][-1], columns=2)
    return figure


def _errors(found: Sequence[Reliability], split: str) -> str:
    """Say the calibration error of a split, before and after."""
    said = [
        f"ECE {100 * item.ece:.1f}% ({100 * item.chance:.1f}% by chance), {name}"
        for calibrated, name, *_ in _STAGES
        for item in found
        if (item.split, item.calibrated) == (split, calibrated)
    ]
    return "\n".join([split, *said])


def _reliability(
    curve: Axes, counts: Axes, item: Reliability, name: str, colour: str, mark: str, aside: float
) -> None:
    from scipy.stats import binomtest  # takes half a second, which other figures need not wait for

    filled = [chosen for chosen in item.bins if chosen.n]
    mean = np.array([chosen.mean_p for chosen in filled])
    share = np.array([chosen.share_spoof for chosen in filled])
    ends = [
        binomtest(round(chosen.share_spoof * chosen.n), chosen.n).proportion_ci(method="wilson")
        for chosen in filled
    ]
    low, high = ([getattr(end, side) for end in ends] for side in ("low", "high"))
    curve.vlines(mean, low, high, color=colour, alpha=0.45, linewidth=1.4)
    style = {"marker": mark, "color": colour, "markersize": 5, "linewidth": 1.2}
    curve.plot(mean, share, label=name, **style)
    counts.bar(mean + aside, [chosen.n for chosen in filled], width=0.012, color=colour)
