"""The pool of human speech that pretraining draws from, in one file."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from authenticity.errors import UserError
from authenticity.files import read_arrays, write_arrays
from authenticity.roots import Root
from demo_corpus import human
from demo_corpus.attacks import BONAFIDE

from pretrain.targets import SAMPLE_RATE

logger = logging.getLogger("authenticity")

FULL_SCALE = 2**15
# Those the demo corpus keeps for dev and eval. An encoder that had heard eval's would make its
# figures worthless; for one that had heard dev's, layers would be chosen on familiar voices.
HELD_OUT = {voice.speaker for voice in BONAFIDE if voice.dev or voice.eval}


def check_others(folder: str, packages: Sequence[str]) -> None:
    """Check that there is speech to choose by, and that pretraining does not hear it.

    Raises:
        UserError: there is no such folder, or a path in it names a package that pretraining hears,
            or a speaker of one.
    """
    if not folder:
        raise UserError(
            "SPEECH: not given; name a folder of human speech: make pretrain SPEECH=path"
        )
    heard = {name for each in packages for name, _ in [(each, ""), *human.SPEECH.get(each, ())]}
    for path in Root(folder).walk():
        if shared := heard.intersection(PurePosixPath(folder, path).parts):
            raise UserError(
                f"{folder}: {path} is of {shared.pop()}, heard in pretraining; choose by others"
            )


def gather(packages: Iterable[str | Path]) -> list[np.ndarray]:
    """Return the speech of Debian packages, each clip float32 at 16 kHz, in the packages' order.

    A package of a speaker who is held out is a `UserError`.
    """
    clips = []
    for package in map(Path, packages):
        before = len(clips)
        speakers = {speaker for speaker, _ in human.SPEECH.get(package.stem, ())}
        if held_out := sorted(speakers & HELD_OUT):
            raise UserError(
                f"{package}: {', '.join(held_out)} speak in dev or eval; "
                "take the package out of `speech` in tools/pretrain/config.yaml"
            )
        if package.stem in human.PRETRAINING:
            clips += [samples for _, samples in human.pretraining_speech(package)]
        else:
            clips += [clip.samples for clip in human.recordings(package)]
        logger.info("%s: %s", package.stem, describe(clips[before:]))
    return clips


def describe(clips: Sequence[np.ndarray]) -> str:
    """Return the number of clips and their length, for the log."""
    hours = sum(map(len, clips)) / SAMPLE_RATE / 3600
    return f"{len(clips)} clips, {hours:.2f} h"


def write(path: str | Path, clips: Sequence[np.ndarray]) -> None:
    """Write clips atomically: 16-bit samples one after the other, and where each clip ends."""
    joined = np.concatenate(clips) * FULL_SCALE
    arrays = {
        "samples": joined.round().clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16),
        "ends": np.cumsum([len(clip) for clip in clips]),
    }
    write_arrays(path, arrays)


def read(path: str | Path) -> list[np.ndarray]:
    """Read what `write` wrote: float32 clips in [-1, 1) at 16 kHz."""
    arrays = read_arrays(path)
    samples = arrays["samples"].astype(np.float32) / FULL_SCALE
    return np.split(samples, arrays["ends"][:-1])
