"""25 kills at random moments of whole runs, and 25 of the scoring of own recordings."""

import re
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

import faults
import pytest
from authenticity.scoring import batch
from checkout import Checkout, read
from corpora import encoded, voice
from dealt import shard_of
from score_command import comparable, run, start

CORES = 2


TABLES = {"extract": "spectral/clean", "embed": "embeddings/small/clean"}
"""What the rules make whose rows take time."""


def standing(checkout: Checkout) -> set[str]:
    """The shards of both tables that are there."""
    results = checkout.path / "results" / "toy"
    return {
        f"{table}/{path.stem}"
        for table in TABLES.values()
        for path in (results / table).glob("*.parquet")
    }


def flying(checkout: Checkout) -> set[str]:
    """The shards that a killed command has begun and not made."""
    begun = {
        f"{table}/{path.stem}"
        for rule, table in TABLES.items()
        for path in (checkout.path / "logs" / "toy" / rule).rglob("*.log")
    }
    return begun - standing(checkout)


def without_markup(checkout: Checkout) -> dict[str, bytes]:
    """All that a run leaves but pages and figures, and cards, which say how long it took."""
    results = checkout.path / "results"
    return {
        str(path.relative_to(results)): path.read_bytes()
        for path in results.rglob("*")
        if path.is_file() and path.suffix not in (".html", ".svg", ".md")
    }


def assert_told(way: str, output: str) -> None:
    """The command resumed, and what ended it is told in a line or not at all."""
    assert not re.search("LockException|IncompleteFiles|another run works", output), output
    if way == faults.A_WORKER:
        (line,) = [line for line in output.splitlines() if "error: " in line]
        assert "was killed, as happens when memory runs out" in line
        assert "Traceback" not in output, output
    elif way != "SIGINT":  # which libraries that are being imported answer as they do
        assert not re.search("Exception|Traceback|error: ", output), output


def test_a_killed_run_goes_on_and_loses_no_more_than_the_shards_in_flight(
    undisturbed: tuple[Checkout, float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    whole, seconds = undisturbed
    expected = without_markup(whole)
    trials = read(whole.path / "results/toy/manifest.parquet")
    n_rows = Counter(shard_of(row["key"], 4) for row in trials)
    checkout = whole.copied(tmp_path / "killed")
    lost, again, before = 0, 0, ""
    begun_before: set[str] = set()
    sessions: list[int] = []
    stood: set[str] = set()
    shutil.rmtree(checkout.path / "results")

    def begin() -> subprocess.Popen:
        for log in (checkout.path / "logs").rglob("*.log"):
            log.unlink()  # not the folders: a worker that lives on may be about to write there
        stood.clear()
        stood.update(standing(checkout))
        process = checkout.begin(tmp_path / "said", cores=CORES)
        sessions.append(process.pid)
        return process

    figures = faults.Figures(seconds)
    for process, way in faults.killed(begin, "/.snakemake/scripts", figures):
        output = (tmp_path / "said").read_text()
        counts = re.findall(r"results/toy/(\S+)\.parquet: \d+ clips, (\d+) computed", output)
        computed = {shard: int(count) for shard, count in counts}
        assert not any(computed.get(shard) for shard in stood), output
        again += sum(count for shard, count in computed.items() if shard in begun_before)
        if way and process.returncode:  # a signal may come as the last job ends
            assert_told(way, output)
            left = flying(checkout)
            assert len(left) <= CORES * (1 + (before == faults.ORPHANS))
            before = way
            lost += sum(n_rows[Path(shard).name] for shard in left)
            begun_before |= left
            continue
        assert process.returncode == 0, output
        for session in sessions:
            faults.until_alone(session)
        made = without_markup(checkout)
        assert made.keys() == expected.keys()
        for path, content in made.items():
            assert content == expected[path], path
        shutil.rmtree(checkout.path / "results")
        before = ""
        begun_before.clear()
        sessions.clear()
    assert again <= lost
    with capsys.disabled():
        print(f"\n{figures}; rows recomputed: {again}, {lost} in flight, {len(trials)} in a run")


N_FILES = 200


def test_scoring_that_is_killed_goes_on_and_scores_nothing_twice(
    undisturbed: tuple[Checkout, float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    checkout = undisturbed[0].copied(tmp_path / "copy")
    faults.configure(checkout, "spectral")
    made = checkout.run("--", "results/toy/bundles/spectral/bundle.json")
    assert made.returncode == 0, made.stdout
    bundle = checkout.path / "results/toy/bundles/spectral"
    (tmp_path / "in").mkdir()
    for index in range(N_FILES):
        sound = voice(index, spoof=index % 2 == 1, seconds=0.6)
        (tmp_path / "in" / f"{index:03}.flac").write_bytes(encoded(sound))
    begun = time.monotonic()
    run(bundle, tmp_path / "whole", str(tmp_path / "in"), jobs=CORES)
    seconds = time.monotonic() - begun
    expected = comparable(tmp_path / "whole")

    output = tmp_path / "out"
    lost = 0

    def begin() -> subprocess.Popen:
        return start(bundle, output, str(tmp_path / "in"), jobs=CORES, start_new_session=True)

    figures = faults.Figures(seconds)
    for process, way in faults.killed(begin, "spawn_main", figures):
        said = process.communicate()[1].decode()
        assert way == "SIGINT" or "Traceback" not in said, said
        faults.until_alone(process.pid)
        if way and process.returncode:
            # All answers move to the other file before tables and page are written.
            kept = output / batch.KEPT
            there = batch.read([kept if kept.exists() else output / batch.UNFINISHED])
            answers = Counter(answer.file for answer in there)
            assert set(answers.values()) <= {1}, "a file has two answers"
            flying = len(list(output.glob("overlays/*.png"))) - len(answers)
            assert flying <= 2 * CORES
            lost += max(0, flying)
            continue
        assert process.returncode == 0, said
        assert comparable(output) == expected
        shutil.rmtree(output)
    with capsys.disabled():
        print(f"\n{figures}; files scored again: {lost}, {N_FILES} in a run")
