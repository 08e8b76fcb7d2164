"""The prototype's fifteen numbers per clip, log-mel statistics, dynamics, and what audits need.

librosa defines the prototype's numbers: 16 kHz, frames of 2048 samples with a hop of 512, centred,
Hann window, 128 mel bands. `slope_skewness` and the steps are of two finer transforms. Each runs
in blocks whose statistics are combined exactly, so that memory does not grow with a clip.

Every parse of the workflow, and most jobs, import this module for the names of the numbers. SciPy
loads `scipy.fft`, which takes a third of a second, when it is first used.
"""

import functools
import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import scipy
from numpy.typing import NDArray

from authenticity.audio import SAMPLE_RATE, decibels, largest_magnitude
from authenticity.growing import BLOCK, Growing, Rows, blocks, summed

VERSION = "7"
"""Raise it when any number below changes for any clip: tables of another version are recomputed."""

N_MFCC = 13
PROTOTYPE_NUMBERS = ("centroid", "entropy", *(f"mfcc_{index}" for index in range(N_MFCC)))
"""The prototype's features, in the order of its header."""

AUDIT_NUMBERS = (
    "entropy_prototype",
    "duration",
    "level_dbfs",
    "peak_dbfs",
    "crest_db",
    "skewness",
    "leading_silence",
    "trailing_silence",
    "pause_fraction",
    "rolloff_95",
    "dynamic_range_db",
    "slope_skewness",
)

LOG_MEL_STATISTICS = ("logmel_mean", "logmel_std")
N_MELS = 128

DYNAMICS = ("logmel_std", "logmel_step_std", "step_std", "step_skewness", "bend_skewness")
"""How much the spectrum varies over time, and how; see `spectrum`."""
N_STEP_BANDS = 63

_PER_MEL, _PER_STEP_BAND = pa.list_(pa.float32(), N_MELS), pa.list_(pa.float32(), N_STEP_BANDS)
SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("label", pa.int8()),
        *((name, pa.float64()) for name in PROTOTYPE_NUMBERS + AUDIT_NUMBERS),
        *((name, _PER_MEL) for name in (*LOG_MEL_STATISTICS, "logmel_step_std")),
        *((name, _PER_STEP_BAND) for name in ("step_std", "step_skewness", "bend_skewness")),
        ("content", pa.string()),
        ("audio", pa.string()),
    ]
)

_FRAME, _HOP = 2048, 512
_BLOCK_FRAMES = 1024  # of the transform: 8 MB of complex numbers at a time
_MEL_GROUPS = 4
_ROLLOFF_SHARE, _ROLLOFF_BINS = 0.95, 41  # of the 1025 bins, 25 groups
_LEVEL_FRAME, _LEVEL_HOP = 320, 160  # samples: 20 ms frames every 10 ms
_SILENCE_BELOW_LOUDEST_DB = 40.0
_NOISE_SHARE_OF_RANGE = 0.25
_NOISE_BELOW_LOUDEST_DB = 15.0
_FLOOR_PERCENTILE = 5
_FLOOR = 1e-10  # power; -100 dB
_TOP_DB = 80.0  # librosa's: for cepstra, no band's level is further below the loudest
_SLOPE_FRAME, _SLOPE_HOP = 512, 160  # samples: 32 ms every 10 ms
_SLOPE_BANDS, _SLOPE_HERTZ = 24, (200, 7000)
_SLOPE_HALF = 4  # frames on either side of the middle of a line
_SLOPE_RANGE_DB, _SLOPE_LOUD = 20.0, 0.95
_STEP_FRAME, _STEP_HOP = 128, 80  # samples: 8 ms every 5 ms


def describe(samples: Rows) -> dict[str, float | NDArray[np.float32]]:
    """Compute all numbers of one clip, mono at 16 kHz, shape (n,), full scale 1."""
    return {**levels(samples), "slope_skewness": slope_skewness(samples), **spectrum(samples)}


def spectrum(samples: Rows) -> dict[str, float | NDArray[np.float32]]:
    """Compute the numbers of one clip that models are fitted on, and `rolloff_95`.

    Args:
        samples: as for `describe`.

    Returns:
        - `centroid`: mean over frames of the magnitude spectrum's centroid, hertz;
        - `entropy`: mean over frames of the Shannon entropy of the mel power distribution, nats:
          each frame is normalised to sum to one, so neither level nor length matters; frames
          without power have no distribution and are left out;
        - `mfcc_0` ... `mfcc_12`: means over frames of the mel-frequency cepstral coefficients;
        - `entropy_prototype`: the prototype's sum of -m ln m over the un-normalised mel power
          spectrogram, which grows with level and duration;
        - `rolloff_95`: mean over frames with power of the frequency below which 95% of the
          magnitude lies, hertz;
        - `logmel_mean` and `logmel_std`: mean and standard deviation over frames of the power in
          each of 128 mel bands, 10 log10 of it with a floor at -100 dB; shape (128,).
          The floor is the same for all clips; that of the cepstra moves with the loudest band;
        - `logmel_step_std`: standard deviation of the difference between one frame of those and
          the next, 32 ms later, dB; shape (128,);
        - `step_std` and `step_skewness`: standard deviation, dB, and skewness of the difference
          between one frame and the next of a finer spectrogram, frames of 8 ms every 5 ms, at each
          multiple of 125 Hz between 0 and 8000, with the same floor; shape (63,). Sound sets in
          faster than it dies away; vocoders that overlap and add windows make both slower and more
          alike;
        - `bend_skewness`: skewness of the difference between one such difference and the next;
          shape (63,). Skewness is 0 where nothing differs.

    Standard deviations of the log spectrum are long-term spectral statistics (Muckenhirn,
    Magimai-Doss and Marcel 2017, "Long-term spectral statistics for voice presentation attack
    detection"). A probe chose among such numbers: docs/probe.md.
    """
    per_frame: list[NDArray] = []
    moments, steps = _Moments(N_MELS), _Steps(N_MELS)
    log_mel = Growing((N_MELS,))
    for magnitude in _magnitudes(samples, _FRAME, _HOP, margin=_FRAME // 2):
        total, rolloffs = total_and_rolloff(magnitude)
        block = _mel_power(np.square(magnitude))
        power, entropy = _power_and_entropy(block)
        _decibels_in_place(block)
        moments.add(block)
        steps.add(block)
        log_mel.append(block)
        # Frames without power have a centroid of 0, and no spectrum that could roll off.
        hertz = np.fft.rfftfreq(_FRAME, 1 / SAMPLE_RATE).astype(np.float32)
        centroids = np.divide(magnitude @ hertz, total, out=np.zeros_like(total), where=total > 0)
        per_frame.append(np.stack([centroids, rolloffs, power, entropy]))
    centroids, rolloffs, power, entropy = np.concatenate(per_frame, axis=1)
    cepstra = _mean_cepstra(log_mel.whole())
    return {
        "centroid": float(centroids.mean()),
        "entropy": _mean_entropy(power, entropy),
        **{f"mfcc_{index}": float(value) for index, value in enumerate(cepstra)},
        "entropy_prototype": float(entropy.sum()),
        "rolloff_95": float(np.nanmean(rolloffs)),
        "logmel_mean": moments.mean.astype(np.float32),
        "logmel_std": moments.std().astype(np.float32),
        "logmel_step_std": steps.moments.std().astype(np.float32),
        **_fine_steps(samples),
    }


def _fine_steps(samples: Rows) -> dict[str, NDArray[np.float32]]:
    """Compute `step_std`, `step_skewness` and `bend_skewness`; see `spectrum`."""
    steps, bends = _Steps(N_STEP_BANDS), _Steps(N_STEP_BANDS)
    for magnitude in _magnitudes(samples, _STEP_FRAME, _STEP_HOP):
        bends.add(steps.add(_decibels_in_place(np.square(magnitude[:, 1:-1]))))
    return {
        "step_std": steps.moments.std().astype(np.float32),
        "step_skewness": steps.moments.skewness().astype(np.float32),
        "bend_skewness": bends.moments.skewness().astype(np.float32),
    }


def width(name: str) -> int:
    """Return how many numbers a column of `SCHEMA` has in each row."""
    kind = SCHEMA.field(name).type
    return kind.list_size if pa.types.is_fixed_size_list(kind) else 1


def _power_and_entropy(
    mel: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each frame's power p, and the sum of -m ln m over its mel powers m; both (frames,)."""
    double = mel.astype(np.float64)
    return double.sum(axis=1), scipy.special.entr(double).sum(axis=1)


def _mean_entropy(power: NDArray[np.float64], entropy: NDArray[np.float64]) -> float:
    """Return the mean entropy of the distributions m / p, in nats: sum(-m ln m) / p + ln p."""
    some = power > 0
    return float((entropy[some] / power[some] + np.log(power[some])).mean())


def _decibels_in_place(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn power into decibels, in the same memory."""
    # NumPy's natural logarithm is several times faster than that to the base of ten.
    np.log(np.maximum(power, _FLOOR, out=power), out=power)
    return np.multiply(power, np.float32(10 / np.log(10)), out=power)


def _mean_cepstra(log_mel: Rows) -> NDArray[np.float64]:
    """Return the means over frames of librosa's cepstra, (N_MFCC,).

    The cosine transform is linear: that of the mean is the mean of the frames'.
    """
    floor = max(block.max() for block in blocks(log_mel)) - np.float32(_TOP_DB)
    total = np.zeros((1, N_MELS))
    for block in blocks(log_mel):
        # One row after the other onto the sum, as NumPy adds up all of them.
        total = np.concatenate([total, np.maximum(block, floor)]).sum(axis=0, keepdims=True)
    return scipy.fft.dct(total[0] / len(log_mel), type=2, norm="ortho")[:N_MFCC]


def _mel_power(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the power in each mel band, (frames, N_MELS), of power spectra, (frames, bins)."""
    mel = np.empty((len(power), N_MELS), np.float32)
    for bands, bins, weights in _mel_bank():
        np.matmul(power[:, bins], weights, out=mel[:, bands])
    return mel


@functools.cache
def _mel_bank() -> list[tuple[slice, slice, NDArray[np.float32]]]:
    """Return librosa's filters in groups of bands: a product with all bins is mostly with zeros."""
    filters, groups = _mel_filters(), []
    for first in range(0, N_MELS, N_MELS // _MEL_GROUPS):
        bands = slice(first, first + N_MELS // _MEL_GROUPS)
        used = np.flatnonzero(filters[bands].any(axis=0))
        bins = slice(used[0], used[-1] + 1)
        groups.append((bands, bins, np.ascontiguousarray(filters[bands, bins].T, np.float32)))
    return groups


def _mel_filters() -> NDArray[np.float32]:
    """Return `librosa.filters.mel` to the last bit, (N_MELS, bins); its import takes 1.1 s.

    Triangles of equal area, equally wide on the scale of Slaney 1998 ("Auditory Toolbox"): linear
    up to 1 kHz, logarithmic above.
    """
    linear, log_step = 200 / 3, np.log(6.4) / 27
    corner = 1000 / linear
    mels = np.linspace(0, corner + np.log(SAMPLE_RATE / 2 / 1000) / log_step, N_MELS + 2)
    above = 1000 * np.exp(log_step * (mels - corner))
    edges = np.where(mels < corner, linear * mels, above)
    widths = np.diff(edges)
    ramps = np.subtract.outer(edges, np.fft.rfftfreq(_FRAME, 1 / SAMPLE_RATE))
    rising, falling = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    filters *= (2 / (edges[2:] - edges[:-2]))[:, None]
    return filters


def total_and_rolloff(
    magnitude: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each frame's magnitude, and the lowest frequency up to which 95% of it lies, hertz.

    The group of bins that holds this frequency is found first. Silent frames have none (NaN).
    """
    frames, groups = np.arange(len(magnitude)), magnitude.reshape(len(magnitude), -1, _ROLLOFF_BINS)
    below = np.cumsum(np.einsum("fgb->fg", groups), axis=1, dtype=np.float64)
    total = below[:, -1]
    wanted = _ROLLOFF_SHARE * below[:, -1:]
    group = (below >= wanted).argmax(axis=1)
    before = np.where(group > 0, below[frames, group - 1], 0.0)
    within = np.cumsum(groups[frames, group], axis=1, dtype=np.float64) + before[:, None]
    # Rounding may leave the group's own end a little short of what is wanted.
    reached = np.minimum((within < wanted).sum(axis=1), _ROLLOFF_BINS - 1)
    hertz = (group * _ROLLOFF_BINS + reached) * (SAMPLE_RATE / _FRAME)
    return total, np.where(total > 0, hertz, np.nan)


def slope_skewness(samples: Rows) -> float:
    """Return how much more often sound dies away slowly than it rises slowly: a sign of a room.

    That is the skewness of the slopes of the level in time: near 0 for speech close to a
    microphone, which rises and falls at about the same rates; more in a room, which delays the
    falls and not the rises; 0 where there are no slopes. Noise flattens both. Slopes of the
    log-energy in each band are those of Wen, Habets and Naylor (2008, "Blind estimation of
    reverberation time based on the distribution of signal decay rates"); Falk and Chan (2010,
    "Temporal dynamics for blind measurement of room acoustical parameters") found that statistics
    of the log-energy's differences tell of a room.

    Lines are fitted to nine frames each in 24 bands. What lies 20 dB or more below a band's
    loud frames (95th percentile) counts as that far below, so that neither the depth of silence nor
    a floor of noise matters; stretches wholly below are left out.
    """
    sums = np.zeros(4)
    for slopes in _slopes(_band_levels(samples)):
        sums += [len(slopes), *_sums_of_powers(slopes)]
    number, *powers = sums.tolist()
    return _skewness(*(power / number for power in powers)) if number else 0.0


def _band_levels(samples: Rows) -> Rows:
    """Return the levels of bands that are equally wide on the mel scale, dB, (frames, bands)."""
    hertz = mel_edges(_SLOPE_BANDS - 1, *_SLOPE_HERTZ)
    edges = np.rint(hertz * _SLOPE_FRAME / SAMPLE_RATE).astype(int)
    levels = Growing((_SLOPE_BANDS,))
    for magnitude in _magnitudes(samples, _SLOPE_FRAME, _SLOPE_HOP):
        power = np.square(magnitude[:, : edges[-1]])
        levels.append(_decibels_in_place(np.add.reduceat(power, edges[:-1], axis=1)))
    return levels.whole()


def mel_edges(bands: int, low: float = 0, high: float = 8000) -> NDArray[np.float64]:
    """Return where bands begin, peak and end that overlap by half, hertz, (bands + 2,).

    They are equally wide on the mel scale of O'Shaughnessy, 2595 log10(1 + f / 700): "Speech
    Communication: Human and Machine", 1987.
    """
    ends = (2595 * np.log10(1 + hertz / 700) for hertz in (low, high))
    return 700 * (10 ** (np.linspace(*ends, bands + 2) / 2595) - 1)


def _slopes(levels: Rows) -> Iterator[NDArray[np.float32]]:
    """Yield all slopes of all bands, up to a factor, those of a block of frames at a time."""
    length = 2 * _SLOPE_HALF + 1
    n_slopes = len(levels) - length + 1
    if n_slopes < 1:
        return
    floor = np.maximum(_loud(levels) - _SLOPE_RANGE_DB, 10 * np.log10(_FLOOR))
    floor = floor.astype(np.float32)[:, None]
    for first in range(0, n_slopes, _BLOCK_FRAMES):
        n = min(_BLOCK_FRAMES, n_slopes - first)
        level = np.ascontiguousarray(levels[first : first + n + length - 1].T)
        over = np.cumsum(np.pad(level > floor, ((0, 0), (1, 0))), axis=1, dtype=np.int32)
        heard = over[:, length:] > over[:, :-length]
        level = np.maximum(level, floor)
        slopes = np.zeros((_SLOPE_BANDS, n), np.float32)
        for step in range(1, _SLOPE_HALF + 1):
            later, earlier = _SLOPE_HALF + step, _SLOPE_HALF - step
            slopes += step * (level[:, later : later + n] - level[:, earlier : earlier + n])
        yield slopes[heard]


def _loud(levels: Rows) -> NDArray[np.float32]:
    """Return what a share `_SLOPE_LOUD` of each band's levels lies below, (bands,).

    As many bands are in memory at once as a block has room for, and one at least.
    """
    found, step = [], max(1, BLOCK // len(levels))
    for first in range(0, _SLOPE_BANDS, step):
        bands = np.concatenate(
            [block[:, first : first + step].T for block in blocks(levels)], axis=1
        )
        found.append(np.quantile(bands, _SLOPE_LOUD, axis=1))
    return np.concatenate(found)


class _Moments:
    """Moments over time of the columns of a matrix whose rows come in blocks.

    Blocks are combined exactly (Pébay 2008, "Formulas for robust, one-pass parallel computation of
    covariances and arbitrary-order statistical moments"), in double precision.
    """

    def __init__(self, columns: int):
        self._n, self.mean = 0, np.zeros(columns)
        self._squares, self._cubes = np.zeros(columns), np.zeros(columns)  # about the mean

    def add(self, rows: NDArray[np.float32]) -> None:
        """Add rows, (n, columns)."""
        if not len(rows):
            return
        mean = rows.mean(axis=0, dtype=np.float64)
        centred = rows - mean.astype(np.float32)
        square = np.square(centred)
        squares, cubes = square.sum(axis=0), np.einsum("ij,ij->j", square, centred)
        before, added = self._n, len(rows)
        self._n = n = before + added
        step = mean - self.mean
        self._cubes += cubes + step**3 * (before * added * (before - added) / n**2)
        self._cubes += 3 * step * (before * squares - added * self._squares) / n
        self._squares += squares + step**2 * (before * added / n)
        self.mean += step * (added / n)

    def std(self) -> NDArray[np.float64]:
        """Return the population standard deviation of each column; 0 without rows."""
        return np.sqrt(self._squares / max(self._n, 1))

    def skewness(self) -> NDArray[np.float64]:
        """Return the skewness of each column; 0 where all rows are alike."""
        cubed, mean = self.std() ** 3, self._cubes / max(self._n, 1)
        return np.divide(mean, cubed, out=np.zeros_like(mean), where=cubed > _FLOOR)


class _Steps:
    """Moments of the difference between one row and the next, over blocks of rows."""

    def __init__(self, columns: int):
        self.moments = _Moments(columns)
        self._last = np.empty((0, columns), np.float32)

    def add(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add rows, (n, columns); return the differences that they bring."""
        differences = np.diff(rows, axis=0, prepend=self._last)
        self.moments.add(differences)
        if len(rows):
            self._last = rows[-1:].copy()
        return differences


def _magnitudes(
    samples: Rows, size: int, hop: int, margin: int = 0
) -> Iterator[NDArray[np.float32]]:
    """Yield magnitudes of Hann-windowed spectra, (frames, size // 2 + 1), a block at a time.

    Args:
        samples: (n,).
        size: samples in a frame; all frames are whole.
        hop: samples from the beginning of a frame to that of the next.
        margin: samples of silence before the clip and after it.
    """
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    n_frames = max(1 + (len(samples) + 2 * margin - size) // hop, 0)
    for first in range(0, n_frames, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, n_frames) - 1
        begin, end = first * hop - margin, last * hop + size - margin
        block = samples[max(begin, 0) : end]
        if len(block) < end - begin:
            block = np.pad(block, (max(-begin, 0), max(end - len(samples), 0)))
        frames = np.lib.stride_tricks.sliding_window_view(block, size)[::hop]
        yield np.abs(scipy.fft.rfft(frames * window, axis=1))


def levels(samples: Rows) -> dict[str, float]:
    """Compute what needs no spectrum; `activity` says which frames are silence.

    Returns:
        `duration` (s), `level_dbfs` and `peak_dbfs` (root mean square and largest magnitude, dB
        relative to full scale), `crest_db` (their difference), `skewness` (of the samples; it
        changes its sign with the waveform's polarity), `leading_silence` and `trailing_silence`
        (s), `pause_fraction` (share of silent frames between the first and the last that is not),
        `dynamic_range_db` (95th minus 5th percentile of the frame levels).
    """
    peak = decibels(largest_magnitude(samples))
    moments = [value / len(samples) for value in _sums_of_powers(samples)]
    level = 10 * np.log10(moments[1])
    _, active, low, high = activity(samples)
    first, last = np.flatnonzero(active)[[0, -1]].tolist()
    hop_seconds = _LEVEL_HOP / SAMPLE_RATE
    return {
        "duration": len(samples) / SAMPLE_RATE,
        "level_dbfs": float(level),
        "peak_dbfs": peak,
        "crest_db": float(peak - level),
        "skewness": _skewness(*moments),
        "leading_silence": first * hop_seconds,
        "trailing_silence": (len(active) - 1 - last) * hop_seconds,
        "pause_fraction": 1 - int(active.sum()) / (last - first + 1),
        "dynamic_range_db": high - low,
    }


class Activity(NamedTuple):
    """Levels of frames of 20 ms every 10 ms, in dB; whether each frame is sound; both (frames,).

    `low` and `high` are the 5th and the 95th percentile of the levels.
    """

    levels: NDArray[np.float64]
    active: NDArray[np.bool_]
    low: float
    high: float


def activity(samples: Rows) -> Activity:
    """Tell frames of sound from those of silence.

    Silence lies 40 dB or more below the loudest frame. Where a noise floor hides that, silence is
    what stays in the lowest quarter of the range from the floor (the 5th percentile of the levels)
    to the loudest frame: far above the floor's own spread, below most of speech. Silence is never
    less than 15 dB below the loudest frame, so a steady sound, whose range is small, has none.
    """
    frame_levels = _frame_power(samples)
    np.log10(np.maximum(frame_levels, _FLOOR, out=frame_levels), out=frame_levels)
    frame_levels *= 10
    loudest = frame_levels.max()
    floor, high = np.percentile(frame_levels, [_FLOOR_PERCENTILE, 95])
    threshold = max(
        loudest - _SILENCE_BELOW_LOUDEST_DB, floor + _NOISE_SHARE_OF_RANGE * (loudest - floor)
    )
    active = frame_levels > min(threshold, loudest - _NOISE_BELOW_LOUDEST_DB)
    return Activity(frame_levels, active, float(floor), float(high))


def _frame_power(samples: Rows) -> NDArray[np.float64]:
    """Mean power of each 20 ms frame, shape (frames,), from the energies of its 10 ms halves."""
    if len(samples) < _LEVEL_FRAME:
        samples = np.pad(samples, (0, _LEVEL_FRAME - len(samples)))
    energies = []
    for block in blocks(samples):
        halves = block[: len(block) // _LEVEL_HOP * _LEVEL_HOP].reshape(-1, _LEVEL_HOP)
        energies.append(np.einsum("ij,ij->i", halves, halves, dtype=np.float64))
    energy = np.concatenate(energies)
    power = energy[:-1] + energy[1:]
    return np.divide(power, _LEVEL_FRAME, out=power)


def active_span(samples: NDArray[np.float32]) -> tuple[int, int]:
    """Return the first sample of sound and the one after its last; see `activity`."""
    active = activity(samples).active
    first, last = np.flatnonzero(active)[[0, -1]].tolist()
    # What is left beyond the last whole frame belongs to it.
    end = len(samples) if last == len(active) - 1 else last * _LEVEL_HOP + _LEVEL_FRAME
    return first * _LEVEL_HOP, end


def active_power(samples: NDArray[np.float32]) -> float:
    """Return the mean power of the frames that are not silence: the level of the speech itself."""
    found = activity(samples)
    return float(np.mean(10 ** (found.levels[found.active] / 10)))


def mean_power(samples: NDArray[np.float32]) -> float:
    """Return the mean power, accumulated in double precision without a copy of the samples."""
    return float(np.einsum("i,i->", samples, samples, dtype=np.float64)) / len(samples)


def _sums_of_powers(values: Rows) -> list[float]:
    """Return the sums of the values, of their squares and of their cubes, in double precision."""

    def sums(few: NDArray[np.float32]) -> NDArray[np.float64]:
        squares = np.einsum("i,i->", few, few, dtype=np.float64)
        cubes = np.einsum("i,i,i->", few, few, few, dtype=np.float64)
        return np.array([few.sum(dtype=np.float64), squares, cubes])

    return (np.zeros(3) + summed(values, sums)).tolist()


def _skewness(first: float, second: float, third: float) -> float:
    """Return the skewness from the moments about zero."""
    variance = second - first**2
    if variance <= _FLOOR * second:
        return 0.0
    return (third - 3 * first * second + 2 * first**3) / variance**1.5


def digest(samples: Rows) -> str:
    """Identify a clip by what is heard: the first half of the SHA-256 of its 16-bit samples.

    Copies of one recording agree whatever lossless container, header or name they have.
    """
    sha256 = hashlib.sha256()
    for block in blocks(samples):
        scaled = np.rint(block * np.float32(2**15))
        sha256.update(scaled.clip(-(2**15), 2**15 - 1).astype("<i2").tobytes())
    return sha256.hexdigest()[:32]
