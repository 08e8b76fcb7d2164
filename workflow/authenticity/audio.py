"""Any audio file to 16 kHz mono float32, or a rejection with a reason a person understands."""

import contextlib
import io
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from authenticity.errors import RejectedClip, UserError
from authenticity.growing import Growing, Rows, blocks
from authenticity.limits import Limits
from authenticity.roots import Root

SAMPLE_RATE = 16_000
"""Hertz; what the encoders were trained on."""

DECODER_VERSION = "2"
"""Raise it when a change here alters the samples of any file."""

# A block bounds the memory that a long recording needs before it is mixed down and resampled.
_BLOCK_FRAMES = 1 << 20
_TOO_MANY_PLANES = 8
_MORE_THAN_ENOUGH = 1 << 26  # bytes, to decode a block
_JOINED_PARTS = 100  # of FFmpeg, which gives 20 ms or so at a time: joined, they take half the time

# A complete lossy stream meets the duration its container promises to within a few codec frames;
# a lossless one meets it exactly, so there one frame dropped for a wrong checksum is seen.
_LOSSY_TOLERANCE_SECONDS = 0.25
_LOWEST_RATE, _HIGHEST_RATE = 4_000, 768_000  # hertz
# Relative to full scale. Integers saved as floating-point numbers are up to 187 dB above it; from
# about 320 dB on, powers are beyond what float32 holds.
_HIGHEST_DBFS = 240.0

# What libsndfile says of a chunk of samples that ends after the file does.
_CUT_SHORT = re.compile(r"(?:data|SSND|Data Size) *: (\d+) \(should be (\d+)\)")
# Sizes that programs write which do not know yet how long the sound will be: 2^31, 2^32, or some
# bytes less.
_UNKNOWN_SIZE, _UNKNOWN_SIZE_SPREAD = 1 << 31, 1 << 16


def load(root: Root, path: str, limits: Limits) -> NDArray[np.float32]:
    """Read and decode one file of a corpus; see `decode`."""
    return decode(root.read(path, limits.max_bytes), limits)


def decode(data: bytes | BinaryIO, limits: Limits, most_in_memory: float = math.inf) -> Rows:
    """Decode a file to mono samples at 16 kHz.

    soundfile decodes what libsndfile knows (FLAC, WAV, OGG, MP3); FFmpeg, by PyAV, all else and
    what libsndfile refuses. Channels are averaged; soxr resamples.

    Args:
        data: the file's content, or the file opened in binary mode: it is then read piece by piece,
            and a long video is never in memory.
        limits: what the clip must meet; the caller checks the size of the file.
        most_in_memory: a recording of more samples goes to a temporary file.

    Returns:
        Samples, shape (n,), full scale 1.

    Raises:
        RejectedClip: unreadable, damaged, empty, silent, too short, or with samples that are not
            numbers.
        UserError: the temporary folder does not take the samples.
    """
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    if not stream.seek(0, io.SEEK_END):
        raise RejectedClip("empty: the file has 0 bytes")
    # Damaged bytes make decoders fail in ways they do not list, and none may stop the other clips:
    # so every exception but a rejection, and but a lack of memory or room, counts as a refusal.
    refusals = []
    for decoder, blocks_of in (("libsndfile", _soundfile_blocks), ("FFmpeg", _ffmpeg_blocks)):
        try:
            samples, loudest = _resampled(blocks_of(stream), limits, most_in_memory)
            break
        except (RejectedClip, UserError):
            raise
        except Exception as error:
            # FFmpeg also lacks memory where a damaged header claims an absurd size.
            if isinstance(error, MemoryError) and not isinstance(error, av.FFmpegError):
                raise
            refusals.append(f"{decoder}: {_reason(error)}")
    else:
        # Where there is less than any clip needs, the clip is not to blame: MemoryError.
        np.empty(_MORE_THAN_ENOUGH, np.uint8)
        raise RejectedClip(f"not readable as audio: {'; '.join(refusals)}")
    _require_that_channels_add_up(samples, loudest, limits)
    check(samples, limits)
    return samples


def _require_that_channels_add_up(samples: Rows, loudest: float, limits: Limits) -> None:
    """Raise `RejectedClip` for an audible recording that the mean of its channels silences."""
    left = decibels(largest_magnitude(samples))
    if math.isfinite(loudest) and left < limits.silence_dbfs <= decibels(loudest):
        raise RejectedClip(
            "silent once its channels are averaged, because they cancel each other: one has the "
            "inverted polarity of the other; save one channel alone"
        )


def check(samples: Rows, limits: Limits) -> None:
    """Raise `RejectedClip` for samples that are not numbers or do not meet the limits."""
    peak = largest_magnitude(samples)
    if not np.isfinite(peak):
        raise RejectedClip("damaged: some samples are not finite numbers")
    if decibels(peak) > _HIGHEST_DBFS:
        raise RejectedClip(f"damaged: some samples are {decibels(peak):.0f} dB above full scale")
    limits.require(len(samples) / SAMPLE_RATE, decibels(peak))


def largest_magnitude(samples: Rows) -> float:
    """Return the largest magnitude, without a copy of the samples; 0 where there are none."""
    ends = [(block.max(initial=0.0), -block.min(initial=0.0)) for block in blocks(samples)]
    return float(np.max(ends, initial=0.0))  # not a number where a sample is none


def decibels(magnitude: float) -> float:
    """A magnitude relative to full scale, in dB; minus infinity for zero."""
    return 20 * math.log10(magnitude) if magnitude > 0 else -math.inf


def _reason(error: Exception) -> str:
    """Return a decoder's message without addresses of objects, which differ between runs."""
    message = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return message.rstrip(".")


def _check_complete(missing_seconds: float, lossy: bool) -> None:
    if missing_seconds > (_LOSSY_TOLERANCE_SECONDS if lossy else 0.5 / SAMPLE_RATE):
        raise RejectedClip(
            f"damaged: the header promises {missing_seconds:.2f} s that are not there"
        )


def _resampled(
    decoded: Iterator[tuple[int, NDArray[np.float32]]], limits: Limits, most_in_memory: float
) -> tuple[Rows, float]:
    """Mix blocks, (n, channels), down; return the samples, and the largest magnitude before."""
    samples, loudest = Growing((), most_in_memory), 0.0

    def mono() -> Iterator[tuple[int, NDArray[np.float32]]]:
        nonlocal loudest
        seconds = 0.0
        for rate, frames in decoded:
            if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
                raise RejectedClip(f"damaged: a sampling rate of {rate} Hz is not one of audio")
            loudest = max(loudest, largest_magnitude(frames))
            seconds += len(frames) / rate
            if seconds > limits.max_seconds:
                limits.require(seconds, peak_dbfs=0.0)  # at once, before it fills the memory
            yield rate, frames.mean(axis=1)

    for block in at_our_rate(mono()):
        samples.append(block)
    return samples.whole(), loudest


def at_our_rate(
    blocks: Iterable[tuple[int, NDArray[np.float32]]],
) -> Iterator[NDArray[np.float32]]:
    """Resample one recording to 16 kHz, from blocks of its sampling rate and mono samples."""
    stream: soxr.ResampleStream | None = None
    for rate, block in blocks:
        if rate != SAMPLE_RATE:
            stream = stream or soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
            block = stream.resample_chunk(block)
        yield block
    if stream is not None:
        yield stream.resample_chunk(np.empty(0, np.float32), last=True)


def _soundfile_blocks(stream: BinaryIO) -> Iterator[tuple[int, NDArray[np.float32]]]:
    stream.seek(0)
    with soundfile.SoundFile(stream) as sound:
        # libsndfile 1.2.2 hands out Opus late by its pre-skip, behind zeros, or garbled at the
        # edges of blocks (its issues 555 and 794).
        if sound.subtype == "OPUS":
            raise ValueError("Opus is for FFmpeg")
        promised, read = sound.frames, 0
        size = max(1, _BLOCK_FRAMES // sound.channels)
        while block := len(frames := sound.read(size, dtype="float32", always_2d=True)):
            read += block
            yield sound.samplerate, frames
        _check_complete((promised - read) / sound.samplerate, lossy=sound.format == "MP3")
        # Sizes in headers are often some bytes off, so these are held to the wider tolerance.
        _check_complete(_cut_short_seconds(sound), lossy=True)


def _cut_short_seconds(sound: soundfile.SoundFile) -> float:
    """Return how much longer the header says that uncompressed sound is than the file has it."""
    sizes = _CUT_SHORT.search(sound.extra_info)
    promised, there = map(int, sizes.groups()) if sizes else (0, 0)
    if not there or -promised % _UNKNOWN_SIZE < _UNKNOWN_SIZE_SPREAD:
        return 0.0
    return (promised - there) / there * sound.frames / sound.samplerate


def _ffmpeg_blocks(file: BinaryIO) -> Iterator[tuple[int, NDArray[np.float32]]]:
    with _opened(file) as stream:
        stream.codec_context.options = {"err_detect": "crccheck+explode"}
        promised = float(stream.duration * stream.time_base) if stream.duration else None
        converters = {form: av.AudioResampler(format=form) for form in ("fltp", "flt")}
        rate, read = stream.codec_context.sample_rate, 0
        parts: list[NDArray[np.float32]] = []
        for frame in stream.container.decode(stream):
            if frame.sample_rate != rate:
                raise ValueError("the sample rate changes within the file")
            # Most lossy codecs give planes. PyAV takes what is in memory behind eight of them for
            # more planes, and crashes.
            form = "fltp" if frame.layout.nb_channels < _TOO_MANY_PLANES else "flt"
            is_so = frame.format.name == form
            for floats in [frame] if is_so else converters[form].resample(frame):
                part = floats.to_ndarray()
                if form == "flt":
                    part = part.reshape(-1, floats.layout.nb_channels).T
                parts.append(part)
                read += floats.samples
            if len(parts) >= _JOINED_PARTS:
                yield rate, np.concatenate(parts, axis=1).T
                parts = []
        if parts:
            yield rate, np.concatenate(parts, axis=1).T
        if promised is not None:
            lossy = not stream.codec_context.codec.lossless
            _check_complete(promised - read / rate, lossy)


@contextlib.contextmanager
def _opened(file: BinaryIO) -> Iterator["av.AudioStream"]:
    """Open a file with FFmpeg, and find its first stream of audio."""
    file.seek(0)
    # An empty whitelist: a playlist in disguise must not make FFmpeg open other files or addresses.
    with av.open(file, options={"protocol_whitelist": ""}) as container:
        if not container.streams.audio:
            raise RejectedClip("no audio stream in the file")
        if container.streams.audio[0].codec_context is None:
            raise RejectedClip("the audio's codec is unknown")
        yield container.streams.audio[0]


@dataclass(frozen=True)
class Format:
    """How a file holds its audio.

    Attributes:
        codec: FFmpeg's name, such as `flac`, `pcm_s16le`, `opus` or `aac`; libsndfile's where only
            that can read the file.
        sample_rate: hertz.
        bit_rate: bits a second, or None where the file does not tell.
        lossless: whether the codec gives back what it was given.
    """

    codec: str
    sample_rate: int
    channels: int
    bit_rate: int | None
    lossless: bool


def file_format(file: BinaryIO) -> Format:
    """Say how a file that `decode` accepts holds its audio; nothing is decoded."""
    try:
        with _opened(file) as stream:
            codec, container = stream.codec_context, stream.container
            whole = container.bit_rate if len(container.streams) == 1 else None
            return Format(
                codec.codec.canonical_name,
                codec.sample_rate,
                codec.channels,
                codec.bit_rate or whole or None,
                codec.codec.lossless,
            )
    except (RejectedClip, av.FFmpegError, ValueError):
        file.seek(0)
        with soundfile.SoundFile(file) as sound:
            named = f"{sound.format} {sound.subtype}".lower()
            return Format(named, sound.samplerate, sound.channels, None, "PCM" in sound.subtype)
