"""A linear model as arrays: scoring needs no scikit-learn. `logistic` fits it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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

    def arrays(self, prefix: str) -> dict[str, NDArray[np.float64]]:
        """Return the model as named arrays, to be stored beside others."""
        arrays = {"mean": self.mean, "scale": self.scale, "weight": self.weight}
        arrays["bias"] = np.array([self.bias])
        return {f"{prefix}.{name}": array for name, array in arrays.items()}
