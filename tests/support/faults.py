"""What ends a run too early: signals at random moments, and a disk without room."""

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import held
import psutil
import pytest
from checkout import EXPERIMENTS, Checkout

SEED = int(os.environ.get("FAULTS_SEED", time.time_ns() % 1_000_000))
"""Of moments and ways, as far as a machine repeats itself; `FAULTS_SEED=1 make test-faults`."""

KILLS = 25
# Of an undisturbed run's time: most kills come before the run has got far.
_LATEST = 0.45
# As a terminal does, which is closed or has Ctrl-C pressed, a signal goes to all of a run.
_GROUP = {"SIGKILL to all": signal.SIGKILL, "SIGINT": signal.SIGINT, "SIGHUP": signal.SIGHUP}
ORPHANS = "SIGKILL to the main process"  # its workers go on
_MAIN = {ORPHANS: signal.SIGKILL, "SIGTERM": signal.SIGTERM}
A_WORKER = "SIGKILL to a worker"
WAYS = (*_GROUP, *_MAIN, A_WORKER)


def configure(checkout: Checkout, *bundles: str) -> None:
    """Configure four shards, and no bundle but these: those bring recordings to splice."""
    names = list(EXPERIMENTS)
    run = {"corpora": ["toy"], "experiments": names, "bundles": list(bundles), "views": []}
    checkout.configure(corpus={"n_shards": 4}, run=run)


@dataclass
class Figures:
    """What kills cost.

    Attributes:
        seconds: of an undisturbed run.
        runs: how many came to their end.
        lost: seconds of all commands beyond those of undisturbed runs.
    """

    seconds: float
    runs: int = 0
    lost: float = 0.0

    def __str__(self) -> str:
        return (
            f"kills survived: {KILLS}, in {self.runs} runs of {self.seconds:.0f} s; seconds lost: "
            f"{self.lost:.0f}"
        )


def killed(
    begin: Callable[[], subprocess.Popen], worker: str, figures: Figures
) -> Iterator[tuple[subprocess.Popen, str]]:
    """Begin a command again and again, `KILLS` times killed at a random moment.

    Args:
        begin: starts it as the leader of a session.
        worker: what stands in the command line of a worker, and in no other's.
        figures: what is counted; the time that others need between two commands is not.

    Yields:
        The command, ended, and the way that it was hit, empty if it was not. The last one has come
        to its end after all kills.
    """
    chance = random.Random(SEED)
    ways = [WAYS[index % len(WAYS)] for index in range(KILLS)]
    chance.shuffle(ways)
    while True:
        begun = time.monotonic()
        process = begin()
        moment = chance.uniform(0, _LATEST * figures.seconds)
        way = ways.pop() if ways and _struck(process, moment, ways[-1], worker) else ""
        process.wait(held.GUARD_SECONDS)
        figures.lost += time.monotonic() - begun
        if not process.returncode:
            figures.runs += 1
            figures.lost -= figures.seconds
        yield process, way
        if not (way or ways):
            return


def _struck(process: subprocess.Popen, seconds: float, way: str, worker: str) -> bool:
    """Hit a command after so many seconds; return whether it was there to be hit."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return False
    if way in _GROUP:
        os.killpg(process.pid, _GROUP[way])
    elif way in _MAIN:
        process.send_signal(_MAIN[way])
    else:
        held.until(lambda: process.poll() is not None or _killed_one(process, worker))
        return process.poll() is None
    return True


def _killed_one(process: subprocess.Popen, worker: str) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            if worker in " ".join(child.cmdline()):
                child.kill()
                return True
    return False


def until_alone(session: int) -> None:
    """Wait until no process of a session is left, as a killed command leaves them."""

    def is_of_it(process: psutil.Process) -> bool:
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            return os.getsid(process.pid) == session
        return False

    held.until_gone([process for process in psutil.process_iter() if is_of_it(process)])


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """Mount a new disk of this size at a folder; the test is skipped where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={kilobytes}k"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def remount(folder: Path, options: str) -> None:
    """Give a small disk another size, or make it read-only."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)
