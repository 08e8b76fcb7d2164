"""What the encoder learns to predict: the cluster of each frame's cepstra.

Hsu et al., "HuBERT: Self-Supervised Speech Representation Learning by Masked Prediction of Hidden
Units", 2021, section IV-B: the first iteration's targets are k-means clusters of 39 numbers a
frame, 13 MFCC with their first and second differences.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

import librosa
import numpy as np
from authenticity.files import read_arrays, write_arrays
from sklearn.cluster import MiniBatchKMeans

logger = logging.getLogger("authenticity")

SAMPLE_RATE = 16_000
FRAME_SAMPLES = 400  # 25 ms: the receptive field of the wav2vec2 convolutions
HOP_SAMPLES = 320  # 20 ms: the product of their strides
DELTA_FRAMES = 9  # the frames a difference is fitted over, librosa's default


def normalise(samples: np.ndarray) -> np.ndarray:
    """Return float32 samples [n] with zero mean and unit variance, as Wav2Vec2FeatureExtractor."""
    samples = np.asarray(samples, dtype=np.float32)
    return (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)


def frame_count(n_samples: int) -> int:
    """Return how many frames the encoder makes of `n_samples`; cepstra are framed the same way."""
    return max(0, 1 + (n_samples - FRAME_SAMPLES) // HOP_SAMPLES)


def cepstra(samples: np.ndarray) -> np.ndarray:
    """Return [frames, 39]: 13 MFCC of 40 mel bands (in dB) and their two differences.

    `samples` [n] are 16 kHz, normalised here, and at least 9 frames long. Frame t covers the
    samples [320 t, 320 t + 400), which are those the encoder's frame t sees: nothing is padded.
    """
    static = librosa.feature.mfcc(
        y=normalise(samples),
        sr=SAMPLE_RATE,
        n_mfcc=13,
        n_fft=FRAME_SAMPLES,
        hop_length=HOP_SAMPLES,
        center=False,
        n_mels=40,
    )
    first, second = (librosa.feature.delta(static, width=DELTA_FRAMES, order=n) for n in (1, 2))
    return np.concatenate([static, first, second]).T.astype(np.float32)


def fit_clusters(clips: Iterable[np.ndarray], n_clusters: int, seed: int) -> np.ndarray:
    """Return the centroids [n_clusters, 39] of the clips' cepstra, by k-means.

    Clips too short for a difference are passed over.
    """
    shortest = FRAME_SAMPLES + (DELTA_FRAMES - 1) * HOP_SAMPLES
    frames = np.concatenate([cepstra(clip) for clip in clips if len(clip) >= shortest])
    logger.info("k-means: %d clusters of %d frames", n_clusters, len(frames))
    model = MiniBatchKMeans(
        n_clusters, batch_size=10_000, n_init=3, max_no_improvement=30, random_state=seed
    )
    return model.fit(frames).cluster_centers_.astype(np.float32)


def assign(frames: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Return the index of the nearest centroid (Euclidean) for each row of `frames` [n, 39]."""
    # |x - c|^2 without |x|^2, which is the same for every centroid
    distances = (centroids**2).sum(axis=1) - 2.0 * frames @ centroids.T
    return distances.argmin(axis=1)


def write_centroids(path: str | Path, centroids: np.ndarray) -> None:
    """Write the centroids atomically, as safetensors."""
    write_arrays(path, {"centroids": centroids})


def read_centroids(path: str | Path) -> np.ndarray:
    """Read what `write_centroids` wrote: [n_clusters, 39] float32."""
    return read_arrays(path)["centroids"]
