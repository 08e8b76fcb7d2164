"""The command `authenticity score`, started as a user starts it, and what it leaves."""

import os
import subprocess
import sys
from pathlib import Path

import held
import psutil
import pyarrow.parquet as pq
from authenticity.scoring import batch

MEASURED = ("seconds", "real_time_factor")  # columns that differ from run to run


def environment() -> dict[str, str]:
    return os.environ | {"HF_HUB_OFFLINE": "1"}


def start(
    bundle: Path, output: Path, *arguments: str, jobs: int = 1, **options
) -> subprocess.Popen[bytes]:
    """Start the command, which prints as it goes."""
    command = [sys.executable, "-m", "authenticity", "score", "--bundle", str(bundle)]
    command += ["--output", str(output), "--jobs", str(jobs), "--", *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    with held.interrupts_heard():
        return subprocess.Popen(command, env=environment(), **streams)


def kept(output: Path) -> set[str]:
    """The files that an unfinished run has answers on."""
    return {answer.file for answer in batch.read([output / "recordings.jsonl.unfinished"])}


def run(
    bundle: Path, output: Path, *arguments: str, stdin: bytes = b"", **options
) -> tuple[int, list[str], str]:
    """Run the command; return its exit code, its lines, and its standard error."""
    process = start(bundle, output, *arguments, stdin=subprocess.PIPE, **options)
    out, err = process.communicate(stdin, timeout=held.GUARD_SECONDS)
    assert b"Traceback" not in err, err.decode()
    return process.returncode, out.decode().splitlines(), err.decode()


def rows_of(output: Path) -> list[dict]:
    return pq.read_table(output / "scores.parquet").to_pylist()


def comparable(output: Path) -> dict[str, object]:
    """The tables of results, but for what was measured and where the inputs lie.

    Of pictures and sounds the names: Matplotlib and LAME do not promise the same bytes, and one
    picture or sound in hundreds of runs differed.
    """
    scores = pq.read_table(output / "scores.parquet").drop_columns(list(MEASURED))
    windows = pq.read_table(output / "windows.parquet")
    return {
        "scores": scores.to_pylist(),
        "windows": windows.to_pydict(),
        "pictures": {path.name for path in (output / "overlays").iterdir()},
        "sounds": {path.name for path in (output / "previews").iterdir()},
    }


def workers_of(process: subprocess.Popen) -> list[psutil.Process]:
    """The processes that score for a command; another child looks after its locks."""
    children = psutil.Process(process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
