"""What a person sees on the terminal while files are scored: a line for each, and how far it is."""

import contextlib
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from authenticity.scoring import words
from authenticity.scoring.batch import Answer
from authenticity.scoring.inputs import printable

_REFRESH_SECONDS = 1.0


class Display:
    """Prints answers as they come, and on a terminal a bar below them of how far it is.

    Answers go to one stream, for a program that reads them. The bar goes to the other, and so does,
    before the first answer, the detector and what it is worth.

    Args:
        total: how many files there are.
        about: of the bundle; see `bundle.read_about`.
        answers: the stream for answers.
        progress: the stream for the rest.
        quiet: whether to print nothing.
        started: when the command began, by `time.monotonic`.
    """

    def __init__(
        self,
        total: int,
        about: Mapping[str, Any],
        answers: TextIO,
        progress: TextIO,
        quiet: bool,
        started: float,
    ):
        self._about, self._answers, self._progress = about, answers, progress
        self._quiet, self._started = quiet, started
        self._reused, self._is_opened = 0, False
        self._first_seconds: float | None = None
        hidden = quiet or not progress.isatty()
        self._bar = tqdm(total=total, unit="file", file=progress, disable=hidden, leave=False)
        self._over = threading.Event()
        self._refreshing = threading.Thread(target=self._refresh, daemon=True)

    def __enter__(self) -> "Display":
        self._refreshing.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._refreshing.join()
        self._bar.close()

    def answer(self, answer: Answer, reused: bool) -> None:
        """Print an answer."""
        if not self._is_opened:
            self._open()
        self._reused += reused
        if self._first_seconds is None and answer["status"] == "scored" and not reused:
            self._first_seconds = time.monotonic() - self._started
        self._print(line(answer, self._about["decision"]))
        self._bar.update()

    def _open(self) -> None:
        self._is_opened = True
        if not self._quiet:
            with contextlib.suppress(OSError):
                tqdm.write("\n".join(words.opening(self._about)), self._progress)
                self._progress.flush()

    def wall_seconds(self) -> float | None:
        """Return how long it has taken; None where some answers are an earlier run's."""
        return None if self._reused else time.monotonic() - self._started

    def summary(self, output: Path, counts: Mapping[str, Any]) -> None:
        """Print how many files got which answer, where results are and what they cost.

        Args:
            output: the folder of the results.
            counts: see `outputs.write`.
        """
        verdicts = ", ".join(f"{n} {name}" for name, n in sorted(counts["verdicts"].items()))
        self._print(
            f"\n{counts['files']} file{'' if counts['files'] == 1 else 's'}: "
            f"{counts['scored']} scored{f' ({verdicts})' if verdicts else ''}, "
            f"{counts['rejected']} set aside"
            f"{f'; {self._reused} as found by an earlier run' if self._reused else ''}"
        )
        if self._first_seconds is not None:
            first, taken = self._first_seconds, time.monotonic() - self._started
            self._print(
                f"cost: {cost(counts)}; the first after {first:.1f} s, {taken:.1f} s in all"
            )
        if counts["scored"]:
            self._print(f"model: {counts['corpus']}, {counts['experiment']}. {counts['statement']}")
        page = output / "index.html"
        self._print(f"results: {(page if page.is_file() else output).absolute()}")

    def _print(self, text: str) -> None:
        if self._quiet:
            return
        try:
            tqdm.write(text, self._answers)
            self._answers.flush()
        except OSError as error:  # the files are scored yet, and the results written
            with Path(os.devnull).open("w") as nowhere:  # for what is not flushed yet, too
                os.dup2(nowhere.fileno(), self._answers.fileno())
            if not isinstance(error, BrokenPipeError):  # then whoever read has seen enough
                reason = f"standard output: {error.strerror}; the results go to their folder alone"
                with contextlib.suppress(OSError):
                    print(reason, file=self._progress, flush=True)

    def _refresh(self) -> None:
        """Let the seconds go on while a long file is scored."""
        while not self._over.wait(_REFRESH_SECONDS):
            self._bar.refresh()


def line(answer: Answer, limits: Mapping[str, Any] | None = None) -> str:
    """Return an answer as a line: verdict, a number with its interval, file, cautions.

    The number is the probability; where the checks on the model do not trust its probabilities, the
    log-likelihood ratio; where a caution is severe, none.

    Args:
        answer: on a file.
        limits: `decision` of the bundle; with it, the line ends with why there is no verdict.
    """
    name = printable(answer["file"])
    if answer["status"] == "rejected":
        return f"{'set aside':<16}  {name}: {answer['reason']}"
    recording = answer["recording"]
    cautions = " ".join(caution["code"] for caution in recording["cautions"])
    noted = f"  [{cautions}]" if cautions else ""
    why = words.why_no_verdict(recording, limits) if limits else ""
    explained = f"  {why}" if why else ""
    return f"{recording['verdict']:<16}  {words.number(recording):<26}  {name}{noted}{explained}"


def cost(counts: Mapping[str, Any]) -> str:
    """Return what scoring cost, from `outputs.summary`."""
    return (
        f"{counts['seconds_per_file']:.2f} s a file, "
        f"{counts['real_time_factor']:.3f} of the recordings' duration, "
        f"{counts['peak_bytes'] / 1e6:.0f} MB of memory at most in a process, "
        f"a model of {counts['model_bytes'] / 1e6:.1f} MB"
    )
