"""Partial fine-tuning: some of an encoder's transformer layers are trained on top of frozen ones.

The trained layers are the last `unfrozen` of the first `layers`; those above are dropped, since
the lower layers of a speech encoder are the ones that tell synthesis from speech. On the mean over
time of the last trained layer sit a linear projection and a linear classifier, so that in the end
the whole is an encoder like any other and a `LinearModel` of its last layer.
"""

import copy
import dataclasses
import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch.nn import functional

from authenticity.errors import UserError
from authenticity.evaluation import splits
from authenticity.features import export
from authenticity.features.encoder import Encoder
from authenticity.features.frames import Clip, Frames
from authenticity.files import atomic
from authenticity.models import losses
from authenticity.models.contrast import drawn
from authenticity.models.fitting import Trials
from authenticity.models.logistic import fit_with
from authenticity.models.projection import LinearModel, bounded
from authenticity.models.top_layers import Batch, Detector, TopLayers

if TYPE_CHECKING:
    from authenticity.config import Experiment, FineTune

VERSION = "3"
"""Raise it when the weights that any settings lead to change."""

INVERSE_REGULARISATION = 10.0
"""C of the logistic regression that the head starts from."""

_FRAMES_PER_SECOND = 50
_PADDING = 0.05  # of the frames that a group of clips holds
_GRADIENT_NORM = 1.0  # at most

_logger = logging.getLogger("authenticity")


@dataclass(frozen=True)
class Settings:
    """What decides the weights, beside the clips and the encoder.

    Attributes:
        model: the experiment's, from the configuration.
        layers: how many of the encoder's layers are kept, the trained ones included.
        precision: of the matrix products while training: `float32`, or `bfloat16`, which is more
            than twice as fast where the CPU has it; weights, head and scores are float32 always.
        seed: of the head's weights and the order of clips.
    """

    model: "FineTune"
    layers: int
    precision: str
    seed: int

    def first_trained(self, n_layers: int) -> int:
        """Return which of an encoder's layers, from 0, is the first trained one."""
        unfrozen, kept = self.model.unfrozen, self.layers
        if not 1 <= unfrozen <= kept <= n_layers:
            raise UserError(
                f"the last {unfrozen} of the first {kept} layers cannot be fine-tuned in an "
                f"encoder of {n_layers}; correct `unfrozen` and `layers` in the configuration"
            )
        return kept - unfrozen


@dataclass(frozen=True)
class Problem:
    """What to train on.

    Attributes:
        frames: of all clips, cached at the first trained layer.
        labels: 0 bona fide, 1 spoof; one for each clip of `frames`.
        train: positions in `frames` of the clips to train on.
        dev: positions of the clips to choose the epoch on; may be empty.
    """

    frames: Frames
    labels: NDArray[np.integer]
    train: NDArray[np.intp]
    dev: NDArray[np.intp]

    def digest(self, settings: Settings) -> str:
        """Identify a training on these clips."""
        described = dataclasses.asdict(settings) | {
            "version": VERSION,
            "model": settings.model.model_dump(exclude={"seeds"}),
            "frames": self.frames.digest,
        }
        digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
        for array in (self.labels, self.train, self.dev):
            digest.update(np.ascontiguousarray(array, np.int64))
            digest.update(b";")
        return digest.hexdigest()


class FineTuning:
    """The trained layers with head and optimiser, epoch by epoch.

    Attributes:
        detector: as of the epoch; after `finish`, as of the best one, in evaluation mode.
        encoder: what it is fitted on, whole.
        first: the first trained layer, counted from 0.
        epoch: counted from 1; 0 before the first.
        best_epoch: 0 where no epoch was better on dev than logistic regression on the untrained
            layers.
        best: the detector's state as of the best epoch, until `finish`.
        history: of each epoch from 0, `epoch`, `loss` (mean over clips; None for 0) and
            `dev_roc_auc` (None without dev).
    """

    def __init__(self, problem: Problem, encoder: Encoder, settings: Settings):
        """Copy the layers to train, and start the head at random."""
        self.first = settings.first_trained(len(encoder.network.encoder.layers))
        self.encoder, self._identity = encoder, problem.digest(settings)
        self._clips, self._labels = problem.frames.clips, np.asarray(problem.labels)
        self._train, self._dev = problem.train, problem.dev
        self._settings, self._model = settings, settings.model
        torch.manual_seed(int(np.random.SeedSequence([settings.seed, 0]).generate_state(1)[0]))
        self.detector = Detector(TopLayers(encoder.network, self.first, settings.layers))
        layers = self.detector.top.layers
        heads = (self.detector.projection, self.detector.classifier)
        self._optimiser = torch.optim.AdamW(
            [
                {"params": list(layers.parameters()), "height": self._model.learning_rate},
                {
                    "params": [value for head in heads for value in head.parameters()],
                    "height": self._model.head_learning_rate,
                },
            ],
            weight_decay=self._model.weight_decay,
            fused=True,
        )
        self.epoch, self.best_epoch = 0, 0
        self.best: dict[str, torch.Tensor] = {}
        self.history: list[dict[str, Any]] = []

    @property
    def ended(self) -> bool:
        """Whether no epoch is left, or dev has not gained for too long."""
        waited = self.epoch - self.best_epoch
        return self.epoch >= self._model.epochs or (
            len(self._dev) > 0 and waited >= self._model.patience
        )

    def advance(self) -> dict[str, Any]:
        """Train for one epoch, and look at dev; the first call starts the head instead."""
        if not self.history:
            self._probe()
            return self._record(None)
        random = np.random.default_rng([self._settings.seed, self.epoch])
        self.detector.train()
        order = balanced(self._labels, self._train, random)
        seen, total = 0, 0.0
        for chosen in batches(self._clips, order, self._model.batch_seconds):
            seen += len(chosen)
            progress = (self.epoch + seen / len(order)) / self._model.epochs
            total += self._step(chosen, progress) * len(chosen)
        self.epoch += 1
        return self._record(total / seen)

    def _record(self, loss: float | None) -> dict[str, Any]:
        """Note how the epoch went, and keep its weights where it is the best."""
        row = {"epoch": self.epoch, "loss": loss, "dev_roc_auc": self._dev_roc_auc()}
        best = max((past["dev_roc_auc"] or 0.0 for past in self.history), default=-1.0)
        if row["dev_roc_auc"] is None or row["dev_roc_auc"] > best:
            self.best_epoch = self.epoch
            self.best = {name: value.clone() for name, value in self.detector.state_dict().items()}
        self.history.append(row)
        return row

    def _probe(self) -> None:
        """Start the head from logistic regression on the pooled, still untrained layers.

        Layers trained under a random head lose what they had learnt before the head has learnt
        anything (Kumar et al., "Fine-tuning can distort pretrained features", ICLR 2022).
        """
        pooled = self._pooled(self._train).astype(np.float64)
        labels = self._labels[self._train]
        model = fit_with(pooled, labels, INVERSE_REGULARISATION, class_weight="balanced")
        self.detector.start_from(model)

    def _pooled(self, trials: NDArray[np.intp]) -> NDArray[np.float32]:
        with self._autocast():
            return self.detector.top.pooled_alone([self._clips[i] for i in trials])

    def _autocast(self) -> torch.autocast:
        halved = self._settings.precision == "bfloat16"
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=halved)

    def _step(self, chosen: NDArray[np.intp], progress: float) -> float:
        for group in self._optimiser.param_groups:
            group["lr"] = group["height"] * schedule(progress, self._model.warmup)
        groups = alike(self._clips, chosen)
        chosen = np.concatenate(groups)
        labels = torch.from_numpy(self._labels[chosen]).long()
        with self._autocast():
            projections, log_odds = self.detector(
                [Batch.of([self._clips[i] for i in group]) for group in groups]
            )
        loss = functional.binary_cross_entropy_with_logits(log_odds, labels.float())
        if self._model.loss != "cross_entropy":
            contrast, clips = losses.LOSSES[self._model.loss], torch.from_numpy(chosen)
            bound = bounded(projections, contrast.norms)
            batch = losses.Batch(bound, labels, clips, clips)  # a clip has one row here
            loss = loss + self._model.loss_weight * contrast(batch, self._model.temperature, None)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.detector.parameters(), _GRADIENT_NORM)
        self._optimiser.step()
        return loss.item()

    def _dev_roc_auc(self) -> float | None:
        if not len(self._dev):
            return None
        scores = self.detector.head().scores(self._pooled(self._dev))
        return float(roc_auc_score(self._labels[self._dev], scores))

    def save(self, path: Path) -> None:
        """Keep the training as it is after this epoch."""
        state = {
            "identity": self._identity,
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "history": self.history,
            "detector": self.detector.state_dict(),
            "best": self.best,
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
            _logger.info("%s is of another run: starting afresh", path)
            return False
        self.detector.load_state_dict(state["detector"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.best_epoch = state["epoch"], state["best_epoch"]
        self.history, self.best = state["history"], state["best"]
        return True

    def finish(self) -> None:
        """Take the weights of the best epoch, and free what training alone needs."""
        self.detector.load_state_dict(self.best)
        self.detector.eval()
        del self.best, self._optimiser

    @property
    def head(self) -> LinearModel:
        """What turns the pooled last layer, cached or of the exported encoder, into scores."""
        return self.detector.head()

    @property
    def n_trained(self) -> int:
        """How many parameters were trained."""
        return sum(value.numel() for value in self.detector.parameters() if value.requires_grad)

    def scores(self, clips: Sequence[Clip]) -> NDArray[np.float64]:
        """Return the log-odds of spoof, where both classes are equally likely, shape (clips,)."""
        return self.head.scores(self.detector.top.pooled_alone(clips))

    def export(self, folder: str | Path) -> None:
        """Write the whole encoder, its last layer the last trained one, to a folder.

        `Encoder.load` takes it. Its last layer's mean over time is what the detector pools, to half
        precision, and `head` scores it. Weights stay in float32: rounded, they would not be those
        that were chosen on dev.
        """
        network = copy.deepcopy(self.encoder.network)
        trained = self.detector.top.layers
        last = self.first + len(trained)
        network.encoder.layers = network.encoder.layers[:last]
        for position, layer in enumerate(trained, start=self.first):
            network.encoder.layers[position].load_state_dict(layer.state_dict())
        network.config.num_hidden_layers = last
        export.write(network, self.encoder.preprocessing, torch.float32, folder)


def fit(problem: Problem, encoder: Encoder, settings: Settings, state: Path) -> FineTuning:
    """Train the layers and their head; the encoder is whole, in float32.

    Each epoch draws half of its clips from each class. The loss is the cross-entropy of the
    classifier, plus `settings.model.loss` of the projections. The weights kept are those of the
    epoch with the best ROC-AUC on dev (epoch 0 is the untrained layers), or of the last epoch where
    there is no dev.

    The file `state` keeps the run after each epoch. Where it is there, the run goes on, and gives
    the weights of one that was not interrupted. The caller removes it once the result is safe.

    Raises:
        UserError: the encoder has no such layers.
    """
    with torch.random.fork_rng(devices=[]):
        run = FineTuning(problem, encoder, settings)
        if run.resume(state):
            _logger.info("going on from epoch %d of %s", run.epoch, state)
        while not run.ended:
            started = time.monotonic()
            row = run.advance()
            loss, roc_auc = (
                "none" if row[name] is None else f"{row[name]:.4f}"
                for name in ("loss", "dev_roc_auc")
            )
            _logger.info(
                "epoch %d of %d: loss %s, ROC-AUC on dev %s, %.1f s",
                *(row["epoch"], settings.model.epochs, loss, roc_auc, time.monotonic() - started),
            )
            run.save(state)
    run.finish()
    return run


def fit_trials(
    trials: pa.Table,
    frames: Frames,
    encoder: Encoder,
    experiment: "Experiment",
    settings: Settings,
    state: Path,
) -> tuple[pa.Table, dict[str, Any], FineTuning]:
    """Fine-tune on a corpus's train with one seed, stop by dev, and score dev and eval; see `fit`.

    `trials` are the corpus's, `tables.TRIALS`, `frames` are of all its clips, and the experiment's
    protocol has one round.

    Returns:
        The dev and eval trials, `tables.TRIAL_COLUMNS` and `score`; plain data: `leak`, counts, and
        how the training went; and what was fitted.
    """
    data = Trials(trials)
    rounds = data.rounds(experiment)
    (item,) = rounds
    rows = data.rows(frames.files)
    labels = np.zeros(len(frames), np.int64)
    labels[rows[rows >= 0]] = data.labels[rows >= 0]
    train, dev = (np.sort(rows[(item.parts == part) & (rows >= 0)]) for part in ("train", "dev"))
    model = fit(Problem(frames, labels, train, dev), encoder, settings, state)
    scored = np.flatnonzero(np.isin(item.parts, ["dev", "eval"]) & (rows >= 0))
    scores = model.scores([frames.clips[index] for index in rows[scored]])
    on_dev = item.parts[scored] == "dev"
    known = data.labels[scored[on_dev]]
    summary = {
        "leak": splits.leaks(trials, rounds),
        "n_train_bonafide": int((labels[train] == 0).sum()),
        "n_train_spoof": int((labels[train] == 1).sum()),
        "C": INVERSE_REGULARISATION,
        "dev_roc_auc": float(roc_auc_score(known, scores[on_dev])) if len(known) else None,
        "epoch": model.best_epoch,
        "parameters": model.n_trained,
        "curve": model.history,
    }
    table = data.table(scored, item).append_column("score", pa.array(scores))
    return table, summary, model


def schedule(progress: float, warmup: float) -> float:
    """Return the learning rate as a share of its height.

    It climbs in a line during `warmup`, a share of the training, then falls as a cosine to 0.
    `progress` is the share that is done when the step is, above 0.
    """
    if progress <= warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def balanced(
    labels: NDArray[np.integer], trials: NDArray[np.intp], random: np.random.Generator
) -> NDArray[np.intp]:
    """Draw an epoch: as many trials as there are, or one fewer, half of each class, shuffled.

    A class is gone through in random order, again and again as far as it is needed. `trials` are
    positions in `labels`; both classes must be among them.
    """
    half = len(trials) // 2
    classes = [drawn(trials[labels[trials] == label], half, random) for label in (0, 1)]
    return random.permutation(np.concatenate(classes))


def batches(
    clips: Sequence[Clip], order: NDArray[np.intp], batch_seconds: float
) -> Iterator[NDArray[np.intp]]:
    """Cut an order of clips into batches of at most so much audio, padding included.

    A clip that is longer is a batch of its own.
    """
    limit = batch_seconds * _FRAMES_PER_SECOND
    return _cut(clips, order, lambda longest, windows, _: longest * windows <= limit)


def alike(clips: Sequence[Clip], chosen: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Part the clips of a step into groups of like length, padded by `_PADDING` at most.

    A step of the demonstration takes 0.75 of the time that one padded batch takes.
    """
    longest = [max(len(window) for window in clips[i].windows) for i in chosen]
    order = chosen[np.argsort(longest, kind="stable")]
    most = 1 + _PADDING
    return list(_cut(clips, order, lambda longest, windows, n: longest * windows <= most * n))


def _cut(
    clips: Sequence[Clip], order: NDArray[np.intp], fits: Callable[[int, int, int], bool]
) -> Iterator[NDArray[np.intp]]:
    """Cut an order of clips into groups that fit, each as long as possible.

    `fits` is given a group's longest window, and its numbers of windows and of frames. A clip alone
    always fits.
    """
    start, group = 0, list[int]()
    for stop, position in enumerate(order):
        lengths = [len(window) for window in clips[position].windows]
        group += lengths
        if stop > start and not fits(max(group), len(group), sum(group)):
            yield order[start:stop]
            start, group = stop, lengths
    yield order[start:]
