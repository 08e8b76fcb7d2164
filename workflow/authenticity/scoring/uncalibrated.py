"""Score with a published detector as it is: no bundle, so no calibration, and only a score."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from authenticity import audio
from authenticity.audio import SAMPLE_RATE, Limits
from authenticity.errors import RejectedClip
from authenticity.features import spectral
from authenticity.features.published import DetectorSource, Published, sign
from authenticity.scoring.batch import rejected
from authenticity.scoring.bundle import ABOUT
from authenticity.scoring.inputs import as_text
from authenticity.scoring.result import CONTENT_DIGITS, Rejected

WHY = (
    "The detector is not calibrated: its score has no probability and no verdict; an experiment of "
    "kind `published` calibrates it and makes a bundle."
)


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The answer on a file; fields as of `Recording`, which has those that are missing here."""

    file: str
    status: str = "scored"
    score: float
    reason: str = WHY
    duration: float
    codec: str
    sample_rate: int
    channels: int
    content: str
    audio: str
    seconds: float
    real_time_factor: float


def detector_at(bundle: Path) -> DetectorSource | None:
    """Return the published detector that is named in place of a bundle; None where there is none.

    A relative path of two parts is a name on the model hub, unless its first part is a folder here.
    """
    is_name = len(bundle.parts) == 2 and not bundle.is_absolute() and not bundle.parent.exists()
    if (bundle / ABOUT).exists() or not (is_name or (bundle / "config.json").is_file()):
        return None
    return DetectorSource(str(bundle))


def score(
    paths: Sequence[str], source: DetectorSource, threads: int
) -> Iterator[Scored | Rejected]:
    """Score files one after the other.

    Args:
        paths: of recordings.
        source: the detector.
        threads: how many work on a long recording; the score does not depend on it.

    Raises:
        UserError: the detector cannot be used; in one line.
    """
    direction, detector = sign(source.labels, None), Published.load(source.model)
    for path in paths:
        try:
            yield _scored(path, detector, direction, threads)
        except (RejectedClip, MemoryError) as reason:
            yield rejected(path, str(reason) or "needs more memory than there is")
        except OSError as error:
            yield rejected(path, f"cannot be read: {error.strerror or error}")


def _scored(path: str, detector: Published, direction: float, threads: int) -> Scored:
    start, limits = time.perf_counter(), Limits()
    if not Path(path).is_file() or Path(path).stat().st_size > limits.max_bytes:
        raise RejectedClip(f"not a file of up to {limits.max_megabytes:,g} MB")
    with Path(path).open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()[:CONTENT_DIGITS]
        samples = audio.decode_long(file, limits)
        form = audio.file_format(file)
    (whole,) = detector.embed_spans(samples, np.empty((0, 2), np.int64), [0], threads)
    seconds, duration = time.perf_counter() - start, len(samples) / SAMPLE_RATE
    return Scored(
        file=as_text(path),
        score=direction * float(whole.mean[0, 0]),
        duration=duration,
        codec=form.codec,
        sample_rate=form.sample_rate,
        channels=form.channels,
        content=content,
        audio=spectral.digest(samples),
        seconds=seconds,
        real_time_factor=seconds / duration,
    )
