"""Human speech, and the same speech spoken again by vocoders, over one light channel.

Both classes have the same words, voices and rooms, so only traces of the vocoder are left to find.
"""

import hashlib
import json
import logging
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from authenticity import audio
from authenticity.config import view
from authenticity.errors import RejectedClip, UserError
from authenticity.features import spectral, views
from authenticity.files import read_arrays, write_arrays
from authenticity.limits import Limits
from authenticity.roots import Root
from demo_corpus import copy_synthesis
from numpy.typing import NDArray

Samples = NDArray[np.float32]

HUMAN = "-"
KEPT = "results/probe"
SECONDS = 3.0
_EDGE_SECONDS = 0.1  # spoken again and cut off: vocoders leave traces where a clip begins and ends
_CROPS_OF_A_FILE = 3
_SPOKEN_AGAIN = 2  # by different methods
_NOISE_DB, _CODED_SHARE = (30.0, 60.0), 0.4
_CODECS = ({"codec": "mp3", "bit_rate": 64_000}, {"codec": "opus", "bit_rate": 32_000})
_LIBRISPEECH = re.compile(r"(\d+)-\d+-\d+")
_PROGRESS_SECONDS = 10.0
_logger = logging.getLogger("authenticity.probe")


@dataclass(frozen=True)
class Clip:
    """A clip of the probe.

    Attributes:
        key: unique, in the order in which clips are made.
        speaker: who speaks, in both classes.
        method: a name of `METHODS`, or `HUMAN`.
        samples: mono at 16 kHz, (n,), full scale 1.
    """

    key: str
    speaker: str
    method: str
    samples: Samples


def _griffin_lim(samples: Samples, random: np.random.Generator, mel: bool = True) -> Samples:
    n_mels = int(random.choice([40, 60, 80])) if mel else None
    size, iterations = int(random.choice([512, 1024, 2048])), int(random.integers(4, 61))
    seed = int(random.integers(2**31))
    return copy_synthesis.griffin_lim(samples, seed, size, size // 4, n_mels, iterations)


def _linear_prediction(samples: Samples, random: np.random.Generator) -> Samples:
    order, length = int(random.integers(12, 31)), 4 * int(random.integers(50, 121))
    return copy_synthesis.linear_prediction(samples, int(random.integers(2**31)), order, length)


def _sinusoidal(samples: Samples, random: np.random.Generator) -> Samples:
    length, n_peaks = int(random.choice([256, 512, 1024])), int(random.integers(30, 101))
    return copy_synthesis.sinusoidal(samples, int(random.integers(2**31)), length, n_peaks)


METHODS: dict[str, Callable[[Samples, np.random.Generator], Samples]] = {
    "griffin_lim": _griffin_lim,
    "griffin_lim_linear": lambda samples, random: _griffin_lim(samples, random, mel=False),
    "linear_prediction": _linear_prediction,
    "world": lambda samples, random: copy_synthesis.world(samples, float(random.uniform(2, 10))),
    "sinusoidal": _sinusoidal,
}
"""Copy-synthesis by name; sizes are drawn at random for each clip."""


def clips(
    folder: str,
    n_human: int,
    methods: Sequence[str],
    seed: int,
    kept: str | Path = KEPT,
) -> Iterator[Clip]:
    """Yield human clips of up to three seconds, each followed by two that are spoken again.

    Each clip, human or not, has the level of its human clip and passes a channel of its own draw:
    white noise 30 to 60 dB below the speech, MP3 at 64 or Opus at 32 kbit/s on 40% of the clips,
    and inverted polarity on half.

    Args:
        folder: of human speech; all files in it and below.
        n_human: how many human clips at most, dealt equally over speakers.
        methods: names of `METHODS`.
        seed: of all that is drawn.
        kept: a folder; clips that are there from an earlier run are not made again.
    """
    root, start, said = Root(folder), time.monotonic(), time.monotonic()
    files = root.walk()
    chosen = _chosen(files, n_human)
    if not chosen:
        raise UserError(f"{folder}: no files in it; expected a folder of human speech")
    drawn_from = json.dumps([files, [*methods], seed], sort_keys=True)
    kept = Path(kept) / hashlib.sha256(drawn_from.encode()).hexdigest()[:16]
    for index, (path, speaker, crop) in enumerate(chosen):
        file = kept / f"{index:06d}.safetensors"
        if not file.exists():
            try:
                human = _cropped(audio.load(root, path, Limits()), crop)
            except RejectedClip as reason:
                _logger.warning("left out: %s: %s", path, reason)
                continue
            random = np.random.default_rng([seed, index])
            write_arrays(file, _spoken(human, methods, random, f"{index:06d}"))
        for method, samples in sorted(read_arrays(file).items()):
            yield Clip(f"{index:06d}{method}", speaker, method, samples)
        if (now := time.monotonic()) - said >= _PROGRESS_SECONDS:
            left, said = (now - start) / (index + 1) * (len(chosen) - index - 1), now
            _logger.info("%d of %d human clips, %.0f s left", index + 1, len(chosen), left)


def _spoken(
    human: Samples, methods: Sequence[str], random: np.random.Generator, key: str
) -> dict[str, Samples]:
    """Return a human clip as it reaches the probe, and spoken again, by method."""
    drawn = random.choice(methods, min(_SPOKEN_AGAIN, len(methods)), replace=False).tolist()
    found = {HUMAN: _finished(human, human, random, key)}
    for method in drawn:
        spoken = METHODS[method](human, random).astype(np.float32)
        found[method] = _finished(spoken, human, random, f"{key}-{method}")
    return found


def _chosen(paths: Iterable[str], n_human: int) -> list[tuple[str, str, int]]:
    """Return (path, speaker, number of the crop): a file of each speaker, another, and so on."""
    by_speaker = defaultdict(list)
    for path in sorted(paths):
        by_speaker[speaker_of(path)].append(path)
    rounds = _CROPS_OF_A_FILE * max(map(len, by_speaker.values()), default=0)
    found = [
        (paths[each % len(paths)], speaker, each // len(paths))
        for each in range(rounds)
        for speaker, paths in sorted(by_speaker.items())
        if each // len(paths) < _CROPS_OF_A_FILE
    ]
    return found[:n_human]


def speaker_of(path: str) -> str:
    """Return the reader in a LibriSpeech name such as `103-1240-0000.flac`, or else the folder."""
    named = _LIBRISPEECH.fullmatch(PurePosixPath(path).stem)
    return named[1] if named else PurePosixPath(path).parent.name


def _cropped(samples: Samples, crop: int) -> Samples:
    """Cut the middle of one of three equal parts; the whole where a clip is no longer than that."""
    length = round((SECONDS + 2 * _EDGE_SECONDS) * audio.SAMPLE_RATE)
    middle = (2 * crop + 1) * len(samples) // (2 * _CROPS_OF_A_FILE)
    if crop and len(samples) <= length:
        raise RejectedClip("too short for another crop")
    first = min(max(middle - length // 2, 0), max(len(samples) - length, 0))
    return samples[first : first + length]


def _finished(samples: Samples, human: Samples, random: np.random.Generator, key: str) -> Samples:
    """Give a clip its human clip's level, and put it through a channel."""
    edge = round(_EDGE_SECONDS * audio.SAMPLE_RATE)
    samples = samples * np.float32(
        np.sqrt(spectral.mean_power(human) / spectral.mean_power(samples))
    )
    steps = [{"step": "noise", "colour": "white", "snr_db": round(random.uniform(*_NOISE_DB), 1)}]
    if random.random() < _CODED_SHARE:
        steps.append({"step": "codec", **_CODECS[random.integers(len(_CODECS))]})
    if random.random() < 0.5:
        steps.append({"step": "invert"})
    return views.apply(samples, view(steps), f"{random.integers(2**63)} {key}")[edge:-edge]
