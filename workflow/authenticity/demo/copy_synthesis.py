"""Copy-synthesis: a human clip is analysed and spoken again by a vocoder.

Each function takes and returns float32 samples at 16 kHz. Such clips keep the speaker, the words
and the rhythm of the original, so only traces of the vocoder are left to find.
"""

import librosa
import numpy as np
from scipy import signal
from scipy.linalg import solve_toeplitz

SAMPLE_RATE = 16_000


def griffin_lim(samples: np.ndarray, seed: int) -> np.ndarray:
    """Invert an 80-band mel spectrogram with 32 Griffin-Lim iterations (Griffin and Lim, 1984)."""
    n_fft, hop = 1024, 256
    mel = librosa.feature.melspectrogram(
        y=samples, sr=SAMPLE_RATE, n_fft=n_fft, hop_length=hop, n_mels=80
    )
    magnitude = librosa.feature.inverse.mel_to_stft(mel, sr=SAMPLE_RATE, n_fft=n_fft)
    return librosa.griffinlim(
        magnitude,
        n_iter=32,
        hop_length=hop,
        n_fft=n_fft,
        length=len(samples),
        random_state=np.random.RandomState(seed),
    ).astype(np.float32)


def world(samples: np.ndarray) -> np.ndarray:
    """Analyse with WORLD (Morise et al., 2016: DIO, StoneMask, CheapTrick, D4C) and synthesise."""
    import pyworld

    wave = samples.astype(np.float64)
    f0, times = _pitch(wave)
    envelope = pyworld.cheaptrick(wave, f0, times, SAMPLE_RATE)
    aperiodicity = pyworld.d4c(wave, f0, times, SAMPLE_RATE)
    spoken = pyworld.synthesize(f0, envelope, aperiodicity, SAMPLE_RATE)
    return spoken[: len(samples)].astype(np.float32)


def _pitch(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental frequency every 5 ms (0 where there is no voice), and the times in seconds."""
    import pyworld

    coarse, times = pyworld.dio(wave, SAMPLE_RATE)
    return pyworld.stonemask(wave, coarse, times, SAMPLE_RATE), times


def linear_prediction(samples: np.ndarray, seed: int) -> np.ndarray:
    """Speak again with an LPC vocoder: pulses or noise through an all-pole filter of order 18.

    Frames of 20 ms every 5 ms, autocorrelation method; the frames are overlapped and added.
    """
    order, hop, length = 18, 80, 320
    wave = signal.lfilter([1.0, -0.97], [1.0], samples.astype(np.float64))
    f0, _ = _pitch(samples.astype(np.float64))
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
