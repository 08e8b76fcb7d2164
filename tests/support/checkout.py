"""The project in a folder of its own, with a toy corpus beside it, to be run there."""

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import held
import psutil
import pyarrow.parquet as pq
import pytest
import warm
import yaml
from authenticity import planning, running
from authenticity.config import Config
from authenticity.evaluation import results
from authenticity.evaluation.results import Tested
from snakemake.utils import update_config

REPOSITORY = Path(__file__).resolve().parents[2]

# Two experiments, so that a run takes seconds: one without an encoder's layers, one with three.
EXPERIMENTS = {
    "spectral": {
        "features": {"spectral": "standard"},
        "model": {"C": [0.01, 1], "folds": 3},
        "protocol": "official",
        "seed": 1,
    },
    "layers": {
        "features": {"layers": [0, 3, 6], "pooling": ["mean", "mean_std"]},
        "model": {"C": [0.01, 1], "folds": 3},
        "protocol": "official",
        "seed": 1,
    },
}


@dataclass
class Checkout:
    """The project in a folder of its own, with a toy corpus beside it.

    Attributes:
        path: of the folder.
        corpus: where the corpus lies.
        as_users: every process of a run imports what it needs, as users' do; else it starts warm.
    """

    path: Path
    corpus: Path
    as_users: bool = False

    def configure(self, corpus: Mapping[str, Any] | None = None, **sections: Any) -> None:
        """Write the overlay that the toy runs with; arguments replace its sections."""
        toy = {"format": "asvspoof2019_la", "root": str(self.corpus), "n_shards": 2}
        overlay = {
            "run": {
                "corpora": ["toy"],
                "experiments": list(EXPERIMENTS),
                "bundles": list(EXPERIMENTS),
                "views": [],
            },
            "corpora": {"toy": {**toy, **(corpus or {})}},
            "experiments": EXPERIMENTS,
            **sections,
        }
        (self.path / "toy.yaml").write_text(yaml.safe_dump(overlay))

    def command(self, *arguments: str, cores: int = 2) -> list[str]:
        """The command that runs the toy."""
        return [
            *(sys.executable, "-m", "snakemake", "--cores", str(cores)),
            *("--configfile", "toy.yaml", *arguments),
        ]

    def run(self, *arguments: str, cores: int = 2) -> subprocess.CompletedProcess[str]:
        """Run it, and return what it printed, standard error included."""
        command, here = self.command(*arguments, cores=cores), environment(self.path, cores)
        if not self.as_users:
            return warm.run(command[1:], self.path, here)
        return subprocess.run(
            command,
            cwd=self.path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=here,
            timeout=held.GUARD_SECONDS,
            check=False,
        )

    def begin(self, said: Path, *arguments: str, cores: int = 2) -> subprocess.Popen[bytes]:
        """Start it in a session of its own; what it prints goes to a file."""
        with said.open("wb") as stream, held.interrupts_heard():
            return subprocess.Popen(
                self.command(*arguments, cores=cores),
                cwd=self.path,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment(self.path, cores),
                start_new_session=True,
            )

    def run_and_kill(self, when: Callable[[], bool], *arguments: str, cores: int = 1) -> None:
        """Start it and end it, with all its children, as a power cut would.

        Args:
            when: says that it has come to where it is ended; it must be held there.
            arguments: of the command, as of `run`.
            cores: how many it has.
        """
        process = self.begin(Path(os.devnull), *arguments, cores=cores)
        held.until(when, process)
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        held.until_gone(family)

    def copied(self, folder: Path) -> "Checkout":
        """Copy it to a new folder, with its corpus and all else that lies beside it."""
        shutil.copytree(self.path.parent, folder, symlinks=True)
        return replace(self, path=folder / self.path.name, corpus=folder / self.corpus.name)

    def tables(self) -> dict[str, bytes]:
        """The content of every table, by path."""
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in sorted((self.path / "results").rglob("*.parquet"))
        }


def environment(checkout: Path, cores: int = 2) -> dict[str, str]:
    """As on a machine with so many cores, where numerical libraries would use them all.

    A checkout is to import its own library, and not the one that is installed.
    """
    return {
        **os.environ,
        "PYTHONPATH": str(checkout / "workflow"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": str(cores),
    }


def check_out(folder: Path) -> Path:
    """Copy what a run needs of the project; what is large and only read is linked."""
    folder.mkdir(parents=True)
    shutil.copy(REPOSITORY / "Snakefile", folder)
    for name in ("workflow", "config", "profiles", "envs", "tools"):
        shutil.copytree(
            REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    (folder / "resources").symlink_to(REPOSITORY / "resources")
    return folder


def check_out_for_toys(folder: Path) -> Path:
    """Check out, with one spliced recording of 20 seconds, where toy clips last one."""
    return with_splices(check_out(folder), 1, "16.0, 4.0")


def with_splices(checkout: Path, number: int, seconds: str = "60.0, 10.0") -> Path:
    """Have fewer recordings spliced, and shorter ones: so many human and synthetic seconds."""
    module = checkout / "workflow" / "authenticity" / "scoring" / "splices.py"
    text, lines = module.read_text(), "NUMBER = {}\nHUMAN_SECONDS, SYNTHETIC_SECONDS = {}\n"
    usual = lines.format(30, "60.0, 10.0")
    assert text.count(usual) == 1
    module.write_text(text.replace(usual, lines.format(number, seconds)))
    return checkout


def jobs(output: str) -> dict[str, int]:
    """The counts of Snakemake's table of jobs, by rule; empty when there was nothing to do."""
    stats = output.partition("Job stats:")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", stats, re.MULTILINE)}


def read(path: Path) -> list[dict]:
    return pq.read_table(path).to_pylist()


def results_of(corpus: Path, experiment: str, target: str) -> Tested:
    """An experiment's results on a corpus, where `corpus` holds those of what was fitted on it."""
    place = f"{experiment}/{target}"
    paths = (corpus / "metrics" / f"{place}.parquet", corpus / "records" / f"{place}.json")
    return results.read(paths[:1], paths[1:])[0]


def assert_one_line(checkout: Checkout, expected: str) -> None:
    result = checkout.run("--dry-run")
    assert result.returncode == 1, result.stdout
    assert_one_line_in(result.stdout, expected)


def assert_refused(checkout: Checkout, expected: str) -> None:
    """As `assert_one_line`, by what the workflow does first of all, and without Snakemake."""
    values: dict[str, Any] = {}
    for path in (checkout.path / "config" / "config.yaml", checkout.path / "toy.yaml"):
        update_config(values, yaml.safe_load(path.read_text()))
    said = io.StringIO()
    with (
        contextlib.chdir(checkout.path),
        contextlib.redirect_stderr(said),
        pytest.raises(SystemExit) as end,
        running.one_line_errors(),
    ):
        planning.Plan.make(Config.of(values), refresh=True)
    assert end.value.code == 1
    assert_one_line_in(said.getvalue(), expected)


def assert_one_line_in(output: str, expected: str) -> None:
    assert "Traceback" not in output
    (line,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert expected in line
