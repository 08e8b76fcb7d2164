"""Near-duplicates: clips that are copies of one recording, though their samples differ.

A copy that was encoded again, made louder or quieter, or cut by some milliseconds keeps the fine
structure of its spectrum; other words of the same voice do not. docs/near_duplicates.md says what
is found of which copies, and how often other clips are taken for copies.

Every parse of the workflow imports this module: SciPy loads its parts, and pyarrow loads pandas,
which takes 0.4 s, when they are first used.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy
from numpy.typing import NDArray

from authenticity import tables
from authenticity.features.matrix import as_matrix

_BANDS = slice(16, 88)  # of the mel bands: 400 to 3,000 Hz, which every codec for speech lets pass
_SMOOTH = 3  # coefficients of level, slope and curvature, which gains and filters change
_STEADY_DB = 5.0

WIDTH = _BANDS.stop - _BANDS.start - _SMOOTH
SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("audio", pa.string()),
        ("duration", pa.float64()),
        ("fingerprint", pa.list_(pa.float32(), WIDTH)),
    ]
)
"""Of a corpus's trials; the fingerprint is null where the clip has none."""

RADIUS = 1.0
"""Clips whose fingerprints are nearer than this are near-duplicates; dB times root seconds."""

MOST_SECONDS_APART = 0.25
_COARSE, _COARSE_RADIUS = 10, 0.6
_NEIGHBOURS = 16
_KINDS = ["label", "attack"]


def read(spectral: Iterable[str | Path]) -> pa.Table:
    """Return the fingerprints of the clips that spectral tables describe, as `SCHEMA` says.

    One shard's bands are in memory at a time.
    """
    names = ["file", "audio", "duration"]
    clips = []
    for path in spectral:
        described = tables.read(path, [*names, "logmel_mean", "logmel_std"])
        mean, deviation = (as_matrix(described[name]) for name in ("logmel_mean", "logmel_std"))
        vectors, steady = fingerprints(mean, deviation, described["duration"].to_numpy())
        flat = pa.array(vectors.ravel())
        column = pa.FixedSizeListArray.from_arrays(flat, WIDTH, mask=pa.array(steady))
        clips.append(pa.table([*described.select(names).columns, column], schema=SCHEMA))
    return pa.concat_tables(clips)


def of_trials(trials: pa.Table, spectral: Iterable[str | Path]) -> pa.Table:
    """Return the fingerprints of a corpus's trials, which spectral tables describe, row by row."""
    clips = read(spectral)
    return clips.take(pc.index_in(trials["key"], value_set=clips["key"].combine_chunks()))


def grouped_together(trials: Sequence[pa.Table], clips: Sequence[pa.Table]) -> list[pa.Table]:
    """Return the trials of several corpora with groups in `near` that go across the corpora.

    `clips` are their fingerprints, row by row.
    """
    kinds = pa.concat_tables(table.select(_KINDS) for table in trials)
    near, grouped = groups(pa.concat_tables(clips), kinds), []
    for table in trials:
        index = table.schema.get_field_index("near")
        grouped.append(table.set_column(index, "near", near[: len(table)]))
        near = near[len(table) :]
    return grouped


def fingerprints(
    mean: NDArray[np.floating], deviation: NDArray[np.floating], duration: NDArray[np.floating]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the fingerprints of clips, and which clips have none.

    Mean plus standard deviation over time is the level of a band's loud frames, which a codec's
    noise changes less than the level of its pauses. Its curve over the bands is expanded in
    cosines. The first ones are left out: level and slope change with gain and microphone.

    Means over more seconds differ less between clips of one voice: by 1 over the root of their
    number, as measured from 2 to 30 seconds. Fingerprints are multiplied by that root, so that one
    radius suits clips of all lengths.

    All steady noise of one colour has one spectrum, so clips whose bands' levels deviate by less
    than 5 dB over time have no fingerprint: noise deviates by 2 dB, speech by 8 to 14 dB, and
    speech in noise 12 to 24 dB below it by 5 to 9 dB.

    Args:
        mean: of the log-mel levels over time, dB, shape (clips, 128).
        deviation: their standard deviation over time, likewise.
        duration: seconds, shape (clips,).

    Returns:
        Fingerprints, shape (clips, WIDTH), in dB (root mean square over bands) times root seconds;
        and whether each clip is steady, shape (clips,).
    """
    spread = deviation[:, _BANDS]
    curves = scipy.fft.dct(mean[:, _BANDS] + spread, norm="ortho", axis=1)[:, _SMOOTH:]
    scale = np.sqrt(duration / spread.shape[1])[:, np.newaxis]
    steady = np.sqrt(np.mean(np.square(spread), axis=1)) < _STEADY_DB
    return (curves * scale).astype(np.float32), steady


def groups(clips: pa.Table, trials: pa.Table) -> pa.Array:
    """Find the near-duplicates among clips.

    Clips are compared with those of their kind only: a vocoder's copy of a recording has nearly its
    spectrum, but telling both apart is the detector's task.

    Duration and the first cosines of the fingerprint are coordinates in a k-d tree, which gives
    each clip's nearest ones; the whole fingerprint decides. Memory grows with the number of clips,
    not with its square.

    Args:
        clips: `SCHEMA`.
        trials: row by row, the columns `label` and `attack`, which near-duplicates have in common.

    Returns:
        The first key of each clip's group; null for a clip without near-duplicates. Clips of equal
        audio are in one group only if the group has other audio too.
    """
    about = clips.select(["key", "audio", "duration"]).to_pandas()
    frame = trials.select(_KINDS).to_pandas().join(about)
    described = frame[pc.is_valid(clips["fingerprint"]).to_numpy()]
    vectors = as_matrix(clips["fingerprint"].drop_null())
    # Clips of equal audio and kind are one clip here, so that they do not crowd out its neighbours.
    alike = described.groupby(["audio", *_KINDS], sort=False, dropna=False)
    clip, first = alike.ngroup().to_numpy(), ~described.duplicated(["audio", *_KINDS]).to_numpy()
    vectors, seconds = vectors[first], described["duration"].to_numpy()[first]
    members = described[first].reset_index(drop=True).groupby(_KINDS, dropna=False).indices.values()
    pairs = np.concatenate(
        [np.empty((0, 2), np.intp)]
        + [of_kind[_pairs(vectors[of_kind], seconds[of_kind])] for of_kind in members]
    )
    graph = scipy.sparse.coo_array(
        (np.ones(len(pairs)), pairs.T), shape=(len(vectors), len(vectors))
    )
    component = scipy.sparse.csgraph.connected_components(graph, directed=False)[1]
    shared = np.bincount(component)[component] > 1
    grouped = described.assign(component=component[clip])[shared[clip]]
    first_key = grouped.groupby("component")["key"].transform("min")
    return pa.array(first_key.reindex(frame.index), pa.string(), from_pandas=True)


def _pairs(vectors: NDArray[np.float32], seconds: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the rows of near-duplicates among clips of one kind, shape (pairs, 2)."""
    apart = seconds[:, np.newaxis] * (_COARSE_RADIUS / MOST_SECONDS_APART)
    coarse = np.hstack([apart, vectors[:, :_COARSE]])
    # Tight boxes around points take longer to build and save nothing of these queries.
    tree = scipy.spatial.KDTree(coarse, balanced_tree=False)
    _, nearest = tree.query(coarse, k=_NEIGHBOURS, distance_upper_bound=_COARSE_RADIUS)
    row = np.repeat(np.arange(len(vectors)), _NEIGHBOURS)
    is_pair = (nearest.ravel() < len(vectors)) & (nearest.ravel() != row)
    row, other = row[is_pair], nearest.ravel()[is_pair]
    # A block at a time: clips of a large group have many candidates each.
    near = [
        np.linalg.norm(vectors[row[block]] - vectors[other[block]], axis=1) < RADIUS
        for block in np.array_split(np.arange(len(row)), 1 + len(row) // 100_000)
    ]
    return np.stack([row, other], axis=1)[np.concatenate(near)]
