"""One recording as a picture: its spectrogram, and the scores along it."""

from pathlib import Path
from typing import NamedTuple

from authenticity.scoring.result import Recording


class Span(NamedTuple):
    """Where the time axis lies in a picture, as fractions of its width."""

    left: float
    right: float


def write(path: str | Path, recording: Recording, lower: float, upper: float) -> Span:
    """Draw a recording as PNG, atomically.

    Args:
        path: of the picture.
        recording: as the detector returns it.
        lower: the log-likelihood ratio below which a recording is likely genuine.
        upper: the one above which it is likely synthetic.

    Returns:
        Where the time axis lies, for a playhead.
    """
    raise NotImplementedError
