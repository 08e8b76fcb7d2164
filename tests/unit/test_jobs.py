"""What every script of the workflow does around its work."""

import contextlib
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from authenticity import benchmarks, running
from authenticity.errors import UserError
from authenticity.jobs import job

HOSTILE = "a\x1b[2J\u202eb\nc.wav"
SHOWN = "a\\x1b[2J\\u202eb\\nc.wav"


def test_no_name_steers_the_terminal_or_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    snakemake = SimpleNamespace(log=[tmp_path / "rule.log"], rule="extract")

    def work() -> None:
        with job(snakemake):
            logging.getLogger("authenticity").warning("set aside: %s", HOSTILE)
            raise UserError(f"{HOSTILE}: was there")

    with pytest.raises(SystemExit) as end:
        work()
    assert end.value.code == 1
    for said in (capsys.readouterr().err, (tmp_path / "rule.log").read_text()):
        lines = [line.partition(" ")[2] for line in said.splitlines()]
        assert lines == [f"set aside: {SHOWN}", f"error: {SHOWN}: was there"]


def test_a_job_says_what_it_took_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for rule in ("extract", "report_corpus"):
        Path("logs", "toy", rule).mkdir(parents=True)
        with job(SimpleNamespace(log=[f"logs/toy/{rule}/1-of-2.log"], rule=rule)):
            before = time.process_time()
            while time.process_time() < before + 0.2:
                pass
    (taken,) = benchmarks.spent(tmp_path / "benchmarks" / "toy")
    assert (taken.rule, taken.jobs) == ("extract", 1)
    # Of the whole process, which runs these tests, and of what they have started.
    assert taken.cpu_seconds > 0.2
    assert taken.wall_seconds > 0.2
    assert 20 < taken.peak_mib < 20_000


def test_a_process_has_not_run_for_longer_than_its_caller_waited():
    code = "from authenticity import jobs; print(jobs.seconds_since_start())"
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < float(done.stdout) < time.monotonic() - begun + 0.02


@pytest.mark.parametrize(
    ("log", "failure", "expected"),
    [
        ("/dev/full", UserError("a.parquet: no room"), "error: a.parquet: no room"),
        ("/dev/full/no.log", None, "error: /dev/full/no.log: Not a directory; fix this"),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_log_on_a_full_disk_brings_no_traceback(
    log: str, failure: BaseException, expected: str, capfd: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as end, job(SimpleNamespace(log=[log], rule="extract")):
        raise failure
    assert end.value.code == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert expected in line


def test_an_interrupted_job_ends_at_once_and_silently_though_a_thread_computes():
    script = """
import threading, time
from types import SimpleNamespace
from authenticity.jobs import job
with job(SimpleNamespace(log=[], rule="finetune")):
    threading.Thread(target=time.sleep, args=(60,)).start()
    raise KeyboardInterrupt
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


# torch has a RuntimeError for it.
@pytest.mark.parametrize("failing", ["bytearray(1 << 40)", "torch.empty(1 << 40)"])
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep to the limit")
def test_memory_that_runs_out_is_one_line(failing: str, tmp_path: Path):
    script = f"""
import resource
import torch
from types import SimpleNamespace
from authenticity.jobs import job
resource.setrlimit(resource.RLIMIT_AS, (1 << 36, 1 << 36))
with job(SimpleNamespace(log=[], rule="embed", output=["results/a.parquet"])):
    {failing}
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "error: results/a.parquet: memory ran out in rule embed; close other programs" in line


def test_what_was_made_with_the_clock_ahead_is_no_longer_newer_than_now(tmp_path: Path):
    paths = [tmp_path / "results" / name for name in ("made from", "made")]
    for index, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (time.time() + 1000 + index,) * 2)
    for _ in range(2):
        with running.folder_taken(tmp_path, only_look=True):
            times = [path.stat().st_mtime for path in paths]
        assert times[1] - times[0] == pytest.approx(1, abs=0.01)
        assert times[1] < time.time()


@pytest.mark.parametrize(
    ("squeue", "expected"),
    [
        ("exec sleep 3600", "squeue: no answer from the cluster in 0.5 s, so jobs that an"),
        ("echo '7|rule_|{folder}'", "{folder}: jobs that a killed run left on the cluster do not"),
    ],
)
def test_a_cluster_that_does_not_answer_holds_no_command_up(
    squeue: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    for name, command in (("squeue", squeue.format(folder=tmp_path)), ("scancel", "true")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{command}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for name in ("_CONTROLLER_SECONDS", "_ENDING_SECONDS"):
        monkeypatch.setattr(running, name, 0.5)
    with contextlib.suppress(SystemExit), running.one_line_errors():
        running._cancel_left_jobs(tmp_path)
    assert expected.format(folder=tmp_path) in capfd.readouterr().err.splitlines()[-1]


def test_no_name_steers_the_terminal_while_the_workflow_is_planned(
    capsys: pytest.CaptureFixture[str],
):
    def plan() -> None:
        with running.one_line_errors():
            raise UserError(HOSTILE)

    with pytest.raises(SystemExit) as end:
        plan()
    assert end.value.code == 1
    assert capsys.readouterr().err == f"error: {SHOWN}\n"


@pytest.mark.parametrize(
    ("arguments", "looks"),
    [
        *((option, True) for option in ("-n", "-pn", "--dry-run", "--dag", "--summary")),
        *((option, True) for option in ("--rulegraph", "--list-rules", "-l", "--lint", "-D")),
        ("--cores 2 --report x.html --report-after-run", False),
        *((option, True) for option in ("--report x.html", "--configfile x.yaml --cores 2 -n")),
        *((option, False) for option in ("", "--cores 2", "--cores 2 -p", "--unlock", "--touch")),
        *((option, False) for option in ("--cores 2 -- results/-n", "--configfile dag", "fit")),
    ],
)
def test_what_only_looks_is_told_from_what_runs(arguments: str, looks: bool):
    assert running.only_looks(arguments.split()) == looks
