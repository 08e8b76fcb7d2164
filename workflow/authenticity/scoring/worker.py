"""A process that scores files one after the other: a line of JSON for each request and each answer.

It is a process of its own so that a decoder that crashes on a damaged file, or the machine running
out of memory, takes only that file with it. It is started by its name, not by `multiprocessing`,
which would run the script of a workflow's job a second time in it; `batch` starts it.
"""

import contextlib
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
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from authenticity import audio
from authenticity.errors import RejectedClip, UserError, in_one_line
from authenticity.files import atomic, sha256
from authenticity.scoring import result
from authenticity.scoring.batch import Answer, rejected
from authenticity.scoring.detector import Detector
from authenticity.scoring.inputs import as_text
from authenticity.scoring.result import CONTENT_DIGITS, Recording

BIT_RATE = 32_000
"""Of the sound for the page, bits per second; an hour is 14 MB."""

_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")
_LONGEST_STEM = 60
_EFFORT = "7"  # of LAME, from 0, the most, to 9: half the default's time, as good for speech
_BLOCK = 1 << 16  # samples handed to the encoder at once


def drawn_name(file: str, content: str) -> str:
    """Return what a file's picture and sound are called, less the ending: safe in any address.

    It depends on the file alone, so that it stays the same when other files come and go.
    """
    stem = _UNSAFE.sub("_", Path(file).stem).strip("._")[:_LONGEST_STEM]
    digest = hashlib.sha256(f"{file}\0{content}".encode()).hexdigest()[:8]
    return f"{stem or 'recording'}-{digest}"


def write_sound(path: str | Path, samples: NDArray[np.float32]) -> None:
    """Write samples as a small MP3, which every browser plays, atomically.

    Equal samples are equal bytes. The rate is constant and the header says how long the sound is
    and what the encoder added (LAME's tag), so that a player finds any second at once and shows the
    right time.

    Args:
        path: of the file to write.
        samples: mono at 16 kHz, shape (n,), full scale 1.
    """
    options = {"id3v2_version": "0"}  # no tags: they would name the program's version
    with atomic(path) as temporary, av.open(temporary, "w", "mp3", options=options) as container:
        stream = container.add_stream("libmp3lame", rate=audio.SAMPLE_RATE)
        encoder = stream.codec_context
        encoder.layout, encoder.format, encoder.bit_rate = "mono", "fltp", BIT_RATE
        encoder.options = {"compression_level": _EFFORT}
        encoder.flags |= av.codec.context.Flags.bitexact
        for first in range(0, len(samples), _BLOCK):
            block = np.ascontiguousarray(samples[None, first : first + _BLOCK], np.float32)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = audio.SAMPLE_RATE, Fraction(1, audio.SAMPLE_RATE)
            frame.pts = first
            container.mux(encoder.encode(frame))
        container.mux(encoder.encode(None))


class Scorer:
    """A detector, and where its answers' pictures and sounds are put.

    Attributes:
        task: `bundle`, `prior`, `pictures`, `folder`, `threads`; see `batch.Settings`.
    """

    def __init__(self, task: Mapping[str, Any]):
        self.task = task
        self._detector = Detector.load(task["bundle"], jobs=task["threads"])

    def answer(self, path: str) -> str:
        """Score one file; return a line of JSON. Whatever is wrong is part of the answer."""
        try:
            return _line(self._scored(path))
        except RejectedClip as error:
            answer = rejected(path, str(error), _content(path))
        except MemoryError:
            answer = rejected(path, "needs more memory than there is; cut it into parts")
        except (UserError, OSError) as error:
            answer = rejected(path, in_one_line(error))
        except Exception as error:  # a defect of ours must not stop the other files either
            reason = f"unexpected error: {type(error).__name__}: {error}, please report it"
            answer = rejected(path, reason) | {"traceback": traceback.format_exc()}
        return _line(answer)

    def _scored(self, path: str) -> Answer:
        started = time.perf_counter()
        recording = replace(self._detector.score(path, self.task["prior"]), file=as_text(path))
        answer = {"file": recording.file, "content": recording.content, "status": "scored"}
        answer |= {"reason": recording.reason, "recording": result.plain(recording)}
        if self.task["pictures"]:
            answer |= self._drawn(path, recording)
        answer["recording"]["seconds"] = time.perf_counter() - started  # with picture and sound
        return answer

    def _drawn(self, path: str, recording: Recording) -> dict[str, Any]:
        """Draw a recording and keep its sound; say where, relative to the folder."""
        folder, name = Path(self.task["folder"]), drawn_name(recording.file, recording.content)
        picture, sound = f"overlays/{name}.png", f"previews/{name}.mp3"
        with Path(path).open("rb") as file:
            write_sound(folder / sound, audio.decode(file, self._detector.bundle.limits))
        # Imported here, so that its memory comes after that of the samples, not on top of it.
        from authenticity.plots import overlay

        band = self._detector.bundle.band
        span = overlay.write(folder / picture, recording, band.lower, band.upper)
        return {"picture": picture, "span": list(span), "preview": sound}


def _content(path: str) -> str:
    """Identify the content of a file that is no recording; empty where it cannot be read."""
    with contextlib.suppress(OSError):
        return sha256(path)[:CONTENT_DIGITS]
    return ""


def _line(answer: Answer) -> str:
    return json.dumps(answer | {"peak_bytes": _peak_bytes()}, allow_nan=False) + "\n"


def _peak_bytes() -> int:
    """Return the most memory that this process has had resident."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


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
