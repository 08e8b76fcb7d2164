"""What scoring a recording gives."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["likely synthetic", "likely genuine", "cannot tell"]


@dataclass(frozen=True)
class Caution:
    """A reason to trust a score less."""

    code: str
    message: str
    severe: bool


@dataclass(frozen=True)
class Windows:
    """Scores along a recording."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    score: NDArray[np.float64]
    llr: NDArray[np.float64]
    speech: NDArray[np.float64]


@dataclass(frozen=True)
class Activity:
    """Stretches of sound, seconds."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]


@dataclass(frozen=True)
class Spectrogram:
    """Power in mel bands, dB, shape (bands, columns)."""

    power_db: NDArray[np.float32]
    seconds_per_column: float
    low_hz: float
    high_hz: float


@dataclass(frozen=True)
class Contribution:
    """A part of the score."""

    name: str
    log_odds: float


@dataclass(frozen=True)
class Recording:
    """The result of one file."""

    file: str
    content: str
    audio: str
    duration: float
    codec: str
    sample_rate: int
    channels: int
    score: float
    llr: float
    llr_low: float
    llr_high: float
    p_synthetic: float
    p_low: float
    p_high: float
    prior: float
    verdict: Verdict
    reason: str
    cautions: tuple[Caution, ...]
    windows: Windows
    activity: Activity
    contributions: tuple[Contribution, ...]
    spectrogram: Spectrogram
    seconds: float

    @property
    def real_time_factor(self) -> float:
        """Seconds of computing per second of sound."""
        return self.seconds / self.duration


@dataclass(frozen=True)
class Rejected:
    """A file that could not be scored."""

    file: str
    reason: str
    content: str
