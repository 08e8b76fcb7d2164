"""An epoch of the last two layers from the cache, against one that computes all layers each time.

Run: PYTHONPATH=workflow python tests/benchmark_finetune.py [clips]

The shapes are wav2vec2-base's and the weights random; clips are of 3 s, one thread computes, and
CPU time is counted, so that what else runs on the machine does not matter. Both ways see the same
batches and take the same steps; the frozen part computes no gradients in either.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
import transformers
from authenticity.features import frames
from authenticity.features.encoder import Encoder
from authenticity.features.frames import Frames, FrozenPart
from authenticity.models import finetune
from authenticity.models.finetune import Batch, Detector, TopLayers

CLIP_SAMPLES, BATCH = 48_000, 16
UNFROZEN = 2


def epoch(detector: Detector, batches: Iterable[Batch]) -> float:
    """Train on batches that come one by one; return the CPU time in seconds."""
    optimiser = torch.optim.AdamW(
        [value for value in detector.parameters() if value.requires_grad], lr=1e-5
    )
    detector.train()
    started = time.process_time()
    for batch in batches:
        _, log_odds = detector(batch)
        labels = torch.arange(len(log_odds)) % 2
        loss = torch.nn.functional.binary_cross_entropy_with_logits(log_odds, labels.float())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return time.process_time() - started


def compare(n_clips: int, folder: Path) -> dict[str, float]:
    """Return the CPU time of an epoch either way, of filling the cache, and the ratio.

    Args:
        n_clips: how many clips of 3 s.
        folder: where the encoder and the cache go.
    """
    torch.manual_seed(1)
    transformers.Wav2Vec2Model(transformers.Wav2Vec2Config()).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    network = Encoder.load(folder).network
    n_layers = len(network.encoder.layers)
    first = n_layers - UNFROZEN
    detectors = [
        Detector(TopLayers(network, first, n_layers), network.config.hidden_size, 128)
        for _ in range(2)
    ]
    del network
    random = np.random.default_rng(1)
    clips = [random.standard_normal(CLIP_SAMPLES).astype(np.float32) for _ in range(n_clips)]
    encoder = Encoder.load(folder)
    frozen = FrozenPart(encoder, first)
    started = time.process_time()
    rows = ((f"{number:04}", "", frozen.windows(clip)) for number, clip in enumerate(clips))
    frames.write(folder / "frames.npy", rows, 768, "benchmark")
    filled = time.process_time() - started
    cache = Frames.load([folder / "frames.npy"])
    chosen = np.split(np.arange(n_clips), range(BATCH, n_clips, BATCH))

    def plain(numbers: np.ndarray) -> Batch:
        samples = torch.cat([encoder.windows(clips[number])[0][None] for number in numbers])
        with torch.no_grad():
            states = encoder.network(samples).last_hidden_state
        return Batch(
            states, torch.ones(states.shape[:2], dtype=torch.bool), torch.arange(len(numbers))
        )

    ways: list[Callable[[np.ndarray], Batch]] = [
        lambda numbers: Batch.of([cache.clips[number] for number in numbers]),
        plain,
    ]
    cached, whole = (
        epoch(detector, map(way, chosen)) for detector, way in zip(detectors, ways, strict=True)
    )
    return {"cached": cached, "plain": whole, "fill": filled, "ratio": whole / cached}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
        found = compare(number, Path(name))
    print(
        f"{number} clips of 3 s, last {UNFROZEN} layers of wav2vec2-base: {found['cached']:.1f} s "
        f"an epoch from the cache, {found['plain']:.1f} s computing all layers, "
        f"{found['ratio']:.1f} times as fast; the cache took {found['fill']:.1f} s to fill once "
        f"({finetune.FRAMES_PER_SECOND} frames a second of 768 numbers)"
    )
