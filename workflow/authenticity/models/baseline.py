"""Logistic regression on standardised features, its strength of regularisation cross-validated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from authenticity.evaluation.splits import Folds

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_MAX_ITERATIONS = 5000


@dataclass(frozen=True)
class LinearModel:
    """A standardisation and a hyperplane.

    Attributes:
        mean, scale: of each feature on the training trials; shape (features,).
        weight: of each standardised feature; shape (features,).
        bias: the score of a trial whose every feature is the mean.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: float

    def scores(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the log-odds of spoof under the training prior.

        Args:
            features: shape (trials, features).
        """
        slope = self.weight / self.scale
        return features @ slope + (self.bias - self.mean @ slope)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.float64]], prefix: str) -> "LinearModel":
        """Return the model that `arrays` stored under this prefix."""
        mean, scale, weight, bias = (
            arrays[f"{prefix}.{name}"] for name in ("mean", "scale", "weight", "bias")
        )
        return cls(mean, scale, weight, float(bias[0]))

    @classmethod
    def fitted(cls, pipeline: "Pipeline") -> "LinearModel":
        """Return what a fitted `regression` comes to."""
        scaler, classifier = (step for _, step in pipeline.steps)
        bias = float(classifier.intercept_[0])
        return cls(scaler.mean_, scaler.scale_, classifier.coef_[0], bias)

    def arrays(self, prefix: str) -> dict[str, NDArray[np.float64]]:
        """Return the model as named arrays, to be stored beside others."""
        arrays = {"mean": self.mean, "scale": self.scale, "weight": self.weight}
        arrays["bias"] = np.array([self.bias])
        return {f"{prefix}.{name}": array for name, array in arrays.items()}


@dataclass(frozen=True)
class Fit:
    """A fitted model and how its C was chosen.

    Attributes:
        model: refitted on all training trials with the chosen C.
        C: inverse strength of regularisation.
        cv_roc_auc: mean ROC-AUC over the folds, by C.
    """

    model: LinearModel
    C: float
    cv_roc_auc: dict[float, float]


def regression(C: float = 1.0, class_weight: str | None = None) -> "Pipeline":
    """Return standardisation and logistic regression, to be fitted; lbfgs, which has no chance.

    Args:
        C: inverse strength of regularisation.
        class_weight: `balanced`, or none.
    """
    # Here, so that scoring need not wait for scikit-learn.
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = LogisticRegression(C=C, class_weight=class_weight, max_iter=_MAX_ITERATIONS)
    return make_pipeline(StandardScaler(), classifier)


def fit(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    folds: Folds,
    C_grid: Sequence[float],
) -> Fit:
    """Fit logistic regression, choosing C by cross-validated ROC-AUC; ties go to the smaller C.

    The standardisation is fitted within each fold. lbfgs is deterministic, so there is no seed.

    Args:
        features: shape (trials, features).
        labels: 0 for bona fide, 1 for spoof; shape (trials,).
        folds: index pairs from `splits.folds`.
        C_grid: values to try.
    """
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(
        regression(),
        {"logisticregression__C": sorted(C_grid)},
        scoring="roc_auc",
        cv=folds,
        error_score="raise",
    )
    search.fit(np.asarray(features, np.float64), labels)
    results = search.cv_results_
    by_c = zip(results["param_logisticregression__C"], results["mean_test_score"], strict=True)
    return Fit(
        LinearModel.fitted(search.best_estimator_),
        float(search.best_params_["logisticregression__C"]),
        {float(C): float(auc) for C, auc in by_c},
    )
