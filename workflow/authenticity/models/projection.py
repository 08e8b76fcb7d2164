"""Fitted models as arrays: a linear one, and one on a projection. Scoring needs no scikit-learn.

The arrays of a projection may be NumPy's or torch's, so what is trained is what is scored; scoring
needs no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Array = Union[NDArray, "torch.Tensor"]
Head = list[tuple[Array, Array]]
"""Weight (inputs, outputs) and bias (outputs,) of each linear layer; ReLU between them."""

FREE, UNIT = (0.0, float("inf")), (1.0, 1.0)
CAPPED = (0.0, 1.0)
"""Least and greatest norm of a projection: as it comes, on the unit sphere, or in its ball."""

_SMALLEST_SQUARE = 1e-12  # keeps the gradient of a norm finite where it is zero


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
        """Return the log-odds of spoof under the training prior, of (trials, features)."""
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
        arrays = {**vars(self), "bias": np.array([self.bias])}
        return {f"{prefix}.{name}": array for name, array in arrays.items()}


@dataclass(frozen=True)
class Projection:
    """One branch over all features, or two: over the spectral features and over the layers.

    Attributes:
        n_spectral: how many of the first features are spectral.
        layer_weights: of the layers whose features follow, one after the other; they are summed
            under these weights. Shape (layers,); [1] where the features are taken as they are.
        heads: one for each branch.
        norms: least and greatest norm of a projection; what is outside is scaled to it.
    """

    n_spectral: int
    layer_weights: Array
    heads: list[Head]
    norms: tuple[float, float]

    def branches(self, features: Array) -> list[Array]:
        """Return each branch's projection, its norms bounded; see `unbounded`."""
        return [bounded(block, self.norms) for block in self.unbounded(features)]

    def unbounded(self, features: Array) -> list[Array]:
        """Return each branch's projection, (trials, dimension), before its norms are bounded.

        The features are standardised, shape (trials, features).
        """
        spectral, layers = features[:, : self.n_spectral], features[:, self.n_spectral :]
        number, weights = len(self.layer_weights), [head[0][0] for head in self.heads]
        if number > 1:
            layers = layers.reshape(len(layers), number, layers.shape[1] // number)
            layers = (layers * self.layer_weights[:, None]).sum(1)
        if len(self.heads) == 2:
            products = [spectral @ weights[0], layers @ weights[1]]
        elif number == 1:
            products = [features @ weights[0]]
        else:
            of_spectral, of_layers = weights[0][: self.n_spectral], weights[0][self.n_spectral :]
            products = [spectral @ of_spectral + layers @ of_layers]
        projected = []
        for product, ((_, bias), *others) in zip(products, self.heads, strict=True):
            hidden = product + bias
            for weight, bias in others:
                hidden = hidden.clip(min=0) @ weight + bias
            projected.append(hidden)
        return projected

    def joined(self, standardised: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the branches side by side, shape (trials, heads x dimension)."""
        return np.concatenate(self.branches(standardised), axis=1)


def bounded(projected: Array, norms: tuple[float, float]) -> Array:
    """Scale projections (trials, dimension) to norms between the least and the greatest one."""
    if norms == FREE:
        return projected
    norm = ((projected**2).sum(1)[:, None] + _SMALLEST_SQUARE) ** 0.5
    return projected * (norm.clip(*norms) / norm)


@dataclass(frozen=True)
class ContrastiveModel:
    """A standardisation, a projection, and logistic regression on what it projects to.

    Attributes:
        mean, scale: of each feature on the training trials; shape (features,).
        projection: with NumPy arrays.
        classifier: on the heads' projections, joined.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    projection: Projection
    classifier: LinearModel

    def scores(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the log-odds of spoof under the training prior, of (trials, features)."""
        standardised = (np.asarray(features, np.float64) - self.mean) / self.scale
        return self.classifier.scores(self.projection.joined(standardised))

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray], prefix: str) -> "ContrastiveModel":
        """Return the model that `arrays` stored under this prefix."""
        start = f"{prefix}."
        stored = {name.removeprefix(start): array for name, array in arrays.items()}
        heads: list[Head] = []
        while f"head_{len(heads)}.weight_0" in stored:
            name, head = f"head_{len(heads)}", []
            while (weight := stored.get(f"{name}.weight_{len(head)}")) is not None:
                head.append((weight, stored[f"{name}.bias_{len(head)}"]))
            heads.append(head)
        low, high = stored["norms"].tolist()
        projection = Projection(
            int(stored["n_spectral"][0]), stored["layer_weights"], heads, (low, high)
        )
        classifier = LinearModel.of(stored, "classifier")
        return cls(stored["mean"], stored["scale"], projection, classifier)

    def arrays(self, prefix: str) -> dict[str, NDArray]:
        """Return the model as named arrays, to be stored beside others."""
        projection = self.projection
        arrays = {
            "mean": self.mean,
            "scale": self.scale,
            "n_spectral": np.array([projection.n_spectral]),
            "layer_weights": projection.layer_weights,
            "norms": np.array(projection.norms),
            **self.classifier.arrays("classifier"),
        }
        for index, head in enumerate(projection.heads):
            for number, (weight, bias) in enumerate(head):
                arrays[f"head_{index}.weight_{number}"] = weight
                arrays[f"head_{index}.bias_{number}"] = bias
        return {f"{prefix}.{name}": array for name, array in arrays.items()}


Model = LinearModel | ContrastiveModel


def model_class(kind: str) -> type[LinearModel] | type[ContrastiveModel]:
    """Return the class of an experiment's models by the `kind` of its model."""
    return ContrastiveModel if kind == "contrastive" else LinearModel
