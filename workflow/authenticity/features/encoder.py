"""Frozen self-supervised encoders: every layer's mean and standard deviation over time.

A clip is embedded alone: padding a batch would change the embeddings, because the group norm of
wav2vec2-base runs over time and the model takes no attention mask. On a CPU it is also the fastest.

torch and transformers are imported where they are used: every parse of the workflow and every
scoring command imports this module, and torch alone takes 2 s.
"""

import copy
import hashlib
import itertools
import json
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from authenticity import lean
from authenticity.audio import SAMPLE_RATE
from authenticity.errors import UserError
from authenticity.features.sources import CONFIG, FAMILIES, PREPROCESSOR, WEIGHTS, EncoderSource
from authenticity.files import atomic, read_json, sha256, write_json
from authenticity.growing import Rows, summed

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

VERSION = "4"
"""Raise it when the embedding of any clip changes: tables of another version are recomputed."""

_VARIANCE_FLOOR = 1e-7  # Wav2Vec2FeatureExtractor's, so that inputs agree with it
_SUM_BLOCK = 1 << 22  # samples
_FEW = 1 << 17  # samples whose deviations in double precision are in memory at once
_PARITY = 0.9995  # cosine of each layer's statistics
_TRAINING_ONLY = "masked_spec_embed"  # the vector that stands for a hidden frame
_logger = logging.getLogger("authenticity")


@dataclass(frozen=True)
class Embedding:
    """A clip's number of frames, and their mean and population standard deviation over time.

    Both are of shape (layers, dimension); layer 0 is the transformer's input.
    """

    frames: int
    mean: NDArray[np.float32]
    std: NDArray[np.float32]


class Encoder:
    """A frozen encoder that embeds one clip at a time.

    Attributes:
        network: as transformers loads it, in evaluation mode; see `precision` for how it computes.
        preprocessing: the content of its `preprocessor_config.json`.
    """

    _source: ClassVar[type[EncoderSource]] = EncoderSource

    def __init__(
        self, network: "torch.nn.Module", preprocessing: Mapping[str, Any], window_seconds: float
    ):
        self.network, self.preprocessing = network, preprocessing
        self._normalise = bool(preprocessing.get("do_normalize", True))
        self._window_samples = int(window_seconds * SAMPLE_RATE)

    @classmethod
    def load(
        cls,
        model: str | Path,
        precision: str = "float32",
        window_seconds: float = 30.0,
        revision: str = "main",
        layers: int | None = None,
    ) -> "Encoder":
        """Load wav2vec2, HuBERT, WavLM or another encoder of that shape.

        Args:
            model: a local folder or a hub name; see `EncoderSource`.
            precision: `float32`, `bfloat16`, `int8` or, on a GPU, `float16`; see
                `precision.in_precision`.
            window_seconds: longest stretch that is heard at once.
            revision: the hub's branch, tag or commit.
            layers: how many transformer layers to keep, the lowest ones; None for all.
        """
        import torch
        from safetensors import SafetensorError

        from authenticity.features.precision import in_precision

        lean.transformers().utils.logging.disable_progress_bar()
        folder = cls._source(str(model), revision).fetch()
        preprocessor = read_json(folder / PREPROCESSOR)
        if preprocessor.get("sampling_rate") != SAMPLE_RATE:
            raise UserError(
                f"{folder / PREPROCESSOR}: expected a sampling_rate of {SAMPLE_RATE}, found "
                f"{preprocessor.get('sampling_rate')}; choose another encoder"
            )
        # One thread: sums in a fixed order, so that tables do not depend on the number of cores.
        torch.set_num_threads(1)
        try:
            stored = precision if precision == "bfloat16" else "float32"
            network = cls._network(folder, getattr(torch, stored))
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"{folder}: not an encoder that can be loaded: {reason}") from error
        network.eval()  # or layer drop would drop hidden states
        encoder = cls(network, preprocessor, window_seconds)
        if layers is not None:
            encoder.cut_above(layers)
        in_precision(network, precision)
        return encoder

    @staticmethod
    def _network(folder: Path, dtype: "torch.dtype") -> "torch.nn.Module":
        """Load the network alone; what it raises is put in one line by `load`."""
        kind = lean.transformers().AutoModel
        return kind.from_pretrained(folder, dtype=dtype, local_files_only=True)

    def embed(self, samples: NDArray[np.float32]) -> Embedding:
        """Embed one clip: `hear` it, and keep no frames."""
        return self.hear(samples, ())[0]

    def hear(
        self, samples: NDArray[np.float32], layers: Iterable[int]
    ) -> tuple[Embedding, dict[int, list[NDArray[np.float32]]]]:
        """Embed one clip, and return the frames of some layers besides.

        Args:
            samples: mono at 16 kHz, shape (n,), at least 400 samples.
            layers: numbers of hidden states.

        Returns:
            The statistics of all windows' frames together; and by layer the frames of each window,
            shape (frames, dimension).
        """
        whole, kept = _Moments(), {layer: [] for layer in layers}
        for _, _, window in self.windows(samples):
            states = self._hidden_states(window)
            whole = whole.joined(_Moments.of(states))
            for layer, windows in kept.items():
                windows.append(states[layer].float().cpu().numpy())
        return whole.embedding(), kept

    def embed_spans(
        self,
        samples: Rows,
        spans: NDArray[np.int64],
        layers: Sequence[int],
        jobs: int = 1,
        inverted: bool = False,
    ) -> Iterator[Embedding]:
        """Embed stretches of a clip and the clip as a whole, hearing it once.

        A frame belongs to a stretch when the middle of its samples lies there. The clip as a whole
        has the statistics that `embed` gives it, to the bit, whatever the number of jobs.

        Args:
            samples: as for `hear`.
            spans: first sample of each stretch and the one after its last, shape (spans, 2); both
                columns rise.
            layers: numbers of hidden states; rising.
            jobs: in how many threads windows of a long clip are heard at once.
            inverted: hear `-samples`, without a second copy of them.

        Yields:
            Embeddings of `layers`: of each stretch in order, then of the whole.
        """
        config = self.network.config
        stride, reach = receptive_field(config.conv_kernel, config.conv_stride)

        def hear(
            first: int, last: int, window: "torch.Tensor"
        ) -> tuple[int, _Moments, dict[int, _Moments]]:
            # A window is standardised by odd functions of the samples: negated after or before.
            states = self._hidden_states(-window if inverted else window, layers)
            middles = first + np.arange(len(states[0])) * stride + (reach - 1) / 2
            pieces = {}
            for span in np.flatnonzero((spans[:, 0] < last) & (spans[:, 1] > first)).tolist():
                begin, end = np.searchsorted(middles, spans[span])
                if begin < end:
                    pieces[span] = _Moments.of([layer[begin:end] for layer in states])
            return last, _Moments.of(states), pieces

        whole, unfinished, n_done = _Moments(), dict[int, _Moments](), 0
        for last, window, pieces in _in_order(hear, self.windows(samples), jobs):
            whole = whole.joined(window)
            for span, piece in pieces.items():
                unfinished[span] = unfinished.get(span, _Moments()).joined(piece)
            while n_done < len(spans) and spans[n_done, 1] <= last:
                yield unfinished.pop(n_done).embedding()
                n_done += 1
        yield whole.embedding()

    def cut_above(self, layer: int) -> None:
        """Drop what is above a hidden state; an encoder of an unknown family stays whole."""
        import torch

        network = self.network
        if network.config.model_type not in FAMILIES or layer >= len(network.encoder.layers):
            return
        network.encoder.layers = network.encoder.layers[:layer]
        if network.config.do_stable_layer_norm:
            # There a norm follows the last layer, which is dropped.
            network.encoder.layer_norm = torch.nn.Identity()
        network.eval()  # modules made just now begin in training mode

    def windows(self, samples: Rows) -> Iterator[tuple[int, int, "torch.Tensor"]]:
        """Yield a clip's windows as the network hears them, each after its first and end sample.

        Mean and variance are those of the whole clip, but windows are normalised one by one, so
        that a long clip is in memory once.
        """
        import torch

        from authenticity.features.precision import attention

        if self.network.training:
            raise RuntimeError("an encoder in training mode drops layers: call eval() first")
        if self._normalise:
            mean, variance = _mean_and_variance(samples)
            scale = np.sqrt(variance + _VARIANCE_FLOOR)
        bounds = window_bounds(len(samples), self._window_samples)
        if self.network.dtype == torch.bfloat16:
            # One choice for all windows of a clip, whose lengths differ by a sample.
            self.network.config._attn_implementation = attention(bounds[1] / SAMPLE_RATE)
        for first, last in itertools.pairwise(bounds):
            window = samples[first:last]
            if self._normalise:
                window = ((window - mean) / scale).astype(np.float32)
            yield first, last, torch.from_numpy(window)

    def _hidden_states(
        self, signal: "torch.Tensor", layers: Sequence[int] | None = None
    ) -> "list[torch.Tensor]":
        """Return frames of all layers or some, each of shape (frames, dimension)."""
        import torch

        with torch.inference_mode():
            heard = signal.to(self.network.device, self.network.dtype)[None]
            output = self.network(heard, output_hidden_states=True)
        # A network without transformer layers reports no hidden states but its last.
        states = output.hidden_states or (output.last_hidden_state,)
        return [states[layer][0] for layer in (range(len(states)) if layers is None else layers)]


def receptive_field(kernels: Sequence[int], strides: Sequence[int]) -> tuple[int, int]:
    """Return how many samples frames are apart, and how many samples each is made of."""
    stride, reach = 1, 1
    for kernel, step in zip(kernels, strides, strict=True):
        reach += (kernel - 1) * stride
        stride *= step
    return stride, reach


def _in_order(
    work: Callable[..., Any], windows: Iterable[tuple[Any, ...]], jobs: int
) -> Iterator[Any]:
    """Yield what work makes of each window, in order, with no more than `jobs` + 1 in memory."""
    if jobs == 1:
        yield from itertools.starmap(work, windows)
        return
    import torch

    # Each thread has its own number of threads within an operation.
    with ThreadPoolExecutor(jobs, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        waiting: deque[Future] = deque()
        for window in windows:
            waiting.append(pool.submit(work, *window))
            if len(waiting) > jobs:
                yield waiting.popleft().result()
        yield from (future.result() for future in waiting)


@dataclass(frozen=True)
class _Moments:
    """The number of some frames, their mean, and the sum of squared deviations from it.

    Both are of shape (layers, dimension), float64.
    """

    frames: int = 0
    mean: Any = 0.0
    squares: Any = 0.0

    @classmethod
    def of(cls, states: "Sequence[torch.Tensor]") -> "_Moments":
        """Return those of each layer's frames, shape (frames, dimension), summed as float64.

        Layer by layer: all at once take 4 to 16 times as long, as no cache holds them.
        """
        import torch

        means, squares = [], []
        for layer in states:
            frames = layer.double()
            means.append(frames.mean(dim=0))
            squares.append((frames - means[-1]).square_().sum(dim=0))
        return cls(len(states[0]), torch.stack(means), torch.stack(squares))

    def joined(self, other: "_Moments") -> "_Moments":
        """Return those of all frames together (Chan, Golub and LeVeque 1983, equation 2.1)."""
        total, shift = self.frames + other.frames, other.mean - self.mean
        return _Moments(
            total,
            self.mean + shift * (other.frames / total),
            self.squares + other.squares + shift.square() * (self.frames * other.frames / total),
        )

    def embedding(self) -> Embedding:
        """Return mean and population standard deviation."""
        std = (self.squares / self.frames).sqrt()
        return Embedding(self.frames, _rounded(self.mean), _rounded(std))


def _rounded(values: "torch.Tensor") -> NDArray[np.float32]:
    """Return numbers rounded to 16 binary digits, that is by 16 in a million at most.

    Tables are a third smaller for it: 25,000 clips and 13 layers of wav2vec2-base take 1.0 GB.
    """
    bits = values.float().cpu().numpy().view(np.uint32)
    return ((bits + 0x80) & 0xFFFFFF00).view(np.float32)


def _mean_and_variance(samples: Rows) -> tuple[np.float64, np.float64]:
    """Return mean and population variance in double precision, NumPy's to the bit.

    The variance of more than four minutes may differ from NumPy's in its last bits.
    """
    mean = summed(samples, lambda few: few.sum(dtype=np.float64)) / len(samples)
    squares = sum(
        _squares(samples, mean, first, min(first + _SUM_BLOCK, len(samples)))
        for first in range(0, len(samples), _SUM_BLOCK)
    )
    return mean, squares / len(samples)


def _squares(samples: Rows, mean: np.float64, first: int, last: int) -> np.float64:
    """Sum squared deviations in halves of whole eights, as NumPy would sum all of them."""
    number = last - first
    if number > _FEW:
        middle = first + number // 2 // 8 * 8
        return _squares(samples, mean, first, middle) + _squares(samples, mean, middle, last)
    deviations = samples[first:last] - mean
    return np.square(deviations, out=deviations).sum()


def window_bounds(n_samples: int, window_samples: int) -> list[int]:
    """Cut a clip into the fewest windows of (to a sample) equal length; return where."""
    n_windows = math.ceil(n_samples / window_samples)
    return [round(n_samples * index / n_windows) for index in range(n_windows + 1)]


def write_folder(
    network: "PreTrainedModel",
    preprocessing: Mapping[str, Any],
    precision: "torch.dtype",
    folder: str | Path,
) -> None:
    """Write an encoder as a folder that `AutoModel.from_pretrained` and `Encoder.load` take.

    It has the configuration, the preprocessing and the weights. Masking and its vector, which only
    training needs, are left out, so that no mode of the loaded model changes its input.

    Args:
        network: wav2vec2, HuBERT or WavLM.
        preprocessing: the content of `preprocessor_config.json`.
        precision: in which the weights are stored.
        folder: made where it is absent.
    """
    import safetensors.torch
    import torch

    folder = Path(folder)
    config = copy.deepcopy(network.config)
    config.name_or_path = ""
    config.architectures = [type(network).__name__]
    config.dtype = torch.float32
    config.mask_time_prob = config.mask_feature_prob = 0.0
    config.apply_spec_augment = False
    weights = {
        name: value.to(precision).contiguous()
        for name, value in network.state_dict().items()
        if name != _TRAINING_ONLY
    }
    write_json(folder / CONFIG, json.loads(config.to_json_string()))
    write_json(folder / PREPROCESSOR, preprocessing)
    with atomic(folder / WEIGHTS) as temporary:
        temporary.write_bytes(safetensors.torch.save(weights, metadata={"format": "pt"}))


def identify(
    source: EncoderSource, precision: str, kind: type[Encoder] = Encoder, device: str = "cpu"
) -> dict[str, Any]:
    """Say exactly which encoder this is; written once, then read by every job.

    Args:
        source: the encoder.
        precision: as in `Encoder.load`; or `auto`, what this machine computes natively, which is
            then kept for the whole corpus.
        kind: what loads it.
        device: see `precision.native_precision`.

    Returns:
        `model`, `revision` (the hub's commit), `files` (SHA-256 by name), `precision`,
        `n_layers`, `dimension`, and `identity`, a digest of what the embeddings depend on and of
        nothing else.

    Raises:
        UserError: it cannot be loaded, or `int8` or a GPU is too coarse for it.
    """
    from authenticity.features.precision import native_precision

    folder = source.fetch()
    files = {path.name: sha256(path) for path in replace(source, model=str(folder)).files()}
    precision = native_precision(device) if precision == "auto" else precision
    content = [files, precision] if source.layers is None else [files, precision, source.layers]
    identity = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    # An encoder that cannot be loaded is an error here, before any job needs it.
    loaded = kind.load(folder, precision)
    if precision in ("int8", "float16"):
        _require_parity(loaded, kind.load(folder), source.model, precision)
    return {
        "model": source.model,
        "revision": "" if source.is_folder else folder.name,  # the cache files by commit
        "files": files,
        "precision": precision,
        "n_layers": source.n_layers,
        "dimension": source.dimension,
        "identity": identity,
    }


def _require_parity(encoder: Encoder, exact: Encoder, model: str, precision: str) -> None:
    """Refuse an encoder whose embeddings of a voice-like sound are not those of float32."""
    embeddings = [each.embed(_voice_like()) for each in (encoder, exact)]
    a, b = (np.concatenate([each.mean, each.std]) for each in embeddings)
    cosines = (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    worst = cosines.min()  # not a number where a layer's is none
    _logger.info("%s in %s: cosine with float32 %.5f in the worst layer", model, precision, worst)
    if not worst >= _PARITY:
        raise UserError(
            f"{model}: in {precision} a layer's cosine with float32 is {worst:.4f}, expected at "
            f"least {_PARITY}; set `encoder.precision: auto` and `encoder.device: cpu`"
        )


def _voice_like() -> NDArray[np.float32]:
    """Return three seconds of gliding harmonics below 4 kHz, in syllables, with some noise."""
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * np.pi * 0.7 * time)) / SAMPLE_RATE
    tone = sum(np.sin(number * phase) / number for number in range(1, 25))
    noise = np.random.default_rng(0).standard_normal(len(time))
    return (0.1 * np.sin(2 * np.pi * 2 * time) ** 2 * tone + 0.003 * noise).astype(np.float32)


def table(embeddings: Mapping[tuple[str, str], Embedding], like: pa.Schema) -> pa.Table:
    """Lay out embeddings, by file and digest of its content, as rows of a `schema`."""
    clips = embeddings.values()
    columns = {
        "file": [file for file, _ in embeddings],
        "frames": [clip.frames for clip in clips],
        "content": [content for _, content in embeddings],
    }
    for field in like:
        statistic, _, layer = field.name.partition("_")
        if layer:
            rows = [getattr(clip, statistic)[int(layer)] for clip in clips]
            flat = np.concatenate([np.empty(0, np.float32), *rows])
            columns[field.name] = pa.FixedSizeListArray.from_arrays(flat, type=field.type)
    return pa.table(columns).select(like.names).cast(like)


def schema(n_layers: int, dimension: int) -> pa.Schema:
    """Return the schema of an embedding table.

    A layer's columns `mean_{layer}` and `std_{layer}` are fixed-size lists, so that one layer is
    read without the others.
    """
    vector, layers = pa.list_(pa.float32(), dimension), range(n_layers)
    vectors = [(f"{name}_{layer}", vector) for name in ("mean", "std") for layer in layers]
    head = [("file", pa.string()), ("frames", pa.int32())]
    return pa.schema([*head, *vectors, ("content", pa.string())])
