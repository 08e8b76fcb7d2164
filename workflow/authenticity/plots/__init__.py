"""The report's figures: scores and results in, a matplotlib `Figure` out."""

from authenticity.plots.candidates import candidates
from authenticity.plots.curves import Curve, det, roc
from authenticity.plots.drawing import save
from authenticity.plots.forest import attacks, differences, views
from authenticity.plots.matrix import matrix
from authenticity.plots.scores import calibration, score_histograms
