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
import selectors
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from authenticity.errors import UserError
from authenticity.files import atomic, sha256
from authenticity.scoring.bundle import Bundle
from authenticity.scoring.inputs import as_text, printable

VERSION = "2"
"""Raise it when a change alters what is said of a file, or its picture: answers of other versions
are made again."""

Answer = dict[str, Any]
"""What is said of a file, plain JSON: `file`, `content`, `status` (`scored` or `rejected`),
`reason`, `settings`, `peak_bytes` of the process; where scored, `recording` (`stored.plain`) and,
where it was drawn, `picture`, `span` of the time axis in it, and `preview`."""

CONTENT_DIGITS = 32
"""Of the SHA-256 of a file's content, in `content`."""

# About what it takes to load libraries and a small encoder.
_LOADING_SECONDS = 3.0
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
    paths: Sequence[str], found: "Answers", settings: Settings, jobs: int
) -> Iterator[tuple[Answer, bool]]:
    """Score files, as many at once as there are `jobs`; answers come as they are found.

    A single file is worked on by `jobs` threads.

    Args:
        paths: each once; see `inputs.collect`.
        found: where answers are kept and, of an earlier run, taken from.
        settings: the model, and what is made.
        jobs: how many processes, or threads of one.

    Yields:
        Each answer, and whether it was there already.

    Raises:
        UserError: the model cannot be used, or another run writes the same answers.
    """
    with found.kept() as keep:
        unopened, missing = [], []
        for path in paths:
            if reason := _unopenable(path):
                unopened.append(rejected(path, reason))
            elif answer := found.holding(path, settings):
                yield answer, True
            else:
                missing.append(path)
        computed = _computed(missing, found.folder, settings, jobs)
        for answer in itertools.chain(unopened, computed):
            answer["settings"] = settings.digest
            keep(answer)
            yield answer, False
        found.finish(paths)


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
        found = {answer["file"]: answer for answer in self.of(paths)}
        found |= {
            file: answer
            for file, answer in self._by_file.items()
            if file not in found and answer["content"]
        }
        with atomic(self.path) as temporary, temporary.open("w", encoding="utf-8") as stream:
            stream.writelines(map(_line, found.values()))
        self._unfinished.unlink()
        for part in self._drawn.difference(*map(drawn, found.values())):
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


def _is_answer(found: Any) -> bool:
    """Whether it is one, whose files lie where ours do: they are shown, and removed some day."""
    if not isinstance(found, dict) or not found.keys() >= {"file", "content", "status", "settings"}:
        return False
    return all(_DRAWN.fullmatch(str(part)) for part in drawn(found))


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
    said = " ".join(printable(line) for line in reason.splitlines())
    return {
        "file": as_text(path),
        "content": content,
        "status": "rejected",
        "reason": said,
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

    The first process loads its model alone, so that its answer need not wait for others to load
    theirs; and those are started only once it has worked for as long as that takes.
    """
    waiting = deque(paths)
    n_workers = min(jobs, len(paths))
    with contextlib.ExitStack() as at_end, selectors.DefaultSelector() as selector:

        def start() -> None:
            worker = _Worker(settings, folder, jobs // n_workers)
            at_end.callback(worker.end)
            selector.register(worker.stream, selectors.EVENT_READ, worker)

        if waiting:
            start()
        n_started, others_from = 1, math.inf
        while selector.get_map():
            patience = max(0.0, others_from - time.monotonic()) if n_started < n_workers else None
            for key, _ in selector.select(None if patience == math.inf else patience):
                worker = key.data
                answer, alive = worker.answer()
                others_from = min(others_from, time.monotonic() + _LOADING_SECONDS)
                if alive and waiting:
                    worker.ask(waiting.popleft())
                else:
                    selector.unregister(worker.stream)
                    worker.end()
                    if waiting:
                        start()
                if answer:
                    yield answer
            while waiting and n_started < n_workers and time.monotonic() >= others_from:
                start()
                n_started += 1


class _Worker:
    """A process that scores files, one after the other; see `worker`."""

    def __init__(self, settings: Settings, folder: Path, threads: int):
        given = {
            "bundle": str(settings.bundle),
            "prior": settings.prior,
            "pictures": settings.pictures,
            "folder": str(folder),
            "threads": threads,
        }
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "authenticity.scoring.worker", json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=os.environ | _FRUGAL,
        )
        self._path: str | None = None
        self._asked_at = 0  # in what it said: before that is of other files

    @property
    def stream(self) -> Any:
        """What answers come from; its first line says that the model is loaded."""
        return self._process.stdout

    def ask(self, path: str) -> None:
        """Have a file scored."""
        self._path = path
        self._asked_at = os.fstat(self._said.fileno()).st_size
        with contextlib.suppress(BrokenPipeError):  # `answer` finds out
            self._process.stdin.write(json.dumps(path).encode() + b"\n")
            self._process.stdin.flush()

    def answer(self) -> tuple[Answer | None, bool]:
        """Wait for the next line; return the answer in it, and whether the process lives on."""
        line = self._process.stdout.readline()
        if line.endswith(b"\n"):
            answer = json.loads(line)
            if "error" in answer:
                raise UserError(answer["error"])
            if trace := answer.pop("traceback", None):
                _LOGGER.error("%s\n%s", printable(answer["file"]), trace)
            return (answer if "file" in answer else None), True
        status = self._process.wait()
        if self._path is None and status == -signal.SIGKILL:
            raise UserError(
                "the process that loaded the model was killed, as happens for lack of memory; "
                "close other programs, or score fewer files at once"
            )
        if self._path is None:
            raise RuntimeError(f"a scoring process ended while it started:\n{self._last_words()}")
        return rejected(self._path, _cause_of_death(status, self._last_words())), False

    def _last_words(self) -> str:
        self._said.seek(self._asked_at)
        return self._said.read().decode("utf-8", "replace").strip()

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._said):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def _cause_of_death(status: int, last_words: str) -> str:
    if status == -signal.SIGKILL:
        return (
            "the process that read it was killed, as happens for lack of memory; "
            "close other programs, or cut the recording into parts"
        )
    how = signal.Signals(-status).name if status < 0 else f"status {status}"
    said = ", ".join([how, *last_words.splitlines()[-1:]])
    if status < 0:
        return f"reading it crashed the decoder or the model ({said}); convert it to another format"
    return f"the process that read it ended ({said})"
