"""What the encoder learns to predict of each frame, by objective.

- `cepstra`: which k-means cluster its cepstra are in. Hsu et al., "HuBERT: Self-Supervised Speech
  Representation Learning by Masked Prediction of Hidden Units", 2021, section IV-B: the first
  iteration's clusters are of 39 numbers a frame, 13 MFCC with their first and second differences.
- `spectrum`: likewise, of how its short-time spectrum moves within the frame.
- `regression`: those numbers themselves, normalised over the crop.
"""

import logging
from collections.abc import Callable, Iterable

import librosa
import numpy as np
from sklearn.cluster import MiniBatchKMeans

logger = logging.getLogger("authenticity")

SAMPLE_RATE = 16_000
FRAME_SAMPLES = 400  # 25 ms: the receptive field of the wav2vec2 convolutions
HOP_SAMPLES = 320  # 20 ms: the product of their strides
DELTA_FRAMES = 9  # the frames a difference is fitted over, librosa's default
WINDOWS, WINDOW_SAMPLES, STEP_SAMPLES = 5, 128, 64  # of a frame: 8 ms every 4 ms, in its middle
BANDS = 20
NUMBERS = WINDOWS * BANDS  # of a frame, in `spectrum`


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


def spectrum(samples: np.ndarray) -> np.ndarray:
    """Return [frames, 100]: how the log spectrum of 8 ms windows, in dB, moves within a frame.

    First the mean over the frame's five windows in each of 20 mel bands, then their four steps from
    one window to the next. `samples` [n] are 16 kHz, normalised here; frames as in `cepstra`.
    """
    edge = (FRAME_SAMPLES - (WINDOWS - 1) * STEP_SAMPLES - WINDOW_SAMPLES) // 2
    power = librosa.feature.melspectrogram(
        y=normalise(samples)[edge:],
        sr=SAMPLE_RATE,
        n_fft=WINDOW_SAMPLES,
        hop_length=STEP_SAMPLES,
        center=False,
        n_mels=BANDS,
    )
    n_frames = frame_count(len(samples))
    # The windows of one frame are followed by those of the next: 5 steps of 64 samples are 20 ms.
    levels = librosa.power_to_db(power).T[: n_frames * WINDOWS].reshape(n_frames, WINDOWS, BANDS)
    steps = np.diff(levels, axis=1).reshape(n_frames, -1)
    return np.concatenate([levels.mean(axis=1), steps], axis=1).astype(np.float32)


FRAMES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cepstra": cepstra,
    "spectrum": spectrum,
    "regression": spectrum,
}
"""The numbers of each frame that an objective is about, by its name."""


def fit_clusters(
    clips: Iterable[np.ndarray], objective: str, n_clusters: int, seed: int
) -> np.ndarray:
    """Return the centroids [n_clusters, numbers] of the clips' frames, by k-means.

    Clips too short for a difference of cepstra are passed over.
    """
    shortest = FRAME_SAMPLES + (DELTA_FRAMES - 1) * HOP_SAMPLES
    frames = np.concatenate([FRAMES[objective](clip) for clip in clips if len(clip) >= shortest])
    logger.info("k-means: %d clusters of %d frames", n_clusters, len(frames))
    model = MiniBatchKMeans(
        n_clusters, batch_size=10_000, n_init=3, max_no_improvement=30, random_state=seed
    )
    return model.fit(frames).cluster_centers_.astype(np.float32)


def of(crop: np.ndarray, objective: str, centroids: np.ndarray | None) -> np.ndarray:
    """Return what is to be predicted of a crop.

    With centroids, the index of each frame's cluster, [frames] int64; without, its numbers with
    zero mean and unit variance over the crop, [frames, numbers] float32.
    """
    frames = FRAMES[objective](crop)
    if centroids is not None:
        return assign(frames, centroids)
    return (frames - frames.mean(axis=0)) / (frames.std(axis=0) + 1e-3)


def assign(frames: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Return the index of the nearest centroid (Euclidean) for each row of `frames` [n, d]."""
    # |x - c|^2 without |x|^2, which is the same for every centroid
    distances = (centroids**2).sum(axis=1) - 2.0 * frames @ centroids.T
    return distances.argmin(axis=1)
