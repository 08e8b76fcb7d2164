"""The adapter of ASVspoof 2019 LA, on its exact layout and on the real protocols."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from authenticity import manifest, tables
from authenticity.config import Corpus
from authenticity.errors import UserError
from checkout import REPOSITORY
from corpora import PROTOCOLS, asv_scores_2019, asvspoof2019_la, write_archive, write_folder

REFERENCE = REPOSITORY.parent / "shared" / "reference" / "asvspoof2019_la"
SPLITS = ["train", "dev", "eval"]


def settings(root: Path, splits: Sequence[str] = ("train", "dev", "eval")) -> Corpus:
    return Corpus(format="asvspoof2019_la", root=str(root), splits=splits)


def rows(path: Path) -> list[dict]:
    return pq.read_table(path).to_pylist()


@pytest.mark.parametrize("prefix", ["", "LA/", "LA/LA/"])
@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_the_layout_is_found_however_it_is_nested(prefix: str, kind: str, tmp_path: Path):
    files = asvspoof2019_la(8, prefix=prefix)
    write = write_folder if kind == "folder" else write_archive
    root = write(files, tmp_path / kind)
    news = manifest.refresh(tmp_path / "manifest.parquet", "toy", settings(root))
    assert news == (
        "corpus toy: 24 trials (train 4 bona fide + 4 spoof, dev 4 bona fide + 4 spoof, "
        "eval 4 bona fide + 4 spoof)"
    )
    found = rows(tmp_path / "manifest.parquet")
    assert [row["key"] for row in found] == sorted(row["key"] for row in found)
    assert {row["path"] for row in found} == {path for path in files if path.endswith(".flac")}
    for row in found:
        assert (row["label"] == 1) == (row["attack"] != "-")
        assert row["bytes"] == len(files[row["path"]])
    first = next(row for row in found if row["key"] == "LA_D_1000097")
    assert first | {"mtime_ns": 0, "bytes": 0} == {
        "key": "LA_D_1000097",
        "path": f"{prefix}ASVspoof2019_LA_dev/flac/LA_D_1000097.flac",
        "corpus": "toy",
        "split": "dev",
        "label": 1,
        "attack": "A03",
        "speaker": "LA_0100",
        "bytes": 0,
        "mtime_ns": 0,
    }


def test_a_listed_file_that_is_absent_is_kept_to_be_set_aside_and_counted(tmp_path: Path):
    files = asvspoof2019_la(8)
    del files["ASVspoof2019_LA_dev/flac/LA_D_1000097.flac"]
    files["ASVspoof2019_LA_dev/flac/LA_D_9999999.flac"] = b"the ASV trials' files lie there too"
    root = write_folder(files, tmp_path / "LA")
    news = manifest.refresh(tmp_path / "manifest.parquet", "toy", settings(root))
    assert news is not None
    absent = "ASVspoof2019_LA_dev/flac/LA_D_1000097.flac"
    assert news.endswith(f"1 of the files are absent or empty, first {absent}")
    found = {row["key"]: row for row in rows(tmp_path / "manifest.parquet")}
    assert len(found) == 24
    assert found["LA_D_1000097"]["bytes"] == 0


def test_the_manifest_is_rewritten_only_when_its_content_changed(tmp_path: Path):
    root = write_folder(asvspoof2019_la(8), tmp_path / "LA")
    path = tmp_path / "manifest.parquet"
    assert manifest.refresh(path, "toy", settings(root))
    os.utime(path, (0, 0))  # long ago, so that it shows when it is written again
    assert manifest.refresh(path, "toy", settings(root)) is None
    protocol = root / PROTOCOLS / "ASVspoof2019.LA.cm.dev.trl.txt"
    protocol.write_bytes(protocol.read_bytes())  # touched: read again, same content
    assert manifest.refresh(path, "toy", settings(root)) is None
    path.with_suffix(".signature").write_bytes(b"\xff")  # damaged: the same
    assert manifest.refresh(path, "toy", settings(root)) is None
    assert path.stat().st_mtime == 0
    audio = next((root / "ASVspoof2019_LA_dev" / "flac").iterdir())
    audio.write_bytes(audio.read_bytes() + b"\0")  # changed in place: the folder's time is the same
    assert manifest.refresh(path, "toy", settings(root))
    assert path.stat().st_mtime > 0


def test_only_the_splits_asked_for_are_needed(tmp_path: Path):
    root = write_folder(asvspoof2019_la(8, splits=("dev",)), tmp_path / "LA")
    manifest.refresh(tmp_path / "manifest.parquet", "toy", settings(root, ["dev"]))
    assert {row["split"] for row in rows(tmp_path / "manifest.parquet")} == {"dev"}
    with pytest.raises(UserError, match="ASVspoof2019_LA_train/flac"):
        manifest.refresh(tmp_path / "manifest.parquet", "toy", settings(root))


def test_a_protocol_that_is_not_text_is_one_clear_line(tmp_path: Path):
    files = asvspoof2019_la(8)
    files[f"{PROTOCOLS}/ASVspoof2019.LA.cm.dev.trl.txt"] = b"\xff\xfe\x00 not text"
    root = write_folder(files, tmp_path / "LA")
    with pytest.raises(UserError, match=r"dev\.trl\.txt: expected text in UTF-8"):
        manifest.refresh(tmp_path / "manifest.parquet", "toy", settings(root))


def test_the_scores_of_speaker_verification_are_kept_beside_the_manifest(tmp_path: Path):
    files = asvspoof2019_la(8, prefix="LA/")
    root = write_folder(files, tmp_path / "LA")
    path, beside = tmp_path / "manifest.parquet", tmp_path / "asv_scores.parquet"
    manifest.refresh(path, "toy", settings(root))
    assert pq.read_table(beside).num_rows == 0
    os.utime(path, (0, 0))
    write_folder(asv_scores_2019("LA/"), root)
    news = manifest.refresh(path, "toy", settings(root))
    assert news is not None
    assert "8 scores of speaker verification" in news
    assert path.stat().st_mtime == 0
    table = pq.read_table(beside)
    assert table.schema.equals(tables.ASV_SCORES)
    assert table.to_pylist()[:4] == [
        {"split": "dev", "kind": "target", "attack": "-", "score": 7.98},
        {"split": "dev", "kind": "nontarget", "attack": "-", "score": -3.5},
        {"split": "dev", "kind": "spoof", "attack": "A07", "score": -1.2},
        {"split": "dev", "kind": "spoof", "attack": "A08", "score": 2.25},
    ]
    beside.unlink()
    assert manifest.refresh(path, "toy", settings(root, ["dev"]))
    assert set(pq.read_table(beside)["split"].to_pylist()) == {"dev"}
    scores = root / next(iter(asv_scores_2019("LA/")))
    scores.write_bytes(b"bonafide target 7.98\nbonafide target none\n")
    with pytest.raises(UserError, match=r"dev\.gi\.trl\.scores\.txt, line 2: expected"):
        manifest.refresh(path, "toy", settings(root))


@pytest.mark.skipif(not REFERENCE.exists(), reason="the real protocols are not here")
def test_the_real_protocols(tmp_path: Path):
    """Counts as published: 25,380, 24,844 and 71,237 trials; 29,548 and 102,579 ASV scores."""
    root = tmp_path / "LA"
    for path in REFERENCE.glob("*.txt"):
        kind = "asv_scores" if ".asv." in path.name else "cm_protocols"
        folder = root / f"ASVspoof2019_LA_{kind}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).symlink_to(path)
    for split in SPLITS:
        (root / f"ASVspoof2019_LA_{split}" / "flac").mkdir(parents=True)
    manifest.refresh(tmp_path / "manifest.parquet", "toy", settings(root))
    trials = rows(tmp_path / "manifest.parquet")
    assert Counter((row["split"], row["label"]) for row in trials) == {
        ("train", 0): 2580,
        ("train", 1): 22800,
        ("dev", 0): 2548,
        ("dev", 1): 22296,
        ("eval", 0): 7355,
        ("eval", 1): 63882,
    }
    attacks = {split: {r["attack"] for r in trials if r["split"] == split} for split in SPLITS}
    assert attacks["train"] == attacks["dev"] == {"-", *(f"A{n:02}" for n in range(1, 7))}
    assert attacks["eval"] == {"-", *(f"A{n:02}" for n in range(7, 20))}
    speakers = {split: {r["speaker"] for r in trials if r["split"] == split} for split in SPLITS}
    assert not speakers["train"] & speakers["dev"] | speakers["dev"] & speakers["eval"]
    asv = pq.read_table(tmp_path / "asv_scores.parquet").to_pandas()
    assert asv.groupby("split").size().to_dict() == {"dev": 29548, "eval": 102579}
    evaluated = asv[asv.split == "eval"]
    assert set(evaluated.attack[evaluated.kind == "spoof"]) == attacks["eval"] - {"-"}
    assert set(evaluated.attack[evaluated.kind != "spoof"]) == {"-"}
    # The system's published error rates at the threshold where they are equal, .024581 of 5,370
    # targets missed and .024605 of 33,327 others taken for them, are 132 and 820 trials.
    target, other = (
        sorted(evaluated.score[evaluated.kind == kind]) for kind in ("target", "nontarget")
    )
    assert (len(target), len(other)) == (5370, 33327)
    assert target[131] < other[-820]
    assert other[-821] < target[132]
