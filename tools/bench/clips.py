"""What is done with a clip: by the prototype's method, in our own words, and by this tree.

Each way runs in a process of its own that keeps what it has loaded; see `Worker`.
"""

import io
import itertools
import multiprocessing
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from authenticity import audio
from authenticity.audio import SAMPLE_RATE, Limits
from authenticity.roots import Root

CORPUS = Path("resources/demo/LA.zip")
FFMPEG = shutil.which("ffmpeg")
LIMITS = Limits()


def files(number: int) -> list[bytes]:
    """Return so many clips spread over the demonstration, as FLAC: so large corpora come."""
    root = Root(CORPUS)
    names = sorted(name for name in root.walk() if name.endswith(".ogg"))
    chosen = [names[index] for index in np.linspace(0, len(names) - 1, number).astype(int)]
    return [_flac(audio.load(root, name, LIMITS)) for name in chosen]


def _flac(samples: np.ndarray) -> bytes:
    data = io.BytesIO()
    soundfile.write(data, samples, SAMPLE_RATE, format="FLAC")
    return data.getvalue()


def duration(data: bytes) -> float:
    """Return a file's length in seconds."""
    return len(audio.decode(data, LIMITS)) / SAMPLE_RATE


class Prototype:
    """The prototype's steps, one clip after the other: what this tree is held against.

    A clip is decoded by FFmpeg to 16 kHz mono (in this process where there is no `ffmpeg` to
    start, which is faster), and librosa is called once for each kind of number.
    """

    def __init__(self, folder: Path | None):
        """Load the encoder of a folder, if numbers of the network are wanted."""
        self._network = None
        if folder:
            import transformers

            transformers.utils.logging.disable_progress_bar()
            self._extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
            self._network = transformers.AutoModel.from_pretrained(folder).eval()

    def __call__(self, data: bytes) -> None:
        """Compute a clip's numbers."""
        import librosa

        samples = self._decoded(data)
        librosa.feature.spectral_centroid(y=samples, sr=SAMPLE_RATE).mean()
        mel = librosa.feature.melspectrogram(y=samples, sr=SAMPLE_RATE)
        -np.sum(mel * np.log(mel + 1e-10))
        librosa.feature.mfcc(y=samples, sr=SAMPLE_RATE, n_mfcc=13).mean(axis=1)
        if self._network:
            import torch

            inputs = self._extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt")
            with torch.no_grad():
                self._network(**inputs).last_hidden_state.mean(dim=1).numpy()

    @staticmethod
    def _decoded(data: bytes) -> np.ndarray:
        if FFMPEG:
            command = [FFMPEG, "-v", "error", "-i", "-", "-f", "f32le", "-ac", "1", "-ar", "16000"]
            found = subprocess.run([*command, "-"], input=data, capture_output=True, check=True)
            return np.frombuffer(found.stdout, np.float32)
        import av

        resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
        with av.open(io.BytesIO(data)) as container:
            blocks = [
                block.to_ndarray()[0]
                for frame in [*container.decode(audio=0), None]
                for block in resampler.resample(frame)
            ]
        return np.concatenate(blocks)


class Spectral:
    """This tree's decoding and all its spectral numbers."""

    def __call__(self, data: bytes) -> np.ndarray:
        """Return a clip's samples, once its numbers are computed."""
        from authenticity.features import spectral

        samples = audio.decode(data, LIMITS)
        spectral.describe(samples)
        return samples


class Embedded(Spectral):
    """Those numbers, and mean and deviation of the layers of an encoder."""

    def __init__(self, folder: Path, precision: str, layers: int | None = None):
        """Load the encoder: all its layers, or the lowest ones."""
        from authenticity.features.encoder import Encoder

        self._encoder = Encoder.load(folder, precision, layers=layers)

    def __call__(self, data: bytes) -> None:
        """Compute a clip's numbers."""
        self._encoder.embed(super().__call__(data))


class Worker:
    """A process that does one thing with clips, in as many threads as its library takes.

    It computes in one thread if `single`, as this process does; else as a bare call of torch would.
    """

    def __init__(self, make: Callable[..., Callable[[bytes], Any]], *arguments: Any, single: bool):
        kept = dict(os.environ)
        if not single:
            for name in [name for name in kept if name.endswith("_NUM_THREADS")]:
                del os.environ[name]
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, context, _begin, (make, arguments))
        self._pool.submit(os.getpid).result()  # it has started, and has read its environment
        os.environ.update(kept)

    def start(self, clips: Sequence[bytes]) -> Future:
        """Begin with some clips; the result is the CPU time they took, in seconds."""
        return self._pool.submit(_work, clips)

    def end(self) -> None:
        """End the process."""
        self._pool.shutdown()


def least(
    ways: Mapping[str, Sequence[Worker]], clips: Sequence[bytes], number: int
) -> dict[str, tuple[float, float]]:
    """Return the least wall and CPU time a clip of several rounds, in seconds, by way.

    In a round all ways take all clips, one way after the other; the workers of a way share them. A
    first round, which brings everything into memory, is left out. The workers end.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(number + 1):
        for name, workers in ways.items():
            begun = time.perf_counter()
            shares = [
                worker.start(clips[first :: len(workers)]) for first, worker in enumerate(workers)
            ]
            cpu = sum(share.result() for share in shares)
            taken[name].append((time.perf_counter() - begun, cpu))
    for worker in itertools.chain(*ways.values()):
        worker.end()
    return {
        name: tuple(min(kind) / len(clips) for kind in zip(*found[1:], strict=True))
        for name, found in taken.items()
    }


_does: Callable[[bytes], Any]


def _begin(make: Callable[..., Callable[[bytes], Any]], arguments: Sequence[Any]) -> None:
    global _does
    _does = make(*arguments)


def _work(clips: Sequence[bytes]) -> float:
    begun = _spent()
    for clip in clips:
        _does(clip)
    return _spent() - begun


def _spent() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)
