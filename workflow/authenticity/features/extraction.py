"""All features of one shard, each clip read and decoded once, rows that still hold reused."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from authenticity import tables
from authenticity.audio import Limits
from authenticity.features import encoder, spectral, views
from authenticity.features.clips import UNCHANGED, File, Reader, View
from authenticity.features.encoder import Embedding, Encoder
from authenticity.features.versions import embedding_version, spectral_version
from authenticity.roots import Root
from authenticity.shards import PreviousRows


@dataclass(frozen=True)
class Outputs:
    """The paths of a shard's three tables."""

    spectral: Path
    embeddings: Path
    rejected: Path


def extract_shard(
    rows: list[Mapping[str, Any]],
    root: Root,
    limits: Limits,
    encoder_identity: Mapping[str, Any],
    window_seconds: float,
    load_encoder: Callable[[], Encoder],
    outputs: Outputs,
    view: View = UNCHANGED,
) -> dict[str, int]:
    """Bring a shard's spectral, embedding and rejected tables up to date.

    A row is reused when the table that is there has its file with the same content under the same
    version, and the clip still meets the limits. The encoder is loaded only when a row needs it.
    A view's clips meet the limits twice: as decoded, and after its steps.

    Args:
        rows: the shard's manifest rows, by key.
        root: the corpus.
        limits: what a clip must meet.
        encoder_identity: what `encoder.identify` returned.
        window_seconds: longest stretch embedded at once.
        load_encoder: returns the encoder.
        outputs: the tables; those that are there are updated.
        view: how the clips are heard.

    Returns:
        How many rows were accepted, rejected, and computed anew (`described`, `embedded`).

    Raises:
        UserError: a file cannot be read now, or has changed; see `clips.Reader.use`.
    """
    views.check(view.name, view.steps)
    shard = _Shard(rows, limits, encoder_identity, window_seconds, outputs, view)
    reader = Reader(root, limits, view)
    load = functools.cache(load_encoder)
    for clip, _ in reader.use(rows, lambda clip: shard.take(clip, reader, load), shard.reject):
        shard.accepted.append((clip.key, clip.content))
    shard.write()
    return {
        "accepted": len(shard.accepted),
        "rejected": len(shard.rejected),
        "described": len(shard.described),
        "embedded": len(shard.embedded),
    }


def _described(limits: Limits) -> str:
    return (
        f"clips of {limits.min_seconds:g} to {limits.max_seconds:g} s "
        f"with a peak of {limits.silence_dbfs:g} dBFS or more"
    )


class _Shard:
    """The rows of one shard's tables: the old ones that still hold, and the new ones."""

    def __init__(
        self,
        rows: list[Mapping[str, Any]],
        limits: Limits,
        encoder_identity: Mapping[str, Any],
        window_seconds: float,
        outputs: Outputs,
        view: View,
    ):
        identity = encoder_identity["identity"]
        self._outputs = outputs
        self._labels = {row["key"]: row["label"] for row in rows}
        heard = {
            "view": view.name,
            "steps": json.dumps([step.plain() for step in view.steps], sort_keys=True),
        }
        # What the decoded clips measure is not in a view's tables, so under other limits they are
        # decoded again; the clean tables hold it.
        within = f"; {_described(limits)}" if view.steps else ""
        self._spectral_metadata = {"version": spectral_version(view.steps) + within, **heard}
        self._embedding_metadata = {
            "version": embedding_version(identity, window_seconds, view.steps) + within,
            "encoder": encoder_identity["model"],
            "encoder_identity": identity,
            "precision": encoder_identity["precision"],
            **heard,
        }
        self._embedding_schema = encoder.schema(
            encoder_identity["n_layers"], encoder_identity["dimension"]
        )
        self.old_spectral = PreviousRows.load(
            outputs.spectral, spectral.SCHEMA, self._spectral_metadata["version"]
        )
        self.old_embeddings = PreviousRows.load(
            outputs.embeddings, self._embedding_schema, self._embedding_metadata["version"]
        )
        self.accepted: list[tuple[str, str]] = []
        self.rejected: list[dict[str, Any]] = []
        self.described: dict[tuple[str, str], dict[str, Any]] = {}
        self.embedded: dict[tuple[str, str], Embedding] = {}

    def take(self, clip: File, reader: Reader, load: Callable[[], Encoder]) -> None:
        """Compute the rows of a clip that cannot be reused."""
        key = (clip.key, clip.content)
        if key in self.old_spectral and key in self.old_embeddings:
            duration, peak = (
                self.old_spectral.value(key, name) for name in ("duration", "peak_dbfs")
            )
            reader.limits.require(duration, peak)
            return
        samples = reader.samples(clip)
        if key not in self.old_spectral:
            self.described[key] = {
                **spectral.describe(samples),
                "audio": spectral.digest(samples),
            }
        if key not in self.old_embeddings:
            self.embedded[key] = load().embed(samples)

    def reject(self, row: Mapping[str, Any], content: str, reason: str) -> None:
        """Set a clip aside."""
        self.rejected.append(
            {
                "file": row["key"],
                "label": row["label"],
                "reason": f"{row['path']}: {reason}",
                "content": content,
            }
        )

    def write(self) -> None:
        """Write the three tables."""
        spectral_table = self.old_spectral.merged(
            [clip for clip in self.accepted if clip not in self.described],
            pa.Table.from_pylist(
                [
                    {"file": file, "label": self._labels[file], "content": content, **numbers}
                    for (file, content), numbers in self.described.items()
                ],
                schema=spectral.SCHEMA,
            ),
            spectral.SCHEMA,
        )
        embedding_table = self.old_embeddings.merged(
            [clip for clip in self.accepted if clip not in self.embedded],
            encoder.table(self.embedded, self._embedding_schema),
            self._embedding_schema,
        )
        rejected_table = pa.Table.from_pylist(self.rejected, schema=tables.REJECTED)
        for path, table, schema, metadata in (
            (
                self._outputs.spectral,
                self._relabelled(spectral_table),
                spectral.SCHEMA,
                self._spectral_metadata,
            ),
            (
                self._outputs.embeddings,
                embedding_table,
                self._embedding_schema,
                self._embedding_metadata,
            ),
            (self._outputs.rejected, rejected_table, tables.REJECTED, self._spectral_metadata),
        ):
            tables.write(path, table, schema, metadata)

    def _relabelled(self, table: pa.Table) -> pa.Table:
        """Take labels from the manifest: a protocol may have been corrected since."""
        values = pa.array([self._labels[file] for file in table["file"].to_pylist()], pa.int8())
        return table.set_column(table.schema.get_field_index("label"), "label", values)
