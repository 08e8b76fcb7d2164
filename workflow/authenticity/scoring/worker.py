"""What a scoring process does with a file: score it, draw it, keep its sound for the page.

`batch` starts it as a process of its own, so that a decoder that crashes on a damaged file, or a
lack of memory, costs only that file.
"""

import hashlib
import re
import traceback
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from authenticity import audio
from authenticity.errors import RejectedClip, UserError, in_one_line
from authenticity.files import atomic
from authenticity.growing import Rows
from authenticity.jobs import peak_bytes
from authenticity.scoring.batch import Settings, as_line, content_of, rejected
from authenticity.scoring.detector import Detector, Heard
from authenticity.scoring.result import Answer, Recording, Span

BIT_RATE = 32_000
"""Of the sound for the page, bits per second; an hour is 14 MB."""

_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")
_LONGEST_STEM = 60
_EFFORT = "7"  # of LAME, from 0, the most, to 9: half the default's time, as good for speech
_BLOCK = 1 << 16  # samples handed to the encoder at once


def drawn_name(file: str, content: str) -> str:
    """Return the name of a file's picture and sound, less the ending: safe in any address.

    It depends on the file alone, so that it stays the same when other files come and go.
    """
    stem = _UNSAFE.sub("_", Path(file).stem).strip("._")[:_LONGEST_STEM]
    digest = hashlib.sha256(f"{file}\0{content}".encode()).hexdigest()[:8]
    return f"{stem or 'recording'}-{digest}"


def write_sound(path: str | Path, samples: Rows) -> None:
    """Write samples, mono at 16 kHz, (n,), as a small MP3, which every browser plays, atomically.

    The rate is constant and the header says how long the sound is and what the encoder added
    (LAME's tag), so that a player finds any second at once and shows the right time. Samples are
    clipped to full scale, 1: LAME crashes on numbers far beyond it.
    """
    options = {"id3v2_version": "0"}  # no tags: they would name the program's version
    with atomic(path) as temporary, av.open(temporary, "w", "mp3", options=options) as container:
        stream = container.add_stream("libmp3lame", rate=audio.SAMPLE_RATE)
        encoder = stream.codec_context
        encoder.layout, encoder.format, encoder.bit_rate = "mono", "fltp", BIT_RATE
        encoder.options = {"compression_level": _EFFORT}
        encoder.flags |= av.codec.context.Flags.bitexact
        for first in range(0, len(samples), _BLOCK):
            block = np.clip(samples[first : first + _BLOCK], -1, 1, dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = audio.SAMPLE_RATE, Fraction(1, audio.SAMPLE_RATE)
            frame.pts = first
            container.mux(encoder.encode(frame))
        container.mux(encoder.encode(None))


class Scorer:
    """A detector whose answers' pictures and sounds are put into `folder`."""

    def __init__(self, settings: Settings, folder: Path, threads: int = 1):
        self._settings, self._folder = settings, folder
        self._detector = Detector.load(settings.bundle, jobs=threads)

    def answer(self, path: str) -> tuple[str, str]:
        """Score a file; whatever is wrong with it is part of the answer.

        Returns:
            The answer as a line of `recordings.jsonl`; the traceback of a defect of ours, or "".

        Raises:
            UserError: nothing can be written, as on a full disk: no file is to blame.
        """
        trace = ""
        try:
            recording, trace = self._scored(path)
            return _line(recording), trace
        except UserError:
            raise
        except RejectedClip as error:
            answer = rejected(path, str(error), content_of(path))
        except MemoryError:
            answer = rejected(path, "needs more memory than there is; cut it into parts")
        except OSError as error:
            answer = rejected(path, in_one_line(error))
        except Exception as error:  # a defect of ours must not stop the other files either
            reason = f"unexpected error: {type(error).__name__}: {error}, please report it"
            answer, trace = rejected(path, reason), traceback.format_exc()
        return _line(answer), trace

    def _scored(self, path: str) -> tuple[Recording, str]:
        """Return the answer, and the traceback of a picture or sound that could not be made.

        Raises:
            UserError: they cannot be written.
        """
        heard, trace = Heard.of(path, self._detector.bundle.limits), ""
        recording = self._detector.scored(heard, self._settings.prior)
        if self._settings.pictures:
            try:
                recording = replace(recording, **self._drawn(recording, heard.samples))
            except OSError as error:
                raise UserError(in_one_line(error)) from error
            except Exception:  # the numbers stand without them, and the next run tries again
                trace = traceback.format_exc()
        return replace(recording, **heard.cost()), trace  # with picture and sound

    def _drawn(self, recording: Recording, samples: Rows) -> Mapping[str, str | Span]:
        """Draw a recording and keep its sound; return where, relative to the folder."""
        name = drawn_name(recording.file, recording.content)
        picture, sound = f"overlays/{name}.png", f"previews/{name}.mp3"
        band = self._detector.bundle.band
        write_sound(self._folder / sound, samples)
        # Imported here, so that its memory comes after that of scoring, not on top of it.
        from authenticity.plots import overlay

        span = overlay.write(self._folder / picture, recording, band.lower, band.upper)
        return {"picture": picture, "span": span, "preview": sound}


def _line(answer: Answer) -> str:
    return as_line(replace(answer, peak_bytes=peak_bytes()))
