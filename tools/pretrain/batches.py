"""Training batches, each a pure function of the seed and the step, so that a resumed run agrees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import librosa
import numpy as np
from probe.corpus import METHODS

from pretrain.targets import SAMPLE_RATE, frame_count, normalise

MASK_START_FRACTION = 0.08  # of a crop's frames begin a masked span (HuBERT, section IV-C)
MASK_FRAMES = 10
NOISE_DB = (10.0, 30.0)  # signal-to-noise ratio, where there is noise
COPY_SHARE = 0.25  # of the crops, with copy-synthesis
# Griffin-Lim from mel spectra takes longer than all else in a step.
VOCODERS = {name: speak for name, speak in METHODS.items() if name != "griffin_lim"}


@dataclass(frozen=True)
class Batch:
    """Crops with their targets.

    `samples` [crops, samples] float32, each row normalised; `targets` [crops, frames] int64 or
    [crops, frames, numbers] float32, see `targets.of`, of the crop before noise; `mask` [crops,
    frames] bool, True where hidden.
    """

    samples: np.ndarray
    targets: np.ndarray
    mask: np.ndarray


def span_mask(n_frames: int, rng: np.random.Generator) -> np.ndarray:
    """Return [n_frames] bool with 8% of the frames, drawn without replacement, starting a span.

    Spans are 10 frames, may overlap, and end within the crop; at least one is drawn.
    """
    n_starts = max(1, round(MASK_START_FRACTION * n_frames))
    starts = rng.choice(n_frames - MASK_FRAMES + 1, n_starts, replace=False)
    mask = np.zeros(n_frames, dtype=bool)
    mask[(starts[:, None] + np.arange(MASK_FRAMES)).ravel()] = True
    return mask


def with_noise(samples: np.ndarray, decibels: float, rng: np.random.Generator) -> np.ndarray:
    """Return the samples with white noise at that signal-to-noise ratio."""
    scale = np.sqrt(np.mean(samples**2)) * 10 ** (-decibels / 20)
    noise = rng.standard_normal(len(samples), dtype=np.float32)
    return samples + np.float32(scale) * noise


def spoken_again(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the crop as a vocoder of the probe, drawn at random, speaks it."""
    spoken = VOCODERS[rng.choice([*VOCODERS])](crop, rng).astype(np.float32)
    # WORLD ends with its last whole frame.
    return librosa.util.fix_length(spoken, size=len(crop), mode="reflect")


class Batches:
    """Batches of crops of fixed length from a pool of clips.

    A clip is drawn with a probability proportional to its length. One that is longer than the crop
    is cut at random; one that is shorter is followed by others. Half of the crops, drawn at random,
    are upside down: polarity is a matter of microphones. With copy-synthesis, a quarter of the
    crops, drawn at random, is spoken again by a vocoder. Every second batch, drawn at random,
    carries white noise.
    """

    def __init__(
        self,
        clips: Sequence[np.ndarray],
        targets_of: Callable[[np.ndarray], np.ndarray],
        *,
        copy_synthesis: bool,
        crops: int,
        seconds: float,
        seed: int,
    ):
        self._clips = [normalise(clip) for clip in clips]
        lengths = np.array([len(clip) for clip in clips], dtype=np.float64)
        self._cumulative = np.cumsum(lengths / lengths.sum())
        self._targets_of = targets_of
        self._copy_synthesis = copy_synthesis
        self._crops = crops
        self._length = round(seconds * SAMPLE_RATE)
        self._seed = seed

    def __getitem__(self, step: int) -> Batch:
        """Return the batch of that step."""
        rng = np.random.default_rng([self._seed, step])
        noisy = rng.random() < 0.5
        samples, targets, mask = [], [], []
        for _ in range(self._crops):
            crop = self._crop(rng)
            if self._copy_synthesis and rng.random() < COPY_SHARE:
                crop = spoken_again(crop, rng)
            if rng.random() < 0.5:
                crop = -crop
            targets.append(self._targets_of(crop))
            mask.append(span_mask(frame_count(len(crop)), rng))
            heard = with_noise(crop, rng.uniform(*NOISE_DB), rng) if noisy else crop
            samples.append(normalise(heard))
        return Batch(np.stack(samples), np.stack(targets), np.stack(mask))

    def _crop(self, rng: np.random.Generator) -> np.ndarray:
        clip = self._draw(rng)
        start = rng.integers(max(1, len(clip) - self._length + 1))
        pieces = [clip[start : start + self._length]]
        missing = self._length - len(pieces[0])
        while missing > 0:
            pieces.append(self._draw(rng)[:missing])
            missing -= len(pieces[-1])
        return np.concatenate(pieces)

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        index = np.searchsorted(self._cumulative, rng.random(), side="right")
        return self._clips[min(index, len(self._clips) - 1)]
