"""The upper layers of an encoder and a head on them, as one network that can be trained."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.rnn import pad_sequence

from authenticity import lean
from authenticity.features.frames import Clip
from authenticity.features.precision import attention
from authenticity.models.projection import LinearModel

_DIMENSION = 128  # of the projection


@dataclass(frozen=True)
class Batch:
    """Clips side by side.

    Attributes:
        frames: of all windows, padded at their end, shape (windows, frames, dimension), float32.
        present: False where a frame is padding, shape (windows, frames).
        owner: the number of the clip that a window is of, shape (windows,).
    """

    frames: torch.Tensor
    present: torch.Tensor
    owner: torch.Tensor

    @classmethod
    def of(cls, clips: Sequence[Clip]) -> "Batch":
        """Read clips from the cache."""
        windows = [
            torch.from_numpy(np.array(window, np.float32))
            for clip in clips
            for window in clip.windows
        ]
        lengths = torch.tensor([len(window) for window in windows])
        owner = [number for number, clip in enumerate(clips) for _ in clip.windows]
        return cls(
            pad_sequence(windows, batch_first=True),
            torch.arange(int(lengths.max())) < lengths[:, None],
            torch.tensor(owner),
        )


class TopLayers(torch.nn.Module):
    """Copies of an encoder's transformer layers, called as the encoder calls them, in float32.

    The result is what transformers yields as the last of these layers' hidden states: in encoders
    whose layers begin with their norm ("stable layer norm") it is not normalised. Nothing drops
    out in training: the encoder's own rates are not taken over.

    Args:
        network: a whole wav2vec2, HuBERT or WavLM; it is left as it is.
        first: the first layer, counted from 0.
        last: the layer after the last.

    Attributes:
        width: numbers in a frame.
    """

    def __init__(self, network: torch.nn.Module, first: int, last: int):
        super().__init__()
        self._config = copy.deepcopy(network.config)
        self.width = network.config.hidden_size
        self.layers = copy.deepcopy(network.encoder.layers[first:last]).float()
        for layer in self.layers:
            layer.dropout.p = layer.feed_forward.output_dropout.p = 0.0
            layer.attention.dropout = layer.feed_forward.intermediate_dropout.p = 0.0
            layer.attention.config = self._config
        self._is_wavlm = network.config.model_type == "wavlm"
        # WavLM's lowest layer owns the position bias of all: above it, the bias is a constant.
        self.positions = None
        if self._is_wavlm and first > 0:
            self.positions = copy.deepcopy(network.encoder.layers[0].attention).float()
            self.positions.requires_grad_(False)

    def forward(self, frames: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """Return the last layer's frames; see `Batch` for both arguments."""
        if self._is_wavlm:
            return self._wavlm(frames, None if present.all() else present.long())
        halved = torch.is_autocast_enabled("cpu")
        seconds = frames.shape[1] / 50  # the encoders make 50 frames a second
        self._config._attn_implementation = attention(seconds) if halved else "sdpa"
        masks = lean.transformers().masking_utils
        mask = masks.create_bidirectional_mask(self._config, frames, present)
        for layer in self.layers:
            frames = layer(frames, attention_mask=mask)
        return frames

    def _wavlm(self, frames: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        bias = None
        if self.positions is not None:
            n_windows, n_frames, _ = frames.shape
            bias = self.positions.compute_bias(n_frames, n_frames).repeat(n_windows, 1, 1)
        for index, layer in enumerate(self.layers):
            frames, bias = layer(frames, attention_mask=mask, position_bias=bias, index=index)
        return frames

    def pooled(self, batch: Batch) -> torch.Tensor:
        """Return the mean over all frames of each clip, shape (clips, width)."""
        frames = self(batch.frames, batch.present).float()
        sums = (frames * batch.present[..., None]).sum(dim=1)
        n_clips = int(batch.owner[-1]) + 1
        totals = sums.new_zeros(n_clips, sums.shape[1]).index_add(0, batch.owner, sums)
        counts = batch.present.sum(dim=1).to(sums)
        return totals / sums.new_zeros(n_clips).index_add(0, batch.owner, counts)[:, None]

    def pooled_alone(self, clips: Sequence[Clip]) -> NDArray[np.float32]:
        """Return what `pooled` does, clip by clip: none depends on those beside it.

        The layers are then in evaluation mode.
        """
        self.eval()
        with torch.inference_mode():
            return torch.cat([self.pooled(Batch.of([clip])) for clip in clips]).numpy()


class Detector(torch.nn.Module):
    """The trained layers, the mean over time, a projection and a classifier."""

    def __init__(self, top: TopLayers):
        super().__init__()
        self.top, width = top, top.width
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.projection = torch.nn.Linear(width, _DIMENSION)
        self.classifier = torch.nn.Linear(_DIMENSION, 1)

    def forward(self, batches: Sequence[Batch]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return projections [clips, dimension] and log-odds of spoof [clips], by batch."""
        pooled = torch.cat([self.top.pooled(batch) for batch in batches])
        with torch.autocast("cpu", enabled=False):
            projections = self.projection((pooled - self.mean) / self.scale)
            return projections, self.classifier(projections)[:, 0]

    def start_from(self, model: LinearModel) -> None:
        """Set the head to a linear model of the pooled layer.

        One row of the projection becomes the hyperplane's direction, and the classifier uses it
        alone. The other rows stay random, for the training to use.
        """
        length = float(np.linalg.norm(model.weight)) or 1.0
        with torch.no_grad():
            self.mean.copy_(torch.from_numpy(model.mean))
            self.scale.copy_(torch.from_numpy(model.scale))
            self.projection.weight[0] = torch.from_numpy(model.weight / length)
            self.projection.bias.zero_()
            self.classifier.weight.zero_()
            self.classifier.weight[0, 0] = length
            self.classifier.bias.fill_(model.bias)

    def head(self) -> LinearModel:
        """Return what follows the mean over time as one standardisation and one hyperplane."""
        tensors = (
            self.mean,
            self.scale,
            *self.projection.parameters(),
            *self.classifier.parameters(),
        )
        mean, scale, weight, bias, (row,), (offset,) = (
            tensor.detach().double().numpy() for tensor in tensors
        )
        return LinearModel(mean, scale, weight=row @ weight, bias=float(row @ bias + offset))
