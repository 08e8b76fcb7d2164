"""Logistic regression on standardised features, its strength of regularisation chosen.

Features have the shape (trials, features), labels (trials,): 0 for bona fide, 1 for spoof.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from authenticity.evaluation.splits import Folds
from authenticity.models.projection import LinearModel, Model

_MAX_ITERATIONS = 5000


@dataclass(frozen=True)
class Fit:
    """A fitted model, and how it was chosen.

    Attributes:
        model: fitted on all training trials.
        C: inverse strength of regularisation of the regression; None where nothing was fitted.
        held_roc_auc: by C, on trials that the model was not fitted on.
        by_folds: whether those are the folds' (then it is their mean), or dev.
        seed: of the training; None where nothing is drawn at random.
        summary: plain data on how else it was trained.
    """

    model: Model
    C: float | None
    held_roc_auc: Mapping[float, float]
    by_folds: bool = True
    seed: int | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)


def fit(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    folds: Folds,
    C_grid: Sequence[float],
) -> Fit:
    """Fit it, choosing C by ROC-AUC over folds from `splits.folds`; ties go to the smaller C.

    The standardisation is fitted within each fold. lbfgs is deterministic, so there is no seed.
    """
    search = GridSearchCV(
        _pipeline(),
        {"logisticregression__C": sorted(C_grid)},
        scoring="roc_auc",
        cv=folds,
        error_score="raise",
    )
    search.fit(np.asarray(features, np.float64), labels)
    results = search.cv_results_
    by_c = zip(results["param_logisticregression__C"], results["mean_test_score"], strict=True)
    return Fit(
        _linear(search.best_estimator_),
        float(search.best_params_["logisticregression__C"]),
        {float(C): float(auc) for C, auc in by_c},
    )


def fit_on_dev(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    dev_features: NDArray[np.floating],
    dev_labels: NDArray[np.integer],
    C_grid: Sequence[float],
) -> Fit:
    """Fit it, choosing C by ROC-AUC on dev, which has both classes; ties go to the smaller C."""
    features = np.asarray(features, np.float64)
    models = {float(C): fit_with(features, labels, C) for C in sorted(C_grid)}
    on_dev = {
        C: float(roc_auc_score(dev_labels, model.scores(dev_features)))
        for C, model in models.items()
    }
    best = max(on_dev, key=on_dev.__getitem__)
    return Fit(models[best], best, on_dev, by_folds=False)


def fit_with(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    C: float,
    class_weight: str | None = None,
) -> LinearModel:
    """Fit it with a given C; `class_weight` is `balanced` or none."""
    return _linear(_pipeline(C, class_weight).fit(features, labels))


def _pipeline(C: float = 1.0, class_weight: str | None = None) -> Pipeline:
    classifier = LogisticRegression(C=C, class_weight=class_weight, max_iter=_MAX_ITERATIONS)
    return make_pipeline(StandardScaler(), classifier)


def _linear(pipeline: Pipeline) -> LinearModel:
    scaler, classifier = (step for _, step in pipeline.steps)
    bias = float(classifier.intercept_[0])
    return LinearModel(scaler.mean_, scaler.scale_, classifier.coef_[0], bias)
