"""What a clip gives away without its speech: numbers that should not tell the classes apart."""

import librosa
import numpy as np

SAMPLE_RATE = 16_000
_FRAME = 320
_HOP = 160
_SILENCE_DB = -30.0  # below the loudest frame; the channel's noise floor is at -12 to -24


def measure(samples: np.ndarray) -> dict[str, float]:
    """Measure one clip at 16 kHz.

    Seconds for `duration` and the two silences, dBFS for `level`, dB for `crest_factor` (peak over
    root mean square) and `dynamic_range` (95th over 5th percentile of 20 ms frames), Hz for
    `rolloff` (95% of the power, mean over frames); `pause_fraction` is the share of quiet frames.
    """
    power = librosa.feature.rms(y=samples, frame_length=_FRAME, hop_length=_HOP, center=False)[0]
    level = 20 * np.log10(np.maximum(power, 1e-6))
    quiet = level < level.max() + _SILENCE_DB
    loud = np.flatnonzero(~quiet)
    root_mean_square = np.sqrt(np.mean(samples**2))
    rolloff = librosa.feature.spectral_rolloff(y=samples, sr=SAMPLE_RATE, roll_percent=0.95)
    return {
        "duration": len(samples) / SAMPLE_RATE,
        "level": float(20 * np.log10(root_mean_square)),
        "leading_silence": float(loud[0] * _HOP / SAMPLE_RATE),
        "trailing_silence": float((len(level) - 1 - loud[-1]) * _HOP / SAMPLE_RATE),
        "pause_fraction": float(quiet.mean()),
        "rolloff": float(rolloff.mean()),
        "dynamic_range": float(np.subtract(*np.percentile(level, [95, 5]))),
        "crest_factor": float(20 * np.log10(np.abs(samples).max() / root_mean_square)),
    }
