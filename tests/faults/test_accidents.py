"""What befalls a run or its folder but kills: a full disk, a wrong clock, touched files."""

import os
import shutil
import time
from pathlib import Path

import corpora
import faults
import pytest
from authenticity import tables
from checkout import Checkout, assert_one_line_in, jobs


@pytest.fixture
def own(undisturbed: tuple[Checkout, float], tmp_path: Path) -> Checkout:
    """A private copy of the undisturbed run."""
    copy = undisturbed[0].copied(tmp_path / "copy")
    faults.configure(copy)
    return copy


def assert_sound(checkout: Checkout) -> None:
    """Nothing is half-written under a final name, nor under another."""
    for path in (checkout.path / "results").rglob("*.parquet"):
        tables.read(path)
    assert not list((checkout.path / "results").rglob("*.tmp"))


def assert_told(output: str, expected: str) -> None:
    """Each line of ours says it, or one of Snakemake's where it cannot write its own files."""
    assert expected in output
    assert all(expected in line for line in output.splitlines() if "error: " in line)
    assert "Traceback" not in output, output


def test_a_run_on_a_full_disk_says_so_and_resumes_when_there_is_room(
    undisturbed: tuple[Checkout, float], tmp_path: Path
):
    """All of the run is on that disk, Snakemake's own files and logs included."""
    whole = undisturbed[0]
    disk = tmp_path / "disk"
    with faults.small_disk(disk, kilobytes=50_000):
        own = whole.copied(disk / "copy")
        for folder in ("results", "logs", "benchmarks", ".snakemake"):
            shutil.rmtree(own.path / folder)
        for kilobytes in (100, 400):
            taken = shutil.disk_usage(disk).used // 1024
            faults.remount(disk, f"size={taken + kilobytes}k")
            full = own.run()
            assert full.returncode != 0
            assert_told(full.stdout, "No space left on device")
            assert_sound(own)
        faults.remount(disk, "size=50000k")
        result = own.run()
        assert result.returncode == 0, result.stdout
        assert own.tables() == whole.tables()


def test_jobs_without_enough_memory_say_so_and_resume_when_there_is_more(
    undisturbed: tuple[Checkout, float], own: Checkout, monkeypatch: pytest.MonkeyPatch
):
    """They read their tables with 450 MB of addresses, and torch needs 900."""
    limit = own.path.parent / "limit.sh"  # read by the shell of each job
    limit.write_text("ulimit -v 600000")
    shutil.rmtree(own.path / "results/toy/embeddings")
    with monkeypatch.context() as patched:
        patched.setenv("BASH_ENV", str(limit))
        result = own.run("--until", "embed")
    assert result.returncode != 0, result.stdout
    made = "results/toy/embeddings/small/clean/"
    told = [line for line in result.stdout.splitlines() if "error: " in line]
    assert len(told) == 4, result.stdout
    assert all(made in line and "memory" in line and "--cores" in line for line in told)
    assert "Traceback" not in result.stdout, result.stdout
    assert_sound(own)
    result = own.run()
    assert result.returncode == 0, result.stdout
    assert own.tables() == undisturbed[0].tables()


def test_a_folder_of_results_that_cannot_be_written_is_one_line(own: Checkout):
    results = own.path / "results"
    with faults.small_disk(results, kilobytes=1000):
        faults.remount(results, "ro")
        result = own.run()
    assert result.returncode != 0
    assert_one_line_in(result.stdout, "Read-only file system")


def test_what_a_checkout_touches_and_what_is_forgotten_computes_nothing(own: Checkout):
    for folder in ("workflow", "config", "profiles"):  # as another branch and back
        for path in (own.path / folder).rglob("*"):
            path.touch()
    assert "Nothing to be done" in own.run().stdout
    shutil.rmtree(own.path / ".snakemake")
    assert "Nothing to be done" in own.run().stdout


def test_a_clock_that_was_wrong_computes_nothing_and_hides_no_change(own: Checkout):
    """All was made when the clock was a day ahead; then a clip changes."""
    ahead = 86_400_000_000_000
    for path in (own.path / "results").rglob("*"):
        now = path.stat().st_mtime_ns
        os.utime(path, ns=(now + ahead, now + ahead))
    assert "Nothing to be done" in own.run().stdout
    clip = next((own.corpus / "ASVspoof2019_LA_train" / "flac").iterdir())
    clip.write_bytes(corpora.encoded(corpora.voice(99, spoof=False)))
    result = own.run("--until", "verify")
    assert result.returncode == 0, result.stdout
    assert jobs(result.stdout)["extract"] == jobs(result.stdout)["verify"] == 1
    assert " 1 computed" in result.stdout
    assert time.time() > max(path.stat().st_mtime for path in own.path.rglob("*"))
