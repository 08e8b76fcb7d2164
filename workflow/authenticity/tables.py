"""The only place that reads and writes Parquet: schemas are checked, writes are atomic.

Equal content gives equal bytes: nothing here depends on time, host or the order of jobs.

Pages carry checksums, so that a disk that flips a bit changes no value silently: in a shard's
embeddings (6.8 MB) each of 300 random flips was found, 10 without checksums; writing took 1.05
times as long and reading 1.15 times.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from authenticity.errors import UserError
from authenticity.files import atomic

MANIFEST = pa.schema(
    [
        ("key", pa.string()),
        ("path", pa.string()),
        ("corpus", pa.string()),
        ("split", pa.string()),
        ("label", pa.int8()),
        ("attack", pa.string()),
        ("speaker", pa.string()),
        ("bytes", pa.int64()),
        ("mtime_ns", pa.int64()),
    ]
)
"""A corpus's trials. The attack of bona fide is "-"; what is not known is null: the attack of a
spoof, a speaker, a condition that the corpus does not give, the label of a recording to score."""

REJECTED = pa.schema(
    [("file", pa.string()), ("label", pa.int8()), ("reason", pa.string()), ("content", pa.string())]
)

ASV_SCORES = pa.schema(
    {"split": pa.string(), "kind": pa.string(), "attack": pa.string(), "score": pa.float64()}
)
"""A corpus's speaker-verification scores: `kind` is target, nontarget or spoof; higher = target."""

TRIALS = MANIFEST.append(pa.field("audio", pa.string())).append(pa.field("near", pa.string()))
"""The manifest's trials that are used: accepted, without duplicates. `audio` is a digest; `near` is
the first key of a trial's group of near-duplicates, null where it has none."""

TRIAL_COLUMNS = ["file", "split", "label", "attack", "speaker", "round"]
"""What identifies a trial wherever it is scored; `round` names the protocol's round."""

SCORES = pa.schema(
    [
        *((name, pa.int8() if name == "label" else pa.string()) for name in TRIAL_COLUMNS),
        *((name, pa.float64()) for name in ("score", "p_spoof", "llr", "p_calibrated")),
    ]
)

VIEW = "view"
"""A column of score tables that hold an experiment's scores of several views of the audio."""

_NOT_CONDITIONS = frozenset([*TRIALS.names, *SCORES.names, VIEW])


def conditions(names: Iterable[str]) -> list[str]:
    """Return those of a manifest's, trials' or scores' columns that are the corpus's conditions."""
    return [name for name in names if name not in _NOT_CONDITIONS]


def with_conditions(schema: pa.Schema, names: Iterable[str]) -> pa.Schema:
    """Return a schema with the conditions among these columns, which are text, after its own."""
    for name in conditions(names):
        schema = schema.append(pa.field(name, pa.string()))
    return schema


def write(
    path: str | Path,
    table: pa.Table,
    schema: pa.Schema,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a table and its key-value metadata atomically; it must have the schema's columns."""
    if table.schema.names != schema.names:
        raise ValueError(f"{path}: columns {table.schema.names}, expected {schema.names}")
    table = table.cast(schema).replace_schema_metadata(dict(metadata or {}))
    # A dictionary of numbers that hardly ever repeat takes more space than the numbers.
    vectors = [field.name for field in schema if pa.types.is_fixed_size_list(field.type)]
    with atomic(path) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            write_page_checksum=True,
            use_dictionary=[name for name in schema.names if name not in vectors],
            use_byte_stream_split=[f"{name}.list.element" for name in vectors],
        )


def read(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table, or only some of its columns; an unreadable file is a `UserError`."""
    # `read_table` is no faster, and waits for ever for threads that memory does not suffice for.
    with _readable(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        if columns is None:
            return file.read(use_threads=False)
        return file.read(list(columns), use_threads=False).select(list(columns))


@contextlib.contextmanager
def _readable(path: str | Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError, KeyError) as error:
        raise unusable(path, f"not a readable table ({str(error).splitlines()[0]})") from error


def unusable(path: str | Path, reason: str) -> UserError:
    """Return the error that a table has to be made again."""
    return UserError(f"{path}: {reason}; delete it and run the same command again")


def read_many(paths: Iterable[str | Path], columns: Sequence[str] | None = None) -> pa.Table:
    """Read the shards of one table, one after the other, as a single table."""
    return pa.concat_tables(read(path, columns) for path in paths)


def where(table: pa.Table, **columns: str | int | Sequence[str]) -> pa.Table:
    """Return the rows whose columns have the given value, or one of several."""
    for name, wanted in columns.items():
        values = [wanted] if isinstance(wanted, str | int) else list(wanted)
        known = pa.array(values, table.schema.field(name).type)
        table = table.filter(pc.is_in(table[name], value_set=known))
    return table


def require_finite(path: str | Path, columns: Sequence[str] | None = None) -> None:
    """Raise `UserError` for a table with a number that is NaN, infinite or absent.

    The table is read whole, so that damage in any column is found; `columns`, or all, are checked.
    """
    table = read(path)
    for name in columns or table.column_names:
        values, absent = table[name], table[name].null_count
        while pa.types.is_list(values.type) or pa.types.is_fixed_size_list(values.type):
            values = pc.list_flatten(values)
            absent += values.null_count
        if not pa.types.is_floating(values.type):
            continue
        if absent or not pc.all(pc.is_finite(values), min_count=0).as_py():
            raise unusable(path, f"not all of {name} are finite numbers")


def require_one_version(paths: Iterable[str | Path]) -> None:
    """Raise `UserError` for a shard that another version made than the others."""
    versions = [(path, metadata(path).get("version")) for path in paths]
    for path, version in versions:
        if version != (first := versions[0][1]):
            raise unusable(path, f"made by version {version!r}, other shards by {first!r}")


def require_encoder(paths: Iterable[str | Path], encoder: Mapping[str, Any]) -> None:
    """Raise `UserError` for a shard that is not of the encoder that `encoder.identify` returned.

    The shards are embeddings, or indices of frames; another precision is another encoder.
    """
    for path in paths:
        made = metadata(path)
        if made.get("encoder_identity") != encoder["identity"]:
            raise unusable(
                path,
                "made by another encoder or in another precision "
                f"({made.get('encoder')}, {made.get('precision')}) than the run's "
                f"({encoder['model']}, {encoder['precision']})",
            )


def candidate_column(candidate: str, pooling: str) -> str:
    """Name the column of a candidate's scores with a pooling."""
    return f"{candidate} {pooling}"


def scores(path: str | Path) -> dict[str, pa.Table]:
    """Read an experiment's scores, view after view, the one that it is made to score first.

    A table of one view names it in its metadata; one of several has the column `VIEW`.
    """
    table = read(path)
    if VIEW not in table.column_names:
        return {metadata(path)[VIEW]: table}
    return {
        view: where(table, **{VIEW: view}).drop_columns(VIEW)
        for view in table[VIEW].unique().to_pylist()
    }


def metadata(path: str | Path) -> dict[str, str]:
    """Return the key-value metadata that `write` was given."""
    with _readable(path):
        raw = pq.read_schema(path).metadata or {}
    return {key.decode(): value.decode() for key, value in raw.items() if key != b"ARROW:schema"}
