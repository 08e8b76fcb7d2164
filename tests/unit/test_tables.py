"""Shards, row reuse, atomic files: what makes a resumed run equal an uninterrupted one."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from authenticity import files, shards, tables
from authenticity.errors import UserError
from dealt import shard_of
from hypothesis import given
from hypothesis import strategies as st

SCHEMA = pa.schema([("file", pa.string()), ("value", pa.float64()), ("content", pa.string())])
KEYS = st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=40)


def rows(names: list[str]) -> pa.Table:
    return pa.table(
        {
            "file": names,
            "value": [float(len(n)) for n in names],
            "content": [f"c{n}" for n in names],
        },
        schema=SCHEMA,
    )


def manifest(keys: list[str]) -> pa.Table:
    ordered = sorted(keys)
    columns = {name: [name] * len(ordered) for name in ("path", "corpus", "split", "attack")}
    columns |= {"key": ordered, "speaker": ["s"] * len(ordered), "label": [0] * len(ordered)}
    columns |= {"bytes": [1] * len(ordered), "mtime_ns": [2] * len(ordered)}
    return pa.table({name: columns[name] for name in tables.MANIFEST.names}, schema=tables.MANIFEST)


@given(st.text(), st.integers(1, 120))
def test_every_key_has_a_shard(key: str, n_shards: int):
    dealt = shards._dealt(pa.table({"key": [key]}), "key", n_shards)
    assert [shard for shard, rows in dealt if len(rows)] == [shard_of(key, n_shards)]


def written(folder: Path) -> dict[str, int]:
    """When each list was written."""
    return {str(path.relative_to(folder)): path.stat().st_ino for path in folder.rglob("*.parquet")}


def test_a_new_trial_writes_the_lists_of_its_shard_and_view_only(tmp_path: Path):
    keys = [f"k{number}" for number in range(60)]
    views = {"clean": None, "opus": ["split"], "trimmed": ["other"]}
    shards.write_lists(tmp_path, manifest(keys), 7, views)
    before = written(tmp_path)
    assert len(before) == 3 * 7
    listed = [
        row["key"] for path in tmp_path.glob("clean/*") for row in tables.read(path).to_pylist()
    ]
    assert sorted(listed) == sorted(keys)
    shards.write_lists(tmp_path, manifest([*keys, "new"]), 7, views)
    after = written(tmp_path)
    shard = shard_of("new", 7)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {f"clean/{shard}.parquet", f"opus/{shard}.parquet"}


def test_what_is_computed_of_clips_does_not_depend_on_who_speaks_and_how_it_was_made(
    tmp_path: Path,
):
    table = manifest([f"k{number}" for number in range(60)])
    shards.write_lists(tmp_path, table, 7, {"clean": None})
    before = written(tmp_path)
    for name in ("attack", "speaker"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pa.nulls(len(table), pa.string()))
    table = table.append_column("codec", pa.nulls(len(table), pa.string()))
    shards.write_lists(tmp_path, table, 7, {"clean": None})
    assert written(tmp_path) == before


@given(KEYS, st.integers(1, 9), st.integers(1, 9))
def test_another_number_of_shards_keeps_every_row_in_the_shard_of_its_key(
    keys: list[str], before: int, after: int
):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "spectral" / "clean"
        for shard in shards.names(before):
            mine = [key for key in keys if shard_of(key, before) == shard]
            tables.write(folder / f"{shard}.parquet", rows(mine), SCHEMA, {"version": "1"})
        shards.deal_again(Path(name), after)
        assert shards.made(Path(name)) <= {after}
        found = {}
        for path in folder.iterdir():
            assert tables.metadata(path)["version"] == "1"
            for row in tables.read(path).to_pylist():
                assert path.stem == shard_of(row["file"], after)
                found[row["file"]] = row
        assert list(found.values()) == rows(list(found)).to_pylist()
        assert found.keys() == set(keys)


def test_dealt_anew_what_is_damaged_or_of_another_version_is_left_to_be_computed(tmp_path: Path):
    folder, keys = tmp_path / "spectral" / "clean", [f"k{number}" for number in range(30)]
    for number, shard in enumerate(shards.names(3)):
        mine = [key for key in keys if shard_of(key, 3) == shard]
        tables.write(folder / f"{shard}.parquet", rows(mine), SCHEMA, {"version": str(number)})
    (folder / "3-of-3.parquet").write_bytes(b"damaged")
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "1-of-3.npy").touch()
    copies = [tmp_path / "frames" / "1-of-3 (copy).npy", folder / "copy-of-all.parquet"]
    tables.write(copies[1], rows([]), SCHEMA)
    copies[0].touch()
    shards.deal_again(tmp_path, 2)
    found = [key for path in folder.iterdir() for key in tables.read(path)["file"].to_pylist()]
    assert sorted(found) == sorted(key for key in keys if shard_of(key, 3) == "1-of-3")
    assert list((tmp_path / "frames").iterdir()) == copies[:1]
    assert shards.made(tmp_path) == {2}


def test_suitable_numbers_of_shards():
    numbers = [shards.suitable_number(n) for n in (1, 36, 1506, 5000, 121_461, 1_000_000)]
    assert numbers == [1, 1, 16, 33, 122, 1000]


def test_shard_names_sort_in_order():
    assert shards.names(3) == ["1-of-3", "2-of-3", "3-of-3"]
    assert shards.names(12) == sorted(shards.names(12))


@given(KEYS.filter(bool), st.data())
def test_reused_rows_leave_no_trace_in_the_bytes(keys: list[str], data: st.DataObject):
    kept = data.draw(st.lists(st.sampled_from(keys), unique=True))
    fresh = data.draw(st.permutations([key for key in keys if key not in kept]))
    with tempfile.TemporaryDirectory() as folder:
        old, one, two = (Path(folder) / name for name in ("old", "one", "two"))
        tables.write(old, rows(keys), SCHEMA, {"version": "1"})
        previous = shards.PreviousRows.load(old, SCHEMA, "1")
        merged = previous.merged([(key, f"c{key}") for key in kept], rows(list(fresh)))
        nothing = shards.PreviousRows.load(Path(folder) / "none", SCHEMA, "1")
        tables.write(one, merged, SCHEMA)
        tables.write(two, nothing.merged([], rows(keys)), SCHEMA)
        assert one.read_bytes() == two.read_bytes()


def test_rows_of_another_version_or_schema_are_not_reused(tmp_path: Path):
    path = tmp_path / "table.parquet"
    tables.write(path, rows(["a"]), SCHEMA, {"version": "1"})
    assert ("a", "ca") in shards.PreviousRows.load(path, SCHEMA, "1")
    assert ("a", "other content") not in shards.PreviousRows.load(path, SCHEMA, "1")
    assert ("a", "ca") not in shards.PreviousRows.load(path, SCHEMA, "2")
    wider = SCHEMA.append(pa.field("more", pa.int8()))
    assert ("a", "ca") not in shards.PreviousRows.load(path, wider, "1")


def test_a_table_with_other_columns_is_not_written(tmp_path: Path):
    with pytest.raises(ValueError, match="expected"):
        tables.write(tmp_path / "x.parquet", rows(["a"]).drop_columns("value"), SCHEMA)
    assert not list(tmp_path.iterdir())


def test_vectors_take_no_more_space_than_their_numbers(tmp_path: Path):
    values = np.random.default_rng(1).standard_normal(200 * 256).astype(np.float32)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(values), 256)
    table = pa.table({"file": [f"clip {row}" for row in range(200)], "mean_0": vectors})
    tables.write(tmp_path / "table.parquet", table, table.schema)
    assert tables.read(tmp_path / "table.parquet").equals(table)
    assert (tmp_path / "table.parquet").stat().st_size < values.nbytes


def test_a_damaged_table_is_one_clear_line(tmp_path: Path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 but nothing more")
    with pytest.raises(UserError, match=r"x\.parquet: not a readable table"):
        tables.read(tmp_path / "x.parquet")


EMBEDDINGS = pa.schema(
    [("file", pa.string()), ("mean", pa.list_(pa.float32(), 64)), ("content", pa.string())]
)


def embedded(n_rows: int = 40) -> pa.Table:
    values = np.random.default_rng(0).normal(size=n_rows * 64).astype(np.float32)
    names = [f"k{row}" for row in range(n_rows)]
    means = pa.FixedSizeListArray.from_arrays(pa.array(values), 64)
    return pa.table([names, means, [f"c{name}" for name in names]], schema=EMBEDDINGS)


@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_flipped_bit_changes_a_value_silently(where: float, bit: int):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        tables.write(path, embedded(), EMBEDDINGS)
        content = bytearray(path.read_bytes())
        # Of the pages: the footer has no checksum, and what it says of types is held against code.
        pages = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        content[int(where * pages)] ^= 1 << bit
        path.write_bytes(content)
        try:
            assert tables.read(path).equals(embedded())
        except UserError as error:
            assert str(error).startswith(f"{path}: not a readable table")
            assert str(error).endswith("delete it and run the same command again")


DAMAGE = {
    "emptied": lambda content: b"",
    "cut short": lambda content: content[: len(content) // 2],
    "one bit flipped": lambda content: content[:3000] + bytes([content[3000] ^ 4]) + content[3001:],
}


@pytest.mark.parametrize("name", DAMAGE)
def test_rows_of_a_damaged_table_are_not_reused_and_it_is_named(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = tmp_path / "1-of-1.parquet"
    tables.write(path, embedded(), EMBEDDINGS, {"version": "1"})
    assert ("k0", "ck0") in shards.PreviousRows.load(path, EMBEDDINGS, "1")
    assert not caplog.messages
    path.write_bytes(DAMAGE[name](path.read_bytes()))
    assert ("k0", "ck0") not in shards.PreviousRows.load(path, EMBEDDINGS, "1")
    assert caplog.messages == [f"{path}: damaged; all of its rows are computed again"]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, None])
@pytest.mark.parametrize("kind", [pa.float64(), pa.list_(pa.float32()), pa.list_(pa.float32(), 1)])
def test_numbers_that_are_not_finite_are_found(
    wrong: float | None, kind: pa.DataType, tmp_path: Path
):
    path, schema = tmp_path / "x.parquet", pa.schema([("file", pa.string()), ("value", kind)])
    for value, is_wrong in ((0.5, False), (wrong, True)):
        values = [value if kind == pa.float64() else [value]] * 2
        tables.write(path, pa.table([["a", "b"], values], schema=schema), schema)
        if is_wrong:
            with pytest.raises(UserError, match=r"x\.parquet: not all of value are finite"):
                tables.require_finite(path)
        tables.require_finite(path, ["file"] if is_wrong else None)
    tables.write(path, pa.table([[], []], schema=schema), schema)
    tables.require_finite(path)


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "value.json"
    files.write_json(path, {"old": 1})

    def interrupted() -> None:
        with files.atomic(path) as temporary:
            temporary.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert json.loads(path.read_text()) == {"old": 1}
    assert [item.name for item in tmp_path.iterdir()] == ["value.json"]


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path):
    script = "import os, sys; from authenticity.files import atomic\n"
    script += "with atomic(sys.argv[1]) as path: path.touch(); os.kill(os.getpid(), 9)"
    killed = subprocess.Popen([sys.executable, "-c", script, tmp_path / "a" / "left.parquet"])
    others = [tmp_path / f"own.parquet.{os.getpid()}.tmp", tmp_path / "foreign.x.tmp"]
    for path in others:
        path.touch()
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)  # it is dead, and still listed
    (left,) = tmp_path.glob("a/*.tmp")
    files.remove_left_over(tmp_path)
    assert not left.exists()
    assert killed.wait() < 0
    left.touch()
    files.remove_left_over(tmp_path)
    assert not left.exists()
    assert all(map(Path.exists, others))


def test_json_that_is_not_and_arrays_that_are_not(tmp_path: Path):
    (tmp_path / "x").write_text("{")
    with pytest.raises(UserError, match="expected JSON"):
        files.read_json(tmp_path / "x")
    with pytest.raises(UserError, match="expected safetensors"):
        files.read_arrays(tmp_path / "x")
    files.write_arrays(tmp_path / "y", {"b": np.arange(3.0), "a": np.ones((2, 2))})
    assert files.read_arrays(tmp_path / "y")["b"].tolist() == [0, 1, 2]
