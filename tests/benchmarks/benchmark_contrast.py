"""How long the contrastive heads of a corpus as large as ASVspoof 2019 LA's train part take.

Run: python tests/benchmarks/benchmark_contrast.py [clips] [epochs]

Features are random numbers of wav2vec2-base's width and of the spectral branch's; a dev of a tenth of
the clips chooses the epoch, as in the workflow. Reading tables is not counted.
"""

import sys
import time

import numpy as np
from authenticity.config import Contrastive
from authenticity.features import matrix
from authenticity.models import contrast
from authenticity.models.contrast import Problem

WIDTH = 768


def problem(n_clips: int) -> Problem:
    """Return clips of twenty speakers and six attacks that differ a little by class."""
    random = np.random.default_rng(1)
    n_spectral = matrix.n_spectral("full")

    def clips(number: int) -> tuple[np.ndarray, np.ndarray]:
        labels = (random.random(number) < 0.9).astype(np.int64)
        features = random.standard_normal((number, n_spectral + WIDTH), np.float32)
        features[:, ::16] += 0.3 * labels[:, None].astype(np.float32)
        return features, labels

    features, labels = clips(n_clips)
    dev_features, dev_labels = clips(n_clips // 10)
    attacks = np.where(labels == 1, random.integers(1, 7, n_clips).astype(str), "-")
    speakers = random.integers(0, 20, n_clips).astype(str)
    keys = np.arange(n_clips).astype(str)
    return Problem(
        *(features, n_spectral, 1, labels, speakers, attacks, keys),
        *(dev_features, dev_labels),
    )


if __name__ == "__main__":
    clips = int(sys.argv[1]) if len(sys.argv) > 1 else 25_000
    epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    made = problem(clips)
    settings = Contrastive(kind="contrastive", epochs=epochs, seeds=(1,))
    wall, cpu = time.monotonic(), time.process_time()
    found = contrast.fit(made, settings, [], 1)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    print(
        f"{clips} clips of {made.features.shape[1]} numbers, {epochs} epochs, "
        f"{found.summary['parameters']} parameters: {wall:.1f} s, of which one thread computed "
        f"{cpu:.1f} s"
    )
