"""All features of one shard, each clip read and decoded once, rows that still hold reused."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from authenticity import audio, tables
from authenticity.audio import Limits
from authenticity.errors import RejectedClip, UserError
from authenticity.features import encoder, spectral, views
from authenticity.features.encoder import Embedding, Encoder
from authenticity.features.versions import embedding_version, spectral_version
from authenticity.roots import MissingFileError, Root
from authenticity.shards import PreviousRows

if TYPE_CHECKING:
    from authenticity.config import Step

_PROGRESS_SECONDS = 10.0
_logger = logging.getLogger("authenticity")


@dataclass(frozen=True)
class Outputs:
    """The paths of a shard's three tables."""

    spectral: Path
    embeddings: Path
    rejected: Path


@dataclass(frozen=True)
class View:
    """How clips are heard: as they are, or through the steps of a named view.

    Attributes:
        name: `clean` where there are no steps.
        steps: from the configuration; see `views.apply`.
    """

    name: str = "clean"
    steps: Sequence["Step"] = ()


def extract_shard(
    rows: list[Mapping[str, Any]],
    root: Root,
    limits: Limits,
    encoder_identity: Mapping[str, Any],
    window_seconds: float,
    load_encoder: Callable[[], Encoder],
    outputs: Outputs,
    view: View = View(),
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
        UserError: a file that was there when the manifest was made cannot be read now. Setting it
            aside would lose it for good, since nothing would tell when it is back.
    """
    views.check(view.name, view.steps)
    shard = _Shard(rows, limits, encoder_identity, window_seconds, outputs, view)
    loaded: Encoder | None = None
    progress = _Progress(len(rows))
    for row in rows:
        content = ""
        try:
            data = read(root, row, limits)
            content = hashlib.sha256(data).hexdigest()[:32]
            clip = (row["key"], content)
            if clip in shard.old_spectral and clip in shard.old_embeddings:
                duration, peak = (
                    shard.old_spectral.value(clip, name) for name in ("duration", "peak_dbfs")
                )
                limits.require(duration, peak)
            else:
                samples = hear(data, content, limits, view)
                if clip not in shard.old_spectral:
                    shard.described[clip] = {
                        **spectral.describe(samples),
                        "audio": spectral.digest(samples),
                    }
                if clip not in shard.old_embeddings:
                    loaded = loaded or load_encoder()
                    shard.embedded[clip] = loaded.embed(samples)
            shard.accepted.append(clip)
        except RejectedClip as reason:
            _logger.warning("set aside: %s: %s", row["path"], reason)
            shard.reject(row, content, str(reason))
        progress.one_more()
    shard.write()
    return {
        "accepted": len(shard.accepted),
        "rejected": len(shard.rejected),
        "described": len(shard.described),
        "embedded": len(shard.embedded),
    }


def read(root: Root, row: Mapping[str, Any], limits: Limits) -> bytes:
    """Return a file's content, and refuse to go on when it is not what the manifest saw.

    Args:
        root: the corpus.
        row: of the manifest.
        limits: what a clip must meet.

    Raises:
        RejectedClip: it was missing or too large when the manifest was made, too.
        UserError: it has gone or changed since.
    """
    try:
        data = root.read(row["path"], limits.max_bytes)
    except MissingFileError as error:
        if row["bytes"] == 0:
            raise
        raise UserError(
            f"{root.location / row['path']}: was there when the workflow was planned, and is not "
            "now; bring the corpus back, or run again if the file was removed on purpose"
        ) from error
    if len(data) != row["bytes"]:
        raise UserError(
            f"{root.location / row['path']}: {len(data)} bytes, {row['bytes']} when the workflow "
            "was planned; let the corpus come to rest and run again"
        )
    return data


def hear(data: bytes, content: str, limits: Limits, view: View) -> NDArray[np.float32]:
    """Decode a clip and apply the view's steps.

    Args:
        data: the file's content.
        content: its digest, from which a view's noise is seeded.
        limits: what the clip must meet as decoded, and after the steps.
        view: how it is heard.

    Raises:
        RejectedClip: it does not meet the limits.
    """
    samples = audio.decode(data, limits)
    if view.steps:
        samples = views.apply(samples, view.steps, content)
        try:
            audio.check(samples, limits)
        except RejectedClip as reason:
            raise RejectedClip(f"in view {view.name}: {reason}") from reason
    return samples


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


class _Progress:
    """Says every few seconds how far the shard is."""

    def __init__(self, total: int):
        self._total, self._done = total, 0
        self._start = self._last = 0.0

    def one_more(self) -> None:
        self._done += 1
        now = time.monotonic()
        if self._done == 1:  # the first clip waits for the encoder to load: no measure of the rest
            self._start = self._last = now
        if now - self._last >= _PROGRESS_SECONDS and self._done < self._total:
            self._last = now
            rate = self._done / (now - self._start)
            _logger.info(
                "%d of %d clips, %.1f a second, about %.0f s left",
                self._done,
                self._total,
                rate,
                (self._total - self._done) / rate,
            )
