"""A process that scores files one after the other: a line of JSON for each request and each answer.

It is a process of its own so that a decoder that crashes on a damaged file, or the machine running
out of memory, takes only that file with it; and it is started by its name, not by
`multiprocessing`, which would run the script of a workflow's job a second time in it.
"""

import hashlib
import json
import os
import queue
import re
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from authenticity import audio
from authenticity.errors import RejectedClip, UserError, in_one_line
from authenticity.files import sha256
from authenticity.scoring import stored
from authenticity.scoring.batch import CONTENT_DIGITS, Answer, rejected
from authenticity.scoring.detector import Detector
from authenticity.scoring.inputs import as_text
from authenticity.scoring.result import Recording

_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")
_LONGEST_STEM = 60


def drawn_name(file: str, content: str) -> str:
    """Return what a file's picture and sound are called, less the ending: safe in any address.

    It depends on the file alone, so that it stays the same when other files come and go.
    """
    stem = _UNSAFE.sub("_", Path(file).stem).strip("._")[:_LONGEST_STEM]
    digest = hashlib.sha256(f"{file}\0{content}".encode()).hexdigest()[:8]
    return f"{stem or 'recording'}-{digest}"


def peak_bytes() -> int:
    """Return the most memory that this process has had resident."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class Scorer:
    """A detector, and where what it finds is put.

    Attributes:
        given: `bundle`, `prior`, `pictures`, `folder`, `threads`; see `batch.Settings`.
    """

    def __init__(self, given: Mapping[str, Any]):
        self.given = given
        self._detector = Detector.load(given["bundle"], jobs=given["threads"])

    def _scored(self, path: str) -> Answer:
        started = time.perf_counter()
        found = replace(self._detector.score(path, self.given["prior"]), file=as_text(path))
        answer = {"file": found.file, "content": found.content, "status": "scored"}
        answer |= {"reason": found.reason, "recording": stored.plain(found)}
        if self.given["pictures"]:
            answer |= self._drawn(path, found)
        answer["recording"]["seconds"] = time.perf_counter() - started  # with picture and sound
        return answer

    def _drawn(self, path: str, found: Recording) -> dict[str, Any]:
        """Draw a recording and keep its sound; say where, relative to the folder."""
        # Imported one by one, so that their memory comes after that of scoring, and a picture's
        # after that of the samples, not on top of it.
        from authenticity.scoring import preview

        folder, name = Path(self.given["folder"]), drawn_name(found.file, found.content)
        picture, sound = f"overlays/{name}.png", f"previews/{name}.mp3"
        with Path(path).open("rb") as file:
            preview.write(folder / sound, audio.decode(file, self._detector.bundle.limits))
        from authenticity.plots import overlay

        band = self._detector.bundle.band
        span = overlay.write(folder / picture, found, band.lower, band.upper)
        return {"picture": picture, "span": list(span), "preview": sound}

    def answer(self, path: str) -> str:
        """Score one file; return a line of JSON. Whatever is wrong is part of the answer."""
        try:
            return _line(self._scored(path))
        except RejectedClip as error:
            found = rejected(path, str(error), _content(path))
        except MemoryError:
            found = rejected(path, "needs more memory than there is; cut it into parts")
        except (UserError, OSError) as error:
            found = rejected(path, in_one_line(error))
        except Exception as error:  # a defect of ours must not stop the other files either
            said = f"unexpected error: {type(error).__name__}: {error}, please report it"
            found = rejected(path, said) | {"traceback": traceback.format_exc()}
        return _line(found)


def _line(answer: Answer) -> str:
    return json.dumps(answer | {"peak_bytes": peak_bytes()}, allow_nan=False) + "\n"


def _content(path: str) -> str:
    """Identify the content of a file that was opened and is no recording."""
    return sha256(path)[:CONTENT_DIGITS]


def main() -> None:
    """Load the model, say so, and answer until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command decides what Ctrl-C ends
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()

    def say(line: str) -> None:
        answers.write(line)
        answers.flush()

    try:
        scorer = Scorer(json.loads(sys.argv[1]))
    except (UserError, OSError) as error:
        say(json.dumps({"error": in_one_line(error)}) + "\n")
        return
    say('{"ready": true}\n')
    while True:
        say(scorer.answer(requests.get()))


def _listen(requests: "queue.SimpleQueue[str]") -> None:
    """Take requests; where the command has ended, however it did, end at once."""
    for line in sys.stdin.buffer:
        requests.put(json.loads(line))
    os._exit(0)


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)  # an orderly end would abort, since the other thread holds standard input
