"""What the terminal shows while files are scored: a line for each, and a progress bar."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from authenticity.names import printable
from authenticity.scoring import words
from authenticity.scoring.decision import Decision
from authenticity.scoring.result import Answer

_REFRESH_SECONDS = 1.0


class Display:
    """Prints answers as they come, and on a terminal a progress bar below them.

    Answers go to standard output, for a program that reads them, the bar to standard error.

    Args:
        total: how many files there are.
        opening: lines for standard error, before the first answer.
        quiet: whether to print nothing.
        started: when the command began, by `time.monotonic`.
    """

    def __init__(self, total: int, opening: Sequence[str], quiet: bool, started: float):
        self._opening, self._quiet, self._started = opening, quiet, started
        self._answers, self._progress = sys.stdout, sys.stderr
        self._n_answers, self._n_reused = 0, 0
        self._first_seconds: float | None = None
        hidden = quiet or not self._progress.isatty()
        self._bar = tqdm(total=total, unit="file", file=self._progress, disable=hidden, leave=False)
        self._over = threading.Event()
        self._refreshing = threading.Thread(target=self._refresh, daemon=True)

    def __enter__(self) -> "Display":
        self._refreshing.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._refreshing.join()
        self._bar.close()

    def answer(self, text: str, scored: bool, reused: bool = False) -> None:
        """Print the line of an answer; `scored` where the file was, `reused` if by another run."""
        if not self._n_answers and not self._quiet:
            with contextlib.suppress(OSError):
                tqdm.write("\n".join(self._opening), self._progress)
                self._progress.flush()
        self._n_answers += 1
        self._n_reused += reused
        if self._first_seconds is None and scored and not reused:
            self._first_seconds = time.monotonic() - self._started
        self._print(text)
        self._bar.update()

    def wall_seconds(self) -> float | None:
        """Return how long it has taken; None where some answers are an earlier run's."""
        return None if self._n_reused else time.monotonic() - self._started

    def summary(self, output: Path, counts: Mapping[str, Any]) -> None:
        """Print how many files got which answer, what they cost, and the folder of the results."""
        files, scored = counts["files"], counts["scored"]
        verdicts = ", ".join(f"{n} {name}" for name, n in sorted(counts["verdicts"].items()))
        reused = f"; {self._n_reused} as found by an earlier run" if self._n_reused else ""
        self._print(
            f"\n{files} file{'' if files == 1 else 's'}: {scored} scored"
            f"{f' ({verdicts})' if verdicts else ''}, {counts['rejected']} set aside{reused}"
        )
        if self._first_seconds is not None:
            first, taken = self._first_seconds, time.monotonic() - self._started
            self._print(
                f"cost: {counts['seconds_per_file']:.2f} s a file, "
                f"{counts['real_time_factor']:.3f} of the recordings' duration, "
                f"{counts['peak_bytes'] / 1e6:.0f} MB of memory at most in a process, a model of "
                f"{words.megabytes(counts['model_bytes'])}; the first after {first:.1f} s, "
                f"{taken:.1f} s in all"
            )
        if scored:
            self._print(f"model: {counts['corpus']}, {counts['experiment']}. {counts['statement']}")
        page = output / "index.html"
        results = page if page.is_file() else output
        self._print(f"results: {printable(str(results.absolute()))}")

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


def line(answer: Answer, decision: Decision | None = None) -> str:
    """Return an answer as a line: verdict, a number with its interval, file, cautions.

    With the `decision` of the bundle, it ends with why there is no verdict.
    """
    name = printable(answer.file)
    if answer.status == "rejected":
        return f"{'set aside':<16}  {name}: {answer.reason}"
    codes = " ".join(caution.code for caution in answer.cautions)
    why = words.why_no_verdict(answer, decision) if decision else ""
    parts = filter(None, [name, f"[{codes}]" if codes else "", why])
    return f"{answer.verdict:<16}  {words.number(answer):<26}  {'  '.join(parts)}"
