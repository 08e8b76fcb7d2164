"""Frozen self-supervised encoders: every layer's mean and standard deviation over time.

A clip is embedded alone: padding a batch would change the embeddings, because the group norm of
wav2vec2-base runs over time and the model takes no attention mask, and on a CPU a batch of one per
process is the fastest way besides.

torch, transformers and huggingface_hub are imported in the functions that need them: every parse of
the workflow and every scoring command imports this module, and torch alone takes 2 s.
"""

import hashlib
import itertools
import json
import logging
import math
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from authenticity.audio import SAMPLE_RATE
from authenticity.errors import UserError
from authenticity.files import read_json, sha256
from authenticity.growing import Rows, summed

if TYPE_CHECKING:
    import torch

VERSION = "1"
"""Raise it when the embedding of any clip changes: tables of another version are recomputed."""

_CONFIG, _PREPROCESSOR = "config.json", "preprocessor_config.json"
_SAFE_WEIGHTS, _TORCH_WEIGHTS = "model.safetensors", "pytorch_model.bin"
_VARIANCE_FLOOR = 1e-7  # Wav2Vec2FeatureExtractor's, so that inputs agree with it
_SUM_BLOCK = 1 << 22  # samples
_FEW = 1 << 17  # samples whose deviations in double precision are in memory at once
_PARITY = 0.9995  # cosine of each layer's statistics
_logger = logging.getLogger("authenticity")
FAMILIES = ("hubert", "wav2vec2", "wavlm")
"""Encoders whose transformer layers are known to be called one after the other."""


@dataclass(frozen=True)
class Embedding:
    """A clip's statistics over time.

    Attributes:
        frames: how many frames the encoder made of the clip.
        mean: shape (layers, dimension), float32; layer 0 is the transformer's input.
        std: population standard deviation, same shape.
    """

    frames: int
    mean: NDArray[np.float32]
    std: NDArray[np.float32]


@dataclass(frozen=True)
class EncoderSource:
    """Where an encoder comes from: a local folder, or a name on the model hub.

    Attributes:
        model: a folder with `config.json`, `preprocessor_config.json` and the weights, or a hub
            name such as `facebook/wav2vec2-base-960h`.
        revision: the hub's branch, tag or commit; unused for a folder.
        layers: how many transformer layers are kept, the lowest ones; None for all; `auto` for a
            number that `models.depth` finds.
    """

    model: str
    revision: str = "main"
    layers: int | Literal["auto"] | None = None

    weights: ClassVar[tuple[str, ...]] = (_SAFE_WEIGHTS, _TORCH_WEIGHTS)
    """Names of the file of weights; the first one that is there is taken."""
    setting: ClassVar[str] = "`encoder.model` in the configuration"
    """Where to correct a wrong source."""
    remark: ClassVar[str] = ""
    """What is said where a file is missing."""

    @property
    def is_folder(self) -> bool:
        """Whether `model` is a local folder; a name that can be neither is a `UserError`."""
        if Path(self.model).is_dir():
            return True
        if Path(self.model).is_absolute() or self.model.strip("./").count("/") != 1:
            raise UserError(
                f"{self.model}: no such encoder folder; expected a folder with {_CONFIG}, "
                f"{_PREPROCESSOR} and {_SAFE_WEIGHTS}, or a hub name such as "
                f"facebook/wav2vec2-base-960h; correct {self.setting}"
            )
        return False

    @property
    def name(self) -> str:
        """What tables of this encoder are filed under."""
        name = Path(self.model).resolve().name if self.is_folder else self.model.replace("/", "--")
        return name if self.layers is None else f"{name}--{self.layers}-layers"

    def files(self) -> list[Path]:
        """Return the files of a local folder that embeddings depend on; none for a hub name."""
        if not self.is_folder:
            return []
        folder = Path(self.model)
        return [
            self._existing(folder, (_CONFIG,)),
            self._existing(folder, (_PREPROCESSOR,)),
            self._existing(folder, self.weights),
        ]

    @cached_property
    def n_layers(self) -> int:
        """How many hidden states the encoder gives: its kept transformer layers and their input.

        At most, where it is not known yet how many are kept.
        """
        path = self.json(_CONFIG)
        config = read_json(path)
        layers = config.get("num_hidden_layers")
        if not isinstance(layers, int):
            raise UserError(f"{path}: expected `num_hidden_layers`; is this a speech encoder?")
        if self.layers is None:
            return layers + 1
        if config.get("model_type") not in FAMILIES:
            raise UserError(
                f"{path}: only {', '.join(FAMILIES)} can be cut to their lowest layers; take "
                "`encoder.layers` out of the configuration, or choose another encoder"
            )
        if self.layers == "auto":
            return layers + 1
        if self.layers > layers:
            raise UserError(
                f"{path}: the encoder has {layers} layers, and `encoder.layers` of the "
                f"configuration keeps {self.layers}; keep fewer"
            )
        return self.layers + 1

    @property
    def dimension(self) -> int:
        """How many numbers a hidden state has."""
        return read_json(self.json(_CONFIG))["hidden_size"]

    def json(self, name: str) -> Path:
        """Return the path of one of the small files, from the folder or the hub."""
        folder = Path(self.model) if self.is_folder else self._from_hub([(name,)])
        return self._existing(folder, (name,))

    @cached_property
    def digest(self) -> str:
        """Identify the content of a local folder; empty for a hub name."""
        return "".join(sha256(path) for path in self.files())

    def fetch(self) -> Path:
        """Return the folder that holds all files, from the hub's local cache or the network."""
        if self.is_folder:
            return self.files()[0].parent
        return self._from_hub(self._choices)

    @property
    def is_on_disk(self) -> bool:
        """Whether nothing needs to be downloaded."""
        return self.is_folder or self._cached(self._choices, local_only=True) is not None

    @property
    def _choices(self) -> list[tuple[str, ...]]:
        # Encoders without safetensors are read by transformers with weights_only: no code runs.
        return [(_CONFIG, _PREPROCESSOR, weights) for weights in self.weights]

    def _existing(self, folder: Path, names: tuple[str, ...]) -> Path:
        for name in names:
            if (folder / name).is_file():
                return folder / name
        raise UserError(
            f"{folder}: expected {' or '.join(names)} in the model's folder; "
            f"complete it, or correct {self.setting}{self.remark}"
        )

    def _from_hub(self, choices: Sequence[tuple[str, ...]]) -> Path:
        """Return the folder of the hub's local cache that has all files of one of the choices.

        The network is asked only when the cache lacks a file, so a job never meets a newer commit
        than the one that the first job met.
        """
        for local_only in (True, False):
            if folder := self._cached(choices, local_only):
                return folder
        raise UserError(
            f"{self.model}: not in the local model cache, and the model hub does not have "
            f"{' and '.join(choices[0])} there or cannot be reached; run once with a network, or "
            f"set {self.setting} to a local folder{self.remark if len(choices[0]) > 1 else ''}"
        )

    def _cached(self, choices: Sequence[tuple[str, ...]], local_only: bool) -> Path | None:
        for names in choices:
            folder = self._snapshot(names, local_only)
            if folder and all((folder / name).is_file() for name in names):
                return folder
        return None

    def _snapshot(self, names: tuple[str, ...], local_only: bool) -> Path | None:
        """Return the cache's folder of the revision; None where there is none."""
        import huggingface_hub
        from huggingface_hub import errors

        try:
            folder = huggingface_hub.snapshot_download(
                self.model,
                revision=self.revision,
                allow_patterns=list(names),
                local_files_only=local_only,
            )
        except errors.HFValidationError as error:
            raise UserError(
                f"{self.model}: neither a folder nor a name of the model hub; correct "
                f"{self.setting}"
            ) from error
        except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
            raise UserError(
                f"{self.model}: the model hub knows no such model at revision {self.revision}; "
                f"correct {self.setting}, or the `revision` beside it"
            ) from error
        except (OSError, errors.HfHubHTTPError):
            return None
        return Path(folder)


def identify(
    source: EncoderSource, precision: str, kind: "type[Encoder] | None" = None
) -> dict[str, Any]:
    """Say exactly which encoder this is; written once, then read by every job.

    Args:
        source: the encoder.
        precision: `auto`, or as in `Encoder.load`; `auto` becomes what this machine's CPU computes
            natively, and stays so for the whole corpus.
        kind: what loads it, unless it is `Encoder`.

    Returns:
        `model`, `revision` (the hub's commit), `files` (SHA-256 by name), `precision`,
        `n_layers`, `dimension`, and `identity`, a digest of what the embeddings depend on and of
        nothing else.

    Raises:
        UserError: it cannot be loaded, or `int8` is too coarse for it.
    """
    folder = source.fetch()
    files = {path.name: sha256(path) for path in replace(source, model=str(folder)).files()}
    precision = native_precision() if precision == "auto" else precision
    content = [files, precision] if source.layers is None else [files, precision, source.layers]
    identity = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    # What cannot be loaded is found out once, not in every job.
    loaded = (kind or Encoder).load(folder, precision)
    if precision == "int8":
        _require_parity(loaded, Encoder.load(folder), source.model)
    return {
        "model": source.model,
        "revision": "" if source.is_folder else folder.name,  # the cache files by commit
        "files": files,
        "precision": precision,
        "n_layers": source.n_layers,
        "dimension": source.dimension,
        "identity": identity,
    }


def native_precision() -> str:
    """Return `bfloat16` where the CPU multiplies it natively (twice as fast), else `float32`."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    native = any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return "bfloat16" if native else "float32"


def in_precision(network: "torch.nn.Module", precision: str) -> "torch.nn.Module":
    """Return a network that computes in a precision; the network itself may be changed.

    In `int8`, the weights of linear layers are rounded, each output's on a scale of its own, and so
    is what they are given, on a scale of its own in each call (torch's dynamic quantisation). On a
    core with AVX2 alone, wav2vec2-base is 1.46 times as fast as in float32. WavLM's attention
    reads its weights as they are, and stays as it is.

    Args:
        network: in float32, or in the precision.
        precision: `float32`, `bfloat16` or `int8`.
    """
    import torch

    if precision != "int8":
        return network.to(getattr(torch, precision))
    kept = "attention" if network.config.model_type == "wavlm" else None
    rounded = {
        name: torch.ao.quantization.per_channel_dynamic_qconfig
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Linear) and not (kept and kept in name)
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # later versions of torch leave it to a package of its own
        return torch.ao.quantization.quantize_dynamic(network, rounded, inplace=True)


def _require_parity(encoder: "Encoder", exact: "Encoder", model: str) -> None:
    """Refuse an encoder whose embeddings of a voice-like sound are not those of float32."""
    found, wanted = (each.embed(_voice_like()) for each in (encoder, exact))
    worst = min(
        float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
        for statistic in ("mean", "std")
        for a, b in zip(getattr(found, statistic), getattr(wanted, statistic), strict=True)
    )
    _logger.info("%s in int8: cosine with float32 %.5f in the worst layer", model, worst)
    if not worst >= _PARITY:
        raise UserError(
            f"{model}: in int8 a layer's cosine with float32 is {worst:.4f}, expected at least "
            f"{_PARITY}; set `encoder.precision: auto`"
        )


def _voice_like() -> NDArray[np.float32]:
    """Return three seconds of gliding harmonics below 4 kHz, in syllables, with some noise."""
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * np.pi * 0.7 * time)) / SAMPLE_RATE
    tone = sum(np.sin(number * phase) / number for number in range(1, 25))
    noise = np.random.default_rng(0).standard_normal(len(time))
    return (0.1 * np.sin(2 * np.pi * 2 * time) ** 2 * tone + 0.003 * noise).astype(np.float32)


class Encoder:
    """A frozen encoder that embeds one clip at a time, on one thread.

    Attributes:
        preprocessing: the content of its `preprocessor_config.json`.
    """

    _source: ClassVar[type[EncoderSource]] = EncoderSource

    def __init__(
        self,
        model: "torch.nn.Module",
        preprocessing: Mapping[str, Any],
        window_seconds: float,
    ):
        self._model = model
        self.preprocessing = preprocessing
        self._normalise = bool(preprocessing.get("do_normalize", True))
        self._window_samples = int(window_seconds * SAMPLE_RATE)

    @property
    def network(self) -> "torch.nn.Module":
        """The network as transformers loaded it, in evaluation mode."""
        return self._model

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
            precision: `float32` or `bfloat16`, of weights and activations; or `int8`, see
                `in_precision`.
            window_seconds: longest stretch embedded at once; see `embed`.
            revision: the hub's branch, tag or commit.
            layers: how many transformer layers to keep, the lowest ones; None for all.
        """
        import torch
        import transformers
        from safetensors import SafetensorError

        transformers.utils.logging.disable_progress_bar()
        folder = cls._source(str(model), revision).fetch()
        preprocessor = read_json(folder / _PREPROCESSOR)
        if preprocessor.get("sampling_rate") != SAMPLE_RATE:
            raise UserError(
                f"{folder / _PREPROCESSOR}: expected a sampling_rate of {SAMPLE_RATE}, found "
                f"{preprocessor.get('sampling_rate')}; choose another encoder"
            )
        # One thread: sums in a fixed order, so that tables do not depend on the number of cores.
        torch.set_num_threads(1)
        try:
            stored = "float32" if precision == "int8" else precision
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
        import transformers

        return transformers.AutoModel.from_pretrained(folder, dtype=dtype, local_files_only=True)

    def embed(self, samples: NDArray[np.float32]) -> Embedding:
        """Embed one clip: `hear` it, and keep no frames."""
        return self.hear(samples, ())[0]

    def hear(
        self, samples: NDArray[np.float32], layers: Iterable[int]
    ) -> tuple[Embedding, dict[int, list[NDArray[np.float32]]]]:
        """Embed one clip, and return the frames of some layers besides.

        The statistics of its windows are combined into those of all frames together.

        Args:
            samples: mono at 16 kHz, shape (n,), at least 400 samples.
            layers: which hidden states.

        Returns:
            The embedding; and by layer the frames of each window, shape (frames, dimension).
        """
        whole, kept = _Moments(), {layer: [] for layer in layers}
        for _, _, window in self._windows(samples):
            states = self._hidden_states(window)
            whole = whole.joined(_Moments.of(states))
            for layer, windows in kept.items():
                windows.append(states[layer].float().numpy())
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

        A frame belongs to a stretch when the middle of what it hears lies there. The clip as a
        whole has the statistics that `embed` gives it, to the bit, whatever the number of jobs.

        Args:
            samples: mono at 16 kHz, shape (n,), at least 400 samples.
            spans: first sample of each stretch and the one after its last, shape (spans, 2); both
                columns rise.
            layers: which hidden states; rising.
            jobs: in how many threads windows of a long clip are heard at once.
            inverted: hear the samples negated: the same, to the bit, as of `-samples`, without a
                second copy of them.

        Yields:
            Embeddings of `layers`: of each stretch in order, then of the whole.
        """
        whole, unfinished, n_done = _Moments(), dict[int, _Moments](), 0
        for last, pieces in self._heard(samples, spans, layers, jobs, inverted):
            whole = whole.joined(pieces.pop(-1))
            for span, piece in pieces.items():
                unfinished[span] = unfinished.get(span, _Moments()).joined(piece)
            while n_done < len(spans) and spans[n_done, 1] <= last:
                yield unfinished.pop(n_done).embedding()
                n_done += 1
        yield whole.embedding()

    def _heard(
        self,
        samples: Rows,
        spans: NDArray[np.int64],
        layers: Sequence[int],
        jobs: int,
        inverted: bool,
    ) -> Iterator[tuple[int, dict[int, "_Moments"]]]:
        """Yield of each window where it ends, and the statistics of its part of each stretch.

        The key -1 is for all its frames. No more than a window for each job is in memory.
        """
        import torch

        def hear(
            first: int, last: int, window: "torch.Tensor"
        ) -> tuple[int, dict[int, "_Moments"]]:
            # A window is standardised by odd functions of the samples: negated after or before.
            states = self._hidden_states(-window if inverted else window, layers)
            pieces = {-1: _Moments.of(states)}
            middles = first + self._frame_middles(states.shape[1])
            touched = np.flatnonzero((spans[:, 0] < last) & (spans[:, 1] > first))
            for span in touched.tolist():
                begin, end = np.searchsorted(middles, spans[span])
                if begin < end:
                    pieces[span] = _Moments.of(states[:, begin:end])
            return last, pieces

        if jobs == 1:
            yield from (hear(*window) for window in self._windows(samples))
            return
        # Each thread has its own number of threads within an operation.
        with ThreadPoolExecutor(jobs, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[Future] = deque()
            for window in self._windows(samples):
                waiting.append(pool.submit(hear, *window))
                if len(waiting) > jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def cut_above(self, layer: int) -> None:
        """Drop what is above a hidden state, which is then the last; those below stay as they are.

        An encoder of a family whose layers are not known stays whole.
        """
        import torch

        network = self._model
        if network.config.model_type not in FAMILIES or layer >= len(network.encoder.layers):
            return
        network.encoder.layers = network.encoder.layers[:layer]
        if network.config.do_stable_layer_norm:
            # In such an encoder the norm comes after the last layer, and that one is dropped.
            network.encoder.layer_norm = torch.nn.Identity()
        network.eval()  # modules made just now begin in training mode

    def windows(self, samples: NDArray[np.float32]) -> Iterator["torch.Tensor"]:
        """Yield what the network is given of a clip: stretches that it hears one by one.

        Normalisation is over the whole clip; `window_bounds` says where it is cut.

        Args:
            samples: mono at 16 kHz, shape (n,), at least 400 samples.
        """
        return (window for _, _, window in self._windows(samples))

    def _windows(self, samples: Rows) -> Iterator[tuple[int, int, "torch.Tensor"]]:
        """Yield the windows with their first sample and the one after their last.

        They are normalised one by one, so that a long clip is in memory once.
        """
        import torch

        if self._model.training:
            raise RuntimeError("an encoder in training mode drops layers: call eval() first")
        if self._normalise:
            scale = np.sqrt(_variance(samples) + _VARIANCE_FLOOR)
            mean = _mean(samples)
        for first, last in itertools.pairwise(window_bounds(len(samples), self._window_samples)):
            window = samples[first:last]
            if self._normalise:
                window = ((window - mean) / scale).astype(np.float32)
            yield first, last, torch.from_numpy(window)

    def _hidden_states(
        self, signal: "torch.Tensor", layers: Sequence[int] | None = None
    ) -> "torch.Tensor":
        """Return frames of all layers or some, shape (layers, frames, dimension), float64."""
        import torch

        with torch.inference_mode():
            output = self._model(signal.to(self._model.dtype)[None], output_hidden_states=True)
        # A network without transformer layers reports no hidden states but its last.
        states = output.hidden_states or (output.last_hidden_state,)
        if layers is not None:
            states = [states[layer] for layer in layers]
        return torch.cat(states).double()

    def _frame_middles(self, n_frames: int) -> NDArray[np.float64]:
        """Return the middle of what each frame of a window hears, in samples from its beginning."""
        stride, reach = 1, 1
        for kernel, step in zip(
            self._model.config.conv_kernel, self._model.config.conv_stride, strict=True
        ):
            reach += (kernel - 1) * stride
            stride *= step
        return np.arange(n_frames) * stride + (reach - 1) / 2


class _Moments:
    """The statistics of some frames, to be joined with those of others.

    Attributes:
        frames: how many there are.
        mean: shape (layers, dimension), float64.
        squares: the sum of squared deviations from it, same shape.
    """

    def __init__(self, frames: int = 0, mean: Any = 0.0, squares: Any = 0.0):
        self.frames, self.mean, self.squares = frames, mean, squares

    @classmethod
    def of(cls, states: "torch.Tensor") -> "_Moments":
        """Return those of frames of shape (layers, frames, dimension)."""
        mean = states.mean(dim=1)
        return cls(states.shape[1], mean, (states - mean[:, None]).square().sum(dim=1))

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
        return Embedding(self.frames, self.mean.float().numpy(), std.float().numpy())


def _mean(samples: Rows) -> np.float64:
    return summed(samples, lambda few: few.sum(dtype=np.float64)) / len(samples)


def _variance(samples: Rows) -> float:
    """Return the population variance in double precision; to the bit NumPy's up to four minutes."""
    mean, squares = _mean(samples), 0.0
    for first in range(0, len(samples), _SUM_BLOCK):
        squares += _squares(samples, mean, first, min(first + _SUM_BLOCK, len(samples)))
    return squares / len(samples)


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


def table(embeddings: Mapping[tuple[str, str], Embedding], like: pa.Schema) -> pa.Table:
    """Lay out embeddings as rows of `schema`.

    Args:
        embeddings: by file and digest of its content.
        like: the schema.
    """
    columns = {
        "file": pa.array([file for file, _ in embeddings], pa.string()),
        "frames": pa.array([clip.frames for clip in embeddings.values()], pa.int32()),
        "content": pa.array([content for _, content in embeddings], pa.string()),
    }
    for name in like.names:
        statistic, _, layer = name.partition("_")
        if layer:
            rows = [getattr(clip, statistic)[int(layer)] for clip in embeddings.values()]
            values = np.concatenate(rows) if rows else np.empty(0, np.float32)
            columns[name] = pa.FixedSizeListArray.from_arrays(
                pa.array(values), type=like.field(name).type
            )
    return pa.table({name: columns[name] for name in like.names}, schema=like)


def schema(n_layers: int, dimension: int) -> pa.Schema:
    """Return the schema of an embedding table.

    A layer's columns `mean_{layer}` and `std_{layer}` are fixed-size lists, so that one layer is
    read without the others.
    """
    vector = pa.list_(pa.float32(), dimension)
    return pa.schema(
        [
            ("file", pa.string()),
            ("frames", pa.int32()),
            *((f"mean_{layer}", vector) for layer in range(n_layers)),
            *((f"std_{layer}", vector) for layer in range(n_layers)),
            ("content", pa.string()),
        ]
    )
