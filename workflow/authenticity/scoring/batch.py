"""Score many files: several at once, each answer kept as soon as it is there.

What is finished stands in a file of JSON lines, so that the same command after a crash, or with one
more file, computes only what is missing. The command and the workflow's shards both work so.
"""

import contextlib
import fcntl
import hashlib
import itertools
import json
import logging
import math
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from authenticity.errors import UserError
from authenticity.files import atomic, sha256
from authenticity.scoring.bundle import Bundle
from authenticity.scoring.inputs import as_text, printable
from authenticity.scoring.result import CONTENT_DIGITS

VERSION = "2"
"""Raise it when a change alters what is said of a file, or its picture: answers of other versions
are made again."""

Answer = dict[str, Any]
"""What is said of a file, plain JSON: `file`, `content`, `status` (`scored` or `rejected`),
`reason`, `settings`, `peak_bytes` of the process; where scored, `recording` (`result.plain`) and,
where it was drawn, `picture`, `span` of the time axis in it, and `preview`."""

# About what it takes to load libraries and a small encoder.
_LOADING_SECONDS = 3.0
_LOOK_SECONDS = 0.5  # between two looks whether another process may start
# Of glibc: arrays go back to the system at once, and threads share one heap. For an hour of sound
# that is more than 100 MB.
_FRUGAL = {
    "MALLOC_MMAP_THRESHOLD_": "1000000",
    "MALLOC_TRIM_THRESHOLD_": "1000000",
    "MALLOC_ARENA_MAX": "1",
}
_DRAWN = re.compile(r"(overlays|previews)/[A-Za-z0-9_.-]+-[0-9a-f]{8}\.(png|mp3)")
_LOGGER = logging.getLogger("authenticity")  # of a job; elsewhere errors go to standard error


@dataclass(frozen=True)
class Settings:
    """What answers depend on beside the files, and how they are made.

    Attributes:
        bundle: the folder of a model bundle.
        bundle_id: identifies its content.
        prior: the share of synthetic recordings that probabilities are given for.
        pictures: whether to draw each recording and keep its sound, for the page.
    """

    bundle: Path
    bundle_id: str
    prior: float
    pictures: bool = True

    @classmethod
    def of(cls, bundle: Path, prior: float, pictures: bool) -> "Settings":
        """Return the settings for a bundle, which is found to be whole.

        Raises:
            UserError: it is none that can be used.
        """
        loaded = Bundle.load(bundle)
        loaded.encoder_folder()  # checks one from the hub
        return cls(bundle, loaded.about["identity"], prior, pictures)

    @property
    def digest(self) -> str:
        """Identify what answers depend on beside the files."""
        parts = [VERSION, self.bundle_id, self.prior]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def score(
    paths: Sequence[str], answers: "Answers", settings: Settings, jobs: int
) -> Iterator[tuple[Answer, bool]]:
    """Score files, as many at once as there are `jobs`; answers come as they are found.

    A single file is worked on by `jobs` threads.

    Args:
        paths: each once; see `inputs.collect`.
        answers: where they are kept and, of an earlier run, taken from.
        settings: the model, and what is made.
        jobs: how many processes, or threads of one.

    Yields:
        Each answer, and whether it was there already.

    Raises:
        UserError: the model cannot be used, or another run writes the same answers.
    """
    with answers.kept() as keep:
        unopened, missing = [], []
        for path in paths:
            if reason := _unopenable(path):
                unopened.append(rejected(path, reason))
            elif answer := answers.holding(path, settings):
                yield answer, True
            else:
                missing.append(path)
        computed = _computed(missing, answers.folder, settings, jobs)
        for answer in itertools.chain(unopened, computed):
            answer["settings"] = settings.digest
            keep(answer)
            yield answer, False
        answers.finish(paths)


class Answers:
    """The answers of a run, and those that earlier ones left.

    Attributes:
        path: all of them, in the order of the inputs, then those on other files; written when a run
            ends.
        folder: what their pictures and sounds are relative to.

    Raises:
        UserError: what stands at `path` are no answers.
    """

    def __init__(self, path: Path, folder: Path):
        self.path, self.folder = path, folder
        self._unfinished = path.with_name(f"{path.name}.unfinished")
        self._by_file: dict[str, Answer] = {}
        self._drawn: set[str] = set()  # also of answers that others have taken the place of
        for answer in read([self.path, self._unfinished]):
            self._take(answer)

    def _take(self, answer: Answer) -> None:
        self._by_file[answer["file"]] = answer
        self._drawn.update(drawn(answer))

    def holding(self, path: str, settings: Settings) -> Answer | None:
        """Return the answer on a file if it still holds: of this content, by the same settings."""
        answer = self._by_file.get(as_text(path))
        if answer is None or answer["settings"] != settings.digest or not answer["content"]:
            return None
        if settings.pictures and not all((self.folder / part).is_file() for part in drawn(answer)):
            return None
        if settings.pictures and answer["status"] == "scored" and not drawn(answer):
            return None
        with contextlib.suppress(OSError):
            if sha256(path)[:CONTENT_DIGITS] == answer["content"]:
                return answer
        return None

    def of(self, paths: Iterable[str]) -> list[Answer]:
        """Return the answers on these files, in this order."""
        return in_order(paths, self._by_file.values())

    @contextlib.contextmanager
    def kept(self) -> Iterator[Any]:
        """Yield what keeps an answer: on disk before anything else happens."""
        self._unfinished.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self._unfinished.exists()
        with self._unfinished.open("a", encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"{self.path.parent}: another run writes its results there; wait for it, or "
                    "choose another folder"
                ) from None
            stream.write("\n")  # a line that a crash cut off must not swallow the next one
            stream.flush()
            empty = stream.tell()

            def keep(answer: Answer) -> None:
                self._take(answer)
                stream.write(_line(answer))
                stream.flush()

            try:
                yield keep
            finally:
                if is_new and stream.tell() == empty:
                    self._unfinished.unlink(missing_ok=True)

    def finish(self, paths: Iterable[str]) -> None:
        """Write the answers on these files, then those on others, which a later run may want.

        Pictures and sounds that no answer names any more are removed, and no other file.
        """
        by_file = {answer["file"]: answer for answer in self.of(paths)}
        by_file |= {
            file: answer
            for file, answer in self._by_file.items()
            if file not in by_file and answer["content"]
        }
        with atomic(self.path) as temporary, temporary.open("w", encoding="utf-8") as stream:
            stream.writelines(map(_line, by_file.values()))
        self._unfinished.unlink()
        for part in self._drawn.difference(*map(drawn, by_file.values())):
            (self.folder / part).unlink(missing_ok=True)


def read(paths: Iterable[Path]) -> Iterator[Answer]:
    """Read answers; a line that a crash cut off is none, nor is a file that is not there.

    Raises:
        UserError: a file holds something else.
    """
    for path in paths:
        if path.exists():
            with path.open("rb") as stream:
                for answer in _parsed(stream):
                    if not _is_answer(answer):
                        raise UserError(
                            f"{path}: expected answers of an earlier run; choose another folder"
                        )
                    yield answer


def _parsed(stream: BinaryIO) -> Iterator[Any]:
    for line in stream:
        with contextlib.suppress(ValueError):
            if line.strip():
                yield json.loads(line)


def _is_answer(value: Any) -> bool:
    """Whether it is one, whose files lie where ours do: they are shown, and removed some day."""
    if not isinstance(value, dict) or not value.keys() >= {"file", "content", "status", "settings"}:
        return False
    return all(_DRAWN.fullmatch(str(part)) for part in drawn(value))


def _line(answer: Answer) -> str:
    return json.dumps(answer, sort_keys=True, allow_nan=False) + "\n"


def in_order(paths: Iterable[str], answers: Iterable[Answer]) -> list[Answer]:
    """Return the answers on these files, in their order."""
    by_file = {answer["file"]: answer for answer in answers}
    return [by_file[as_text(path)] for path in paths]


def drawn(answer: Answer) -> list[str]:
    """Return the picture and the sound of an answer, relative to their folder, if it has them."""
    return [answer[part] for part in ("picture", "preview") if part in answer]


def rejected(path: str, reason: str, content: str = "") -> Answer:
    """Return the answer on a file that cannot be scored.

    Args:
        path: the file.
        reason: one line.
        content: the digest of what it holds, if the reason lies there; a file without is tried
            again by the next run.
    """
    return {
        "file": as_text(path),
        "content": content,
        "status": "rejected",
        "reason": " ".join(printable(line) for line in reason.splitlines()),
        "peak_bytes": 0,
    }


def _unopenable(path: str) -> str | None:
    """Say why there is nothing to read at a path, if so."""
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return "no such file"
    except (OSError, ValueError) as error:
        return f"cannot be opened: {getattr(error, 'strerror', None) or error}"
    if stat.S_ISDIR(mode):
        return "a folder that cannot be opened"
    return None if stat.S_ISREG(mode) else "not a file"


def _computed(
    paths: Sequence[str], folder: Path, settings: Settings, jobs: int
) -> Iterator[Answer]:
    """Score files in processes of their own; one that dies of a file is replaced.

    A thread waits for each process: in a pool of `concurrent.futures`' own processes, one that dies
    takes all others with it. The first process loads its model alone, so that its answer need not
    wait for others to load theirs; those start once it has worked for as long as that takes.
    """
    waiting, answers = deque(paths), []
    n_workers = max(1, min(jobs, len(paths)))
    workers: list[_Worker] = []
    at_work: dict[Future[Answer], _Worker] = {}
    with ThreadPoolExecutor(n_workers) as threads:
        try:
            while waiting or at_work:
                for worker in [worker for worker in workers if worker not in at_work.values()]:
                    if waiting:
                        at_work[threads.submit(worker.score, waiting.popleft())] = worker
                    else:
                        worker.end()
                        workers.remove(worker)
                others_may_come = bool(waiting) and len(workers) < n_workers
                if others_may_come and all(worker.is_well_under_way() for worker in workers[:1]):
                    workers.append(_Worker(settings, folder, jobs // n_workers))
                    continue
                yield from answers  # while the next files are worked on
                patience = _LOOK_SECONDS if others_may_come else None
                done, _ = wait(at_work, patience, FIRST_COMPLETED)
                answers = [future.result() for future in done]
                for worker in map(at_work.pop, done):
                    if not worker.is_alive:
                        worker.end()
                        workers.remove(worker)
            yield from answers
        finally:
            for worker in workers:  # a thread that waits for one ends with it
                worker.end()


class _Worker:
    """A process that scores files, one after the other; see `worker`.

    Attributes:
        is_alive: whether it can be asked for more.
    """

    def __init__(self, settings: Settings, folder: Path, threads: int):
        task = {
            "bundle": str(settings.bundle),
            "prior": settings.prior,
            "pictures": settings.pictures,
            "folder": str(folder),
            "threads": threads,
        }
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "authenticity.scoring.worker", json.dumps(task)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | _FRUGAL,
        )
        self.is_alive = True
        self._loaded_at = math.inf

    def is_well_under_way(self) -> bool:
        """Whether it has worked for as long as another one takes to load its model."""
        return time.monotonic() - self._loaded_at > _LOADING_SECONDS

    def score(self, path: str) -> Answer:
        """Have a file scored, and wait for the answer.

        Raises:
            UserError: the model cannot be loaded.
        """
        if self._loaded_at == math.inf:
            self._load()
        before = os.fstat(self._errors.fileno()).st_size
        with contextlib.suppress(BrokenPipeError):  # then there is no answer
            self._process.stdin.write(json.dumps(path).encode() + b"\n")
            self._process.stdin.flush()
        answer = self._message()
        if answer is None:
            return rejected(path, _cause_of_death(self._process.wait(), self._said_since(before)))
        if trace := answer.pop("traceback", None):
            _LOGGER.error("%s\n%s", printable(answer["file"]), trace)
        return answer

    def _load(self) -> None:
        """Wait until the model is loaded."""
        message = self._message()
        if message is None and self._process.wait() == -signal.SIGKILL:
            raise UserError(
                "the process that loaded the model was killed, as happens for lack of memory; "
                "close other programs, or score fewer files at once"
            )
        if message is None:
            raise RuntimeError(f"a scoring process ended while it started:\n{self._said_since(0)}")
        if "error" in message:
            raise UserError(message["error"])
        self._loaded_at = time.monotonic()

    def _message(self) -> dict[str, Any] | None:
        """Wait for the next line; None where the process has ended instead."""
        line = self._process.stdout.readline()
        self.is_alive = line.endswith(b"\n")
        return json.loads(line) if self.is_alive else None

    def _said_since(self, place: int) -> str:
        self._errors.seek(place)
        return self._errors.read().decode("utf-8", "replace").strip()

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def _cause_of_death(status: int, last_words: str) -> str:
    if status == -signal.SIGKILL:
        return (
            "the process that read it was killed, as happens for lack of memory; "
            "close other programs, or cut the recording into parts"
        )
    how = signal.Signals(-status).name if status < 0 else f"status {status}"
    details = ", ".join([how, *last_words.splitlines()[-1:]])
    if status < 0:
        return (
            f"reading it crashed the decoder or the model ({details}); convert it to another format"
        )
    return f"the process that read it ended ({details})"
