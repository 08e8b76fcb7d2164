"""What stands for scoring in a process of its own, where a decoder crashes or memory is short."""

import os
import signal

from authenticity.scoring.batch import as_line
from authenticity.scoring.result import Rejected


def load(task: tuple) -> None:
    """There is nothing to load."""


def load_without_memory(task: tuple) -> None:
    """End as a process does for which there is no memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def score(task: tuple, path: str) -> tuple[str, str]:
    """Answer, but die of a deadly file."""
    if "deadly" in path:
        os.kill(os.getpid(), signal.SIGSEGV)
    return as_line(Rejected(file=path, reason="answered")), ""
