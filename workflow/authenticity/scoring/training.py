"""What a run of the workflow leaves of an experiment, gathered to make a bundle of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from authenticity import tables
from authenticity.audio import Limits
from authenticity.features import matrix

SPECTRAL_NUMBERS = (
    "duration",
    "level_dbfs",
    "leading_silence",
    "trailing_silence",
    "pause_fraction",
    "rolloff_95",
    "slope_skewness",
)
"""Of the training and dev clips, what a bundle sums up."""


@dataclass(frozen=True)
class Trained:
    """What a run of the workflow leaves of an experiment of one round, of which a bundle is made.

    Attributes:
        model: the experiment's JSON; see `candidates.Choice`.
        weights: its arrays.
        dev, evaluated: of its scores, those of dev and those of eval: `label`, `speaker`, `attack`
            and `llr`, (n,); `score` of dev. `evaluated` may be empty.
        fitted: of the training and dev clips, in the same order, (n,): `SPECTRAL_NUMBERS`,
            `path`, `bytes`, `label`, `speaker`, `attack`, `part` (`train` or `dev`), and the
            corpus's conditions, which `conditions` names.
        conditions: see above.
        dev_features: of dev's clips, shape (n, features).
        encoder: what `encoder.identify` returned.
        limits: what a clip must meet.
        window_seconds: longest stretch that the encoder hears at once.
        demonstration: whether the corpus only serves to show how things work.
        views: by view that the experiment was tested in, of eval's clips as `evaluated`.
        trust: what `trust.judge_all` said of the corpus; None where nothing is reported on it.
    """

    model: Mapping[str, Any]
    weights: Mapping[str, NDArray]
    dev: Mapping[str, NDArray]
    evaluated: Mapping[str, NDArray]
    fitted: Mapping[str, NDArray]
    conditions: Sequence[str]
    dev_features: NDArray[np.float32]
    encoder: Mapping[str, Any]
    limits: Limits
    window_seconds: float
    demonstration: bool
    views: Mapping[str, Mapping[str, NDArray]]
    trust: Mapping[str, Any] | None

    @property
    def chosen(self) -> Mapping[str, Any]:
        """Its one round."""
        (only,) = self.model["rounds"]
        return only

    @property
    def layers(self) -> list[int]:
        """The encoder's layers that the model uses."""
        return matrix.layers_of(self.chosen["candidate"], self.encoder["n_layers"])

    @classmethod
    def gather(
        cls,
        model: Mapping[str, Any],
        weights: Mapping[str, NDArray],
        scores: pa.Table,
        trials: pa.Table,
        partitions: Mapping[str, Sequence[str]],
        features: matrix.Tables,
        encoder: Mapping[str, Any],
        limits: Limits,
        window_seconds: float,
        demonstration: bool,
        views: Mapping[str, pa.Table],
        trust: Mapping[str, Any] | None,
    ) -> "Trained":
        """Gather it from the workflow's tables.

        Args:
            model: the experiment's JSON; see `candidates.Choice`.
            weights: its arrays.
            scores: its `tables.SCORES`.
            trials: of the corpus, `tables.TRIALS`.
            partitions: of the corpus, by part of the protocol.
            features: of the clean clips.
            encoder: what `encoder.identify` returned.
            limits: what a clip must meet.
            window_seconds: longest stretch that the encoder hears at once.
            demonstration: whether the corpus only serves to show how things work.
            views: its `tables.SCORES` of other views of the corpus's own eval clips, by view.
            trust: see `Trained`.
        """
        by_part = {
            part: _arrays(scores.filter(pc.equal(scores["split"], part)))
            for part in ("dev", "eval")
        }
        (chosen,) = model["rounds"]
        files, matrix_of_all = features.load(
            chosen["candidate"],
            model["features"]["spectral"],
            chosen["pooling"],
            encoder["n_layers"],
        )
        dev_rows = np.searchsorted(files, by_part["dev"]["file"])
        parts = {name: part for part in ("train", "dev") for name in partitions[part]}
        used = trials.filter(pc.is_in(trials["split"], value_set=pa.array(list(parts))))
        numbers = tables.read_many(features.spectral, ["file", *SPECTRAL_NUMBERS])
        numbers = numbers.take(pc.index_in(used["key"], value_set=numbers["file"].combine_chunks()))
        fitted = _arrays(used) | _arrays(numbers)
        fitted["part"] = np.array([parts[split] for split in fitted["split"]])
        return cls(
            model=model,
            weights=weights,
            dev=by_part["dev"],
            evaluated=by_part["eval"],
            fitted=fitted,
            conditions=tables.conditions(trials.column_names),
            dev_features=matrix_of_all[dev_rows],
            encoder=encoder,
            limits=limits,
            window_seconds=window_seconds,
            demonstration=demonstration,
            views={
                view: _arrays(table.filter(pc.equal(table["split"], "eval")))
                for view, table in views.items()
            },
            trust=trust,
        )


def _arrays(table: pa.Table) -> dict[str, NDArray]:
    return {name: np.asarray(table[name].to_pylist()) for name in table.column_names}
