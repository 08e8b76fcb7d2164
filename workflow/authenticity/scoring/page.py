"""`index.html`: what was found in each recording, on one page that needs no network.

The page is made from what is on disk, pictures and sounds as files and the rest as JSON, so that
whoever scored the recordings, in one process or in many shards, need not hold them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authenticity.plots.overlay import Span
from authenticity.scoring.result import Recording, Rejected

EMBEDDED_BYTES = 100_000_000
"""As many bytes of pictures and sounds are put into the page; the rest stays in files beside it."""


@dataclass(frozen=True)
class Entry:
    """What the page shows of a recording: `entry` makes it; every value is plain JSON.

    So `dataclasses.asdict` gives a JSON line, and `Entry(**line)` takes it back.

    Attributes:
        recording: the numbers and sentences of a `Recording`, without its spectrogram.
        picture: the file of `plots.overlay`, relative to the page's folder, with "/".
        left: of the picture's time axis, as a fraction of its width.
        right: likewise.
        preview: the file of `preview`, likewise relative.
    """

    recording: Mapping[str, Any]
    picture: str
    left: float
    right: float
    preview: str


@dataclass(frozen=True)
class About:
    """What the page says of the bundle and of the run.

    Attributes:
        bundle: its name, such as "demo, baseline_layer".
        demonstration: the sentence that says so; empty for a bundle that is none.
        decision: sentences on how thresholds were set and how often they err; from the bundle.
        lower: below this log-likelihood ratio a recording is likely genuine.
        upper: above this, likely synthetic.
        seconds: wall time of the command or of all shards.
        peak_bytes: largest resident memory of a process.
        model_bytes: of the bundle's files on disk, the encoder's included.
        parameters: of the encoder and of the classifier.
    """

    bundle: str
    demonstration: str
    decision: Sequence[str]
    lower: float
    upper: float
    seconds: float
    peak_bytes: int
    model_bytes: int
    parameters: int


def entry(recording: Recording, picture: str, span: Span, preview: str) -> Entry:
    """Return what the page needs of a recording; the rest of it may be forgotten."""
    raise NotImplementedError


def write(
    folder: str | Path, entries: Sequence[Entry], rejected: Sequence[Rejected], about: About
) -> None:
    """Write `index.html` into the folder that holds the pictures and the sounds.

    Recordings appear from the highest log-likelihood ratio to the lowest; those of one value, and
    rejected files, by name. Names and sentences are data and are escaped.

    Args:
        folder: of the page; `Entry.picture` and `Entry.preview` are relative to it.
        entries: in any order.
        rejected: files that could not be scored, in any order.
        about: the bundle and the run.
    """
    raise NotImplementedError
