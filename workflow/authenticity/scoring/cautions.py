"""Cautions: why to trust the score of a recording less.

It is unlike the training data (`beyond_limits`), inverted polarity would change its verdict
(`polarity`), or a part of it contradicts the whole (`part_synthetic`).

Limits come from the clips that the model was fitted, chosen and calibrated on. A severe caution
makes the verdict `cannot tell`: too little is left to judge, the features are further from the
training clips' than nearly all of dev's are, or the recording reverberates more than nearly all of
those clips, which can make a genuine voice read as synthetic.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import PurePosixPath
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from authenticity.audio import Format
from authenticity.growing import Rows, blocks
from authenticity.scoring.decision import GENUINE, SYNTHETIC, UNDECIDED, Band
from authenticity.scoring.result import Caution, Verdict, Windows
from authenticity.scoring.words import clock

TAIL = 0.01
"""The share of the training clips, or of dev's, that lies beyond a limit."""

LOSSLESS_SUFFIXES = frozenset({".aif", ".aiff", ".flac", ".w64", ".wav"})
_LEAST_SECONDS = 1.0  # shorter speech holds a word or two: less than the pooled statistics need
_MUCH_LONGER = 2  # times the training clips' length: pooled statistics of several clips differ
_LEAST_SOUND_SECONDS = 0.5
_LEAST_SOUND_SHARE = 0.1
_NARROW_SHARE = 0.75  # of wideband speech's extent: about what telephones leave
_QUIET_DBFS = -45.0
_FULL_SCALE = 0.98
_CLIPPED, _BADLY_CLIPPED = 0.001, 0.05
_LOW_BIT_RATE = 64_000  # bits a second: below it, codecs of speech and music are audibly lossy
_MOST_NAMED = 5  # parts of a recording in one sentence

Clip = Mapping[str, float]
Kind = Literal["synthetic", "unsure", "genuine", "silent"]
_KINDS: dict[Verdict, Kind] = {SYNTHETIC: "synthetic", UNDECIDED: "unsure", GENUINE: "genuine"}


class Domain(TypedDict):
    """The limits, quantiles of the training clips and of dev's distances: `domain` of a bundle.

    `tail` is the share of clips beyond each; the others have the names of what they limit.
    `least_bit_rate` is None where no clip was coded.
    """

    tail: float
    least_duration: float
    greatest_duration: float
    least_sound_share: float
    least_level_dbfs: float
    least_rolloff_95: float
    greatest_rolloff_95: float
    greatest_slope_skewness: float
    least_bit_rate: float | None
    greatest_distance: float | None


def distances(
    features: NDArray[np.floating], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far features, (clips, features), are from the training clips': 1 is usual.

    The root mean square over features of their deviation from the `mean` over the training clips,
    in standard deviations, `scale`; both (features,). At one false alarm in a hundred clips of dev
    it detects music, hum and white noise. The full covariance (Ledoit and Wolf 2004) was no better
    at that; it saw a coding at 12 kbit/s in the spectral numbers, though not in the layers, but its
    matrix would outgrow the model.
    """
    return np.sqrt(np.square((features - mean) / scale).mean(axis=1))


def sound_share(numbers: Mapping[str, Any]) -> Any:
    """Return the share of sound in clips from what `spectral.levels` says of them."""
    span = numbers["duration"] - numbers["leading_silence"] - numbers["trailing_silence"]
    return span * (1 - numbers["pause_fraction"]) / numbers["duration"]


def clipped_share(samples: Rows) -> float:
    """Return the share of samples at full scale, where the tops of a wave are cut off."""
    loud = sum(np.count_nonzero(np.abs(block) >= _FULL_SCALE) for block in blocks(samples))
    return float(loud / len(samples))


def limits(clips: Mapping[str, NDArray], dev_distances: NDArray[np.float64] | None) -> Domain:
    """Return the limits that training and dev clips set.

    Args:
        clips: columns of `spectral` on them by name, `path` and `bytes` of their files, (n,).
        dev_distances: of dev's clips; see `distances`. None for a published detector, whose only
            feature is its score.
    """
    suffixes = (PurePosixPath(path).suffix.lower() for path in clips["path"].tolist())
    coded = np.array([suffix not in LOSSLESS_SUFFIXES for suffix in suffixes])
    rates = 8 * clips["bytes"][coded] / clips["duration"][coded]
    measured = {
        **clips,
        "sound_share": sound_share(clips),
        "bit_rate": rates if coded.mean() > TAIL else None,
        "distance": dev_distances,
    }
    shares, found = {"least": TAIL, "greatest": 1 - TAIL}, {"tail": TAIL}
    for name in Domain.__required_keys__ - {"tail"}:
        end, _, column = name.partition("_")
        values = measured[column]
        found[name] = None if values is None else float(np.quantile(values, shares[end]))
    return found


def beyond_limits(clip: Clip, form: Format, limits: Domain) -> Iterator[Caution]:
    """Yield what sets a recording off from the training data.

    Args:
        clip: of the recording, by name: `duration`, `level_dbfs`, `rolloff_95` and `slope_skewness`
            as of `spectral`, `sound_share`, `clipped_share`, and `distance` (see `distances`).
        form: of its file.
        limits: see `limits`.
    """
    most = f"{100 * (1 - limits['tail']):.0f} in 100"
    yield from _of_duration(clip, limits, most)
    yield from _of_spectrum(clip, limits, most)
    yield from _of_level(clip, limits, most)
    yield from _of_codec(form, limits["least_bit_rate"], most)
    distance, greatest = clip["distance"], limits["greatest_distance"]
    if greatest is not None and distance > greatest:
        message = (
            f"Its features are {distance:.1f} standard deviations from those of the training "
            f"clips; those of {most} clips like these are within {greatest:.1f}."
        )
        yield Caution("unlike_training", message, severe=True)


def _of_duration(clip: Clip, limits: Domain, most: str) -> Iterator[Caution]:
    duration, share = clip["duration"], clip["sound_share"]
    lasts = f"It lasts {duration:.1f} s; {most} training clips last"
    if duration < limits["least_duration"]:
        message = f"{lasts} {limits['least_duration']:.1f} s or longer."
        yield Caution("too_short", message, severe=duration < _LEAST_SECONDS)
    if duration > _MUCH_LONGER * limits["greatest_duration"]:
        message = (
            f"{lasts} {limits['greatest_duration']:.1f} s or less, and how often verdicts on "
            "longer recordings are wrong was not measured."
        )
        yield Caution("longer_than_training", message, severe=False)
    seconds = share * duration
    nothing = seconds < _LEAST_SOUND_SECONDS or share < _LEAST_SOUND_SHARE
    if nothing or share < limits["least_sound_share"]:
        message = (
            f"Only {100 * share:.0f}% of it, {seconds:.1f} s, is sound rather than silence; "
            f"{most} training clips have {100 * limits['least_sound_share']:.0f}% or more."
        )
        yield Caution("mostly_silence", message, severe=nothing)


def _of_spectrum(clip: Clip, limits: Domain, most: str) -> Iterator[Caution]:
    least, greatest = limits["least_rolloff_95"], limits["greatest_rolloff_95"]
    reach, skewness = clip["rolloff_95"], clip["slope_skewness"]
    if reach < least:
        message = (
            f"It has little above {reach:,.0f} Hz, as after a telephone or a "
            f"low-grade codec; {most} training clips reach {least:,.0f} Hz or higher."
        )
        yield Caution("narrow_band", message, reach < _NARROW_SHARE * least)
    if reach > greatest:
        message = (
            f"It is strong up to {reach:,.0f} Hz, as with hiss; {most} training "
            f"clips stay below {greatest:,.0f} Hz."
        )
        yield Caution("wide_band", message, severe=False)
    greatest = limits["greatest_slope_skewness"]
    if skewness > greatest:
        message = (
            "It sounds reverberant: the skewness of its slopes, which is high where sound decays "
            f"slowly, is {skewness:.2f}, and {most} training clips have "
            f"{greatest:.2f} or less."
        )
        yield Caution("reverberant", message, severe=True)


def _of_level(clip: Clip, limits: Domain, most: str) -> Iterator[Caution]:
    level, clipped = clip["level_dbfs"], clip["clipped_share"]
    if clipped > _CLIPPED:
        message = (
            f"{100 * clipped:.1f}% of its samples are at full scale: it was "
            "recorded or amplified too loud, and the distortion is not speech."
        )
        yield Caution("clipped", message, severe=clipped > _BADLY_CLIPPED)
    if level < min(_QUIET_DBFS, limits["least_level_dbfs"]):
        message = (
            f"Its level is {level:.0f} dB relative to full scale, close to the noise "
            f"of the recording itself; {most} training clips have "
            f"{limits['least_level_dbfs']:.0f} dB or more."
        )
        yield Caution("quiet", message, severe=False)


def _of_codec(form: Format, least: float | None, most: str) -> Iterator[Caution]:
    if form.lossless or form.bit_rate is None:
        return
    if form.bit_rate < (_LOW_BIT_RATE if least is None else least):
        usual = "are not coded so" if least is None else f"have {least / 1000:.0f} kbit/s or more"
        message = (
            f"It is coded as {form.codec} at {form.bit_rate / 1000:.0f} kbit/s, which changes "
            f"speech; {most} training clips {usual}."
        )
        yield Caution("lossy_codec", message, severe=False)


def polarity(verdict: Verdict, inverted: Verdict) -> tuple[Caution, ...]:
    """Return the caution where the band's verdict differs once the samples are negated.

    Polarity depends on microphones and cables; nobody hears it, so no verdict may depend on it.
    """
    if verdict == inverted:
        return ()
    instead = "get no verdict" if inverted == UNDECIDED else f"be called {inverted}"
    message = (
        f"With inverted polarity, which sounds the same, it would {instead}: the model hears the "
        "polarity of the waveform."
    )
    return (Caution("polarity", message, severe=True),)


@dataclass(frozen=True)
class Stretch:
    """Neighbouring windows on the same side of the band.

    Attributes:
        kind: where they lie.
        start, end: seconds; half-way between the centres of two windows, or an end of the
            recording.
        low, high: the ends of their log-likelihood ratios; None where they are silent.
    """

    kind: Kind
    start: float
    end: float
    low: float | None
    high: float | None


def stretches(windows: Windows, duration: float, band: Band) -> list[Stretch]:
    """Join windows on the same side of the band, from the first to the last second."""
    said = [_KINDS[verdict] for verdict in band.verdicts(windows.llr).tolist()]
    kinds = np.where(np.isnan(windows.llr), "silent", said).tolist()
    centres = ((windows.start + windows.end) / 2).tolist()
    ends = [*((a + b) / 2 for a, b in pairwise(centres)), duration]
    joined, begin = [], 0.0
    columns = zip(kinds, ends, windows.llr.tolist(), strict=True)
    for kind, neighbours in groupby(columns, itemgetter(0)):
        _, last, ratios = zip(*neighbours, strict=True)
        low, high = (None, None) if kind == "silent" else (min(ratios), max(ratios))
        joined.append(Stretch(kind, begin, last[-1], low, high))
        begin = last[-1]
    return joined


def part_synthetic(
    joined: Sequence[Stretch], window_seconds: float, verdict: Verdict
) -> tuple[Caution, ...]:
    """Return the caution on `stretches` that score as synthetic where the whole does not.

    A part counts if it lasts a window or longer: with overlapping windows, a single one is chance.
    It is severe where the verdict on the whole, by the band, is `likely genuine`.
    """
    parts = [
        part
        for part in joined
        if part.kind == "synthetic" and part.end - part.start >= window_seconds
    ]
    if verdict == SYNTHETIC or not parts:
        return ()
    named = [f"from {clock(part.start)} to {clock(part.end)}" for part in parts[:_MOST_NAMED]]
    if len(parts) > _MOST_NAMED:
        named.append(f"in {len(parts) - _MOST_NAMED} other places")
    places = ", ".join(named)
    message = f"{places[0].upper()}{places[1:]} it scores as synthetic; the whole does not."
    return (Caution("part_synthetic", message, severe=verdict == GENUINE),)
