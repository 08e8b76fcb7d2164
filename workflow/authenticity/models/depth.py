"""How many layers of an encoder are needed, found on a sample of a corpus before a night of it.

Each layer is a candidate of logistic regression, whatever an experiment fits. The lowest layer
that the sample's dev cannot tell from the best is enough: the rule of one standard error (Breiman,
Friedman, Olshen and Stone 1984, section 3.4.3), here of the difference of two ROC-AUCs.
"""

import timeit
from collections.abc import Sequence
from functools import partial
from time import process_time
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from authenticity import tables
from authenticity.audio import SAMPLE_RATE
from authenticity.config import Experiment
from authenticity.evaluation import compare, metrics
from authenticity.features import matrix
from authenticity.features.encoder import Encoder
from authenticity.models import fitting

CLIPS = 150
"""Clips of each class in the sample's train, at most, and as many in its dev."""

_CLIP_SECONDS = 3


def sample(trials: pa.Table, experiments: Sequence[Experiment]) -> pa.Table:
    """Draw rows of a corpus's `tables.TRIALS`, as evenly from the attacks as their clips allow.

    They are drawn at random from the experiments' train and dev partitions, with the first one's
    seed, and returned by key.
    """
    protocols = [experiment.protocol for experiment in experiments]
    used = {name for protocol in protocols for name in (protocol.fit, protocol.choose)}
    drawn = trials.select(["split", "label", "attack"]).to_pandas()
    drawn = drawn[drawn["split"].isin(used)].sample(frac=1, random_state=experiments[0].seed)
    turns = drawn.groupby(["split", "attack"], dropna=False).cumcount()
    drawn = drawn.loc[turns.sort_values(kind="stable").index]
    return trials.take(np.sort(drawn.groupby(["split", "label"]).head(CLIPS).index))


def rows_of(trials: pa.Table, shards: Sequence[str]) -> pa.Table:
    """Return the rows of these trials in the shards of a spectral table, by file."""
    keys = trials["key"].to_pylist()
    found = (tables.where(table, file=keys) for table in map(tables.read, shards))
    return pa.concat_tables(found).sort_by("file")


def needed(
    trials: pa.Table, features: matrix.Tables, experiment: Experiment, n_layers: int
) -> dict[str, Any]:
    """Fit each layer of a sample, and say which one an experiment needs.

    Args:
        trials: of the sample.
        features: the sample's, as it is, in all layers.
        experiment: what `Experiment.layer_by_layer` returned.
        n_layers: how many the encoder has, its input included.

    Returns:
        Plain data: `roc_auc` on dev, a number for each layer, of its best pooling; `best` and
        `needed`, two layers.
    """
    settings, labels, scores = experiment.features, np.empty(0), []
    which, data = settings.spectral, fitting.Trials(trials, experiment)
    for name in matrix.candidates(settings, n_layers):
        by_pooling = []
        for pooling in settings.pooling:
            load = partial(features.load, name, which, pooling, n_layers)
            scored = fitting.fit(
                data, lambda _, load=load: load(), experiment, matrix.n_spectral(which), n_layers=1
            ).scores
            labels = scored["label"].to_numpy()
            by_pooling.append(scored["score"].to_numpy())
        scores.append(max(by_pooling, key=partial(metrics.roc_auc, labels)))
    roc_auc = [metrics.roc_auc(labels, values) for values in scores]
    best = int(np.argmax(roc_auc))
    return {"roc_auc": roc_auc, "best": best, "needed": lowest(labels, scores, best)}


def lowest(labels: NDArray[np.integer], scores: Sequence[NDArray], best: int) -> int:
    """Return the lowest layer that is no more than a standard error below the best one.

    `labels` are of dev, shape (trials,), and `scores` by layer, of the same trials.
    """
    for layer, values in enumerate(scores[:best]):
        test = compare.delong(labels, values, scores[best])
        if test and test.z is not None and test.z <= 1:
            return layer
    return best


def seconds(encoder: Encoder, layers: int) -> dict[str, float]:
    """Measure what a clip of 3 s takes with all layers (`all`) and with the lowest ones (`kept`).

    CPU time in seconds, the least of some tries, on noise. The encoder is cut.
    """
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE * _CLIP_SECONDS, np.float32)

    def least() -> float:
        return min(timeit.repeat(lambda: encoder.embed(noise / 10), timer=process_time, number=1))

    whole = least()
    encoder.cut_above(layers)
    return {"all": whole, "kept": least()}
