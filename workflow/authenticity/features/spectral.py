"""The prototype's fifteen numbers per clip, log-mel statistics, and what the audits need.

librosa defines every spectral number: 16 kHz, frames of 2048 samples with a hop of 512, centred,
Hann window, 128 mel bands. The transform runs once, in blocks, so that an hour costs no more
memory than its mel spectrogram. `slope_skewness` alone is of a finer one.
"""

import hashlib
from collections.abc import Iterator

import librosa
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.special import entr

from authenticity.audio import SAMPLE_RATE, decibels, largest_magnitude

VERSION = "5"
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

SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("label", pa.int8()),
        *((name, pa.float64()) for name in PROTOTYPE_NUMBERS + AUDIT_NUMBERS),
        *((name, pa.list_(pa.float32(), N_MELS)) for name in LOG_MEL_STATISTICS),
        ("content", pa.string()),
        ("audio", pa.string()),
    ]
)

_FRAME, _HOP = 2048, 512
_BLOCK_FRAMES = 1024  # of the transform: 8 MB of complex numbers at a time
_LEVEL_FRAME, _LEVEL_HOP = 320, 160  # samples: 20 ms frames every 10 ms
_SILENCE_BELOW_LOUDEST_DB = 40.0
_NOISE_SHARE_OF_RANGE = 0.25
_NOISE_BELOW_LOUDEST_DB = 15.0
_FLOOR_PERCENTILE = 5
_FLOOR = 1e-10  # power; -100 dB
_TOP_DB = 80.0  # librosa's: cepstra hear nothing that is further below the loudest
_SLOPE_FRAME, _SLOPE_HOP = 512, 160  # samples: 32 ms every 10 ms
_SLOPE_BANDS, _SLOPE_HERTZ = 24, (200, 7000)
_SLOPE = np.arange(-4, 5, dtype=np.float32)  # of the line through nine frames, up to a factor
_SLOPE_RANGE_DB, _SLOPE_LOUD = 20.0, 0.95
_DIGEST_BLOCK = 1 << 20  # samples


def describe(samples: NDArray[np.float32]) -> dict[str, float | NDArray[np.float32]]:
    """Compute all numbers of one clip: those of `levels` and `spectrum`, and `slope_skewness`.

    Args:
        samples: mono at 16 kHz, shape (n,), full scale 1.
    """
    # The spectrum comes last, so that the memory of the others is not on top of its.
    measured = {**levels(samples), "slope_skewness": slope_skewness(samples)}
    return {**measured, **spectrum(samples)}


def spectrum(samples: NDArray[np.float32]) -> dict[str, float | NDArray[np.float32]]:
    """Compute the numbers of one clip that models are fitted on, and `rolloff_95`.

    Args:
        samples: mono at 16 kHz, shape (n,), full scale 1.

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
          The floor is the same for all clips; that of the cepstra moves with the loudest band.
    """
    centroids, rolloffs, first = [], [], 0
    mel = np.empty((N_MELS, _n_frames(samples)), np.float32)
    for magnitude in _magnitude_blocks(samples):
        centroids.append(librosa.feature.spectral_centroid(S=magnitude, sr=SAMPLE_RATE)[0])
        # Frames without power have no spectrum that could roll off.
        rolloffs.append(
            librosa.feature.spectral_rolloff(
                S=magnitude[:, magnitude.any(axis=0)], sr=SAMPLE_RATE, roll_percent=0.95
            )[0]
        )
        last = first + magnitude.shape[1]
        mel[:, first:last] = librosa.feature.melspectrogram(
            S=magnitude**2, sr=SAMPLE_RATE, n_mels=N_MELS
        )
        first = last
    entropies = {"entropy": mel_entropy(mel), "entropy_prototype": _prototype_entropy(mel)}
    log_mel = _decibels_in_place(mel)
    mfcc = _cepstra(log_mel).mean(axis=1)
    return {
        "centroid": float(np.concatenate(centroids).mean(dtype=np.float64)),
        **entropies,
        **{f"mfcc_{index}": float(value) for index, value in enumerate(mfcc)},
        "rolloff_95": float(np.concatenate(rolloffs).mean(dtype=np.float64)),
        # Band by band: in double precision, all of an hour's are large.
        "logmel_mean": np.array([band.mean(dtype=np.float64) for band in log_mel], np.float32),
        "logmel_std": np.array([band.std(dtype=np.float64) for band in log_mel], np.float32),
    }


def width(name: str) -> int:
    """Return how many numbers a column of `SCHEMA` has in each row."""
    kind = SCHEMA.field(name).type
    return kind.list_size if pa.types.is_fixed_size_list(kind) else 1


def mel_entropy(mel: NDArray[np.floating]) -> float:
    """Mean over frames of the Shannon entropy of the mel distribution, in nats.

    Args:
        mel: power, shape (bands, frames). At least one frame has power.
    """
    power = mel.sum(axis=0, dtype=np.float64)
    voiced = np.flatnonzero(power > 0)
    # No block is narrow: of few columns, NumPy adds the bands in another order.
    entropies = [
        entr(mel[:, frames] / power[frames]).sum(axis=0)
        for frames in np.array_split(voiced, max(1, len(voiced) // _BLOCK_FRAMES))
    ]
    return float(np.concatenate(entropies).mean())


def _prototype_entropy(mel: NDArray[np.floating]) -> float:
    return float(sum(entr(band.astype(np.float64)).sum() for band in mel))


def _decibels_in_place(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn power into decibels, in the same memory."""
    np.log10(np.maximum(mel, _FLOOR, out=mel), out=mel)
    return np.multiply(mel, 10, out=mel)


def _cepstra(log_mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mel-frequency cepstral coefficients, (N_MFCC, frames), a block at a time."""
    cepstra = np.empty((N_MFCC, log_mel.shape[1]), np.float32)
    floor = log_mel.max() - np.float32(_TOP_DB)
    for first in range(0, log_mel.shape[1], _BLOCK_FRAMES):
        block = slice(first, first + _BLOCK_FRAMES)
        cepstra[:, block] = librosa.feature.mfcc(
            S=np.maximum(log_mel[:, block], floor), n_mfcc=N_MFCC
        )
    return cepstra


def levels(samples: NDArray[np.float32]) -> dict[str, float]:
    """Compute what needs no spectrum, on 20 ms frames every 10 ms.

    Which frames are silence, `activity` says.

    Returns:
        `duration` (s), `level_dbfs` and `peak_dbfs` (root mean square and largest magnitude, dB
        relative to full scale), `crest_db` (their difference), `skewness` (of the samples; it
        changes its sign with the waveform's polarity), `leading_silence` and `trailing_silence`
        (s), `pause_fraction` (share of silent frames between the first and the last that is not),
        `dynamic_range_db` (95th minus 5th percentile of the frame levels).
    """
    peak = decibels(largest_magnitude(samples))
    level = 10 * np.log10(mean_power(samples))
    frame_levels, active = activity(samples)
    first, last = _ends(active)
    hop_seconds = _LEVEL_HOP / SAMPLE_RATE
    low, high = np.percentile(frame_levels, [5, 95])
    return {
        "duration": len(samples) / SAMPLE_RATE,
        "level_dbfs": float(level),
        "peak_dbfs": peak,
        "crest_db": float(peak - level),
        "skewness": skewness(samples),
        "leading_silence": first * hop_seconds,
        "trailing_silence": (len(active) - 1 - last) * hop_seconds,
        "pause_fraction": 1 - int(active.sum()) / (last - first + 1),
        "dynamic_range_db": float(high - low),
    }


def activity(
    samples: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return each frame's level in dB, and whether it is sound rather than silence.

    Silence lies 40 dB or more below the loudest frame. Where a noise floor hides that, silence is
    what stays in the lowest quarter of the range from the floor (the 5th percentile of the levels)
    to the loudest frame: far above the floor's own spread, below most of speech. Silence is never
    less than 15 dB below the loudest frame, so a steady sound, whose range is small, has none.
    """
    frame_levels = 10 * np.log10(np.maximum(_frame_power(samples), _FLOOR))
    loudest = frame_levels.max()
    floor = np.percentile(frame_levels, _FLOOR_PERCENTILE)
    threshold = max(
        loudest - _SILENCE_BELOW_LOUDEST_DB, floor + _NOISE_SHARE_OF_RANGE * (loudest - floor)
    )
    return frame_levels, frame_levels > min(threshold, loudest - _NOISE_BELOW_LOUDEST_DB)


def slope_skewness(samples: NDArray[np.float32]) -> float:
    """Return how much more often sound dies away slowly than it rises slowly: a sign of a room.

    Speech rises and falls at about the same rates. A room delays its falls and not its rises, so
    that the slopes of the level in time are skewed: many small falls, a few steep rises. Noise
    flattens both. Slopes of the log-energy in each band are those of Wen, Habets and Naylor (2008,
    "Blind estimation of reverberation time based on the distribution of signal decay rates"); that
    statistics of the log-energy's differences tell of a room, Falk and Chan found (2010, "Temporal
    dynamics for blind measurement of room acoustical parameters").

    Lines are fitted to nine frames each in 24 bands. What lies 20 dB or more below a band's
    loud frames (95th percentile) counts as that far below, so that neither the depth of silence nor
    a floor of noise matters; stretches wholly below are left out.

    Args:
        samples: mono at 16 kHz, (n,).

    Returns:
        The skewness of all slopes of all bands: near 0 for speech close to a microphone, more in a
        room; 0 where there are none.
    """
    if len(samples) < _SLOPE_FRAME + (len(_SLOPE) - 1) * _SLOPE_HOP:
        return 0.0
    moments = np.zeros(4)
    for band in _band_levels(samples):
        floor = max(np.quantile(band, _SLOPE_LOUD) - _SLOPE_RANGE_DB, 10 * np.log10(_FLOOR))
        heard = np.convolve(band > floor, np.ones(len(_SLOPE), np.int8), "valid") > 0
        slopes = np.correlate(np.maximum(band, np.float32(floor)), _SLOPE, "valid")[heard]
        moments += [len(slopes), *_sums_of_powers(slopes)]
    number, *sums = moments.tolist()
    return _skewness(*(value / number for value in sums)) if number else 0.0


def _band_levels(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the levels in dB of bands equally wide on the mel scale, (bands, frames).

    Without librosa, whose import takes more memory than an hour's levels.
    """
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in _SLOPE_HERTZ)
    hertz = 700 * (10 ** (np.linspace(low, high, _SLOPE_BANDS + 1) / 2595) - 1)
    edges = np.rint(hertz * _SLOPE_FRAME / SAMPLE_RATE).astype(int)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_SLOPE_FRAME) / _SLOPE_FRAME)).astype("f4")
    n_frames = max(1 + (len(samples) - _SLOPE_FRAME) // _SLOPE_HOP, 0)
    levels = np.empty((_SLOPE_BANDS, n_frames), np.float32)
    for first in range(0, n_frames, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, n_frames)
        heard = samples[first * _SLOPE_HOP : (last - 1) * _SLOPE_HOP + _SLOPE_FRAME]
        frames = np.lib.stride_tricks.sliding_window_view(heard, _SLOPE_FRAME)[::_SLOPE_HOP]
        power = np.square(np.abs(rfft(frames * window, axis=1)[:, : edges[-1]]))
        levels[:, first:last] = np.add.reduceat(power, edges[:-1], axis=1).T
    return _decibels_in_place(levels)


def active_span(samples: NDArray[np.float32]) -> tuple[int, int]:
    """Return where sound begins and ends, as the slice of samples without the silence around it.

    The second number is one past the last sample. Frames of 20 ms decide; see `activity`.
    """
    _, active = activity(samples)
    first, last = _ends(active)
    # What is left beyond the last whole frame belongs to it.
    end = len(samples) if last == len(active) - 1 else last * _LEVEL_HOP + _LEVEL_FRAME
    return first * _LEVEL_HOP, end


def active_power(samples: NDArray[np.float32]) -> float:
    """Return the mean power of the frames that are not silence: the level of the speech itself."""
    frame_levels, active = activity(samples)
    return float(np.mean(10 ** (frame_levels[active] / 10)))


def digest(samples: NDArray[np.float32]) -> str:
    """Identify a clip by what is heard: the first half of the SHA-256 of its 16-bit samples.

    Copies of one recording agree whatever lossless container, header or name they have.
    """
    sha256 = hashlib.sha256()
    for first in range(0, len(samples), _DIGEST_BLOCK):
        scaled = np.rint(samples[first : first + _DIGEST_BLOCK] * np.float32(2**15))
        sha256.update(scaled.clip(-(2**15), 2**15 - 1).astype("<i2").tobytes())
    return sha256.hexdigest()[:32]


def _ends(active: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the first and the last active frame."""
    frames = np.flatnonzero(active)
    return int(frames[0]), int(frames[-1])


def _magnitude_blocks(samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield the magnitude spectrogram of the centred transform, a block of frames at a time."""
    half = _FRAME // 2
    n_frames = _n_frames(samples)
    for first in range(0, n_frames, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, n_frames) - 1
        # Where the block begins and ends, in the samples; beyond them there is silence.
        begin, end = first * _HOP - half, last * _HOP + half
        block = samples[max(begin, 0) : end]
        block = np.pad(block, (max(-begin, 0), max(end - len(samples), 0)))
        yield np.abs(librosa.stft(block, n_fft=_FRAME, hop_length=_HOP, center=False))


def _n_frames(samples: NDArray[np.float32]) -> int:
    return 1 + len(samples) // _HOP


def mean_power(samples: NDArray[np.float32]) -> float:
    """Return the mean power, accumulated in double precision without a copy of the samples."""
    return float(np.einsum("i,i->", samples, samples, dtype=np.float64)) / len(samples)


def skewness(samples: NDArray[np.float32]) -> float:
    """Return the third moment about the mean over the cube of the standard deviation.

    Speech is lopsided, since the glottis closes faster than it opens, and which way depends on the
    polarity of microphone and cables. Constant samples have none. The moments are summed in double
    precision without a copy of the samples.
    """
    return _skewness(*(value / len(samples) for value in _sums_of_powers(samples)))


def _sums_of_powers(values: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return the sums of the values, of their squares and of their cubes, in double precision."""
    return (
        float(values.sum(dtype=np.float64)),
        float(np.einsum("i,i->", values, values, dtype=np.float64)),
        float(np.einsum("i,i,i->", values, values, values, dtype=np.float64)),
    )


def _skewness(first: float, second: float, third: float) -> float:
    """Return the skewness from the moments about zero."""
    variance = second - first**2
    if variance <= _FLOOR * second:
        return 0.0
    return (third - 3 * first * second + 2 * first**3) / variance**1.5


def _frame_power(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean power of each 20 ms frame, shape (frames,), from the energies of its 10 ms halves."""
    usable = max(len(samples) // _LEVEL_HOP, 2) * _LEVEL_HOP
    if len(samples) < usable:
        samples = np.pad(samples, (0, usable - len(samples)))
    halves = samples[:usable].reshape(-1, _LEVEL_HOP)
    energy = np.einsum("ij,ij->i", halves, halves, dtype=np.float64)
    return (energy[:-1] + energy[1:]) / _LEVEL_FRAME
