"""A recording's sound for the page: small, and played by every browser."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from authenticity.audio import SAMPLE_RATE
from authenticity.files import atomic

BIT_RATE = 32_000
"""Bits per second; an hour is 14 MB."""

_EFFORT = "7"  # of LAME, from 0, the most, to 9: half the default's time, as good for speech
_BLOCK = 1 << 16  # samples handed to the encoder at once


def write(path: str | Path, samples: NDArray[np.float32]) -> None:
    """Write samples as MP3, atomically; equal samples are equal bytes.

    The rate is constant and the header says how long the sound is and what the encoder added
    (LAME's tag), so that a player finds any second at once and shows the right time.

    Args:
        path: of the file to write.
        samples: mono at 16 kHz, shape (n,), full scale 1.
    """
    options = {"id3v2_version": "0"}  # no tags: they would name the program's version
    with atomic(path) as temporary, av.open(temporary, "w", "mp3", options=options) as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE)
        encoder = stream.codec_context
        encoder.layout, encoder.format, encoder.bit_rate = "mono", "fltp", BIT_RATE
        encoder.options = {"compression_level": _EFFORT}
        encoder.flags |= av.codec.context.Flags.bitexact
        for first in range(0, len(samples), _BLOCK):
            block = np.ascontiguousarray(samples[None, first : first + _BLOCK], np.float32)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
            frame.pts = first
            container.mux(encoder.encode(frame))
        container.mux(encoder.encode(None))
