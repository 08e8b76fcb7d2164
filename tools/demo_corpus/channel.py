"""One channel for both classes, so that only speech itself can tell them apart.

A recording studio, a telephone exchange and a speech synthesiser differ in silence, bandwidth,
noise, level and codec, and a classifier would find those first. Every clip, human or not, goes
through the same steps with parameters drawn from the same distributions.
"""

import io
import itertools

import av
import librosa
import numpy as np
import soundfile
import soxr
from scipy import signal

SAMPLE_RATE = 16_000
FRAME = 160  # 10 ms
SILENCE_DB = -38.0  # below the loudest frame
KEPT_EDGE_SECONDS = 0.06
KEPT_PAUSE_SECONDS = 0.08
BAND_HZ = (70.0, 6_900.0)
SNR_DB = (40.0, 60.0)
LEVEL_DBFS = (-29.0, -23.0)
VORBIS_RATE = 22_050


def speech_only(samples: np.ndarray) -> np.ndarray:
    """Cut silence: 60 ms stay at either end and 80 ms of any pause, so pauses tell nothing.

    Silence is a 10 ms frame 38 dB or more below the loudest frame of the clip.
    """
    frames = len(samples) // FRAME
    power = np.mean(samples[: frames * FRAME].reshape(frames, FRAME).astype(np.float64) ** 2, 1)
    loud = power > power.max(initial=0.0) * 10 ** (SILENCE_DB / 10)
    if not loud.any():
        return samples[:0]
    edge, pause = (int(s * SAMPLE_RATE / FRAME) for s in (KEPT_EDGE_SECONDS, KEPT_PAUSE_SECONDS))
    spoken = np.flatnonzero(loud)
    keep = np.zeros(frames, bool)
    keep[max(0, spoken[0] - edge) : spoken[-1] + 1 + edge] = True
    for before, after in itertools.pairwise(spoken):
        if after - before - 1 > pause:
            # Half of what is kept comes from the start of the pause and half from its end.
            keep[before + 1 + pause // 2 : after - (pause - pause // 2)] = False
    return samples[: frames * FRAME].reshape(frames, FRAME)[keep].ravel()


def crop(samples: np.ndarray, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Cut a random stretch of exactly `seconds`; the samples have to be long enough."""
    length = round(seconds * SAMPLE_RATE)
    if len(samples) < length:
        raise ValueError(f"{len(samples)} samples, but {length} are to be cut out of them")
    start = rng.integers(len(samples) - length + 1)
    return samples[start : start + length]


def transmit(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Filter, add noise, pass Vorbis and G.722, set the level; the length stays as it is."""
    wave = signal.sosfilt(
        signal.butter(4, BAND_HZ, "bandpass", fs=SAMPLE_RATE, output="sos"), samples
    )
    wave = add_noise(wave, rng.uniform(*SNR_DB), rng)
    wave = at_level(wave, -26.0)  # the codecs get the level they are made for
    wave = g722(vorbis(wave))
    return at_level(wave, rng.uniform(*LEVEL_DBFS))


def add_noise(samples: np.ndarray, snr_db: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise, half of its power pink and half white, at a signal-to-noise ratio in dB."""
    white, pink = rng.standard_normal((2, len(samples)))
    spectrum = np.fft.rfft(pink)
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0.0
    pink = np.fft.irfft(spectrum, len(samples))
    noise = white / np.std(white) + pink / np.std(pink)
    return samples + noise * np.std(samples) / np.std(noise) * 10 ** (-snr_db / 20)


def at_level(samples: np.ndarray, dbfs: float) -> np.ndarray:
    """Scale to a root mean square in dB of full scale; peaks are limited to full scale."""
    scaled = samples * 10 ** (dbfs / 20) / max(float(np.sqrt(np.mean(samples**2))), 1e-9)
    return np.clip(scaled, -1.0, 1.0)


def vorbis(samples: np.ndarray) -> np.ndarray:
    """Encode and decode as Vorbis at 22.05 kHz."""
    file = io.BytesIO()
    upsampled = soxr.resample(samples, SAMPLE_RATE, VORBIS_RATE)
    soundfile.write(file, upsampled, VORBIS_RATE, format="OGG", subtype="VORBIS")
    file.seek(0)
    decoded, rate = soundfile.read(file)
    return librosa.util.fix_length(soxr.resample(decoded, rate, SAMPLE_RATE), size=len(samples))


def g722(samples: np.ndarray) -> np.ndarray:
    """Encode and decode as G.722 at 64 kbit/s, the codec of the human recordings."""
    encoded = _encode(samples, "g722", "g722", {}, {})
    with av.open(io.BytesIO(encoded), format="g722") as source:
        decoded = np.concatenate([frame.to_ndarray()[0] for frame in source.decode(audio=0)])
    return librosa.util.fix_length(decoded / 32768.0, size=len(samples))


def opus(samples: np.ndarray, bit_rate: int) -> bytes:
    """Encode as Opus in OGG, to ship; equal samples give equal bytes."""
    container = {"fflags": "+bitexact", "serial_offset": "1"}
    return _encode(samples, "ogg", "libopus", container, {"b": str(bit_rate)})


def _encode(
    samples: np.ndarray,
    container: str,
    codec: str,
    container_options: dict[str, str],
    codec_options: dict[str, str],
) -> bytes:
    pcm = np.round(np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16)
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=container_options) as target:
        stream = target.add_stream(codec, rate=SAMPLE_RATE, layout="mono", options=codec_options)
        frame = av.AudioFrame.from_ndarray(pcm[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return file.getvalue()
