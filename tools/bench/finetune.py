"""An epoch of the last two layers from the cache, against one that computes all layers each time.

The weights are random; clips are of 3 s, one thread computes, and CPU time is counted, so that what
else runs on the machine does not matter. Both ways see the same batches, in turn, and take the same
steps; the frozen part, transformers' own where it is computed, needs no gradients in either.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import transformers
from authenticity.features import frames
from authenticity.features.encoder import Encoder
from authenticity.features.frames import Frames
from authenticity.models.top_layers import Batch, Detector, TopLayers

CLIP_SAMPLES, BATCH = 48_000, 32
UNFROZEN = 2
_EPOCHS = 3


class Training:
    """One detector and its optimiser, and the CPU time that its steps took."""

    def __init__(self, detector: Detector, load: Callable[[np.ndarray], Batch], precision: str):
        """Train a detector on batches that `load` makes of clip numbers."""
        self._detector, self._load = detector.train(), load
        self._autocast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
        trained = [value for value in detector.parameters() if value.requires_grad]
        self._optimiser = torch.optim.AdamW(trained, lr=1e-5, fused=True)
        self.seconds = 0.0

    def step(self, numbers: np.ndarray) -> None:
        """Take a step on these clips."""
        started = time.process_time()
        batch = self._load(numbers)
        with self._autocast:
            _, log_odds = self._detector([batch])
        labels = torch.arange(len(log_odds)) % 2
        loss = torch.nn.functional.binary_cross_entropy_with_logits(log_odds, labels.float())
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._optimiser.step()
        self.seconds += time.process_time() - started


def ratio(folder: Path, n_clips: int, precision: str) -> float:
    """Return how many times as fast an epoch from the cache is as one that computes all layers.

    Args:
        folder: of an encoder; the cache goes beside its files.
        n_clips: how many clips of 3 s.
        precision: of the frozen part, and of the matrix products of the trained one; both ways.
    """
    torch.manual_seed(1)
    network = Encoder.load(folder).network
    n_layers = len(network.encoder.layers)
    first = n_layers - UNFROZEN
    detectors = [Detector(TopLayers(network, first, n_layers)) for _ in range(2)]
    del network
    random = np.random.default_rng(1)
    clips = [random.standard_normal(CLIP_SAMPLES).astype(np.float32) for _ in range(n_clips)]
    encoder = Encoder.load(folder, precision, layers=first)
    with frames.updated(folder / "frames.npy", 768, {"version": "benchmark"}) as (_, add):
        for number, clip in enumerate(clips):
            add(f"{number:04}", "", encoder.hear(clip, [first])[1][first])
    cache = Frames.load([folder / "frames.npy"])
    chosen = np.split(np.arange(n_clips), range(BATCH, n_clips, BATCH))

    dtype = getattr(torch, precision)
    network = transformers.AutoModel.from_pretrained(folder, dtype=dtype).eval()
    network.encoder.layers = network.encoder.layers[:first]

    def plain(numbers: np.ndarray) -> Batch:
        samples = torch.cat([next(encoder.windows(clips[number]))[-1][None] for number in numbers])
        with torch.no_grad():
            states = network(samples.to(dtype)).last_hidden_state.float()
        return Batch(
            states, torch.ones(states.shape[:2], dtype=torch.bool), torch.arange(len(numbers))
        )

    def from_cache(numbers: np.ndarray) -> Batch:
        return Batch.of([cache.clips[number] for number in numbers])

    cached, whole = (
        Training(detector, load, precision)
        for detector, load in zip(detectors, (from_cache, plain), strict=True)
    )
    epochs = []
    for batches in (chosen[:1], *[chosen] * _EPOCHS):
        cached.seconds = whole.seconds = 0.0
        for numbers in batches:
            cached.step(numbers)
            whole.step(numbers)
        epochs.append((whole.seconds, cached.seconds))
    # The first batch brings everything into memory.
    plain_seconds, cached_seconds = (min(seconds) for seconds in zip(*epochs[1:], strict=True))
    return plain_seconds / cached_seconds
