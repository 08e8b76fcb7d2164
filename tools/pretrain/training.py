"""Masked pretraining of a small wav2vec2 encoder on one core, to be killed and resumed."""

import dataclasses
import hashlib
import json
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from authenticity.files import atomic
from torch.nn import functional
from transformers import Wav2Vec2Config, Wav2Vec2Model

from pretrain import targets
from pretrain.batches import Batches

logger = logging.getLogger("authenticity")

SHAPE = {
    "conv_dim": (128,) * 7,
    "feat_extract_norm": "group",
    "hidden_size": 256,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
    # half of the usual reach, 1.3 s: it keeps the fp16 weights at 10.6 MB
    "num_conv_pos_embeddings": 64,
}
# Masking and noise regularise enough for so few steps, and without dropout a step depends on
# nothing but the weights and the batch.
NO_DROPOUT = {
    "activation_dropout": 0.0,
    "attention_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "final_dropout": 0.0,
    "hidden_dropout": 0.0,
    "layerdrop": 0.0,
}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, beside the speech and the clusters.

    `objective`, see `targets`, `copy_synthesis`, see `Batches`, `steps` and `seed` are the choices
    of a run; the rest is the recipe. Each step sees `crops` crops of `seconds`; the learning rate
    climbs for `warmup_steps` and falls as a cosine to zero.
    """

    steps: int
    seed: int
    objective: str = "cepstra"
    copy_synthesis: bool = False
    crops: int = 12
    seconds: float = 2.0
    learning_rate: float = 1e-3
    warmup_steps: int = 150
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    unmasked_weight: float = 0.3


class MaskedPrediction(torch.nn.Module):
    """The encoder and a linear layer that predicts of each frame its cluster or its numbers."""

    def __init__(self, n_outputs: int, **shape: Any):
        super().__init__()
        # A masking probability above zero is what gives the model its vector for a hidden frame.
        config = Wav2Vec2Config(**{**SHAPE, **NO_DROPOUT, "mask_time_prob": 0.08, **shape})
        self.encoder = Wav2Vec2Model(config)
        self.head = torch.nn.Linear(config.hidden_size, n_outputs)

    def forward(self, samples: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return [crops, frames, outputs] for samples [crops, n], hidden where `mask`."""
        hidden = self.encoder(samples, mask_time_indices=mask).last_hidden_state
        return self.head(hidden)


def prediction_loss(
    outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor, unmasked_weight: float
) -> torch.Tensor:
    """Return the mean loss over the hidden frames, plus `unmasked_weight` x that over the others.

    HuBERT, equation 2, with its alpha as a ratio of the two terms. Shapes: outputs [crops, frames,
    outputs]; targets, int64 for cross-entropy [crops, frames], float32 for the mean absolute error
    [crops, frames, outputs]; mask [crops, frames].
    """
    if targets.dtype == torch.int64:
        losses = functional.cross_entropy(outputs.transpose(1, 2), targets, reduction="none")
    else:
        losses = (outputs - targets).abs().mean(dim=-1)
    return losses[mask].mean() + unmasked_weight * losses[~mask].mean()


def learning_rate(step: int, recipe: Recipe) -> float:
    """Return the learning rate of a step, counted from zero."""
    if step < recipe.warmup_steps:
        return recipe.learning_rate * (step + 1) / recipe.warmup_steps
    remaining = max(1, recipe.steps - recipe.warmup_steps)
    progress = (step - recipe.warmup_steps) / remaining
    return recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


class Trainer:
    """One run: the network, its optimiser and its step, which a checkpoint keeps together."""

    def __init__(
        self,
        clips: Sequence[np.ndarray],
        centroids: np.ndarray | None,
        recipe: Recipe,
        **shape: Any,
    ):
        self.recipe = recipe
        self.step = 0
        self._batches = Batches(
            clips,
            partial(targets.of, objective=recipe.objective, centroids=centroids),
            copy_synthesis=recipe.copy_synthesis,
            crops=recipe.crops,
            seconds=recipe.seconds,
            seed=recipe.seed,
        )
        torch.manual_seed(recipe.seed)
        n_outputs = targets.NUMBERS if centroids is None else len(centroids)
        self.network = MaskedPrediction(n_outputs, **shape).train()
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(),
            lr=recipe.learning_rate,
            betas=recipe.betas,
            weight_decay=recipe.weight_decay,
        )
        arrays = clips if centroids is None else [centroids, *clips]
        self._identity = _identity(recipe, shape, arrays)

    def advance(self) -> float:
        """Take one step; return its loss."""
        batch = self._batches[self.step]
        samples, wanted, mask = map(torch.from_numpy, (batch.samples, batch.targets, batch.mask))
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.recipe)
        outputs = self.network(samples, mask)
        loss = prediction_loss(outputs, wanted, mask, self.recipe.unmasked_weight)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        self._optimiser.step()
        self.step += 1
        return loss.item()

    def save(self, path: Path) -> None:
        """Write the state of the run atomically."""
        state = {
            "identity": self._identity,
            "step": self.step,
            "network": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
        with atomic(path) as temporary:
            torch.save(state, temporary)

    def resume(self, path: Path) -> bool:
        """Take up the state at `path` if it is there and is of this very run; say whether."""
        if not path.exists():
            return False
        state = torch.load(path, weights_only=True)
        if state["identity"] != self._identity:
            logger.info("%s is of another recipe or other speech: starting afresh", path)
            return False
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]
        return True


def _identity(recipe: Recipe, shape: dict[str, Any], arrays: Sequence[np.ndarray]) -> str:
    digest = hashlib.sha256(
        json.dumps([dataclasses.asdict(recipe), shape], sort_keys=True).encode()
    )
    for array in arrays:
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def pretrain(
    clips: Sequence[np.ndarray],
    centroids: np.ndarray | None,
    recipe: Recipe,
    checkpoint: Path,
    checkpoint_every: int = 100,
    **shape: Any,
) -> Wav2Vec2Model:
    """Return an encoder trained for `recipe.steps`, going on from `checkpoint` where it is left.

    `clips` are float32 arrays at 16 kHz; `centroids` [clusters, numbers] are of the objective's
    frames, None for `regression`; `shape` overrides the encoder's. An interrupted run that goes on
    gives the weights of one that was not. The file `checkpoint` is kept while the run lasts; the
    caller removes it once the weights are safe.
    """
    trainer = Trainer(clips, centroids, recipe, **shape)
    if trainer.resume(checkpoint):
        logger.info("going on from step %d of %s", trainer.step, checkpoint)
    started, first = time.monotonic(), trainer.step
    while trainer.step < recipe.steps:
        loss = trainer.advance()
        if trainer.step % 50 == 0 or trainer.step == recipe.steps:
            pace = (time.monotonic() - started) / (trainer.step - first)
            logger.info(
                "step %d of %d: loss %.3f, %.2f s a step", trainer.step, recipe.steps, loss, pace
            )
        if trainer.step % checkpoint_every == 0 and trainer.step < recipe.steps:
            trainer.save(checkpoint)
    return trainer.network.encoder.eval()
