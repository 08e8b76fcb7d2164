"""Which shard a trial belongs to, what a shard consists of, and which of its rows still hold."""

import contextlib
import itertools
import logging
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from authenticity import tables
from authenticity.errors import UserError
from authenticity.files import atomic

_DEALT = ("spectral", "rejected", "embeddings", "logits")
_FILE = re.compile(r"\d+-of-(\d+)\.(parquet|npy)")  # and no copy of such a file
_logger = logging.getLogger("authenticity")

LIST = pa.schema(
    [tables.MANIFEST.field(name) for name in ("key", "path", "split", "label", "bytes", "mtime_ns")]
)
"""A shard's trials: what its tables depend on, and nothing else of the manifest."""


def names(n_shards: int) -> list[str]:
    """Return the shards' names; each tells the number of shards, so that none can be mixed up."""
    width = len(str(n_shards))
    return [f"{number:0{width}}-of-{n_shards}" for number in range(1, n_shards + 1)]


def suitable_number(n_trials: int) -> int:
    """Return how many shards suit a corpus: enough to keep a workstation's cores busy.

    Starting a job costs seconds, so a shard holds a hundred trials where there are as many; and a
    crash loses a shard's work, so it holds no more than a thousand.
    """
    return max(min(math.ceil(n_trials / 100), 33), math.ceil(n_trials / 1000))


def made(folder: Path) -> set[int]:
    """Return the numbers of shards that a corpus's clean spectral tables are in.

    That is one; none before the first run, and two while the number is being changed.
    """
    return set(_numbered(folder / "spectral" / "clean").values())


def deal_again(folder: Path, n_shards: int) -> None:
    """Deal the rows of a corpus's tables to another number of shards.

    Each shard's job runs once more, and finds rows that need not be computed. What is not a table
    of clips' rows is removed: lists are written anew, and frames computed anew.
    """
    others = [
        path
        for kind in (*_DEALT, "lists", "frames")
        for path, number in _numbered(folder / kind).items()
        if number != n_shards
    ]
    dealt = (path for path in others if path.relative_to(folder).parts[0] in _DEALT)
    for parent, paths in itertools.groupby(dealt, lambda path: path.parent):
        with contextlib.ExitStack() as stack:
            writers: dict[str, pq.ParquetWriter] = {}
            schema = None
            for path in paths:
                try:
                    table = tables.read(path)
                except UserError as error:
                    _logger.warning("%s", error)
                    continue
                schema = schema or table.schema
                if not table.schema.equals(schema, check_metadata=True):
                    continue  # of another version, and of no use
                for shard, rows in _dealt(table, "file", n_shards):
                    if not len(rows):
                        continue
                    if shard not in writers:
                        target = stack.enter_context(atomic(parent / f"{shard}.parquet"))
                        writers[shard] = stack.enter_context(pq.ParquetWriter(target, schema))
                    writers[shard].write_table(rows)
    for path in others:
        path.unlink()


def _numbered(folder: Path) -> dict[Path, int]:
    """Return the files of shards below a folder, each with the number of shards."""
    named = {path: _FILE.fullmatch(path.name) for path in sorted(folder.rglob("*-of-*"))}
    return {path: int(match[1]) for path, match in named.items() if match}


def write_lists(
    folder: Path, manifest: pa.Table, n_shards: int, views: Mapping[str, Sequence[str] | None]
) -> None:
    """Write each shard's trials, by view; leave alone every list that has not changed.

    A shard's job reads its list, `{view}/{shard}.parquet` in the folder, so Snakemake runs it again
    exactly if its own trials changed. `views` gives the splits whose trials each view needs; None
    for all.
    """
    for view, splits in views.items():
        needed = manifest if splits is None else tables.where(manifest, split=splits)
        for shard, trials in _dealt(needed.select(LIST.names), "key", n_shards):
            path = folder / view / f"{shard}.parquet"
            if not path.exists() or not tables.read(path).equals(trials):
                tables.write(path, trials, LIST)


def _dealt(table: pa.Table, column: str, n_shards: int) -> Iterator[tuple[str, pa.Table]]:
    """Yield each shard's rows of a table, by the column of keys, in their order.

    The shard of a key depends on the key alone, so other trials never move it.
    """
    keys = table[column].to_pylist()
    index = np.array([zlib.crc32(key.encode()) % n_shards for key in keys], np.intp)
    table = table.take(pa.array(np.argsort(index, kind="stable")))
    ends = np.bincount(index, minlength=n_shards).cumsum()
    for shard, start, end in zip(names(n_shards), [0, *ends], ends, strict=False):
        yield shard, table.slice(start, end - start)


@dataclass(frozen=True)
class PreviousRows:
    """The rows of a shard's last table that may be used again."""

    table: pa.Table
    index: Mapping[tuple[str, str], int]

    @classmethod
    def load(cls, path: Path, schema: pa.Schema, version: str) -> "PreviousRows":
        """Load them; none where the table is absent, damaged, or of another version or schema."""
        table = schema.empty_table()
        try:
            if path.exists() and tables.metadata(path).get("version") == version:
                found = tables.read(path)
                table = found.cast(schema) if found.schema.equals(schema) else table
        except UserError:
            _logger.warning("%s: damaged; all of its rows are computed again", path)
        keys = zip(table["file"].to_pylist(), table["content"].to_pylist(), strict=True)
        return cls(table, {key: row for row, key in enumerate(keys)})

    def __contains__(self, key: tuple[str, str]) -> bool:
        """Whether there is a row of this file (the first) with this content (the second)."""
        return key in self.index

    def value(self, key: tuple[str, str], column: str) -> Any:
        """Return one value of a row that is there."""
        return self.table[column][self.index[key]].as_py()

    def merged(self, keys: Iterable[tuple[str, str]], computed: pa.Table) -> pa.Table:
        """Return those of the rows with these keys that are here, and computed ones, by file.

        Neither the order of arguments nor which rows were reused shows in the result's bytes.
        """
        kept = pa.array([self.index[key] for key in keys if key in self], pa.int64())
        table = pa.concat_tables([self.table.take(kept), computed])
        return table.take(pc.sort_indices(table["file"])).combine_chunks()
