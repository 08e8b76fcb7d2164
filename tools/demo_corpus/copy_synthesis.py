"""Copy-synthesis: a human clip is analysed and spoken again by a vocoder.

Each function takes and returns float32 samples at 16 kHz. Such clips keep the speaker, the words
and the rhythm of the original, so only traces of the vocoder are left to find.
"""

import librosa
import numpy as np
from scipy import signal
from scipy.linalg import solve_toeplitz

SAMPLE_RATE = 16_000


def griffin_lim(
    samples: np.ndarray,
    seed: int,
    n_fft: int = 1024,
    hop: int = 256,
    n_mels: int | None = 80,
    iterations: int = 32,
) -> np.ndarray:
    """Invert a mel spectrogram with Griffin-Lim iterations (Griffin and Lim, 1984).

    Without mel bands, it is the magnitude spectrogram that is inverted.
    """
    magnitude = np.abs(librosa.stft(samples, n_fft=n_fft, hop_length=hop))
    if n_mels:
        mel = librosa.feature.melspectrogram(S=magnitude**2, sr=SAMPLE_RATE, n_mels=n_mels)
        magnitude = librosa.feature.inverse.mel_to_stft(mel, sr=SAMPLE_RATE, n_fft=n_fft)
    return librosa.griffinlim(
        magnitude,
        n_iter=iterations,
        hop_length=hop,
        n_fft=n_fft,
        length=len(samples),
        random_state=np.random.RandomState(seed),
    ).astype(np.float32)


def world(samples: np.ndarray, period_ms: float = 5.0) -> np.ndarray:
    """Analyse with WORLD (Morise et al., 2016: DIO, StoneMask, CheapTrick, D4C) and synthesise."""
    import pyworld

    wave = samples.astype(np.float64)
    f0, times = _pitch(wave, period_ms)
    envelope = pyworld.cheaptrick(wave, f0, times, SAMPLE_RATE)
    aperiodicity = pyworld.d4c(wave, f0, times, SAMPLE_RATE)
    spoken = pyworld.synthesize(f0, envelope, aperiodicity, SAMPLE_RATE, period_ms)
    return spoken[: len(samples)].astype(np.float32)


def _pitch(wave: np.ndarray, period_ms: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental frequency each period (0 where there is no voice), and the times in seconds."""
    import pyworld

    coarse, times = pyworld.dio(wave, SAMPLE_RATE, frame_period=period_ms)
    return pyworld.stonemask(wave, coarse, times, SAMPLE_RATE), times


def linear_prediction(
    samples: np.ndarray, seed: int, order: int = 18, length: int = 320
) -> np.ndarray:
    """Speak again with an LPC vocoder: pulses or noise through an all-pole filter.

    Frames of 20 ms every 5 ms, autocorrelation method; the frames are overlapped and added.
    """
    hop = length // 4
    wave = signal.lfilter([1.0, -0.97], [1.0], samples.astype(np.float64))
    f0, _ = _pitch(samples.astype(np.float64), 1000 * hop / SAMPLE_RATE)
    excitation = _excitation(f0, hop, len(wave), np.random.default_rng(seed))
    window = signal.windows.hann(length, sym=False)
    spoken = np.zeros(len(wave) + length)
    for start in range(0, len(wave) - length, hop):
        frame = wave[start : start + length] * window
        correlation = signal.correlate(frame, frame)[length - 1 : length + order]
        correlation[0] = correlation[0] * (1 + 1e-6) + 1e-12
        filter_ = np.r_[1.0, -solve_toeplitz(correlation[:-1], correlation[1:])]
        # The window is applied before the filter, and the filter rings on into the next frames.
        driven = signal.lfilter([1.0], filter_, excitation[start : start + length] * window)
        energy = np.sum(driven**2)
        if energy > 0:
            driven *= np.sqrt(np.sum(frame**2) / energy)
        spoken[start : start + length] += driven
    return signal.lfilter([1.0], [1.0, -0.97], spoken[: len(wave)]).astype(np.float32)


def _excitation(f0: np.ndarray, hop: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """One pulse per period where there is voice, white noise elsewhere; both of unit power."""
    pitch = np.repeat(f0, hop)[:length]
    pitch = np.pad(pitch, (0, length - len(pitch)))
    cycles = np.floor(np.cumsum(pitch / SAMPLE_RATE))
    pulses = np.diff(cycles, prepend=0.0) > 0
    power = np.sqrt(SAMPLE_RATE / np.maximum(pitch, 50.0))
    return np.where(pitch > 0, pulses * power, rng.standard_normal(length))


def sinusoidal(samples: np.ndarray, seed: int, length: int = 512, n_peaks: int = 60) -> np.ndarray:
    """Speak again as a sum of sinusoids (McAulay and Quatieri, 1986), without their phases.

    The largest peaks of a spectrum of `length` samples, taken each quarter of that; each peak goes
    on from the phase of the nearest one before it, or starts from a random one, and the frames are
    overlapped and added.
    """
    hop = length // 4
    rng = np.random.default_rng(seed)
    window = signal.windows.hann(length, sym=False)
    time = np.arange(length) - length // 2
    padded = np.pad(samples.astype(np.float64), length)
    spoken = np.zeros(len(padded))
    frequencies, phases = np.zeros(0), np.zeros(0)  # radians per sample, radians
    for start in range(0, len(padded) - length, hop):
        spectrum = np.abs(np.fft.rfft(padded[start : start + length] * window))
        peaks, _ = signal.find_peaks(spectrum)
        peaks = peaks[np.argsort(spectrum[peaks], kind="stable")[::-1][:n_peaks]]
        found = 2 * np.pi * (peaks + _peak_offset(spectrum, peaks)) / length
        phases = _continue(frequencies, phases, found, hop, rng)
        frequencies = found
        amplitudes = 2 * spectrum[peaks] / window.sum()
        waves = np.cos(np.outer(frequencies, time) + phases[:, np.newaxis])
        spoken[start : start + length] += (amplitudes @ waves) * window
    # Hann windows a quarter of their length apart add up to two.
    return (spoken[length : length + len(samples)] / 2).astype(np.float32)


def _peak_offset(spectrum: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Fractions of a bin between each peak and the top of a parabola through its neighbours."""
    before, at, after = (np.log(spectrum[peaks + step] + 1e-12) for step in (-1, 0, 1))
    return 0.5 * (before - after) / np.minimum(before - 2 * at + after, -1e-9)


def _continue(
    frequencies: np.ndarray,
    phases: np.ndarray,
    found: np.ndarray,
    hop: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Phases for the new peaks: those of the nearest old ones, moved on by a hop, or random."""
    fresh = rng.uniform(0, 2 * np.pi, len(found))
    if not len(frequencies) or not len(found):
        return fresh
    distances = np.abs(found[:, np.newaxis] - frequencies)
    nearest = distances.argmin(1)
    moved = phases[nearest] + hop * (frequencies[nearest] + found) / 2
    same = distances.min(1) < 2 * np.pi * 50 / SAMPLE_RATE  # within 50 Hz
    return np.where(same, moved, fresh)
