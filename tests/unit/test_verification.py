"""Which trials are used: none is lost or doubled without being counted."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from authenticity import tables, verification
from authenticity.errors import UserError
from authenticity.features import matrix
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

DESCRIBED = pa.schema([("file", pa.string()), ("audio", pa.string())])


def corpus(folder: Path, clips: list[tuple[str | None, int]]) -> tuple[pa.Table, list[Path]]:
    """A manifest of clips (digest of the audio, none when set aside; label), and two shards."""
    n = len(clips)
    keys = [f"k{index:02}" for index in range(n)]
    columns = {
        "key": keys,
        "path": keys,
        "corpus": ["toy"] * n,
        "split": ["none"] * n,
        "label": [label for _, label in clips],
        "attack": ["A" if label else "-" for _, label in clips],
        "speaker": ["s"] * n,
        "bytes": [1] * n,
        "mtime_ns": [1] * n,
        "codec": [f"c{index}" for index in range(n)],
    }
    schema = tables.with_conditions(tables.MANIFEST, ["codec"])
    accepted = [(key, audio) for key, (audio, _) in zip(keys, clips, strict=True) if audio]
    paths = [folder / "1.parquet", folder / "2.parquet"]
    for path, part in zip(paths, (accepted[1::2], accepted[::2]), strict=True):
        files, audios = [file for file, _ in part], [audio for _, audio in part]
        tables.write(path, pa.table([files, audios], schema=DESCRIBED), DESCRIBED)
    return pa.table(columns, schema=schema), paths


def test_of_trials_with_one_audio_the_first_stays_and_contradictions_go(tmp_path: Path):
    clips = [("a", 0), ("b", 0), (None, 0), ("a", 0), ("c", 1), ("c", 0), ("d", 1), ("a", 0)]
    manifest, paths = corpus(tmp_path, clips)
    trials, counts = verification.used_trials(manifest, paths, "remove")
    assert trials["key"].to_pylist() == ["k00", "k01", "k06"]
    assert trials["audio"].to_pylist() == ["a", "b", "d"]
    assert trials["codec"].to_pylist() == ["c0", "c1", "c6"]
    assert trials.column_names == [*tables.TRIALS.names, "codec"]
    assert counts == {
        "policy": "remove",
        "n_groups": 2,
        "n_trials": 5,
        "n_removed": 4,
        "n_conflicts": 1,
        "examples": [["k04 (spoof)", "k05 (bona fide)"], ["k00", "k03", "k07"]],
    }
    kept, counts = verification.used_trials(manifest, paths, "keep")
    assert len(kept) == 7
    assert (counts["n_groups"], counts["n_removed"], counts["n_conflicts"]) == (2, 0, 1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    clips=st.lists(
        st.tuples(st.sampled_from([None, "a", "b", "c", "d", "e", "f"]), st.integers(0, 1)),
        min_size=1,
        max_size=12,
    )
)
def test_every_audio_stays_once_and_the_counts_add_up(
    clips: list[tuple[str | None, int]], tmp_path: Path
):
    manifest, paths = corpus(tmp_path, clips)
    accepted = [(audio, label) for audio, label in clips if audio]
    labels = {
        audio: {label for other, label in accepted if other == audio} for audio, _ in accepted
    }
    consistent = {audio for audio, found in labels.items() if len(found) == 1}
    if not consistent:
        n_rejected = len(clips) - len(accepted)
        with pytest.raises(UserError, match=f": {n_rejected} were set aside, and "):
            verification.used_trials(manifest, paths, "remove")
        return
    trials, counts = verification.used_trials(manifest, paths, "remove")
    assert Counter(trials["audio"].to_pylist()) == Counter(consistent)
    assert len(trials) + counts["n_removed"] == len(accepted)
    assert counts["n_conflicts"] == len(labels) - len(consistent)


def test_what_was_left_out_is_said(tmp_path: Path):
    manifest, paths = corpus(tmp_path, [("a", 0), ("a", 0), ("b", 1), ("a", 0)])
    _, counts = verification.used_trials(manifest, paths, "remove")
    report = {"corpus": "toy", "n_manifest": 4, "n_accepted": 4, "n_rejected": 0}
    assert verification.lines({**report, "duplicates": counts}) == [
        "corpus toy: 4 of 4 trials accepted, 0 set aside",
        "corpus toy: 3 trials share their audio with another (such as k00 = k01); 2 were left out, "
        "0 groups have both labels",
    ]
    assert len(verification.lines(report)) == 1


@pytest.mark.parametrize("policy", ["keep", "remove"])
def test_nothing_is_left_out_where_nothing_is_there_twice(policy: str, tmp_path: Path):
    manifest, paths = corpus(tmp_path, [("a", 0), ("b", 1)])
    trials, counts = verification.used_trials(manifest, paths, policy)
    assert len(trials) == 2
    assert counts["n_groups"] == counts["n_removed"] == counts["n_conflicts"] == 0


DAMAGE = {
    "emptied": lambda content: b"",
    "cut short": lambda content: content[:-100],
    "one bit flipped": lambda content: content[:2000] + bytes([content[2000] ^ 1]) + content[2001:],
}
MEANS = pa.schema([("file", pa.string()), ("mean_0", pa.list_(pa.float32(), 900))])


def test_only_the_partitions_that_are_embedded_have_all_features(tmp_path: Path):
    manifest, spectral = corpus(tmp_path, [("a", 0), ("b", 1), ("c", 0)])
    split = pa.array(["train", "dev", "train"])
    manifest = manifest.set_column(manifest.schema.get_field_index("split"), "split", split)

    def features(names: list[str] | None, *embedded: str) -> dict[str, float]:
        shards = [tmp_path / "e1.parquet", tmp_path / "e2.parquet"]
        for path, files in zip(shards, (["k01"], ["k00", "k02"]), strict=True):
            kept = [file for file in files if file in embedded]
            means = pa.table([kept, [[float(file[1:])] * 900 for file in kept]], schema=MEANS)
            tables.write(path, means, MEANS, {"version": "1"})
        read = matrix.Tables.by_view(manifest, {"noise": names}, spectral, shards)["noise"]
        files, values = read.load("layer_0", "none", "mean", 1)
        return dict(zip(files, values[:, -1], strict=True))

    everything = {"k00": 0, "k01": 1, "k02": 2}
    assert features(None, *everything) == everything
    assert features(["train", "dev"], *everything) == everything
    assert features(["train"], "k00", "k02") == {"k00": 0, "k02": 2}
    assert features(["dev"], "k01") == {"k01": 1}
    assert features(["dev"], "k00", "k01") == {"k00": 0, "k01": 1}
    for names, files in ((None, ["k00", "k01"]), (["train"], ["k00"]), (["train"], ["k00", "k01"])):
        with pytest.raises(UserError, match=r"e2\.parquet: not a finite number for each file"):
            features(names, *files)


@pytest.mark.parametrize("kind", ["spectral", "embeddings"])
@pytest.mark.parametrize("name", [*DAMAGE, "of another version", "not finite", "of other files"])
def test_a_damaged_shard_is_named_before_a_model_sees_it(kind: str, name: str, tmp_path: Path):
    manifest, spectral = corpus(tmp_path, [("a", 0), ("b", 1)])
    rejected = tmp_path / "rejected.parquet"
    tables.write(rejected, tables.REJECTED.empty_table(), tables.REJECTED)
    shards = [tmp_path / "e1.parquet", tmp_path / "e2.parquet"]

    def write(path: Path, file: str, number: float, version: str = "1") -> None:
        means = [[number / (index + 1) for index in range(900)]]
        tables.write(path, pa.table([[file], means], schema=MEANS), MEANS, {"version": version})

    def checked() -> int:
        if kind == "spectral":
            return verification.verify("toy", manifest, shards, [rejected], 0)["n_accepted"]
        return len(matrix.Tables(spectral, shards).load("layer_0", "none", "mean", 1)[0])

    write(shards[0], "k01", 1)
    write(shards[1], "k00", 2)
    assert checked() == 2
    reason = r"e2\.parquet: not a readable table"
    if name in DAMAGE:
        shards[1].write_bytes(DAMAGE[name](shards[1].read_bytes()))
    elif name == "of another version":
        write(shards[1], "k00", 2, version="0")
        reason = r"e2\.parquet: made by version '0', other shards by '1'"
    else:
        write(shards[1], *(("k00", float("nan")) if name == "not finite" else ("k02", 2)))
        reason = r"e2\.parquet: not (all of mean_0 are|a) finite number|do not hold each accepted"
    with pytest.raises(UserError, match=rf"{reason}.*; delete (it|the corpus's tables)"):
        checked()
