"""Feature tables to matrices: one row per file in order of name, only the columns that are asked.

A set of features is named by a candidate: `spectral`, `layer_6`, `layers_all`, `spectral+layer_6`,
or `logits`, what a published detector says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from authenticity import tables
from authenticity.features import spectral
from authenticity.names import LOGITS

if TYPE_CHECKING:
    from authenticity.config import Features

POOLINGS: dict[str, tuple[str, ...]] = {
    "mean": ("mean",),
    "std": ("std",),
    "mean_std": ("mean", "std"),
}
"""Statistics over time that are joined, by the pooling's name."""


def candidates(features: "Features", n_layers: int) -> list[str]:
    """Return the candidates of an experiment, lower layers first; `n_layers` counts the input."""
    layers = features.layers
    if layers == "none":
        return ["spectral"]
    numbers = {"each": range(n_layers), "last": [n_layers - 1]}.get(layers, layers)
    names = ["layers_all"] if layers == "all" else [f"layer_{number}" for number in numbers]
    return [f"spectral+{name}" for name in names] if features.spectral != "none" else names


def layers_of(candidate: str, n_layers: int) -> list[int]:
    """Return the layers that a candidate uses."""
    layers = candidate.removeprefix("spectral").removeprefix("+")
    if not layers:
        return []
    if layers in ("layers_all", LOGITS):
        return list(range(n_layers))
    return [int(layers.removeprefix("layer_"))]


def spectral_columns(which: str) -> list[str]:
    """Return the names of the spectral columns to use.

    `standard` is the fifteen numbers; `prototype` has the prototype's own form of the entropy;
    `dynamics` is how much the spectrum varies over time.
    """
    centroid, entropy, *cepstra = spectral.PROTOTYPE_NUMBERS
    return {
        "none": [],
        "standard": [centroid, entropy, *cepstra],
        "prototype": [centroid, "entropy_prototype", *cepstra],
        "dynamics": [*spectral.DYNAMICS],
        "full": [centroid, entropy, *cepstra, "logmel_mean", *spectral.DYNAMICS],
    }[which]


def n_spectral(which: str) -> int:
    """Return how many features the spectral columns are; see `spectral_columns`."""
    return sum(spectral.width(name) for name in spectral_columns(which))


@dataclass(frozen=True)
class Tables:
    """The feature tables of a corpus in one view, by paths, shard by shard in the same order.

    There are no `embeddings` without an encoder. `embedded` are the files that must have embeddings
    if they were accepted; None for all that have spectral numbers.
    """

    spectral: Sequence[str | Path]
    embeddings: Sequence[str | Path]
    embedded: frozenset[str] | None = None

    @classmethod
    def by_view(
        cls,
        trials: pa.Table,
        splits: Mapping[str, Sequence[str] | None],
        spectral: Sequence[str | Path],
        embeddings: Sequence[str | Path],
    ) -> dict[str, "Tables"]:
        """Take apart the shards of several views, given view after view.

        `trials` are the corpus's, `tables.TRIALS`; `splits` are, by view in the shards' order, the
        partitions that are embedded in it; None for all.
        """
        size, found = len(spectral) // len(splits), {}
        for number, (view, names) in enumerate(splits.items()):
            embedded = None
            if names is not None:
                embedded = frozenset(tables.where(trials, split=names)["key"].to_pylist())
            shards = slice(number * size, (number + 1) * size)
            found[view] = cls(spectral[shards], embeddings[shards], embedded)
        return found

    def load(
        self, candidate: str, spectral: str, pooling: str, n_layers: int
    ) -> tuple[list[str], NDArray[np.float32]]:
        """Read a candidate's features of all files.

        Args:
            candidate: its name.
            spectral: which of the spectral numbers; see `spectral_columns`.
            pooling: a name of `POOLINGS`; not used where the candidate has no layers.
            n_layers: how many layers the encoder has.

        Returns:
            The files that have all of the features, by name; and these, shape (files, features).

        Raises:
            UserError: a table is damaged, of another version than the others, not of the same
                files, or holds a number that is not finite.
        """
        spectral_names, layers = spectral_columns(spectral), layers_of(candidate, n_layers)
        names = [f"{name}_{layer}" for layer in layers for name in POOLINGS[pooling]]
        listed = self.embeddings if names else self.spectral
        files = np.array(tables.read_many(listed, ["file"])["file"].to_pylist())
        row_of = np.argsort(np.argsort(files))
        tables.require_one_version(self.embeddings)
        matrix, first = np.empty((len(files), 0), np.float32), 0
        # Shard by shard into place: a large corpus is in memory once, not once for every step.
        for paths in zip(self.spectral, listed, strict=True):
            shard = self._shard(paths, spectral_names, names)
            if not first:
                matrix = np.empty((len(files), shard.shape[1]), np.float32)
            matrix[row_of[first : first + len(shard)]] = shard
            first += len(shard)
        return np.sort(files).tolist(), matrix

    def _shard(
        self, paths: Sequence[str | Path], spectral_names: Sequence[str], names: Sequence[str]
    ) -> NDArray[np.float32]:
        """Read the features of one shard's files, shape (files, features)."""
        spectral_path, embedding_path = paths
        described = tables.read(spectral_path, ["file", *spectral_names])
        if not names:
            return np.concatenate([as_matrix(described[name]) for name in spectral_names], axis=1)
        embedded = tables.read(embedding_path, ["file", *names])
        known = pc.is_in(described["file"], value_set=embedded["file"].combine_chunks())
        missing = described.filter(pc.invert(known))["file"].to_pylist()
        described = described.filter(known)
        blocks = [
            as_matrix(table[name])
            for table, columns in ((described, spectral_names), (embedded, names))
            for name in columns
        ]
        needed = missing if self.embedded is None else self.embedded.intersection(missing)
        finite = all(np.isfinite(block).all() for block in blocks)
        if needed or embedded["file"] != described["file"] or not finite:
            raise tables.unusable(
                embedding_path, f"not a finite number for each file of {spectral_path}"
            )
        return np.concatenate(blocks, axis=1)


def as_matrix(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """Return a column of numbers or of fixed-size lists, shape (rows, values); no row is null."""
    values = column.combine_chunks()
    if pa.types.is_fixed_size_list(values.type):
        width, values = values.type.list_size, values.flatten()
        return values.to_numpy(zero_copy_only=False).reshape(len(column), width)
    return values.to_numpy(zero_copy_only=False).astype(np.float32)[:, None]
