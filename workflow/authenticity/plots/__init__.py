"""The report's figures: scores and results in, a matplotlib `Figure` out."""

from authenticity.plots.drawing import save
from authenticity.plots.results import attacks, candidates, differences, matrix, views
from authenticity.plots.scores import Curve, calibration, det, roc, score_histograms
