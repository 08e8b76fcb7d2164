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
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from authenticity import audio, tables
from authenticity.features import encoder, frames, spectral, views
from authenticity.features.clips import Key, Reader
from authenticity.features.encoder import Embedding, Encoder
from authenticity.shards import PreviousRows

if TYPE_CHECKING:
    from authenticity.config import Step


def spectral_version(steps: Sequence["Step"] = ()) -> str:
    """Name everything but the audio that a spectral row depends on; rows of others are stale.

    The steps are the view's; clean clips have none.
    """
    return f"spectral {spectral.VERSION}; {_samples_version(steps)}"


def embedding_version(identity: str, window_seconds: float, steps: Sequence["Step"] = ()) -> str:
    """Name everything but the audio that an embedding row depends on; see `spectral_version`."""
    return (
        f"embedding {encoder.VERSION}; encoder {identity}; window {window_seconds:g} s; "
        f"{_samples_version(steps)}"
    )


def _samples_version(steps: Sequence["Step"]) -> str:
    decoder = f"decoder {audio.DECODER_VERSION}"
    return f"{decoder}; {views.version(steps)}" if steps else decoder


def describe_shard(
    rows: Sequence[Mapping[str, Any]], reader: Reader, path: Path, rejected: Path
) -> dict[str, int]:
    """Bring a shard's spectral table, and its table of clips that are set aside, up to date.

    A row is reused if the old table has its file with the same content under the same version, and
    the clip still meets the limits. `rows` are the shard's manifest rows, by key; `path` is the
    spectral table.

    Returns:
        How many clips were accepted and rejected, and how many computed anew.

    Raises:
        UserError: a file cannot be read now, or has changed; see `clips.Reader.use`.
    """
    steps, limits = reader.steps, reader.limits
    views.check(reader.view, steps)
    metadata = {"version": spectral_version(steps), **_heard(reader)}
    if steps:
        # A view's tables do not say what the decoded clips measure, so under other limits the
        # clips are decoded again; the clean tables say it.
        metadata["version"] += (
            f"; clips of {limits.min_seconds:g} to {limits.max_seconds:g} s "
            f"with a peak of {limits.silence_dbfs:g} dBFS or more"
        )
    previous = PreviousRows.load(path, spectral.SCHEMA, metadata["version"])
    computed: list[dict[str, Any]] = []

    def describe(key: Key, data: bytes) -> None:
        if key in previous:
            limits.require(*(previous.value(key, name) for name in ("duration", "peak_dbfs")))
        else:
            samples = reader.samples(key, data)
            row = {"file": key[0], "content": key[1], "audio": spectral.digest(samples)}
            computed.append({**row, **spectral.describe(samples)})

    accepted, set_aside = reader.use(rows, describe)
    table = pa.Table.from_pylist(computed, schema=spectral.SCHEMA)
    table = previous.merged(accepted, table)
    # Labels are the manifest's: a protocol may have been corrected since a row was computed.
    labels = {row["key"]: row["label"] for row in rows}
    values = pa.array([labels[file] for file in table["file"].to_pylist()], pa.int8())
    table = table.set_column(table.schema.get_field_index("label"), "label", values)
    tables.write(path, table, spectral.SCHEMA, metadata)
    table = pa.Table.from_pylist(set_aside, schema=tables.REJECTED)
    tables.write(rejected, table, tables.REJECTED, metadata)
    return {"accepted": len(accepted), "rejected": len(set_aside), "computed": len(computed)}


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

    A row is reused if the old table has the file with the same content under the same version; so
    are frames.

    Args:
        rows: the shard's manifest rows that were not set aside, by key; with the `content` of the
            spectral table, so that both tables are of the same clips.
        reader: of the corpus's clips, as they are or in a view.
        identity: what `encoder.identify` or `published.identify` returned.
        window_seconds: longest stretch that the network hears at once.
        load: returns the network; called only when a clip needs it.
        path: the table, an `encoder.schema`.
        caches: by layer, where its frames go; see `frames`.

    Returns:
        How many clips there are, and how many were heard anew.

    Raises:
        UserError: a file cannot be read now, or has changed; see `clips.Reader.use`.
    """
    schema = encoder.schema(identity["n_layers"], identity["dimension"])
    version = embedding_version(identity["identity"], window_seconds, reader.steps)
    made_by = {
        "encoder": identity["model"],
        "encoder_identity": identity["identity"],
        "precision": identity["precision"],
    }
    previous = PreviousRows.load(path, schema, version)
    computed: dict[Key, Embedding] = {}
    network = functools.cache(load)
    n_heard = 0
    with contextlib.ExitStack() as stack:
        shards = {}
        for layer, cache in caches.items():
            about = {"version": f"frames {frames.VERSION}; layer {layer}; {version}", **made_by}
            about |= {"layer": str(layer), "view": reader.view}
            shards[layer] = stack.enter_context(frames.updated(cache, identity["dimension"], about))

        def hear(key: Key, data: bytes) -> None:
            nonlocal n_heard
            missing = [layer for layer, (there, _) in shards.items() if key not in there]
            frames_of: Mapping[int, Any] = {}
            if key not in previous or missing:
                embedding, frames_of = network().hear(reader.samples(key, data), missing)
                n_heard += 1
                if key not in previous:
                    computed[key] = embedding
            for layer, (there, add) in shards.items():
                add(*key, frames_of[layer] if layer in frames_of else there[key])

        accepted, _ = reader.use(rows, hear)
    table = previous.merged(accepted, encoder.table(computed, schema))
    tables.write(path, table, schema, {"version": version, **made_by, **_heard(reader)})
    return {"clips": len(accepted), "computed": n_heard}


def _heard(reader: Reader) -> dict[str, str]:
    """Say in a table's metadata how its clips were heard."""
    steps = json.dumps([step.plain() for step in reader.steps], sort_keys=True)
    return {"view": reader.view, "steps": steps}
