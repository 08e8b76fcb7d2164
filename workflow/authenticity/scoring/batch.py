"""Score many files: several at once, each answer kept as soon as it is there.

Answers stand in a file of JSON lines, so that the same command after a crash, or with one more
file, computes only what is missing.
"""

import contextlib
import fcntl
import hashlib
import itertools
import json
import logging
import multiprocessing
import os
import re
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from authenticity import lean
from authenticity.errors import UserError
from authenticity.files import atomic, sha256
from authenticity.names import printable
from authenticity.scoring.inputs import KEPT, UNFINISHED, as_text, unopenable
from authenticity.scoring.result import CONTENT_DIGITS, Answer, Rejected, plain, restored

if TYPE_CHECKING:
    from authenticity.scoring.worker import Scorer

VERSION = "4"
"""Raise it when a change alters an answer or its picture: other versions' answers are made again.
"""

_LOADING_SECONDS = 3.0  # about what it takes to load libraries and a small encoder
_LOOK_SECONDS = 0.5  # between two looks whether another process may start
# Of glibc: arrays go back to the system at once, and threads share one heap. For an hour of sound
# that saves more than 100 MB.
_FRUGAL = {
    "MALLOC_MMAP_THRESHOLD_": "1000000",
    "MALLOC_TRIM_THRESHOLD_": "1000000",
    "MALLOC_ARENA_MAX": "1",
}
_DRAWN = re.compile(r"(overlays|previews)/[A-Za-z0-9_.-]+-[0-9a-f]{8}\.(png|mp3)")
_HALF_WRITTEN = re.compile(rf"{_DRAWN.pattern}\.\d+\.tmp")  # see `files.atomic`
_DEATH = (
    "the process that read it died, as happens for lack of memory or when it crashes a decoder; "
    "close other programs, cut it into parts, or convert it to another format"
)
_NOT_LOADED = (
    "the process that loaded the model died, as happens for lack of memory; close other programs, "
    "or score fewer files at once"
)
_LOGGER = logging.getLogger("authenticity")


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

    @property
    def digest(self) -> str:
        """Identify what answers depend on beside the files."""
        parts = [VERSION, self.bundle_id, self.prior]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


Task = tuple[Settings, Path, int]
"""The arguments of `worker.Scorer`, which each process of the pool makes."""


def score(
    paths: Sequence[str], answers: "Answers", settings: Settings, jobs: int
) -> Iterator[tuple[Answer, bool]]:
    """Score files, `jobs` at once, or a single one with `jobs` threads, as answers are found.

    Yields:
        Each answer, and whether it was there already, from an earlier run.

    Raises:
        UserError: the model cannot be used, or another run writes the same answers.
    """
    with answers.kept() as keep:
        unopened, missing = [], []
        for path in paths:
            if reason := unopenable(path):
                unopened.append(rejected(path, reason))
            elif answer := answers.holding(path, settings):
                yield answer, True
            else:
                missing.append(path)
        computed = _computed(missing, answers.folder, settings, jobs)
        for answer in itertools.chain(unopened, computed):
            answer = replace(answer, settings=settings.digest)
            keep(answer)
            yield answer, False
        answers.finish(paths)


class Answers:
    """The answers of a run, and those that earlier ones left.

    Attributes:
        folder: of the results. `KEPT` there has all answers, in the order of the inputs, then those
            on other files; it is written when a run ends.

    Raises:
        UserError: that file holds something else.
    """

    def __init__(self, folder: Path):
        self.folder, self._path, self._unfinished = folder, folder / KEPT, folder / UNFINISHED
        self._by_file: dict[str, Answer] = {}
        self._drawn: set[str] = set()  # also of answers that others have taken the place of
        for answer in read([self._path, self._unfinished]):
            self._take(answer)

    def _take(self, answer: Answer) -> None:
        self._by_file[answer.file] = answer
        self._drawn.update(drawn(answer))

    def holding(self, path: str, settings: Settings) -> Answer | None:
        """Return the answer on a file if it still holds: of this content, by the same settings."""
        answer = self._by_file.get(as_text(path))
        if answer is None or answer.settings != settings.digest or not answer.content:
            return None
        if settings.pictures:
            parts = drawn(answer)
            is_drawn = all((self.folder / part).is_file() for part in parts)
            if not is_drawn or (answer.status == "scored" and not parts):
                return None
        return answer if content_of(path) == answer.content else None

    def of(self, paths: Iterable[str]) -> list[Answer]:
        """Return the answers on these files, in this order."""
        return [self._by_file[as_text(path)] for path in paths]

    @contextlib.contextmanager
    def kept(self) -> Iterator[Callable[[Answer], None]]:
        """Yield a function that keeps an answer: on disk before anything else happens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        is_new = not self._unfinished.exists()
        # Unbuffered: what a full disk does not take is not tried again when the file is closed.
        with self._unfinished.open("ab", buffering=0) as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"{self.folder}: another run writes its results there; wait for it, or "
                    "choose another folder"
                ) from None

            def write(line: str) -> None:
                left = line.encode()
                try:
                    while left := left[stream.write(left) :]:
                        pass
                except OSError as error:
                    raise OSError(error.errno, error.strerror, str(self._unfinished)) from error

            def keep(answer: Answer) -> None:
                self._take(answer)
                write(as_line(answer))

            try:
                write("\n")  # a line that a crash cut off must not swallow the next one
                yield keep
            finally:
                # Beside first sounds and pictures, it alone says that the folder is of results.
                marks = not self._path.exists() and any(self.folder.glob("*/"))
                if is_new and not marks and os.fstat(stream.fileno()).st_size <= 1:
                    self._unfinished.unlink(missing_ok=True)

    def finish(self, paths: Iterable[str]) -> None:
        """Write the answers on these files, then those on others, which a later run may want.

        Pictures and sounds that no answer names any more, or that a killed run has left half
        written, are removed, and no other file.
        """
        by_file = {answer.file: answer for answer in self.of(paths)}
        for file, answer in self._by_file.items():
            if answer.content:
                by_file.setdefault(file, answer)
        with atomic(self._path) as temporary, temporary.open("w", encoding="utf-8") as stream:
            stream.writelines(map(as_line, by_file.values()))
        self._unfinished.unlink()
        for part in self._drawn.difference(*map(drawn, by_file.values())):
            (self.folder / part).unlink(missing_ok=True)
        for path in self.folder.glob("*/*.tmp"):  # half-written by a run that was killed
            if _HALF_WRITTEN.fullmatch(path.relative_to(self.folder).as_posix()):
                path.unlink(missing_ok=True)


def read(paths: Iterable[Path]) -> Iterator[Answer]:
    """Read the answers of files, if there, without lines cut by a crash or of another version.

    Raises:
        UserError: a file holds something else.
    """
    for path in filter(Path.exists, paths):
        with path.open("rb") as stream:
            for line in stream:
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    values = json.loads(line)
                    if not _is_answer(values):
                        raise UserError(
                            f"{path}: expected answers of an earlier run; choose another folder"
                        )
                    yield restored(values)


def _is_answer(values: Any) -> bool:
    """Whether it is an answer whose files lie where ours do: they are shown, and later removed."""
    needed = ("file", "content", "status", "settings")
    if not isinstance(values, dict) or not all(isinstance(values.get(key), str) for key in needed):
        return False
    parts = [values.get(part) for part in ("picture", "preview")]
    return all(part is None or _DRAWN.fullmatch(str(part)) for part in parts)


def as_line(answer: Answer) -> str:
    """Return an answer as a line of `recordings.jsonl`, which `read` takes back.

    Raises:
        ValueError, TypeError: a number is not finite, or not JSON.
    """
    return json.dumps(plain(answer), sort_keys=True, allow_nan=False) + "\n"


def drawn(answer: Answer) -> list[str]:
    """Return the picture and the sound of an answer, relative to their folder, if it has them."""
    parts = (getattr(answer, part, None) for part in ("picture", "preview"))
    return list(filter(None, parts))


def rejected(path: str, reason: str, content: str = "") -> Rejected:
    """Return the answer on a file that cannot be scored; its `content` if the reason lies there."""
    one_line = " ".join(printable(line) for line in reason.splitlines())
    return Rejected(file=as_text(path), reason=one_line, content=content)


def content_of(path: str) -> str:
    """Identify the content of a file; empty where it cannot be read."""
    with contextlib.suppress(OSError):
        return sha256(path)[:CONTENT_DIGITS]
    return ""


def _computed(
    paths: Sequence[str], folder: Path, settings: Settings, jobs: int
) -> Iterator[Answer]:
    """Score files in processes of their own.

    A process that dies ends its pool. The files that were worked on are then scored alone, one
    after the other; a file whose process dies again is set aside.
    """
    os.environ.update(_FRUGAL)  # processes that start obey it
    n_workers = max(1, min(jobs, len(paths)))
    task = (settings, folder, jobs // n_workers)
    waiting = deque(paths)
    while waiting:
        for path in (yield from _pooled(waiting, task, n_workers)):
            alone = deque([path])
            died = yield from _pooled(alone, task, 1)
            if died or alone:
                yield rejected(path, _DEATH)


def _pooled(waiting: deque[str], task: Task, n_workers: int) -> Generator[Answer, None, list[str]]:
    """Score files until none is `waiting`, which they are taken from, or until a process dies.

    The first process loads its model alone, so that its answer need not wait for others to load
    theirs; the others start once it has worked for as long as loading takes.

    Returns:
        The files that were worked on when a process died.
    """
    others = set(multiprocessing.active_children())
    # A fresh interpreter for each, since a fork would have the locks of this one's threads.
    pool = ProcessPoolExecutor(n_workers, multiprocessing.get_context("spawn"), _begin)
    at_work: dict[Future[tuple[str, str]], str] = {}
    answers: list[Answer] = []
    try:
        try:
            _submitted(pool, _load, task).result()
        except BrokenProcessPool:
            raise UserError(_NOT_LOADED) from None
        alone_until = time.monotonic() + _LOADING_SECONDS
        while waiting or at_work:
            is_alone = time.monotonic() < alone_until
            while waiting and len(at_work) < (1 if is_alone else n_workers):
                future = _submitted(pool, _score, task, waiting[0])
                at_work[future] = waiting.popleft()
            yield from answers  # while the next files are worked on
            answers = []
            more = waiting and is_alone and n_workers > 1
            done, _ = wait(at_work, _LOOK_SECONDS if more else None, FIRST_COMPLETED)
            for future in done:
                line, trace = future.result()
                answer = restored(json.loads(line))
                if trace:
                    lines = [answer.file, *trace.splitlines()]
                    _LOGGER.error("\n".join(map(printable, lines)))
                answers.append(answer)
                del at_work[future]
        yield from answers
        return []
    except BrokenProcessPool:
        yield from answers
        return list(at_work.values())
    finally:
        for process in set(multiprocessing.active_children()) - others:
            process.kill()  # whatever it does
        pool.shutdown(cancel_futures=True)


def _submitted(pool: ProcessPoolExecutor, function: Callable, *arguments: Any) -> Future:
    """Submit work; a process that starts for it never hears Ctrl-C, which the command acts on."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(function, *arguments)
    except ValueError as error:
        # Where a process dies, the pool closes its pipes, even while the next process starts.
        raise BrokenProcessPool(str(error)) from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In a process of the pool.


def _begin() -> None:
    """Let nothing that libraries print come between answers; end with the command."""
    with Path(os.devnull).open("wb") as nowhere:
        for descriptor in (1, 2):
            os.dup2(nowhere.fileno(), descriptor)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    lean.start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)


def _load(task: Task) -> None:
    _scorer(*task)


def _score(task: Task, path: str) -> tuple[str, str]:
    return _scorer(*task).answer(path)


@cache
def _scorer(*task: Any) -> "Scorer":
    if "TMPDIR" not in os.environ:
        # For the samples of long recordings: the system's own folder is often in memory.
        tempfile.tempdir = str(task[1])
    # Imported here, so that the command itself need not wait for decoders and the encoder.
    from authenticity.scoring.worker import Scorer

    return Scorer(*task)
