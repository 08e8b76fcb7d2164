"""Results of scoring to draw and to show, made of noise and numbers."""

import io

import av
import numpy as np
from authenticity.audio import SAMPLE_RATE
from authenticity.scoring.detector import spectrogram
from authenticity.scoring.result import (
    Activity,
    Caution,
    Contribution,
    Recording,
    Windows,
)
from corpora import voice

LOWER, UPPER = -2.0, 2.0


def sound(seconds, seed=1):
    """Noise that comes and goes as syllables do, mono at 16 kHz."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    envelope = np.clip(np.sin(2 * np.pi * 1.7 * time + seed), 0, 1) * (np.sin(0.9 * time) > -0.6)
    tone = sum(np.sin(2 * np.pi * 140 * n * time + 3 * np.sin(2 * time)) / n for n in range(1, 20))
    voice = envelope * (tone + 0.3 * random.standard_normal(len(time)))
    return (0.1 * voice + 1e-4 * random.standard_normal(len(time))).astype(np.float32)


def recording(file="a.wav", seconds=12.0, llr=0.0, spliced=None, seed=1, samples=None, **changes):
    """A result whose windows lie around `llr`, and 6 above it in the stretch `spliced`."""
    samples = sound(seconds, seed) if samples is None else samples
    seconds = len(samples) / SAMPLE_RATE
    random = np.random.default_rng(seed)
    start = np.arange(0.0, max(seconds - 4.0, 0.0) + 1e-9, 1.0)
    end = np.minimum(start + 4.0, seconds)
    ratios = llr + 0.6 * random.standard_normal(len(start))
    if spliced:
        inside = np.clip(np.minimum(end, spliced[1]) - np.maximum(start, spliced[0]), 0, 4) / 4
        ratios = ratios + 6.0 * inside
    low, high = llr - 0.8, llr + 1.1
    verdict = "cannot tell"
    if llr > UPPER or llr < LOWER:
        verdict = "likely synthetic" if llr > UPPER else "likely genuine"
    edges = np.arange(0.0, seconds, 1.18)
    probability, p_low, p_high = (1 / (1 + np.exp(-value)) for value in (llr, low, high))
    values = {
        "file": file,
        "content": f"{seed:032x}",
        "audio": f"{seed + 1:032x}",
        "duration": seconds,
        "codec": "pcm_s16le",
        "sample_rate": 16000,
        "channels": 1,
        "score": 1.3 * llr + 0.2,
        "score_inverted": 1.3 * llr + 0.1,
        "llr": llr,
        "llr_low": low,
        "llr_high": high,
        "p_synthetic": float(probability),
        "p_low": float(p_low),
        "p_high": float(p_high),
        "p_trust": "trust",
        "prior": 0.5,
        "verdict": verdict,
        "reason": f"The log-likelihood ratio is {llr:+.1f}, between {LOWER:g} and {UPPER:g}.",
        "cautions": (),
        "windows": Windows(start, end, 1.3 * ratios + 0.2, ratios, np.full(len(start), 0.7)),
        "activity": Activity(edges, np.minimum(edges + 0.6, seconds)),
        "contributions": (
            Contribution("layer 3, mean over time", 0.9 * llr),
            Contribution("layer 0, deviation over time", -0.35),
            Contribution("mfcc_3", 0.21),
        ),
        "spectrogram": spectrogram(samples),
        "seconds": 0.04 * seconds + 0.1,
        "real_time_factor": 0.04 + 0.1 / seconds,
    }
    values |= changes
    if any(caution.severe for caution in values["cautions"]):
        values |= dict.fromkeys(("p_synthetic", "p_low", "p_high"))
    return Recording(**values)


SHORT = Caution("too_short", "The recording is 1.0 s long; below 2.0 s scores say little.", True)
NARROW = Caution(
    "narrow_band", "Nothing is above 3.4 kHz, as on a telephone; training had the full band.", False
)


def muxed(container: str, codec: str, seconds: float = 1.0, video: bool = False) -> bytes:
    """A file made by FFmpeg, with a video stream beside the audio or, without codec, alone."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        # All streams are added before the first packet, which writes the header.
        sound = output.add_stream(codec, rate=44100, layout="stereo") if codec else None
        pictures = output.add_stream("mpeg4", rate=10) if video else None
        if pictures:
            pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
            black = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
            for packets in (pictures.encode(black), pictures.encode()):
                output.mux(packets)
        if sound:
            samples = voice(2, spoof=False, seconds=seconds * 44100 / SAMPLE_RATE)[:44100]
            frame = av.AudioFrame.from_ndarray(np.stack([samples, samples]), "fltp", "stereo")
            frame.sample_rate = 44100
            for packets in (sound.encode(frame), sound.encode()):
                output.mux(packets)
    return buffer.getvalue()
