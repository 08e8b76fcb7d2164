"""Meet another process at a known point, however slow the machine is.

A pipe that is full holds whoever writes to it: such a process cannot end until the test reads.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

GUARD_SECONDS = 3600
"""How long a test waits for a state at most: only so that it ends one day."""


def until(reached: Callable[[], object], process: subprocess.Popen | None = None) -> None:
    """Wait for a state, of a process that has to live until then."""
    deadline = time.monotonic() + GUARD_SECONDS
    while not reached():
        assert process is None or process.poll() is None, "the process ended too early"
        assert time.monotonic() < deadline, "the state never came"
        time.sleep(0.01)


def until_gone(processes: Sequence[psutil.Process]) -> None:
    """Wait until processes have ended; whoever inherited them may not have noticed yet."""

    def gone(process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return process.status() == psutil.STATUS_ZOMBIE
        return True

    until(lambda: all(map(gone, processes)))


@contextlib.contextmanager
def interrupts_heard() -> Iterator[None]:
    """Have what starts here hear SIGINT, as from a terminal.

    A shell that runs the tests in the background has them ignore it, and what they start would
    ignore it, too; a signal that is handled here is not handed on.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def jobs_at_their_end(*benchmarks: Path) -> Iterator[None]:
    """Hold jobs of a workflow: their benchmarks, which they write last, are pipes nobody reads.

    Their outputs may be there by then; to the workflow they have not ended.
    """
    for path in benchmarks:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(path)
    try:
        yield
    finally:
        for path in benchmarks:
            path.unlink()


def full_pipe(room: int = 0) -> tuple[int, int]:
    """Return the ends of a pipe, to read and to write, that takes so many bytes more."""
    reading, writing = os.pipe()
    assert os.write(writing, bytes(_capacity() - room)) == _capacity() - room
    return reading, writing


def _capacity() -> int:
    """Return how many bytes a pipe takes here."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    taken = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            taken += os.write(writing, bytes(select.PIPE_BUF))
    os.close(reading)
    os.close(writing)
    return taken
