"""The files that the workflow scores: listed while it is planned, dealt to shards.

Only the main process lists them; jobs read the list.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from authenticity import shards, tables
from authenticity.errors import UserError
from authenticity.scoring.inputs import as_text, collect, require_own

if TYPE_CHECKING:
    from authenticity.config import Score

FILES = pa.schema(
    [
        ("key", pa.string()),
        ("path", pa.binary()),
        ("bytes", pa.int64()),
        ("mtime_ns", pa.int64()),
    ]
)
"""The inputs in order; `path` as the system has it, which need not be text."""


TABLES = ("scores.csv", "scores.parquet", "scores.jsonl", "windows.parquet", "summary.json")


@dataclass(frozen=True)
class ScorePlan:
    """What the workflow scores at this moment.

    Attributes:
        folder: of the results.
        bundle: the folder of the model bundle.
        shards: the digest of each shard, by name.
        results: what is made of all shards, in the folder.
    """

    folder: str
    bundle: str
    shards: Mapping[str, str]
    results: Sequence[str]

    @property
    def files(self) -> str:
        """The list of inputs."""
        return f"{self.folder}/files.parquet"

    @property
    def bundle_file(self) -> str:
        """What stands for the bundle: it has the checksums of all the rest."""
        return f"{self.bundle}/bundle.json"

    @classmethod
    def make(cls, settings: "Score", refresh: bool) -> "ScorePlan":
        """Plan.

        Args:
            settings: the configuration's section `score`, with an input.
            refresh: whether to list the input anew; only the main process does.

        Raises:
            UserError: there is nothing to score, or another number of shards than before.
        """
        bundle, folder = Path(settings.bundle), Path(settings.output)
        if bundle.parts[0] != "results" and not (bundle / "bundle.json").is_file():
            raise UserError(
                f"{bundle}: expected a bundle there, a folder with bundle.json; correct "
                "`score.bundle` in the configuration"
            )
        path = folder / "files.parquet"
        if refresh:
            require_own(folder, [path.name], "`score.output` in the configuration")
            listed = _listed(settings.input, folder)
            known = tables.read(path) if path.exists() else listed.slice(0, 0)
            if not known.schema.equals(FILES):
                raise UserError(f"{path}: not of earlier results; correct `score.output`")
            if not path.exists() or not known.equals(listed):
                tables.write(path, listed, FILES)
        table = tables.read(path)
        n_shards = shards.number(folder, "shards/*-of-*.jsonl", settings.n_shards, table.num_rows)
        return cls(
            str(folder),
            str(bundle),
            shards.digests(table, n_shards, ("key", "bytes", "mtime_ns")),
            (*TABLES, "index.html") if settings.pictures else TABLES,
        )


def paths_of(files: str | Path, shard: str | None = None) -> list[str]:
    """Return the paths of the inputs, or of those of one shard, in the order of the list."""
    table = tables.read(files)
    rows = table.to_pylist() if shard is None else shards.rows_of(table, shard)
    return [os.fsdecode(row["path"]) for row in rows]


def _listed(source: str, output: Path) -> pa.Table:
    try:
        paths = collect([source], output=output)
    except UserError as error:
        raise UserError(f"`score.input` in the configuration: {error}") from None
    rows = [{"key": as_text(path), "path": os.fsencode(path), **_state(path)} for path in paths]
    return pa.Table.from_pylist(rows, schema=FILES)


def _state(path: str) -> dict[str, int]:
    try:
        status = Path(path).stat()
    except OSError:
        return {"bytes": 0, "mtime_ns": 0}
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
