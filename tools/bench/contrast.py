"""Train the contrastive heads of a corpus as large as ASVspoof 2019 LA's train part.

Features are random numbers of wav2vec2-base's width and of the spectral branch's; a dev of a tenth
of the clips chooses the epoch, as in the workflow. Reading tables is not counted.
"""

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


def seconds(n_clips: int, epochs: int) -> float:
    """Return the CPU time, in seconds, of fitting one seed for so many epochs on one thread."""
    made = problem(n_clips)
    settings = Contrastive(kind="contrastive", epochs=epochs, seeds=(1,))
    contrast._PATIENCE = epochs  # to the last of them
    contrast.fit(problem(200), settings, [])  # what is imported on first use is not counted
    begun = time.process_time()
    contrast.fit(made, settings, [])
    return time.process_time() - begun
