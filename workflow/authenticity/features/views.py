"""Views: a clip as it reaches a listener by telephone, messenger, loudspeaker or noisy room.

A view is a list of steps from the configuration, applied one after the other to 16 kHz samples.
Every step keeps the length and the timing, except `trim`. Random draws depend on the clip's content
and on the view's steps alone, so neither the order of clips nor the number of jobs shows.

Every parse of the workflow imports this module: SciPy loads `scipy.signal`, which takes half a
second, when it is first used.
"""

import functools
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import av
import numpy as np
import scipy
import soxr
from numpy.typing import NDArray

from authenticity.audio import SAMPLE_RATE, at_our_rate, largest_magnitude
from authenticity.errors import UserError
from authenticity.features import spectral

if TYPE_CHECKING:
    from authenticity.config import Step

VERSION = "1"
"""Raise it when a step gives other samples: the tables of all views are recomputed."""

Samples = NDArray[np.float32]

_BLOCK = 1 << 18  # samples convolved at once: it bounds the memory of the transforms


def apply(samples: Samples, steps: Sequence["Step"], seed_text: str) -> Samples:
    """Degrade a clip.

    A step whose result goes beyond full scale is scaled back to it, so that nothing clips.

    Args:
        samples: mono at 16 kHz, shape (n,), full scale 1; left as they are.
        steps: the view's, as in the configuration, where config/README.md explains them.
        seed_text: identifies the clip's content.

    Returns:
        Samples of the same kind; as many, unless a step trims.
    """
    seed = hashlib.sha256(f"{seed_text} {_canonical(steps)}".encode()).digest()
    random = np.random.default_rng(int.from_bytes(seed))
    for step in steps:
        samples = _within_full_scale(_STEPS[step.step](samples, step, random))
    return samples


def version(steps: Sequence["Step"]) -> str:
    """Name everything but the clip that a view's samples depend on."""
    return f"view {VERSION} {_canonical(steps)}"


def check(name: str, steps: Sequence["Step"]) -> None:
    """Find out before anything is computed that a view cannot be made.

    Raises:
        UserError: a codec that this machine's FFmpeg cannot encode.
    """
    for codec in (step.codec for step in steps if step.step == "codec"):
        encoder = _CODECS[codec].encoder
        try:
            av.Codec(encoder, "w")
        except av.codec.codec.UnknownCodecError as error:
            raise UserError(
                f"configuration, views.{name}: the FFmpeg of the installed PyAV cannot encode "
                f"{codec} (it lacks {encoder}); install PyAV's own wheel as requirements.txt pins "
                "it, or leave the view out of `run.views`"
            ) from error


def _canonical(steps: Sequence["Step"]) -> str:
    return json.dumps([step.plain() for step in steps], sort_keys=True, separators=(",", ":"))


def _within_full_scale(samples: Samples) -> Samples:
    peak = largest_magnitude(samples)
    return samples / peak if peak > 1 else samples


def _convolved(samples: Samples, response: NDArray, delay: int = 0) -> Samples:
    """Filter samples, without the filter's own delay; as many samples come out as went in.

    Block by block: an hour takes 270 MiB, and 950 MiB with `scipy.signal.oaconvolve`.
    """
    response = response.astype(np.float32)
    result = np.zeros(len(samples) + len(response) - 1, np.float32)
    for first in range(0, len(samples), _BLOCK):
        block = scipy.signal.fftconvolve(samples[first : first + _BLOCK], response)
        result[first : first + len(block)] += block
    return result[delay : delay + len(samples)]


def _filtered(samples: Samples, coefficients: NDArray) -> Samples:
    """Filter with a symmetric filter of odd length, which delays all frequencies alike."""
    return _convolved(samples, coefficients, len(coefficients) // 2)


def _trim(samples: Samples, step: "Step", random: np.random.Generator) -> Samples:
    first, last = spectral.active_span(samples)
    return samples[first:last]


def _invert(samples: Samples, step: "Step", random: np.random.Generator) -> Samples:
    return -samples


_BAND_TAPS = 511  # the edges of a band are 100 Hz wide


def _band(samples: Samples, step: "Step", random: np.random.Generator) -> Samples:
    edges = [step.low_hz, step.high_hz]
    band = scipy.signal.firwin(_BAND_TAPS, edges, pass_zero=False, fs=SAMPLE_RATE)
    return _filtered(samples, band)


# Third-octave levels of the long-term average speech spectrum, men and women, twelve languages:
# Byrne et al. 1994, J. Acoust. Soc. Am. 96(4), 2108-2120, table II.
_SPEECH_HZ = (
    *(63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000),
    *(2500, 3150, 4000, 5000, 6300, 8000),
)
_SPEECH_DB = (
    *(38.6, 43.5, 54.4, 57.7, 56.8, 60.2, 60.3, 59.0, 62.1, 62.1, 60.5, 56.8, 53.7, 53.0, 52.0),
    *(48.7, 48.1, 46.8, 45.6, 44.5, 44.3, 43.7),
)
_COLOUR_TAPS = 2047
_LOWEST_PINK_HZ = 50.0  # below, the spectrum is flat


def _noise(samples: Samples, step: "Step", random: np.random.Generator) -> Samples:
    """Add noise, `snr_db` below the level of the speech itself, pauses not counted."""
    margin = _COLOUR_TAPS // 2
    noise = random.standard_normal(len(samples) + 2 * margin, dtype=np.float32)
    if step.colour != "white":
        noise = _filtered(noise, _colour(step.colour))
    noise = noise[margin : margin + len(samples)]
    return _added(samples, noise, spectral.active_power(samples), step.snr_db)


def _added(samples: Samples, noise: Samples, power: float, snr_db: float) -> Samples:
    """Add noise, `snr_db` below a power."""
    gain = np.sqrt(power / spectral.mean_power(noise) / 10 ** (snr_db / 10))
    return samples + np.float32(gain) * noise


@functools.cache
def _colour(name: str) -> NDArray[np.float64]:
    """Coefficients of the filter that turns white noise into noise of this colour."""
    frequencies = np.linspace(0, SAMPLE_RATE / 2, 1025)
    if name == "pink":
        gains = np.maximum(frequencies, _LOWEST_PINK_HZ) ** -0.5
    else:
        # A third of an octave is as wide as its frequency is high: levels become densities.
        densities = np.array(_SPEECH_DB) - 10 * np.log10(_SPEECH_HZ)
        decibels = np.interp(
            np.log(np.maximum(frequencies, _SPEECH_HZ[0])), np.log(_SPEECH_HZ), densities
        )
        gains = 10 ** (decibels / 20)
    return scipy.signal.firwin2(_COLOUR_TAPS, frequencies, gains, fs=SAMPLE_RATE)


_DIFFUSE_AFTER_SECONDS = 0.0025


def _reverberation(samples: Samples, step: "Step", random: np.random.Generator) -> Samples:
    """Put the clip into a room; its mean power stays what it was."""
    response = impulse_response(step.rt60_seconds, step.direct_to_reverberant_db, random)
    result = _convolved(samples, response)
    return result * np.float32(np.sqrt(spectral.mean_power(samples) / spectral.mean_power(result)))


def impulse_response(
    rt60_seconds: float, direct_to_reverberant_db: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the impulse response of a room: the direct sound, then exponentially decaying noise.

    Polack's model (1988, "La transmission de l'énergie sonore dans les salles"): the tail is
    Gaussian noise whose level falls by 60 dB in `rt60_seconds`, where it is cut off. Its energy is
    `direct_to_reverberant_db` below that of the direct sound, which is 1.
    """
    time = np.arange(int(_DIFFUSE_AFTER_SECONDS * SAMPLE_RATE), int(rt60_seconds * SAMPLE_RATE))
    decay = np.exp(-3 * np.log(10) / rt60_seconds * time / SAMPLE_RATE)
    tail = random.standard_normal(len(time)) * decay
    tail *= np.sqrt(10 ** (-direct_to_reverberant_db / 10) / np.sum(tail**2))
    return np.concatenate([[1.0], np.zeros(time[0] - 1), tail])


# The parameters of Tak et al. 2022, "RawBoost" (arXiv 2111.04433), and of its authors' code.
_N_NOTCHES = 5
_NOTCH_HZ, _NOTCH_WIDTH_HZ, _NOTCH_TAPS = (20, 8000), (100, 1000), (10, 100)
_N_POWERS, _POWERS_GAIN_DB = 5, (-20, -5)
_IMPULSE_SHARE, _IMPULSE_GAIN = 0.10, 2.0
_STATIONARY_SNR_DB = (10, 40)


def _rawboost(samples: Samples, step: "Step", random: np.random.Generator) -> Samples:
    """Degrade as RawBoost augments; `series` is its three algorithms, one after the other."""
    chosen = [step.algorithm] if step.algorithm != "series" else list(_RAWBOOST)
    for algorithm in chosen:
        samples = _within_full_scale(_RAWBOOST[algorithm](samples, random))
    return samples


def _linear_nonlinear_convolutive(samples: Samples, random: np.random.Generator) -> Samples:
    """Sum the clip and its powers, each through notches of its own."""
    power = samples
    result = _filtered(power, _notches(random))
    for _ in range(_N_POWERS - 1):
        power = power * samples
        gain = 10 ** (random.uniform(*_POWERS_GAIN_DB) / 20)
        result += _filtered(power, gain * _notches(random))
    return result - np.float32(result.mean(dtype=np.float64))


def _impulsive(samples: Samples, random: np.random.Generator) -> Samples:
    """Disturb some samples in proportion to themselves.

    The share of samples is drawn up to 10%, and each sample by itself with that chance.
    """
    share = random.uniform(0, _IMPULSE_SHARE)
    hit = np.flatnonzero(random.random(len(samples), np.float32) < share)
    disturbance = random.uniform(-1, 1, len(hit)) * random.uniform(-1, 1, len(hit))
    result = samples.copy()
    result[hit] *= 1 + _IMPULSE_GAIN * disturbance
    return result


def _stationary(samples: Samples, random: np.random.Generator) -> Samples:
    """Add coloured noise, 10 to 40 dB below the whole clip's level."""
    coefficients = _notches(random)
    noise = _filtered(random.standard_normal(len(samples), np.float32), coefficients)
    snr_db = random.uniform(*_STATIONARY_SNR_DB)
    return _added(samples, noise, spectral.mean_power(samples), snr_db)


def _notches(random: np.random.Generator) -> NDArray[np.float64]:
    """Draw a cascade of band-stop filters whose largest gain is 1."""
    coefficients = np.ones(1)
    for _ in range(_N_NOTCHES):
        centre, width = random.uniform(*_NOTCH_HZ), random.uniform(*_NOTCH_WIDTH_HZ)
        edges = np.clip([centre - width / 2, centre + width / 2], 1e-3, SAMPLE_RATE / 2 - 1e-3)
        taps = int(random.integers(*_NOTCH_TAPS)) | 1  # odd, as a band-stop filter has to be
        coefficients = np.convolve(coefficients, scipy.signal.firwin(taps, edges, fs=SAMPLE_RATE))
    _, response = scipy.signal.freqz(coefficients)
    return coefficients / np.abs(response).max()


_RAWBOOST: dict[str, Callable[[Samples, np.random.Generator], Samples]] = {
    "linear_nonlinear_convolutive": _linear_nonlinear_convolutive,
    "impulsive": _impulsive,
    "stationary": _stationary,
}


_CODEC_FRAME = 160  # samples encoded at once by an encoder that has no frames of its own


class _Codec(NamedTuple):
    """How FFmpeg encodes and decodes a codec.

    Attributes:
        encoder, decoder: FFmpeg's names.
        rate: hertz at which the codec works.
        sample_format: of the encoder's input.
        delay: samples at 16 kHz that coding adds and the decoder leaves in.
        options: of the encoder.
    """

    encoder: str
    decoder: str
    rate: int
    sample_format: str
    delay: int = 0
    options: Mapping[str, str] = {}


_CODECS = {
    "mp3": _Codec("libmp3lame", "mp3float", SAMPLE_RATE, "fltp"),
    "opus": _Codec("libopus", "opus", SAMPLE_RATE, "flt", options={"application": "voip"}),
    "aac": _Codec("aac", "aac", SAMPLE_RATE, "fltp", delay=1024),
    "g722": _Codec("g722", "g722", SAMPLE_RATE, "s16", delay=22),
    "g711_alaw": _Codec("pcm_alaw", "pcm_alaw", 8000, "s16"),
    "g711_ulaw": _Codec("pcm_mulaw", "pcm_mulaw", 8000, "s16"),
}


def _codec(samples: Samples, step: "Step", random: np.random.Generator) -> Samples:
    """Encode and decode in memory; what comes back is as long as the clip, and in time with it."""
    codec = _CODECS[step.codec]
    result, position = np.zeros(codec.delay + len(samples), np.float32), 0
    for block in at_our_rate(_transmitted(samples, codec, getattr(step, "bit_rate", None))):
        space = result[position:]
        space[: len(block)] = block[: len(space)]
        position += len(block)
    return result[codec.delay :]


def _transmitted(
    samples: Samples, codec: _Codec, bit_rate: int | None
) -> Iterator[tuple[int, Samples]]:
    """Yield what the decoder makes of the encoder's packets, with its rate."""
    if codec.rate != SAMPLE_RATE:
        samples = soxr.resample(samples, SAMPLE_RATE, codec.rate)
    encoder = av.CodecContext.create(codec.encoder, "w")
    encoder.sample_rate, encoder.format, encoder.layout = codec.rate, codec.sample_format, "mono"
    encoder.time_base = Fraction(1, codec.rate)
    encoder.options = dict(codec.options)
    if bit_rate is not None:
        encoder.bit_rate = bit_rate
    encoder.open()
    decoder = av.CodecContext.create(codec.decoder, "r")
    decoder.sample_rate, decoder.layout = codec.rate, "mono"
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    for packet in itertools.chain(_packets(samples, encoder), [None]):
        for frame in decoder.decode(packet):
            block = frame.to_ndarray()[0]
            if block.dtype == np.int16:
                block = block / np.float32(2**15)
            yield frame.sample_rate, block


def _packets(samples: Samples, encoder: av.AudioCodecContext) -> Iterator[av.Packet]:
    size, sample_format = encoder.frame_size or _CODEC_FRAME, encoder.format.name
    for first in range(0, len(samples), size):
        block = samples[None, first : first + size]
        if sample_format == "s16":
            block = np.rint(block * 2**15).clip(-(2**15), 2**15 - 1).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(block), format=sample_format, layout="mono"
        )
        frame.rate, frame.time_base, frame.pts = encoder.rate, encoder.time_base, first
        yield from encoder.encode(frame)
    yield from encoder.encode(None)


_STEPS: dict[str, Callable[[Samples, "Step", np.random.Generator], Samples]] = {
    "trim": _trim,
    "invert": _invert,
    "band": _band,
    "noise": _noise,
    "reverberation": _reverberation,
    "rawboost": _rawboost,
    "codec": _codec,
}
