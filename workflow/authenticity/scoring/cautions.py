"""Cautions: why to trust the score of a recording less.

It is unlike the training data (`beyond_limits`), it would be judged otherwise with its waveform
upside down (`polarity`), or a part of it contradicts the whole (`part_synthetic`).

Limits come from the clips that the model was fitted, chosen and calibrated on. A caution is severe
where it leaves nothing to judge, where the features are further from the training clips' than
nearly all of dev's are, or where it reverberates more than nearly all of those clips, which can
make a genuine voice read as synthetic: the verdict is then `cannot tell`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from authenticity.audio import Format
from authenticity.scoring.decision import GENUINE, SYNTHETIC, UNDECIDED, Band
from authenticity.scoring.result import Caution, Verdict

TAIL = 0.01
"""The share of the training clips, or of dev's, that lies beyond a limit."""

LOSSLESS_SUFFIXES = frozenset({".aif", ".aiff", ".flac", ".w64", ".wav"})
_LEAST_SECONDS = 1.0  # shorter speech holds a word or two: less than the pooled statistics need
# From about this many times the training clips' length on, the pooled statistics of several clips
# are no longer those of one.
_MUCH_LONGER = 2
_LEAST_SOUND_SECONDS = 0.5
_LEAST_SOUND_SHARE = 0.1
# What telephones leave of speech is about this much of wideband speech's extent.
_NARROW_SHARE = 0.75
_QUIET_DBFS = -45.0
_FULL_SCALE = 0.98
_CLIPPED, _BADLY_CLIPPED = 0.001, 0.05
_LOW_BIT_RATE = 64_000  # bits a second: below it, codecs of speech and music are audibly lossy
_MOST_NAMED = 5  # parts of a recording in one sentence

Kind = Literal["synthetic", "unsure", "genuine", "silent"]


@dataclass(frozen=True)
class Measured:
    """What is measured of a recording to hold against the limits.

    Attributes:
        duration: seconds.
        sound_share: of the duration that is sound rather than silence.
        level_dbfs: root mean square, dB relative to full scale.
        rolloff_95: mean frequency below which 95% of the magnitude lies, hertz.
        slope_skewness: see `spectral.slope_skewness`.
        clipped_share: of the samples that are at full scale.
        distance: see `distances`.
        format: of the file; None where there was none.
    """

    duration: float
    sound_share: float
    level_dbfs: float
    rolloff_95: float
    slope_skewness: float
    clipped_share: float
    distance: float
    format: Format | None


def distances(
    features: NDArray[np.floating], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far features are from the training clips': 1 is usual.

    The root mean square over features of their deviation in standard deviations. At one false alarm
    in a hundred clips of dev it knows music, hum and white noise for what they are. The full
    covariance (Ledoit and Wolf 2004) was no better at that; it saw a coding at 12 kbit/s in the
    spectral numbers, though not in the layers, but its matrix would outgrow the model.

    Args:
        features: shape (clips, features).
        mean: of each feature over the training clips, (features,).
        scale: its standard deviation there.
    """
    return np.sqrt(np.square((features - mean) / scale).mean(axis=1))


def sound_share(numbers: Mapping[str, Any]) -> Any:
    """Return the share of sound in clips from what `spectral.levels` says of them."""
    span = numbers["duration"] - numbers["leading_silence"] - numbers["trailing_silence"]
    return span * (1 - numbers["pause_fraction"]) / numbers["duration"]


def clipped_share(samples: NDArray[np.float32]) -> float:
    """Return the share of samples at full scale, where the tops of a wave are cut off."""
    loud = np.count_nonzero(samples >= _FULL_SCALE) + np.count_nonzero(samples <= -_FULL_SCALE)
    return float(loud / len(samples))


def limits(
    numbers: Mapping[str, NDArray],
    paths: list[str],
    sizes: NDArray[np.integer],
    dev_distances: NDArray[np.float64],
) -> dict[str, Any]:
    """Return the limits as plain data.

    Args:
        numbers: `spectral`'s columns of the training and dev clips, by name, (n,).
        paths: of those clips' files, (n,).
        sizes: their bytes, (n,).
        dev_distances: of dev's clips; see `distances`.
    """
    coded = np.array(
        [PurePosixPath(path).suffix.lower() not in LOSSLESS_SUFFIXES for path in paths]
    )
    rates = 8 * np.asarray(sizes)[coded] / np.asarray(numbers["duration"])[coded]
    return {
        "tail": TAIL,
        "least_duration": _quantile(numbers["duration"], TAIL),
        "greatest_duration": _quantile(numbers["duration"], 1 - TAIL),
        "least_sound_share": _quantile(sound_share(numbers), TAIL),
        "least_level_dbfs": _quantile(numbers["level_dbfs"], TAIL),
        "least_rolloff_95": _quantile(numbers["rolloff_95"], TAIL),
        "greatest_rolloff_95": _quantile(numbers["rolloff_95"], 1 - TAIL),
        "greatest_slope_skewness": _quantile(numbers["slope_skewness"], 1 - TAIL),
        "least_bit_rate": float(_quantile(rates, TAIL)) if coded.mean() > TAIL else None,
        "greatest_distance": _quantile(dev_distances, 1 - TAIL),
    }


def _quantile(values: Any, share: float) -> float:
    return float(np.quantile(np.asarray(values, np.float64), share))


def beyond_limits(measured: Measured, limits: Mapping[str, Any]) -> tuple[Caution, ...]:
    """Return what sets a recording off from the training data, severe cautions first.

    Args:
        measured: of the recording.
        limits: see `limits`.
    """
    made = [
        *_of_duration(measured, limits),
        *_of_spectrum(measured, limits),
        *_of_room(measured, limits),
        *_of_level(measured, limits),
        *_of_codec(measured, limits),
    ]
    if measured.distance > limits["greatest_distance"]:
        made.append(
            Caution(
                "unlike_training",
                f"Its features are {measured.distance:.1f} standard deviations from those of the "
                f"training clips; {_of_100(limits)} of their like are within "
                f"{limits['greatest_distance']:.1f}.",
                severe=True,
            )
        )
    return sorted_by_severity(made)


def sorted_by_severity(made: Iterable[Caution]) -> tuple[Caution, ...]:
    """Return cautions with the severe ones first."""
    return tuple(sorted(made, key=lambda caution: not caution.severe))


def _of_100(limits: Mapping[str, Any]) -> str:
    return f"{100 * (1 - limits['tail']):.0f} in 100"


def _of_duration(measured: Measured, limits: Mapping[str, Any]) -> list[Caution]:
    made = []
    if measured.duration < limits["least_duration"]:
        message = (
            f"It lasts {measured.duration:.1f} s; {_of_100(limits)} training clips last "
            f"{limits['least_duration']:.1f} s or longer."
        )
        made.append(Caution("too_short", message, severe=measured.duration < _LEAST_SECONDS))
    if measured.duration > _MUCH_LONGER * limits["greatest_duration"]:
        message = (
            f"It lasts {measured.duration:.1f} s; {_of_100(limits)} training clips last "
            f"{limits['greatest_duration']:.1f} s or less, and how often verdicts on longer "
            "recordings are wrong was not measured."
        )
        made.append(Caution("longer_than_training", message, severe=False))
    sound = measured.sound_share * measured.duration
    nothing = sound < _LEAST_SOUND_SECONDS or measured.sound_share < _LEAST_SOUND_SHARE
    if nothing or measured.sound_share < limits["least_sound_share"]:
        message = (
            f"Only {100 * measured.sound_share:.0f}% of it, {sound:.1f} s, is sound rather than "
            f"silence; {_of_100(limits)} training clips have "
            f"{100 * limits['least_sound_share']:.0f}% or more."
        )
        made.append(Caution("mostly_silence", message, severe=nothing))
    return made


def _of_spectrum(measured: Measured, limits: Mapping[str, Any]) -> list[Caution]:
    least, greatest = limits["least_rolloff_95"], limits["greatest_rolloff_95"]
    if measured.rolloff_95 < least:
        message = (
            f"It has little above {measured.rolloff_95:,.0f} Hz, as after a telephone or a "
            f"low-grade codec; {_of_100(limits)} training clips reach {least:,.0f} Hz or higher."
        )
        severe = measured.rolloff_95 < _NARROW_SHARE * least
        return [Caution("narrow_band", message, severe=severe)]
    if measured.rolloff_95 > greatest:
        message = (
            f"It is strong up to {measured.rolloff_95:,.0f} Hz, as with hiss; {_of_100(limits)} "
            f"training clips stay below {greatest:,.0f} Hz."
        )
        return [Caution("wide_band", message, severe=False)]
    return []


def _of_room(measured: Measured, limits: Mapping[str, Any]) -> list[Caution]:
    greatest = limits["greatest_slope_skewness"]
    if measured.slope_skewness <= greatest:
        return []
    message = (
        "Its sound dies away more slowly than it rises, as in a room that reverberates: the "
        f"skewness of its slopes is {measured.slope_skewness:.2f}, and {_of_100(limits)} training "
        f"clips have {greatest:.2f} or less."
    )
    return [Caution("reverberant", message, severe=True)]


def _of_level(measured: Measured, limits: Mapping[str, Any]) -> list[Caution]:
    made = []
    if measured.clipped_share > _CLIPPED:
        message = (
            f"{100 * measured.clipped_share:.1f}% of its samples are at full scale: it was "
            "recorded or amplified too loud, and the distortion is not speech."
        )
        made.append(
            Caution("clipped", message, severe=bool(measured.clipped_share > _BADLY_CLIPPED))
        )
    if measured.level_dbfs < min(_QUIET_DBFS, limits["least_level_dbfs"]):
        message = (
            f"Its level is {measured.level_dbfs:.0f} dB relative to full scale; {_of_100(limits)} "
            f"training clips have {limits['least_level_dbfs']:.0f} dB or more, and what is this "
            "quiet is close to the noise of its own recording."
        )
        made.append(Caution("quiet", message, severe=False))
    return made


def _of_codec(measured: Measured, limits: Mapping[str, Any]) -> list[Caution]:
    known = measured.format
    if known is None or known.lossless or known.bit_rate is None:
        return []
    least = limits["least_bit_rate"]
    if known.bit_rate >= (_LOW_BIT_RATE if least is None else least):
        return []
    trained = "had no such coding" if least is None else f"have {least / 1000:.0f} kbit/s or more"
    message = (
        f"It is coded as {known.codec} at {known.bit_rate / 1000:.0f} kbit/s, which changes "
        f"speech; {_of_100(limits)} training clips {trained}."
    )
    return [Caution("lossy_codec", message, severe=False)]


def polarity(verdict: Verdict, inverted: Verdict) -> tuple[Caution, ...]:
    """Return the caution on a recording that is judged otherwise with its waveform upside down.

    Polarity is a matter of microphones and cables; nobody hears it, and no verdict may hang on it.

    Args:
        verdict: where the recording lies by the band.
        inverted: where it lies with its samples negated.
    """
    if verdict == inverted:
        return ()
    instead = "get no verdict" if inverted == UNDECIDED else f"be called {inverted}"
    message = (
        f"Turned upside down, which sounds the same, it would {instead}: the model hears the "
        "polarity of the waveform."
    )
    return (Caution("polarity", message, severe=True),)


@dataclass(frozen=True)
class Stretch:
    """Neighbouring windows that say the same.

    Attributes:
        kind: where they lie, as decisions on whole recordings are made.
        start, end: seconds; half-way between the centres of two windows, or an end of the
            recording.
        low, high: the ends of their log-likelihood ratios; None where they are silent.
    """

    kind: Kind
    start: float
    end: float
    low: float | None
    high: float | None


def stretches(
    start: Sequence[float],
    end: Sequence[float],
    llr: Sequence[float | None],
    duration: float,
    band: Band,
) -> list[Stretch]:
    """Join windows, from the first to the last second.

    Args:
        start: of each window, seconds.
        end: likewise.
        llr: their log-likelihood ratios; None or not a number where a window is silent.
        duration: of the recording, seconds.
        band: where nothing is decided.
    """
    centres = [(a + b) / 2 for a, b in zip(start, end, strict=True)]
    ends = [*((a + b) / 2 for a, b in pairwise(centres)), duration]
    joined, begin = [], 0.0
    pairs = zip(ends, llr, strict=True)
    for kind, neighbours in groupby(pairs, lambda pair: _kind(pair[1], band)):
        last, ratios = zip(*neighbours, strict=True)
        low, high = (None, None) if kind == "silent" else (min(ratios), max(ratios))
        joined.append(Stretch(kind, begin, last[-1], low, high))
        begin = last[-1]
    return joined


def _kind(llr: float | None, band: Band) -> Kind:
    if llr is None or llr != llr:
        return "silent"
    if llr >= band.upper:
        return "synthetic"
    return "genuine" if llr < band.lower else "unsure"


def part_synthetic(
    joined: Sequence[Stretch], window_seconds: float, verdict: Verdict
) -> tuple[Caution, ...]:
    """Return the caution on parts that score as synthetic where the whole does not.

    A part counts that lasts a window or longer: with overlapping windows, a single one is chance.

    Args:
        joined: its `stretches`.
        window_seconds: how long a window is.
        verdict: where the whole lies by the band. A genuine recording with such a part is none.
    """
    parts = [
        part
        for part in joined
        if part.kind == "synthetic" and part.end - part.start >= window_seconds
    ]
    if verdict == SYNTHETIC or not parts:
        return ()
    named = [f"from {_clock(part.start)} to {_clock(part.end)}" for part in parts[:_MOST_NAMED]]
    if len(parts) > _MOST_NAMED:
        named.append(f"in {len(parts) - _MOST_NAMED} other places")
    places = ", ".join(named)
    message = f"{places[0].upper()}{places[1:]} it scores as synthetic; the whole does not."
    return (Caution("part_synthetic", message, severe=verdict == GENUINE),)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
