"""Extraction of one shard: what is reused, what is set aside, and what must stop instead."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from authenticity import manifest, tables
from authenticity.audio import Limits
from authenticity.config import Corpus, view
from authenticity.errors import UserError
from authenticity.features import clips, encoder, extraction, spectral
from authenticity.features.clips import Reader
from authenticity.features.encoder import Encoder, EncoderSource
from authenticity.roots import Root
from checkout import REPOSITORY
from corpora import asvspoof2019_la, encoded, voice, write_folder

SHIPPED = str(REPOSITORY / "resources" / "encoders" / "small")
LIMITS = Limits(min_seconds=0.25, silence_dbfs=-60, max_megabytes=10, max_seconds=60)
CLEAN = ("clean", ())
QUIET = ("noisy", view([{"step": "noise", "colour": "white", "snr_db": 30}]))
FLACS = "ASVspoof2019_LA_dev/flac"


@pytest.fixture(scope="module")
def identity() -> dict:
    return encoder.identify(EncoderSource(SHIPPED), "float32")


@pytest.fixture
def extract(tmp_path: Path, identity: dict) -> Callable[[], dict[str, int]]:
    """A corpus of eight dev clips, and a function that brings its one shard up to date.

    It returns how many clips were accepted, rejected, described and embedded.
    """
    root = write_folder(asvspoof2019_la(8, splits=("dev",)), tmp_path / "LA")
    settings = Corpus(format="asvspoof2019_la", root=str(root), splits=("dev",))
    listed = tmp_path / "manifest.parquet"
    manifest.refresh(listed, "toy", settings)
    path = tmp_path / "spectral"

    def run(
        limits: Limits = LIMITS, window: float = 30, refresh: bool = False, view: tuple = CLEAN
    ) -> dict[str, int]:
        if refresh:
            manifest.refresh(listed, "toy", settings)
        rows = tables.read(listed).to_pylist()
        reader = Reader(Root(root), limits, *view)
        described = extraction.describe_shard(rows, reader, path, tmp_path / "rejected")
        accepted = tables.read(path)["file"].to_pylist()
        embedded = extraction.embed_shard(
            [row for row in rows if row["key"] in accepted],
            reader,
            identity,
            window,
            lambda: Encoder.load(SHIPPED, "float32", window),
            tmp_path / "embeddings",
        )
        assert embedded["clips"] == described["accepted"]
        return counts(*described.values(), embedded["computed"])

    return run


def counts(accepted: int, rejected: int, described: int, embedded: int) -> dict[str, int]:
    return {
        "accepted": accepted,
        "rejected": rejected,
        "described": described,
        "embedded": embedded,
    }


def test_what_is_there_is_not_computed_again(extract, tmp_path: Path):
    assert extract() == counts(8, 0, 8, 8)
    assert extract() == counts(8, 0, 0, 0)
    assert extract(window=10) == counts(8, 0, 0, 8)
    (tmp_path / "spectral").write_bytes(b"damaged")
    assert extract(window=10) == counts(8, 0, 8, 0)


def test_every_table_says_what_made_it(extract, tmp_path: Path, identity: dict):
    extract()
    found = tables.metadata(tmp_path / "embeddings")
    assert found["encoder"] == SHIPPED
    assert found["encoder_identity"] == identity["identity"]
    assert found["precision"] == "float32"
    assert identity["identity"] in found["version"]
    assert f"spectral {spectral.VERSION}" in tables.metadata(tmp_path / "spectral")["version"]


def test_a_corpus_that_vanishes_stops_the_job_and_loses_nothing(extract, tmp_path: Path):
    extract()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    (tmp_path / "LA" / FLACS).rename(tmp_path / "unplugged")
    with pytest.raises(UserError, match="was there when the workflow was planned"):
        extract()
    (tmp_path / "unplugged").rename(tmp_path / "LA" / FLACS)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert after == before
    assert extract() == counts(8, 0, 0, 0)


def test_a_file_that_changes_under_the_run_stops_the_job(extract, tmp_path: Path):
    clip = next((tmp_path / "LA" / FLACS).iterdir())
    clip.write_bytes(clip.read_bytes() + b"more")
    with pytest.raises(UserError, match="do not change the corpus"):
        extract()


def test_an_absent_clip_is_set_aside_until_it_comes(extract, tmp_path: Path):
    clip = next((tmp_path / "LA" / FLACS).iterdir())
    clip.rename(tmp_path / "later.flac")
    assert extract(refresh=True) == counts(7, 1, 7, 7)
    (row,) = pq.read_table(tmp_path / "rejected").to_pylist()
    assert row["file"] == clip.stem
    assert "there is no such file" in row["reason"]
    (tmp_path / "later.flac").rename(clip)
    assert extract(refresh=True) == counts(8, 0, 1, 1)


def test_a_log_says_how_far_it_is_and_how_many_are_set_aside(
    extract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(clips, "_PROGRESS_SECONDS", 1e-9)
    first, *_ = sorted((tmp_path / "LA" / FLACS).iterdir())
    first.write_bytes(bytes(first.stat().st_size))
    with caplog.at_level("INFO", "authenticity"):
        extract()
    assert any(re.match(r"7 of 8 clips, 1 set aside, \S+ a second", m) for m in caplog.messages)


def test_the_first_clip_does_not_count_towards_the_rate(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    seconds = iter([100.0, 120.0])
    monkeypatch.setattr(clips.time, "monotonic", lambda: next(seconds))
    progress = clips._Progress(4)
    with caplog.at_level("INFO", "authenticity"):
        progress.one_more()
        progress.one_more()
    assert caplog.messages == ["2 of 4 clips, 0 set aside, 0.1 a second, about 40 s left"]


def test_a_label_corrected_in_the_protocol_is_taken_over(extract, tmp_path: Path):
    extract()
    protocol = next((tmp_path / "LA").rglob("*.trl.txt"))
    first, *others = protocol.read_text().splitlines()
    assert first.endswith("- - bonafide")
    corrected = first.replace("- - bonafide", "- A09 spoof")
    protocol.write_text("\n".join([corrected, *others]) + "\n")
    assert extract(refresh=True) == counts(8, 0, 0, 0)
    rows = {row["file"]: row["label"] for row in pq.read_table(tmp_path / "spectral").to_pylist()}
    assert rows[first.split()[1]] == 1


def test_a_view_has_tables_of_its_own(extract, tmp_path: Path):
    assert extract(view=QUIET) == counts(8, 0, 8, 8)
    assert extract(view=QUIET) == counts(8, 0, 0, 0)
    found = tables.metadata(tmp_path / "embeddings")
    assert found["view"] == "noisy"
    assert found["steps"] == json.dumps([step.plain() for step in QUIET[1]], sort_keys=True)
    assert tables.metadata(tmp_path / "spectral")["view"] == "noisy"
    degraded = tables.read(tmp_path / "spectral")
    extract()
    clean = tables.read(tmp_path / "spectral")
    assert degraded["file"] == clean["file"]
    assert degraded["content"] == clean["content"]
    assert not set(degraded["audio"].to_pylist()) & set(clean["audio"].to_pylist())


def test_changed_steps_compute_the_view_again(extract):
    extract(view=QUIET)
    louder = ("noisy", view([{**QUIET[1][0].plain(), "snr_db": 10}]))
    assert extract(view=louder) == counts(8, 0, 8, 8)
    assert extract(view=("renamed", louder[1])) == counts(8, 0, 0, 0)


def test_a_clip_meets_the_limits_before_the_steps_and_after(extract, tmp_path: Path):
    clip = sorted((tmp_path / "LA" / FLACS).iterdir())[0]
    word = np.zeros(16_000, np.float32)
    word[8000:9600] = voice(1, spoof=False, seconds=0.1)
    clip.write_bytes(encoded(word))
    trimmed = ("trimmed", view([{"step": "trim"}]))
    assert extract(view=trimmed, refresh=True) == counts(7, 1, 7, 7)
    (row,) = pq.read_table(tmp_path / "rejected").to_pylist()
    assert row["reason"].endswith("in view trimmed: too short: 0.120 s, at least 0.25 needed")
    # Every clip is longer than this, in a view as in the clean tables.
    strict = replace(LIMITS, max_seconds=0.3)
    assert extract(limits=strict, view=trimmed) == counts(0, 8, 0, 0)
    assert extract(limits=strict) == counts(0, 8, 0, 0)


def test_the_digest_of_the_samples_is_kept(extract, tmp_path: Path):
    first, second, *_ = sorted((tmp_path / "LA" / FLACS).iterdir())
    second.write_bytes(first.read_bytes())
    extract(refresh=True)
    rows = {row["file"]: row["audio"] for row in tables.read(tmp_path / "spectral").to_pylist()}
    assert rows[first.stem] == rows[second.stem]
    assert len(set(rows.values())) == 7
