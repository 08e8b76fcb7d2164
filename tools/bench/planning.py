"""What the workflow itself costs: planning corpora of any size, its jobs, the command's start."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
_PER_FOLDER = 1000
_HEADER = "path,label,split,speaker,attack\n"
_MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
spent = resource.getrusage(resource.RUSAGE_CHILDREN)
print(spent.ru_utime + spent.ru_stime, spent.ru_maxrss / 1024)
sys.exit(code)
"""
_JOB = """
import json, resource, time
from pathlib import Path
import yaml
from authenticity import planning
from authenticity.config import Config
def memory(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, begun = memory(), time.perf_counter()
planning.Plan.make(Config.of(yaml.safe_load(Path("config/config.yaml").read_text())), refresh=False)
print(time.perf_counter() - begun, memory() - before)
"""


def lay_out(
    folder: Path,
    clips: Sequence[bytes] | int,
    n_shards: int | None = None,
    encoder: Path | None = None,
) -> None:
    """Make a corpus of a table in CSV and its files, and beside it what Snakemake needs.

    Args:
        folder: an empty one.
        clips: the files' content; or how many that are only listed, to be planned and never read.
        n_shards: as in the configuration.
        encoder: likewise.
    """
    number = clips if isinstance(clips, int) else len(clips)
    corpus = folder / "corpus"  # by itself: a corpus in which results lie would be read each time
    corpus.mkdir()
    with (corpus / "clips.csv").open("w") as table:
        table.write(_HEADER)
        for index in range(number):
            path = Path("audio", f"{index // _PER_FOLDER:04}", f"{index:07}.flac")
            if not isinstance(clips, int):
                (corpus / path).parent.mkdir(parents=True, exist_ok=True)
                (corpus / path).write_bytes(clips[index])
            label = ("bonafide", "spoof")[index % 2]
            split = ("train", "dev", "eval", "eval")[index // 2 % 4]
            attack = f"A{index // 8 % 6:02}" if index % 2 else "-"
            table.write(f"{path},{label},{split},{split}{index // 8 % 40},{attack}\n")
    for name in ("Snakefile", "workflow", "profiles", "resources"):
        (folder / name).symlink_to(REPOSITORY / name)
    settings = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    experiments = ["baseline_layer"]
    settings["run"] = {"corpora": ["large"], "experiments": experiments, "views": [], "bundles": []}
    settings["corpora"] = {"large": {"format": "csv", "root": "corpus", "list": "clips.csv"}}
    if encoder:
        settings["encoder"]["model"] = str(encoder)
    if n_shards:
        settings["corpora"]["large"]["n_shards"] = n_shards
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text(yaml.safe_dump(settings))


def plan(folder: Path) -> tuple[float, float]:
    """Plan what `lay_out` made; return CPU seconds and peak memory in MB (2^20 bytes)."""
    return run(folder, "-m", "snakemake", "-n", "--quiet", "all")


def job(folder: Path) -> tuple[float, float]:
    """Return what one job spends on planning, once planned: seconds and MB."""
    command = [sys.executable, "-c", _JOB]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, check=True)
    seconds, memory = map(float, done.stdout.split())
    return seconds, memory


def extracted(folder: Path, cores: int) -> float:
    """Extract and embed what `lay_out` made, from nothing; return the wall time, seconds."""
    shutil.rmtree(folder / "results", ignore_errors=True)
    begun = time.perf_counter()
    run(folder, "-m", "snakemake", "--cores", str(cores), "--quiet", "all", "--until", "embed")
    return time.perf_counter() - begun


def first_line(folder: Path, *arguments: str) -> float:
    """Run Python to its end; return after how many seconds it printed its first line."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with process:
        process.stdout.readline()
        seconds = time.perf_counter() - begun
        process.stdout.read()
    return seconds


def run(folder: Path, *arguments: str) -> tuple[float, float]:
    """Run Python; return the CPU time in seconds, and the peak memory in MB (2^20 bytes).

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    # By way of a small process: what starts another lends it the peak of its own memory.
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, sys.executable, *arguments],
        cwd=folder, env=_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr[-2000:]}")
    seconds, memory = map(float, done.stdout.split()[-2:])
    return seconds, memory


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": f"{REPOSITORY / 'workflow'}:{REPOSITORY / 'tools'}"}
