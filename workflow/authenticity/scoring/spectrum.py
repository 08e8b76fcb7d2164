"""Spectra for the eye and for a glance at bandwidth: a few columns, however long the recording."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from authenticity.audio import SAMPLE_RATE
from authenticity.scoring.result import Spectrogram

MOST_COLUMNS = 1600
N_BANDS = 80
_FRAME, _HOP = 1024, 256  # samples: 64 ms every 16 ms, unless the recording is long
_FRAMES_PER_COLUMN = 8
_FLOOR = 1e-10  # power; -100 dB
# As `spectral` measures it.
_ROLLOFF_FRAME, _ROLLOFF_HOP, _ROLLOFF_SHARE = 2048, 512, 0.95
_BLOCK = 512  # columns


def spectrogram(samples: NDArray[np.float32]) -> Spectrogram:
    """Return a mel spectrogram of at most `MOST_COLUMNS` columns.

    Args:
        samples: mono at 16 kHz, (n,).

    A column of a long recording is the mean over a few frames of its stretch.
    """
    hop = max(_HOP, -(-len(samples) // MOST_COLUMNS))
    middles = np.arange(0, len(samples), hop)
    per_column = min(_FRAMES_PER_COLUMN, hop // _HOP)
    bands = _mel_bands()
    columns = np.empty((N_BANDS, len(middles)), np.float32)
    for first in range(0, len(middles), _BLOCK):
        block = middles[first : first + _BLOCK]
        power = np.mean(
            [
                np.square(np.abs(_spectra(samples, block + hop * index // per_column, _FRAME)))
                for index in range(per_column)
            ],
            axis=0,
        )
        columns[:, first : first + _BLOCK] = bands @ power.T
    power_db = 10 * np.log10(np.maximum(columns, _FLOOR))
    return Spectrogram(power_db, hop / SAMPLE_RATE, 0.0, SAMPLE_RATE / 2)


def rolloff_95(samples: NDArray[np.float32]) -> float:
    """Return the mean over frames of the frequency below which 95% of the magnitude lies, in hertz.

    The number of the same name in `spectral`, but of a long recording over some frames only.
    """
    hop = max(_ROLLOFF_HOP, len(samples) // MOST_COLUMNS)
    middles = np.arange(0, len(samples) + 1, hop)
    magnitude = np.abs(_spectra(samples, middles, _ROLLOFF_FRAME))
    below = np.cumsum(magnitude[magnitude.any(axis=1)], axis=1)
    reached = below >= _ROLLOFF_SHARE * below[:, -1:]
    return float(reached.argmax(axis=1).mean() * SAMPLE_RATE / _ROLLOFF_FRAME)


def _spectra(
    samples: NDArray[np.float32], middles: NDArray[np.integer], size: int
) -> NDArray[np.complex64]:
    """Return Hann-windowed spectra of frames around these samples, (frames, size // 2 + 1)."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    frames = np.zeros((len(middles), size), np.float32)
    for frame, middle in zip(frames, middles.tolist(), strict=True):
        begin = middle - size // 2
        heard = samples[max(begin, 0) : begin + size]
        at = max(-begin, 0)
        frame[at : at + len(heard)] = heard
    return rfft(frames * window, axis=1)


def _mel_bands() -> NDArray[np.float32]:
    """Return triangular bands, equally wide on the mel scale of O'Shaughnessy, (bands, bins).

    2595 log10(1 + f / 700), "Speech Communication: Human and Machine", 1987; each sums to one.
    """
    highest = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, highest, N_BANDS + 2) / 2595) - 1)
    hertz = np.arange(_FRAME // 2 + 1) * SAMPLE_RATE / _FRAME
    rising = (hertz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - hertz) / np.diff(edges)[1:, None]
    bands = np.maximum(0, np.minimum(rising, falling))
    # The lowest bands may lie between two bins: they then take the nearest one.
    empty = bands.sum(axis=1) == 0
    bands[empty, np.abs(hertz - edges[1:-1, None]).argmin(axis=1)[empty]] = 1
    return (bands / bands.sum(axis=1, keepdims=True)).astype(np.float32)
