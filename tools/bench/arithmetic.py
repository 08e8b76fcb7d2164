"""What the encoder's stages compute, how fast they do, and how fast the core could at best."""

import functools
import time
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from authenticity.audio import SAMPLE_RATE
from authenticity.features.encoder import Encoder

_ROUNDS = 7


@dataclass
class Stage:
    """One stage of the encoder, over some clips.

    Attributes:
        operations: floating-point operations of its products and convolutions.
        bytes: its weights, inputs and outputs, each moved once.
        seconds: CPU time of one thread.
    """

    operations: float = 0.0
    bytes: float = 0.0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """GFLOP/s."""
        return self.operations / self.seconds / 1e9

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return self.operations / self.bytes


def peak(precision: str) -> float:
    """Return the best rate of torch's matrix products on one thread, GFLOP/s."""
    best = 0.0
    for size in (512, 1024, 2048):
        left, right = (torch.randn(size, size).to(getattr(torch, precision)) for _ in range(2))
        best = max(best, 2 * size**3 / _least(lambda a=left, b=right: a @ b))
    return best / 1e9


def bandwidth() -> float:
    """Return how fast one thread copies what no cache holds, GB/s, reading and writing counted."""
    source = torch.zeros(1 << 26)
    target = torch.empty_like(source)
    return 2 * source.nbytes / _least(lambda: target.copy_(source)) / 1e9


def _least(work: Callable[[], Any]) -> float:
    return min(timeit.repeat(work, timer=time.process_time, number=1, repeat=_ROUNDS))


def stages(folder: Path, precision: str, seconds: list[float]) -> dict[str, Stage]:
    """Time the stages of an encoder's forward pass on noise of these lengths.

    Operations are those of the plain algorithms, counted at every product, convolution and
    attention. `the rest` is what the forward pass takes besides: norms, sums, statistics.
    """
    plain, encoder = Encoder.load(folder), Encoder.load(folder, precision)
    size = getattr(torch, precision).itemsize
    random = np.random.default_rng(1)
    clips = [random.standard_normal(int(s * SAMPLE_RATE)).astype(np.float32) for s in seconds]
    for clip in clips:
        encoder.embed(clip)
    total: dict[str, Stage] = {}
    for clip in clips:
        runs = [_run(encoder, clip, _timed) for _ in range(_ROUNDS)]
        fastest = min(runs, key=lambda run: sum(each.seconds for each in run.values()))
        counted = _run(plain, clip, functools.partial(_counted, size=size))
        for name, stage in fastest.items():
            kept = total.setdefault(name, Stage())
            kept.seconds += stage.seconds
            kept.operations += counted[name].operations
            kept.bytes += counted[name].bytes
    return total


def _run(
    encoder: Encoder, clip: np.ndarray, watch: Callable[[torch.nn.Module, Stage], list[Any]]
) -> dict[str, Stage]:
    """Embed a clip while every stage's modules are watched."""
    network = encoder.network
    parts = {
        "convolutions": [network.feature_extractor],
        "positions": [network.encoder.pos_conv_embed],
        "attention": [layer.attention for layer in network.encoder.layers],
        "feed-forward": [layer.feed_forward for layer in network.encoder.layers],
    }
    found = {name: Stage() for name in parts}
    hooks = [
        hook
        for name, modules in parts.items()
        for module in modules
        for hook in watch(module, found[name])
    ]
    begun = time.process_time()
    encoder.embed(clip)
    whole = time.process_time() - begun
    for hook in hooks:
        hook.remove()
    found["the rest"] = Stage(seconds=whole - sum(each.seconds for each in found.values()))
    return found


def _timed(module: torch.nn.Module, stage: Stage) -> list[Any]:
    """Have a stage count a module's time; return the hooks."""
    begun = [0.0]

    def before(*_: object) -> None:
        begun[0] = time.process_time()

    def after(*_: object) -> None:
        stage.seconds += time.process_time() - begun[0]

    return [module.register_forward_pre_hook(before), module.register_forward_hook(after)]


def _counted(module: torch.nn.Module, stage: Stage, size: int) -> list[Any]:
    """Have a stage count what a module computes, in numbers of so many bytes; return the hooks."""

    def counted(part: torch.nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        stage.operations += 2 * output.numel() * part.weight[0].numel()
        stage.bytes += size * sum(each.numel() for each in (inputs[0], output, part.weight))

    def attended(part: torch.nn.Module, inputs: tuple, output: tuple) -> None:
        frames, dimension = output[0].shape[-2:]
        stage.operations += 4 * frames * frames * dimension  # queries by keys, weights by values

    hooks = [
        part.register_forward_hook(counted)
        for part in module.modules()
        if isinstance(part, torch.nn.Linear | torch.nn.Conv1d)
    ]
    if hasattr(module, "q_proj"):
        hooks.append(module.register_forward_hook(attended))
    return hooks
