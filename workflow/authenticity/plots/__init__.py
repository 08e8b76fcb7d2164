"""The report's figures: plain arrays and small dataclasses in, a matplotlib `Figure` out."""

from authenticity.plots.candidates import Candidate, candidates, layer_of
from authenticity.plots.comparison import Difference, differences
from authenticity.plots.curves import det, roc
from authenticity.plots.drawing import save
from authenticity.plots.forest import Row, attacks, views
from authenticity.plots.matrix import Cell, matrix
from authenticity.plots.scores import Bin, Reliability, ScoredSplit, calibration, score_histograms

__all__ = [
    "Bin",
    "Candidate",
    "Cell",
    "Difference",
    "Reliability",
    "Row",
    "ScoredSplit",
    "attacks",
    "calibration",
    "candidates",
    "det",
    "differences",
    "layer_of",
    "matrix",
    "roc",
    "save",
    "score_histograms",
    "views",
]
