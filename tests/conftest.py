"""Whole small runs of the real workflow, each in a checkout of its own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import corpora
import held
import hypothesis
import psutil
import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]

# Files whose tests read one finished run of the toy corpus.
FINISHED = ("test_workflow", "test_scoring_command", "test_report", "test_scoring")
# Begun first, since a long one that is begun last is waited for.
LONGEST = (*FINISHED, "test_demo", "test_corpora_together")

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


def pytest_configure() -> None:
    """Allow for two workers, which take this environment over."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # How long examples take, or take to make, says little while others compute.
    slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("shared", deadline=None, suppress_health_check=slow)
    hypothesis.settings.load_profile("shared")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    rank = {name: index for index, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a worker whole files, and those of the finished run to one, which then makes it once.

    `--dist=loadgroup` is for this, but does nothing from pytest 9.2 on (pytest-xdist issue 1386).
    """
    from xdist.scheduler import LoadFileScheduling

    class ByRun(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "finished" if Path(file).stem in FINISHED else file

    return ByRun(config, log)


@dataclass
class Checkout:
    """The project in a folder of its own, with a toy corpus beside it."""

    path: Path
    corpus: Path

    def configure(self, corpus: Mapping[str, Any] | None = None, **sections: Any) -> None:
        """Write the overlay that the toy runs with; arguments replace its sections."""
        toy = {"format": "asvspoof2019_la", "root": str(self.corpus), "n_shards": 3}
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
        return subprocess.run(
            self.command(*arguments, cores=cores),
            cwd=self.path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(self.path, cores),
            timeout=held.GUARD_SECONDS,
            check=False,
        )

    def run_and_kill(self, when: Callable[[], bool], *arguments: str, cores: int = 1) -> None:
        """Start it and end it, with all its children, as a power cut would.

        Args:
            when: says that it has come to where it is ended; it must be held there.
            arguments: of the command, as of `run`.
            cores: how many it has.
        """
        process = subprocess.Popen(
            self.command(*arguments, cores=cores),
            cwd=self.path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(self.path, cores),
            start_new_session=True,
        )
        held.until(when, process)
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        held.until_gone(family)

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
    """Check out, with fewer spliced recordings: 70 seconds each, where toy clips last one."""
    module = check_out(folder) / "workflow" / "authenticity" / "scoring" / "splices.py"
    text = module.read_text()
    assert text.count("\nNUMBER = 30\n") == 1
    module.write_text(text.replace("\nNUMBER = 30\n", "\nNUMBER = 3\n"))
    return folder


@pytest.fixture
def make_checkout(tmp_path: Path) -> Callable[..., Checkout]:
    """Return a function that makes a checkout with a toy corpus."""

    def make(name: str = "checkout", files: dict[str, bytes] | None = None) -> Checkout:
        corpus = corpora.write_folder(
            corpora.asvspoof2019_la() if files is None else files, tmp_path / f"{name}-corpus"
        )
        checkout = Checkout(check_out_for_toys(tmp_path / name), corpus)
        checkout.configure()
        return checkout

    return make


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A finished run of the toy corpus, on two cores and without interruption: only read it."""
    base = tmp_path_factory.mktemp("finished")
    corpus = corpora.write_folder(corpora.asvspoof2019_la(), base / "corpus")
    checkout = Checkout(check_out_for_toys(base / "checkout"), corpus)
    checkout.configure()
    result = checkout.run()
    assert result.returncode == 0, result.stdout
    return checkout


@pytest.fixture
def resumed_from(finished: Checkout, tmp_path: Path) -> Checkout:
    """A private copy of the finished run and of its corpus, to change and run again."""
    shutil.copytree(finished.path.parent, tmp_path / "copy", symlinks=True)
    copy = Checkout(tmp_path / "copy" / "checkout", tmp_path / "copy" / "corpus")
    copy.configure()
    return copy
