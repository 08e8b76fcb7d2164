"""The feature tables of one shard: spectral numbers, and embeddings of the same clips.

They are two steps. The first decodes all clips and takes milliseconds for each, so clips that
cannot be used are known before the second, which can take a night.
"""

import contextlib
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from authenticity import tables
from authenticity.audio import Limits
from authenticity.features import encoder, frames, spectral, views
from authenticity.features.clips import File, Reader, View
from authenticity.features.encoder import Embedding, Encoder
from authenticity.features.versions import embedding_version, spectral_version
from authenticity.shards import PreviousRows


def describe_shard(
    rows: Sequence[Mapping[str, Any]], reader: Reader, path: Path, rejected: Path
) -> dict[str, int]:
    """Bring a shard's spectral table, and its table of clips that are set aside, up to date.

    A row is reused where the table that is there has its file with the same content under the same
    version, and the clip still meets the limits. A view's clips meet the limits twice: as decoded,
    and after its steps.

    Args:
        rows: the shard's manifest rows, by key.
        reader: of the corpus's clips, as they are or in a view.
        path: the spectral table.
        rejected: the other one.

    Returns:
        How many clips were accepted and rejected, and how many computed anew.

    Raises:
        UserError: a file cannot be read now, or has changed; see `clips.Reader.use`.
    """
    view = reader.view
    views.check(view.name, view.steps)
    # What the decoded clips measure is not in a view's tables, so under other limits they are
    # decoded again; the clean tables hold it.
    within = f"; {_described(reader.limits)}" if view.steps else ""
    metadata = {"version": spectral_version(view.steps) + within, **_heard(view)}
    previous = PreviousRows.load(path, spectral.SCHEMA, metadata["version"])
    computed: dict[tuple[str, str], dict[str, Any]] = {}
    set_aside: list[dict[str, Any]] = []

    def describe(clip: File) -> None:
        key = (clip.key, clip.content)
        if key in previous:
            reader.limits.require(*(previous.value(key, x) for x in ("duration", "peak_dbfs")))
        else:
            samples = reader.samples(clip)
            computed[key] = {**spectral.describe(samples), "audio": spectral.digest(samples)}

    def reject(row: Mapping[str, Any], content: str, reason: str) -> None:
        reason = f"{row['path']}: {reason}"
        set_aside.append(
            {"file": row["key"], "label": row["label"], "reason": reason, "content": content}
        )

    clips = reader.use(rows, describe, reject)
    described = [
        {"file": file, "content": content, **numbers}
        for (file, content), numbers in computed.items()
    ]
    table = pa.Table.from_pylist(described, schema=spectral.SCHEMA)
    table = previous.merged(clips, table, spectral.SCHEMA)
    # Labels are the manifest's: a protocol may have been corrected since a row was computed.
    labels = {row["key"]: row["label"] for row in rows}
    values = pa.array([labels[file] for file in table["file"].to_pylist()], pa.int8())
    table = table.set_column(table.schema.get_field_index("label"), "label", values)
    tables.write(path, table, spectral.SCHEMA, metadata)
    rejected_table = pa.Table.from_pylist(set_aside, schema=tables.REJECTED)
    tables.write(rejected, rejected_table, tables.REJECTED, metadata)
    return {"accepted": len(clips), "rejected": len(set_aside), "computed": len(computed)}


def embed_shard(
    rows: Sequence[Mapping[str, Any]],
    reader: Reader,
    identity: Mapping[str, Any],
    window_seconds: float,
    load: Callable[[], Encoder],
    path: Path,
    caches: Mapping[int, Path] = MappingProxyType({}),
) -> dict[str, int]:
    """Bring a shard's table of embeddings, or of a published detector's numbers, up to date.

    A row is reused where the table that is there has the file with the same content under the same
    version; so are frames.

    Args:
        rows: the shard's manifest rows that were not set aside, by key; with the `content` of the
            spectral table, so that both tables are of the same clips.
        reader: of the corpus's clips, as they are or in a view.
        identity: what `encoder.identify` or `published.identify` returned.
        window_seconds: longest stretch that the network hears at once.
        load: returns the network; called only when a clip needs it.
        path: the table; its form is `encoder.schema`.
        caches: where the frames of some layers go besides, for `frames`; by layer.

    Returns:
        How many clips there are, and how many were heard anew.

    Raises:
        UserError: a file cannot be read now, or has changed; see `clips.Reader.use`.
    """
    schema = encoder.schema(identity["n_layers"], identity["dimension"])
    metadata = {
        "version": embedding_version(identity["identity"], window_seconds, reader.view.steps),
        "encoder": identity["model"],
        "encoder_identity": identity["identity"],
        "precision": identity["precision"],
        **_heard(reader.view),
    }
    previous = PreviousRows.load(path, schema, metadata["version"])
    computed: dict[tuple[str, str], Embedding] = {}
    network = functools.cache(load)
    n_heard = 0
    with contextlib.ExitStack() as stack:
        shards = {
            layer: stack.enter_context(
                frames.updated(cache, layer, identity, window_seconds, reader.view)
            )
            for layer, cache in caches.items()
        }

        def hear(clip: File) -> None:
            nonlocal n_heard
            key = (clip.key, clip.content)
            missing = [layer for layer, (there, _) in shards.items() if key not in there]
            frames_of: Mapping[int, Any] = {}
            if key not in previous or missing:
                embedding, frames_of = network().hear(reader.samples(clip), missing)
                n_heard += 1
                if key not in previous:
                    computed[key] = embedding
            for layer, (there, add) in shards.items():
                add(*key, frames_of[layer] if layer in frames_of else there[key])

        clips = reader.use(rows, hear)
    table = previous.merged(clips, encoder.table(computed, schema), schema)
    tables.write(path, table, schema, metadata)
    return {"clips": len(clips), "computed": n_heard}


def _described(limits: Limits) -> str:
    return (
        f"clips of {limits.min_seconds:g} to {limits.max_seconds:g} s "
        f"with a peak of {limits.silence_dbfs:g} dBFS or more"
    )


def _heard(view: View) -> dict[str, str]:
    """Say in a table's metadata how its clips were heard."""
    steps = json.dumps([step.plain() for step in view.steps], sort_keys=True)
    return {"view": view.name, "steps": steps}
