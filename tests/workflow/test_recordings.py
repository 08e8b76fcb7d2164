"""Recordings without labels go through the workflow as a corpus that is only scored."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import corpora
import pytest
from checkout import Checkout, jobs, read


def configure(checkout: Checkout, corpora: Sequence[str] = ("toy", "mine")) -> Path:
    """Have the folder of recordings beside a checkout scored; return it."""
    folder = checkout.path.parent / "recordings"
    places = {
        "toy": {"format": "asvspoof2019_la", "root": str(checkout.corpus), "n_shards": 2},
        "mine": {"format": "recordings", "root": str(folder), "n_shards": 2},
    }
    checkout.configure(
        run={
            "corpora": [*corpora],
            "experiments": ["spectral", "layers"],
            "bundles": [],
            "views": ["trimmed"],
        },
        corpora={name: places[name] for name in corpora},
    )
    return folder


@pytest.fixture(scope="module")
def scored(
    finished: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Checkout, dict[str, int]]:
    """The finished run with two clips of its eval, a broken file and a text scored: only read it.

    The counts are those of the jobs that were planned before.
    """
    checkout = finished.copied(tmp_path_factory.mktemp("recordings") / "copy")
    folder = configure(checkout)
    (folder / "calls").mkdir(parents=True)
    for clip in sorted((checkout.corpus / "ASVspoof2019_LA_eval" / "flac").iterdir())[:2]:
        shutil.copy(clip, folder / "calls")
    (folder / "=broken\u202e.wav").write_bytes(b"RIFF, and no more")
    (folder / "readme.txt").write_text("no recording")
    planned = jobs(checkout.run("--dry-run").stdout)
    result = checkout.run("--", "results/mine/scored.csv")
    assert result.returncode == 0, result.stdout
    assert "\u202e" not in result.stdout
    return checkout, planned


def answers(checkout: Checkout) -> list[dict[str, str]]:
    """Rows of the list of scores."""
    with (checkout.path / "results/mine/scored.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_they_get_the_scores_that_the_same_audio_gets_in_a_labelled_corpus(scored):
    checkout, planned = scored
    folder = checkout.path.parent / "recordings"
    # The recordings are scored as they are, by experiments that are fitted already.
    assert planned["apply"] == 2 + 2
    assert "fit" not in planned
    rows, clips = answers(checkout), sorted(path.name for path in (folder / "calls").iterdir())
    assert [(Path(row["path"]).name, row["experiment"]) for row in rows] == [
        ("=broken\\u202e.wav", ""),
        *((clip, name) for clip in clips for name in ("layers", "spectral")),
    ]
    assert str(folder / "=broken\\u202e.wav") in rows[0]["path"]
    assert "not readable" in rows[0]["reason"] or "cannot be" in rows[0]["reason"]
    assert rows[0]["score"] == ""
    for row in rows[1:]:
        table = read(checkout.path / "results/toy/scores" / f"{row['experiment']}.parquet")
        (expected,) = [each for each in table if each["file"] == Path(row["path"]).stem]
        for name in ("score", "llr", "p_calibrated"):
            assert float(row[name]) == pytest.approx(expected[name], rel=1e-5)
        assert row["reason"] == ""
        assert float(row["seconds"]) > 0


def test_one_more_recording_costs_one_shard_and_fits_nothing(scored, tmp_path: Path):
    checkout = scored[0].copied(tmp_path / "copy")
    folder = configure(checkout)
    (folder / "new.flac").write_bytes(corpora.encoded(corpora.voice(3, spoof=False, seconds=1.5)))
    grown = checkout.run("--", "results/mine/scored.csv", cores=1)
    assert grown.returncode == 0, grown.stdout
    assert jobs(grown.stdout) == {"extract": 1, "verify": 1, "embed": 1, "apply": 2, "scored": 1}
    assert " 1 computed" in grown.stdout
    names = {Path(row["path"]).name for row in answers(checkout)}
    assert names >= {"new.flac", "=broken\\u202e.wav"}
    assert "Nothing to be done" in checkout.run("--", "results/mine/scored.csv").stdout


def test_recordings_alone_have_nothing_that_scores_them(scored, tmp_path: Path):
    checkout = scored[0].copied(tmp_path / "copy")
    configure(checkout, corpora=["mine"])
    result = checkout.run("--dry-run")
    assert result.returncode == 1
    assert "experiment spectral: its protocol official fits and chooses" in result.stdout


def test_recordings_that_are_all_set_aside_are_listed_with_their_reasons(scored, tmp_path: Path):
    checkout = scored[0].copied(tmp_path / "copy")
    shutil.rmtree(configure(checkout) / "calls")
    result = checkout.run("--", "results/mine/scored.csv")
    assert result.returncode == 0, result.stdout
    assert [(row["experiment"], row["score"]) for row in answers(checkout)] == [("", "")]
