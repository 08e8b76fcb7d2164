"""What a person sees while files are scored: a line for each, and how far it is."""

import contextlib
import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from authenticity.scoring import words
from authenticity.scoring.batch import Answer
from authenticity.scoring.inputs import printable

_TERMINAL_SECONDS, _PLAIN_SECONDS = 0.5, 30.0
_CLEAR = "\r\x1b[K"


class Display:
    """Prints answers as they come, and in between how far it is.

    Answers go to one stream, for a program that reads them; progress goes to the other: a single
    line that is overwritten where that is a terminal, else a line now and then. What is known of
    the model comes before its first answer.
    """

    def __init__(
        self,
        total: int,
        opening: Sequence[str],
        answers: TextIO,
        progress: TextIO,
        quiet: bool,
        started: float,
    ):
        self._opening = opening
        self._total, self._answers, self._progress = total, answers, progress
        self._quiet, self._started = quiet, started
        self._terminal = progress.isatty()
        self._done = self._reused = self._rejected = self._after_first = 0
        self._first_seconds: float | None = None
        self._lock, self._over = threading.Lock(), threading.Event()
        self._ticking = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> "Display":
        if not self._quiet:
            self._ticking.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if not self._quiet:
            self._ticking.join()

    def answer(self, answer: Answer, reused: bool) -> None:
        """Print an answer."""
        with self._lock:
            self._done += 1
            self._reused += reused
            self._rejected += answer["status"] == "rejected"
            if self._first_seconds is not None:
                self._after_first += not reused
            elif answer["status"] == "scored" and not reused:
                self._first_seconds = time.monotonic() - self._started
            if not self._quiet:
                if self._done == 1:
                    self._open()
                self._print(line(answer))

    def _open(self) -> None:
        with contextlib.suppress(OSError):
            self._progress.write(_CLEAR if self._terminal else "")
            self._progress.writelines(f"{said}\n" for said in self._opening)
            self._progress.flush()

    def wall_seconds(self) -> float | None:
        """Return how long it has taken; None where some answers are an earlier run's."""
        return None if self._reused else time.monotonic() - self._started

    def summary(self, output: Path, found: Mapping[str, Any]) -> None:
        """Print what was found, where it stands and what it cost."""
        if self._quiet:
            return
        self._print("")
        counts = ", ".join(f"{count} {name}" for name, count in sorted(found["verdicts"].items()))
        reused = f"; {self._reused} as found by an earlier run" if self._reused else ""
        self._print(
            f"{_files(found['files'])}: {found['scored']} scored{f' ({counts})' if counts else ''}"
            f", {found['rejected']} set aside{reused}"
        )
        if self._first_seconds is not None:
            first, taken = self._first_seconds, time.monotonic() - self._started
            self._print(f"cost: {cost(found)}; the first after {first:.1f} s, {taken:.1f} s in all")
        if found["scored"]:
            self._print(f"model: {found['corpus']}, {found['experiment']}. {found['statement']}")
        page = output / "index.html"
        self._print(f"results: {(page if page.is_file() else output).absolute()}")

    def _print(self, text: str) -> None:
        if self._terminal:
            self._progress.write(_CLEAR)
            self._progress.flush()
        try:
            print(text, file=self._answers, flush=True)
        except OSError as error:  # the files are scored yet, and the results written
            with Path(os.devnull).open("w") as nowhere:  # for what is not flushed yet, too
                os.dup2(nowhere.fileno(), self._answers.fileno())
            if not isinstance(error, BrokenPipeError):  # then whoever read has seen enough
                said = f"standard output: {error.strerror}; the results go to their folder alone"
                with contextlib.suppress(OSError):
                    print(said, file=self._progress, flush=True)

    def _tick(self) -> None:
        while not self._over.wait(_TERMINAL_SECONDS if self._terminal else _PLAIN_SECONDS):
            with self._lock, contextlib.suppress(OSError):
                said = self._said()
                self._progress.write(f"{_CLEAR}{said}" if self._terminal else f"{said}\n")
                self._progress.flush()
        if self._terminal:
            self._progress.write(_CLEAR)
            self._progress.flush()

    def _said(self) -> str:
        seconds = time.monotonic() - self._started
        said = f"{self._done} of {_files(self._total)}, {seconds:.0f} s"
        if self._rejected:
            said += f", {self._rejected} set aside"
        if self._first_seconds is not None and self._after_first:
            each = (seconds - self._first_seconds) / self._after_first
            left = each * (self._total - self._done)
            said += f", about {left:.0f} s left" if left >= 1 else ""
        return said


def _files(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"


def line(answer: Answer) -> str:
    """Return an answer as a line: verdict, a number with its interval, file, cautions.

    The number is the probability; where the checks on the model do not trust its probabilities, the
    log-likelihood ratio; where a caution is severe, none.
    """
    name = printable(answer["file"])
    if answer["status"] == "rejected":
        return f"{'set aside':<16}  {name}: {answer['reason']}"
    found = answer["recording"]
    cautions = " ".join(caution["code"] for caution in found["cautions"])
    noted = f"  [{cautions}]" if cautions else ""
    return f"{found['verdict']:<16}  {words.number(found):<26}  {name}{noted}"


def cost(found: Mapping[str, Any]) -> str:
    """Return what scoring cost, from `outputs.summary`."""
    return (
        f"{found['seconds_per_file']:.2f} s a file, "
        f"{found['real_time_factor']:.3f} of the recordings' duration, "
        f"{found['peak_bytes'] / 1e6:.0f} MB of memory at most in a process, "
        f"a model of {found['model_bytes'] / 1e6:.1f} MB"
    )
