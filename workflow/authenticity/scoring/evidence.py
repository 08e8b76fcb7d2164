"""Which evidence mattered: a score taken apart into what each part of the features adds to it."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from authenticity.models.baseline import LinearModel
from authenticity.models.projection import ContrastiveModel, Model
from authenticity.scoring.result import Contribution

Part = tuple[str, int]
"""A name in words, and how many features it is of."""

_STATISTICS = {"mean": "mean over time", "std": "deviation over time"}


def parts(
    columns: Sequence[Part], layers: Sequence[int], statistics: Sequence[str], dimension: int
) -> list[Part]:
    """Return what the features consist of, in their order.

    Args:
        columns: the spectral ones, each with its width.
        layers: the encoder's that are used.
        statistics: of each, `mean` or `std`.
        dimension: of a layer.
    """
    embedded = [
        (f"layer {layer}, {_STATISTICS[statistic]}", dimension)
        for layer in layers
        for statistic in statistics
    ]
    return [*columns, *embedded]


def contributions(
    model: Model, features: NDArray[np.floating], of: Sequence[Part]
) -> tuple[Contribution, ...]:
    """Return what each part adds to the score of one clip, the largest first.

    They and `bias` add up to the score. Of a linear model, a part is what its features' weights
    make of their distance from the training clips' mean. Of a contrastive model, which is not
    linear in its features, it is the view that a head projects.

    Args:
        model: that made the score.
        features: of the clip, (features,).
        of: the parts; see `parts`.
    """
    if isinstance(model, LinearModel):
        found = _summed(model, features, of)
    else:
        found = _by_head(model, features)
    return tuple(sorted(found, key=lambda item: (-abs(item.log_odds), item.name)))


def bias(model: Model) -> float:
    """Return the score of a clip to which no part of the evidence adds anything."""
    return model.bias if isinstance(model, LinearModel) else model.classifier.bias


def _summed(
    model: LinearModel, features: NDArray[np.floating], of: Sequence[Part]
) -> list[Contribution]:
    terms = model.weight * (np.asarray(features, np.float64) - model.mean) / model.scale
    ends = list(accumulate((width for _, width in of), initial=0))
    return [
        Contribution(name, float(terms[first:last].sum()))
        for (name, _), (first, last) in zip(of, pairwise(ends), strict=True)
    ]


def _by_head(model: ContrastiveModel, features: NDArray[np.floating]) -> list[Contribution]:
    standardised = (np.asarray(features, np.float64)[None] - model.mean) / model.scale
    views = model.projection.views(standardised)
    names = ["spectral view", "layers' view"] if len(views) == 2 else ["all features"]
    widths = [(name, view.shape[1]) for name, view in zip(names, views, strict=True)]
    return _summed(model.classifier, np.concatenate(views, axis=1)[0], widths)
