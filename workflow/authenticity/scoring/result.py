"""The answer on one recording: plain arrays and numbers, for pages, tables and programs.

`plain` makes JSON of it, which is kept on disk between scoring and showing, `restored` undoes that.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

CONTENT_DIGITS = 32
"""Of the SHA-256 of a file's content, in `content`."""

Verdict = Literal["likely synthetic", "likely genuine", "cannot tell"]


@dataclass(frozen=True)
class Caution:
    """A reason to trust a score less.

    Attributes:
        code: what it is, for programs. Something sets the recording off from the training data:
            `too_short`, `longer_than_training`, `mostly_silence`, `narrow_band`, `wide_band`,
            `clipped`, `quiet`, `reverberant`, `lossy_codec` or `unlike_training`; or answers
            contradict each other: `polarity`, `part_synthetic`.
        message: one sentence, with the numbers.
        severe: whether the score says nothing any more: the verdict is then `cannot tell`.
    """

    code: str
    message: str
    severe: bool


@dataclass(frozen=True)
class Windows:
    """Overlapping stretches of a recording, each with a score of its own; all arrays are (n,).

    The calibration was fitted on whole clips: `llr` orders windows and shows where the evidence
    lies, but a single window's is not as well founded as the recording's.

    Attributes:
        start, end: seconds, float64.
        score: the model's log-odds of spoof, float64; NaN where the window is silent throughout.
        llr: natural log-likelihood ratio, above 0 for synthetic, float64; NaN likewise.
        speech: share of the window's frames that are sound rather than silence, 0 to 1, float64.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    score: NDArray[np.float64]
    llr: NDArray[np.float64]
    speech: NDArray[np.float64]


@dataclass(frozen=True)
class Activity:
    """Stretches of sound rather than silence, from `start` to `end` in seconds; float64, (m,)."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]


@dataclass(frozen=True)
class Spectrogram:
    """A mel spectrogram for the eye.

    Attributes:
        power_db: 10 log10 of the power, shape (bands, columns), float32; low bands first.
        seconds_per_column: from one column's middle to the next one's; the first is at 0 s.
        low_hz, high_hz: what the bands cover.
    """

    power_db: NDArray[np.float32]
    seconds_per_column: float
    low_hz: float
    high_hz: float


@dataclass(frozen=True)
class Contribution:
    """What one part of the evidence adds to a score.

    Attributes:
        name: such as `layer 0, mean over time`, `mfcc_3` or `spectral view`.
        log_odds: above 0 it speaks for synthetic. All of them and the model's bias add up to the
            score.
    """

    name: str
    log_odds: float


@dataclass(frozen=True)
class Recording:
    """The answer on one recording.

    Attributes:
        file: as it was given.
        content: the first digits of the SHA-256 of the file; empty where there was no file.
        audio: identifies what is heard; see `spectral.digest`.
        duration: seconds.
        codec, sample_rate, channels: of the file.
        score: the model's log-odds of spoof under its training prior, over the whole recording.
        score_inverted: likewise, with the samples negated, which sounds the same.
        llr, llr_low, llr_high: natural log-likelihood ratio of synthetic against genuine, with its
            95% interval, of the calibration clips only: what others of the same kind could have
            given.
        p_synthetic, p_low, p_high: the probability that the recording is synthetic where a share
            of `prior` is, with that interval; None where a caution is severe.
        p_trust: what the checks on the run that made the model say of its probabilities, `trust`,
            `caution` or `do not trust`; None where it was not checked.
        prior: see above.
        verdict: in words; `reason` says in a few sentences why.
        cautions: why to trust the score less, severe ones first.
        windows: where in time.
        activity: where there is sound.
        contributions: which evidence mattered, the largest first.
        spectrogram: to draw the above on.
        seconds: how long all this took.
    """

    file: str
    content: str
    audio: str
    duration: float
    codec: str
    sample_rate: int
    channels: int
    score: float
    score_inverted: float
    llr: float
    llr_low: float
    llr_high: float
    p_synthetic: float | None
    p_low: float | None
    p_high: float | None
    p_trust: str | None
    prior: float
    verdict: Verdict
    reason: str
    cautions: tuple[Caution, ...]
    windows: Windows
    activity: Activity
    contributions: tuple[Contribution, ...]
    spectrogram: Spectrogram
    seconds: float


@dataclass(frozen=True)
class Rejected:
    """A file that cannot be scored.

    Attributes:
        file: as it was given.
        reason: why, in one line.
        content: as of `Recording`; empty where the file cannot be read at all.
    """

    file: str
    reason: str
    content: str


class Span(NamedTuple):
    """Where a picture's panels lie, all of which share the time axis.

    Attributes:
        left: of the time axis, as a fraction of the picture's width.
        right: likewise.
        top: of the highest panel, as a fraction of the picture's height from above.
        bottom: of the lowest panel, likewise.
    """

    left: float
    right: float
    top: float
    bottom: float


def plain(recording: Recording) -> dict[str, Any]:
    """Return all of a recording but the spectrogram, exactly; what is not a number is null."""
    values = {name: value for name, value in vars(recording).items() if name != "spectrogram"}
    for name in ("windows", "activity"):
        arrays = vars(values[name]).items()
        values[name] = {key: [_number(value) for value in array.tolist()] for key, array in arrays}
    for name in ("cautions", "contributions"):
        values[name] = [asdict(part) for part in values[name]]
    return values


def restored(values: Mapping[str, Any]) -> Recording:
    """Return the recording that `plain` was given, with an empty spectrogram."""

    def arrays(name: str) -> dict[str, np.ndarray]:
        return {key: np.array(numbers, np.float64) for key, numbers in values[name].items()}

    return Recording(
        **{
            **values,
            "windows": Windows(**arrays("windows")),
            "activity": Activity(**arrays("activity")),
            "cautions": tuple(Caution(**caution) for caution in values["cautions"]),
            "contributions": tuple(Contribution(**part) for part in values["contributions"]),
            "spectrogram": Spectrogram(np.empty((0, 0), np.float32), 0.0, 0.0, 0.0),
        }
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
