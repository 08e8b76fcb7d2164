"""Partial fine-tuning: some of an encoder's transformer layers are trained on top of frozen ones.

The trained layers are the last `unfrozen` of the first `layers`; those above are dropped, since
the lower layers of a speech encoder are the ones that tell synthesis from speech. On the mean over
time of the last trained layer sit a linear projection and a linear classifier, so that in the end
the whole is an encoder like any other and a `LinearModel` of its last layer.
"""

import contextlib
import copy
import hashlib
import json
import logging
import math
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from authenticity.config import FineTune
from authenticity.errors import UserError, lacks_memory
from authenticity.features.encoder import Encoder, write_folder
from authenticity.features.frames import Clip, Frames
from authenticity.files import atomic
from authenticity.models import fitting, losses
from authenticity.models.candidates import Candidate
from authenticity.models.contrast import drawn
from authenticity.models.logistic import Fit, fit_with
from authenticity.models.projection import LinearModel, bounded
from authenticity.models.top_layers import Batch, Detector, TopLayers
from authenticity.roots import DAMAGE

VERSION = "5"
"""Raise it when the weights that any settings lead to change."""

INVERSE_REGULARISATION = 1.0
"""C of the logistic regression that the head starts from.

Of 0.001, 0.1, 0.3, 1 and 10 it is the best on dev of the demonstration.
"""

_FRAMES_PER_SECOND = 50
_PADDING = 0.05  # of the frames that a group of clips holds
_GRADIENT_NORM = 1.0  # at most
_DECAY = 0.95  # of the average of weights, a step

# Of a `FineTuning`, what a run goes on from: plain values, and what has a state of its own.
_FIGURES = ("epoch", "best_epoch", "history", "best")
_WITH_STATE = ("detector", "average", "optimiser")

_logger = logging.getLogger("authenticity")


@dataclass(frozen=True)
class Settings:
    """What decides the weights, beside the clips and the encoder.

    Attributes:
        model: the experiment's, from the configuration.
        layers: how many of the encoder's layers are kept, the trained ones included.
        precision: of the matrix products while training: `float32`, or `bfloat16`, which is more
            than twice as fast where the CPU has it; weights, head and scores are float32 always.
    """

    model: FineTune
    layers: int
    precision: str

    @property
    def first_trained(self) -> int:
        """The first trained layer, from 0."""
        return self.layers - self.model.unfrozen


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
        described = [VERSION, settings.model.plain(), settings.layers, settings.precision]
        described += [array.tolist() for array in (self.labels, self.train, self.dev)]
        text = json.dumps([*described, self.frames.digest], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class FineTuning:
    """The trained layers with head and optimiser, epoch by epoch, with one seed.

    Attributes:
        detector: as of the last step; after `finish`, `average` as of the best epoch, in
            evaluation mode.
        average: of the detector's weights over the latest steps. Its scores are those of the epoch:
            one step more or less, or the rounding of another CPU, hardly changes them (Izmailov et
            al., "Averaging weights leads to wider optima and better generalization", UAI 2018).
        encoder: what it is fitted on, whole.
        optimiser: of the detector's weights, until `finish`.
        epoch: counted from 1; 0 before the first.
        best_epoch: whose weights are kept; 0 is logistic regression on the untrained layers.
        best: the average's state as of the best epoch, until `finish`.
        history: of each epoch from 0, `epoch`, `loss` (mean over clips; None for 0) and
            `dev_roc_auc` (None without dev).
    """

    def __init__(self, problem: Problem, encoder: Encoder, settings: Settings, seed: int):
        """Copy the layers to train, and start the head at random.

        `seed` decides the head's weights and the order of clips.
        """
        self.encoder, self.seed = encoder, seed
        self._clips, self._labels = problem.frames.clips, np.asarray(problem.labels)
        self._train, self._dev = problem.train, problem.dev
        self._settings, self._model = settings, settings.model
        torch.manual_seed(int(np.random.SeedSequence([seed, 0]).generate_state(1)[0]))
        top = TopLayers(encoder.network, settings.first_trained, settings.layers)
        self.detector = Detector(top)
        self.average = AveragedModel(self.detector, multi_avg_fn=get_ema_multi_avg_fn(_DECAY))
        heads = [*self.detector.projection.parameters(), *self.detector.classifier.parameters()]
        groups = [
            {"params": list(top.layers.parameters()), "height": self._model.learning_rate},
            {"params": heads, "height": self._model.head_learning_rate},
        ]
        decay = self._model.weight_decay
        self.optimiser = torch.optim.AdamW(groups, weight_decay=decay, fused=True)
        self.epoch, self.best_epoch = 0, 0
        self.best: dict[str, torch.Tensor] = {}
        self.history: list[dict[str, Any]] = []

    def advance(self) -> None:
        """Train for one epoch, and look at dev; the first call starts the head instead."""
        loss = self._epoch() if self.history else self._probe()
        row = {"epoch": self.epoch, "loss": loss, "dev_roc_auc": self._dev_roc_auc()}
        self.history.append(row)

    def keep(self) -> None:
        """Take the epoch for the best so far."""
        self.best_epoch = self.epoch
        states = self.average.module.state_dict()
        self.best = {name: value.clone() for name, value in states.items()}

    def _epoch(self) -> float:
        """Take an epoch's steps; return the mean loss."""
        random = np.random.default_rng([self.seed, self.epoch])
        self.detector.train()
        order = balanced(self._labels, self._train, random)
        seen, total = 0, 0.0
        for chosen in batches(self._clips, order, self._model.batch_seconds):
            seen += len(chosen)
            progress = (self.epoch + seen / len(order)) / self._model.epochs
            total += self._step(chosen, progress) * len(chosen)
        self.epoch += 1
        self._require_finite(total)
        return total / seen

    def _require_finite(self, values: NDArray | float) -> None:
        if not np.isfinite(values).all():
            raise UserError(
                f"fine-tuning became NaN or infinite at epoch {self.epoch}; give the experiment a "
                f"`learning_rate` below {self._model.learning_rate:g}, or a "
                f"`head_learning_rate` below {self._model.head_learning_rate:g}"
            )

    def _probe(self) -> None:
        """Start the head from logistic regression on the pooled, still untrained layers.

        Layers trained under a random head lose what they had learnt before the head has learnt
        anything (Kumar et al., "Fine-tuning can distort pretrained features", ICLR 2022).
        """
        pooled = self._pooled(self._train).astype(np.float64)
        labels = self._labels[self._train]
        model = fit_with(pooled, labels, INVERSE_REGULARISATION, class_weight="balanced")
        self.detector.start_from(model)
        self.average.update_parameters(self.detector)

    def _pooled(self, trials: NDArray[np.intp]) -> NDArray[np.float32]:
        with self._autocast():
            return self.average.module.top.pooled_alone([self._clips[i] for i in trials])

    def _autocast(self) -> torch.autocast:
        halved = self._settings.precision == "bfloat16"
        # Its cache of weights is the process's: a thread that leaves would empty it for the others.
        return torch.autocast("cpu", torch.bfloat16, enabled=halved, cache_enabled=False)

    def _step(self, chosen: NDArray[np.intp], progress: float) -> float:
        for group in self.optimiser.param_groups:
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
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.detector.parameters(), _GRADIENT_NORM)
        self.optimiser.step()
        self.average.update_parameters(self.detector)
        return loss.item()

    def _dev_roc_auc(self) -> float | None:
        if not len(self._dev):
            return None
        scores = self.average.module.head().scores(self._pooled(self._dev))
        self._require_finite(scores)
        return float(roc_auc_score(self._labels[self._dev], scores))

    def state(self) -> dict[str, Any]:
        """Return the training as it is after this epoch."""
        kept = {name: getattr(self, name) for name in _FIGURES}
        return kept | {name: getattr(self, name).state_dict() for name in _WITH_STATE}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        for name in _WITH_STATE:
            getattr(self, name).load_state_dict(state[name])
        for name in _FIGURES:
            setattr(self, name, state[name])

    def finish(self) -> None:
        """Take the weights of the best epoch, and free what training alone needs."""
        self.detector.load_state_dict(self.best)
        self.detector.eval()
        del self.best, self.average, self.optimiser

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
        settings, last = self._settings, self._settings.layers
        network.encoder.layers = network.encoder.layers[:last]
        for position, layer in enumerate(self.detector.top.layers, settings.first_trained):
            network.encoder.layers[position].load_state_dict(layer.state_dict())
        network.config.num_hidden_layers = last
        write_folder(network, self.encoder.preprocessing, torch.float32, folder)


def fit(
    problem: Problem, encoder: Encoder, settings: Settings, state: Path, threads: int = 1
) -> list[FineTuning]:
    """Train the layers and their head with every seed; the encoder is whole, in float32.

    Each epoch draws half of its clips from each class. The loss is the cross-entropy of the
    classifier, plus `settings.model.loss` of the projections. The weights kept are those of the
    epoch whose ROC-AUC on dev, a mean over the seeds, is best (epoch 0 is the untrained layers), or
    of the last epoch where there is no dev.

    The file `state` keeps the run after each epoch. Where it is there, the run goes on, and gives
    the weights of one that was not interrupted, whatever the number of threads. The caller removes
    it once the result is safe.

    Raises:
        UserError: the training diverges.
    """
    with torch.random.fork_rng(devices=[]):
        runs = [FineTuning(problem, encoder, settings, seed) for seed in settings.model.seeds]
    identity = problem.digest(settings)
    _resume(runs, state, identity)
    with _pool(threads) as pool:
        first, model = runs[0], settings.model
        # Without dev, the latest epoch is the best one.
        while first.epoch < model.epochs and first.epoch - first.best_epoch < model.patience:
            started = time.monotonic()
            list(pool.map(FineTuning.advance, runs))
            *past, roc_auc = _on_dev(runs)
            if roc_auc is None or roc_auc > max(past, default=-1.0):
                for run in runs:
                    run.keep()
            last = [run.history[-1]["loss"] for run in runs]
            _logger.info(
                "epoch %d of %d: loss %s, ROC-AUC on dev %s, %.1f s",
                *(first.epoch, model.epochs),
                *(_said(last), _said([roc_auc]), time.monotonic() - started),
            )
            with atomic(state) as temporary:
                torch.save({"identity": identity, "runs": [run.state() for run in runs]}, temporary)
    for run in runs:
        run.finish()
    return runs


def _resume(runs: Sequence[FineTuning], path: Path, identity: str) -> None:
    """Take up the state at `path` if it is there, undamaged, and of this very training."""
    if not path.exists():
        return
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip():  # torch looks at no checksum
                raise zipfile.BadZipFile
        kept = torch.load(path, weights_only=True)
    except (*DAMAGE, OSError) as error:
        if lacks_memory(error):
            raise
        _logger.warning("%s: damaged; starting afresh", path)
        return
    if kept["identity"] != identity:
        _logger.info("%s is of another run: starting afresh", path)
        return
    for run, state in zip(runs, kept["runs"], strict=True):
        run.resume(state)
    _logger.info("going on from epoch %d of %s", runs[0].epoch, path)


@contextlib.contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool for whose threads an interrupted job does not wait."""
    # Each thread has its own number of threads within an operation.
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _said(values: Sequence[float | None]) -> str:
    return "none" if None in values else f"{np.mean(values):.4f}"


def _on_dev(runs: Sequence[FineTuning]) -> list[float | None]:
    """Return the ROC-AUC on dev of each epoch, a mean over the seeds; None without dev."""
    rows = zip(*(run.history for run in runs), strict=True)
    by_epoch = [[row["dev_roc_auc"] for row in row_of_each] for row_of_each in rows]
    return [None if None in values else float(np.mean(values)) for values in by_epoch]


def fit_trials(
    data: fitting.Trials,
    frames: Frames,
    encoder: Encoder,
    settings: Settings,
    state: Path,
    threads: int = 1,
) -> tuple[Candidate, FineTuning]:
    """Fine-tune on a corpus's train, stop by dev, and score dev and eval; see `fit`.

    `data` are the corpus's trials in a protocol of one round, and `frames` are of all its clips.
    The fine-tuning that is returned beside the outcome is the first seed's.
    """
    (item,) = data.rounds
    rows = data.rows(frames.files)
    labels = np.zeros(len(frames.clips), np.int64)
    labels[rows[rows >= 0]] = data.labels[rows >= 0]
    train, dev = (np.sort(rows[(item.parts == part) & (rows >= 0)]) for part in ("train", "dev"))
    runs = fit(Problem(frames, labels, train, dev), encoder, settings, state, threads)
    scored = np.flatnonzero(np.isin(item.parts, ["dev", "eval"]) & (rows >= 0))
    clips = [frames.clips[index] for index in rows[scored]]
    with _pool(threads) as pool:
        scores = list(pool.map(lambda run: run.scores(clips), runs))
    fits = [
        Fit(
            run.head,
            INVERSE_REGULARISATION,
            {},
            by_folds=False,
            seed=run.seed,
            summary={"epoch": run.best_epoch, "parameters": run.n_trained, "curve": run.history},
        )
        for run in runs
    ]
    counts = fitting.counts("none: the epoch is chosen on dev", train, labels[train])
    return fitting.judged(data, 0, scored, fits, scores, counts), runs[0]


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
