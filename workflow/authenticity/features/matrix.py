"""Feature tables to matrices: one row per file in order of name, only the columns that are asked.

A set of features is named by a candidate: `spectral`, `layer_6`, `layers_all`, and the two joined
by a plus sign, as in `spectral+layer_6`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from authenticity import tables

POOLINGS: dict[str, tuple[str, ...]] = {
    "mean": ("mean",),
    "std": ("std",),
    "mean_std": ("mean", "std"),
}
"""Statistics over time that are joined, by the pooling's name."""

NO_POOLING = "none"
"""The pooling of a candidate without layers."""


def candidates(features: Mapping[str, Any], n_layers: int) -> list[str]:
    """Return the candidates of an experiment's `features`, lower layers first.

    Args:
        features: `spectral` (whether to use the spectral numbers) and `layers`: `none`, `last`,
            `each` (a candidate per layer, and one of all together), `all`, or a list of numbers.
        n_layers: how many the encoder has, its input included.
    """
    layers = features["layers"]
    if layers == "each":
        names = [*(f"layer_{layer}" for layer in range(n_layers)), "layers_all"]
    elif layers == "none":
        return ["spectral"]
    elif layers == "all":
        names = ["layers_all"]
    elif layers == "last":
        names = [f"layer_{n_layers - 1}"]
    else:
        names = [f"layer_{layer}" for layer in layers]
    return [f"spectral+{name}" for name in names] if features["spectral"] != "none" else names


def layers_of(candidate: str, n_layers: int) -> list[int]:
    """Return the layers that a candidate uses."""
    layers = candidate.removeprefix("spectral").removeprefix("+")
    if not layers:
        return []
    if layers == "layers_all":
        return list(range(n_layers))
    return [int(layers.removeprefix("layer_"))]


def spectral_columns(which: str) -> list[str]:
    """Return the names of the fifteen numbers.

    Args:
        which: `none`; `standard`; or `prototype`, with the prototype's own form of the entropy.
    """
    if which == "none":
        return []
    entropy = "entropy_prototype" if which == "prototype" else "entropy"
    return ["centroid", entropy, *(f"mfcc_{index}" for index in range(13))]


def load(
    spectral_paths: Sequence[str | Path],
    embedding_paths: Sequence[str | Path],
    spectral_names: Sequence[str],
    layers: Sequence[int],
    pooling: str,
) -> tuple[list[str], NDArray[np.float32]]:
    """Read the features of all files.

    Returns:
        Files in order of name; their features, shape (files, features).
    """
    parts = []
    if spectral_names:
        parts.append(_sorted(spectral_paths, list(spectral_names)))
    if layers:
        names = [f"{name}_{layer}" for layer in layers for name in POOLINGS[pooling]]
        parts.append(_sorted(embedding_paths, names))
    files = parts[0]["file"].to_pylist()
    blocks = [_block(part[name]) for part in parts for name in part.column_names if name != "file"]
    if any(part["file"].to_pylist() != files for part in parts):
        raise ValueError("spectral and embedding tables hold different files: run the verify step")
    return files, np.concatenate(blocks, axis=1)


def _sorted(paths: Sequence[str | Path], names: list[str]) -> pa.Table:
    table = tables.read_many(paths, ["file", *names])
    return table.take(pc.sort_indices(table["file"]))


def _block(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """A column of numbers or of fixed-size lists, as shape (rows, values)."""
    values = column.combine_chunks()
    flat = values.flatten() if pa.types.is_fixed_size_list(values.type) else values
    return flat.to_numpy(zero_copy_only=False).astype(np.float32).reshape(len(column), -1)
