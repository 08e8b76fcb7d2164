"""Projection heads trained by contrast on features from the tables, then logistic regression.

The encoder is frozen, so its embeddings are constants and an epoch is a pass over a matrix.
`projection` scores without torch.

The same problem, settings and seed give the same bits on one machine, whatever its number of cores:
one thread computes. Another generation of processors may differ in the last digits.
"""

import contextlib
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from authenticity.config import Contrastive
from authenticity.errors import UserError
from authenticity.evaluation.splits import Folds
from authenticity.models.logistic import Fit, fit_with
from authenticity.models.losses import LOSSES, Batch, Loss
from authenticity.models.projection import ContrastiveModel, Head, Projection, bounded

_CHECKS = 10  # epochs at which the projection is judged, at most
_PATIENCE = 3  # checks in a row without gain that end training
_CHECK_C = 1.0  # of the regression that judges them

Curve = list[dict[str, Any]]
"""Of the training of one seed, by temperature and epoch."""


@dataclass(frozen=True)
class Problem:
    """What to fit, one row for each training trial in each view.

    Attributes:
        features: shape (rows, features), float32: the spectral features, then the layers' one after
            the other.
        n_spectral: how many of the features are spectral; may be 0.
        n_layers: how many layers the others are from.
        labels: 0 for bona fide, 1 for spoof; shape (rows,).
        speakers: of each row; those that are not known, None, count as one.
        attacks: of each row, likewise.
        clips: of each row, the same for the views of one clip.
        dev_features, dev_labels: of the trials to choose on; none where there are none.
    """

    features: NDArray[np.float32]
    n_spectral: int
    n_layers: int
    labels: NDArray[np.integer]
    speakers: Sequence[str | None]
    attacks: Sequence[str | None]
    clips: Sequence[str]
    dev_features: NDArray[np.float32] | None = None
    dev_labels: NDArray[np.integer] | None = None

    def part(self, rows: NDArray[np.intp]) -> "Problem":
        """Return the problem of some of the rows, without anything to choose on."""
        names = ("features", "labels", "speakers", "attacks", "clips")
        chosen = {name: np.asarray(getattr(self, name))[rows] for name in names}
        return replace(self, **chosen, dev_features=None, dev_labels=None)

    def fold(self, train: NDArray[np.intp], held: NDArray[np.intp]) -> "Problem":
        """Return the problem of some of the rows, with others to choose on."""
        dev = {"dev_features": self.features[held], "dev_labels": self.labels[held]}
        return replace(self.part(train), **dev)


def fit(problem: Problem, settings: Contrastive, folds: Folds) -> list[Fit]:
    """Train heads with every seed, choose epoch, temperature and C, and fit the regressions.

    Every tenth of the epochs, logistic regression with a C of 1 is fitted on the projected training
    rows, and three times in a row without gain on dev end training. The epoch and temperature with
    the highest ROC-AUC on dev are kept, then the C; the earliest or smallest where several are.
    All are chosen once, by the mean over the seeds. Without a dev, heads are trained for each fold,
    the mean of the ROC-AUC over the held parts decides, and heads are trained once more on all rows
    up to that epoch. Folds alone would not do for C: heads that saw all rows part every fold's.

    Returns:
        The fit of each seed (of the weights and the batches); `held_roc_auc` is of heads trained
        without what they are judged on. `summary` has the loss, the chosen `temperature` (null
        where it has none) and `epoch`, what they and C were `chosen_on`, the number of trained
        `parameters`, `layer_weights` where they are learned, and a `curve`: `loss` and (where
        checked) `roc_auc` by `temperature` and `epoch`.

    Raises:
        UserError: two branches without spectral features or without layers, or a loss that pairs
            the rows of a clip where every clip has one.
    """
    _require_branches(problem, settings)
    by_folds, C_grid = problem.dev_features is None, sorted(settings.C)
    with _one_thread():
        whole = _Rows(problem)
        judges = [_Rows(problem.fold(*fold)) for fold in folds] if by_folds else [whole]
        by_seed, curves = _best(judges, settings)
        held = [
            {C: _mean(each.rows.roc_auc(each.projection, C) for each in states) for C in C_grid}
            for states in by_seed
        ]
        means = {C: _mean(each[C] for each in held) for C in C_grid}
        C = max(means, key=means.get)
        fits = []
        each_seed = zip(settings.seeds, by_seed, curves, held, strict=True)
        for seed, (state, *_), curve, roc_auc in each_seed:
            if by_folds:
                states = whole.train(settings, state.temperature, seed)
                *_, state = itertools.islice(states, state.epoch)
            learned = state.projection.layer_weights.tolist() if settings.layer_weights else None
            summary = {
                "loss": settings.loss,
                "temperature": state.temperature,
                "epoch": state.epoch,
                "chosen_on": "train, by folds" if by_folds else "dev",
                "parameters": state.n_parameters,
                "layer_weights": learned,
                "curve": curve,
            }
            model = whole.model(state.projection, C)
            fits.append(Fit(model, C, roc_auc, by_folds, seed, summary))
        return fits


def _require_branches(problem: Problem, settings: Contrastive) -> None:
    n_features = problem.features.shape[1]
    if settings.views == 2 and not 0 < problem.n_spectral < n_features:
        raise UserError(
            "two views need `features` with both spectral features and layers; choose `spectral` "
            "other than none and `layers` other than none, or `views: 1`"
        )
    one_row_each = len(np.unique(problem.clips)) == len(problem.clips)
    if LOSSES[settings.loss].clips and settings.views == 1 and one_row_each:
        raise UserError(
            f"loss {settings.loss} pairs the views of a clip, and every clip has one; choose "
            "`views: 2`, add `train_views`, or choose another loss"
        )


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class _State:
    """The heads after an epoch, its mean loss, and their ROC-AUC where that was asked.

    `rows` are those that they were trained on, with the trials that judge them.
    """

    rows: "_Rows"
    temperature: float | None
    epoch: int
    loss: float
    projection: Projection
    n_parameters: int
    roc_auc: float | None = None


def _best(
    judges: Sequence["_Rows"], settings: Contrastive
) -> tuple[Sequence[Sequence[_State]], list[Curve]]:
    """Train heads at each temperature, for every seed and judge.

    Returns:
        By seed, every judge's heads at the temperature and epoch that did best over seeds and
        judges; by seed, the curve.
    """
    temperatures = settings.temperature if LOSSES[settings.loss].temperature else [None]
    curves: list[Curve] = [[] for _ in settings.seeds]
    best, best_roc_auc = None, -math.inf
    for temperature in temperatures:
        courses = [
            zip(*(judge.train(settings, temperature, seed) for judge in judges), strict=True)
            for seed in settings.seeds
        ]
        highest, without_gain = -math.inf, 0
        for by_seed in zip(*courses, strict=True):
            points = [_point(states) for states in by_seed]
            for curve, point in zip(curves, points, strict=True):
                curve.append(point)
            if points[0]["roc_auc"] is None:
                continue
            roc_auc = _mean(point["roc_auc"] for point in points)
            if roc_auc > best_roc_auc:
                best, best_roc_auc = by_seed, roc_auc
            without_gain = 0 if roc_auc > highest else without_gain + 1
            highest = max(highest, roc_auc)
            if without_gain == _PATIENCE:
                break
    return best, curves


def _point(states: Sequence[_State]) -> dict[str, Any]:
    """Return one epoch of a curve, a mean over the judges."""
    judged = states[0].roc_auc is not None
    return {
        "temperature": states[0].temperature,
        "epoch": states[0].epoch,
        "loss": _mean(state.loss for state in states),
        "roc_auc": _mean(state.roc_auc for state in states) if judged else None,
    }


def _mean(values: Iterable[float]) -> float:
    return float(np.mean([*values]))


class _Rows:
    """The rows to fit on, standardised, and trials that are held out to judge what was fitted."""

    def __init__(self, problem: Problem):
        self.problem = problem
        self._scaler = StandardScaler().fit(problem.features)
        self._standardised = self._scaler.transform(problem.features).astype(np.float32)
        if problem.dev_features is not None:
            self._held = self._scaler.transform(problem.dev_features).astype(np.float32)
        self._features = torch.from_numpy(self._standardised)
        self._labels = torch.from_numpy(np.asarray(problem.labels, np.int64))
        self._clips = torch.from_numpy(np.unique(problem.clips, return_inverse=True)[1])

    def model(self, projection: Projection, C: float) -> ContrastiveModel:
        """Fit the regression on what heads make of the rows."""
        projected = projection.joined(self._standardised)
        classifier = fit_with(projected, self.problem.labels, C)
        return ContrastiveModel(self._scaler.mean_, self._scaler.scale_, projection, classifier)

    def batch(self, projection: Projection, rows: NDArray[np.intp]) -> Batch:
        """Return what each branch makes of some of the rows, branch after branch."""
        drawn = torch.from_numpy(rows)
        branches = projection.unbounded(self._features.index_select(0, drawn))
        return Batch(
            bounded(torch.cat(branches), projection.norms),
            self._labels[drawn].repeat(len(branches)),
            self._clips[drawn].repeat(len(branches)),
            torch.cat([drawn + index * len(self._features) for index in range(len(branches))]),
        )

    def roc_auc(self, projection: Projection, C: float) -> float:
        """Return the ROC-AUC, on the held out trials, of regression on what heads project to."""
        values = self.model(projection, C).classifier.scores(projection.joined(self._held))
        return float(roc_auc_score(self.problem.dev_labels, values))

    def train(
        self, settings: Contrastive, temperature: float | None, seed: int
    ) -> Iterator[_State]:
        """Train heads by AdamW, the learning rate falling as a cosine; yield them after each epoch.

        Where trials are held out, they are judged every tenth of the epochs.
        """
        loss = LOSSES[settings.loss]
        heads = _Heads(self.problem, settings, loss, seed)
        sampler = Sampler(self.problem, settings.batch_size, seed)
        optimiser, n_steps = heads.optimiser, settings.epochs * sampler.n_batches
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)
        every = math.ceil(settings.epochs / _CHECKS)
        for epoch in range(1, settings.epochs + 1):
            total = 0.0
            for drawn in sampler.batches(epoch):
                value = loss(self.batch(heads.projection(), drawn), temperature, heads.direction)
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
                schedule.step()
                total += value.item()
            if not math.isfinite(total):
                raise UserError(
                    f"loss {settings.loss} became NaN or infinite at epoch {epoch}; give the "
                    f"experiment a `learning_rate` below {settings.learning_rate:g}"
                )
            frozen, roc_auc = heads.frozen(), None
            is_check = epoch % every == 0 or epoch == settings.epochs
            if is_check and self.problem.dev_features is not None:
                roc_auc = self.roc_auc(frozen, _CHECK_C)
            loss_of_epoch = total / sampler.n_batches
            n_parameters = heads.n_parameters
            yield _State(self, temperature, epoch, loss_of_epoch, frozen, n_parameters, roc_auc)


class _Heads:
    """The tensors that are trained.

    Weights and biases start as torch's linear layers do: uniform within 1 / sqrt(inputs).
    """

    def __init__(self, problem: Problem, settings: Contrastive, loss: Loss, seed: int):
        generator = torch.Generator().manual_seed(seed)

        def uniform(*shape: int, fan_in: int) -> torch.Tensor:
            start = torch.rand(shape, generator=generator) * 2 - 1
            return (start / math.sqrt(fan_in)).requires_grad_()

        self._norms, self._n_spectral = loss.norms, problem.n_spectral
        n_layers = problem.n_layers if settings.layer_weights else 1
        of_layers = problem.features.shape[1] - problem.n_spectral
        widths = [problem.n_spectral, of_layers // n_layers]
        dimension, hidden = settings.dimension, settings.hidden
        self._heads: list[Head] = []
        for inputs in widths if settings.views == 2 else [sum(widths)]:
            sizes = [inputs, *([hidden] if hidden else []), dimension]
            self._heads.append(
                [
                    (uniform(a, b, fan_in=a), uniform(b, fan_in=a))
                    for a, b in itertools.pairwise(sizes)
                ]
            )
        self.direction = uniform(dimension, fan_in=dimension)
        self._layer_logits = torch.zeros(n_layers, requires_grad=settings.layer_weights)
        weights, biases = zip(*(layer for head in self._heads for layer in head), strict=True)
        others = [
            *biases,
            *([self.direction] if loss.direction else []),
            *([self._layer_logits] if settings.layer_weights else []),
        ]
        self.n_parameters = sum(tensor.numel() for tensor in [*weights, *others])
        # Weights decay, biases and layer weights do not.
        groups = [
            {"params": weights, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)

    def projection(self) -> Projection:
        """Return the heads as they are, through which gradients flow."""
        weights = self._layer_logits.softmax(0)
        return Projection(self._n_spectral, weights, self._heads, self._norms)

    def frozen(self) -> Projection:
        """Return a copy with NumPy arrays."""
        heads = [[(_copy(weight), _copy(bias)) for weight, bias in head] for head in self._heads]
        now = self.projection()
        return replace(now, layer_weights=_copy(now.layer_weights), heads=heads)


def _copy(tensor: torch.Tensor) -> NDArray[np.float32]:
    return tensor.detach().numpy().copy()


class Sampler:
    """Batches that hold classes, attacks and speakers in equal shares.

    An epoch draws as many clips as there are (one more for an odd number). Half are bona fide; each
    attack has the same share of the spoofed half, and each speaker the same share of an attack (or
    of bona fide). What cannot be dealt equally falls to whom chance picks. A clip comes again only
    when all of its speaker and attack have come. Each batch has both classes in equal parts, and of
    a clip all rows. An epoch depends on the seed and its number alone.
    """

    def __init__(self, problem: Problem, batch_size: int, seed: int):
        _, first, clip = np.unique(problem.clips, return_index=True, return_inverse=True)
        self._rows = np.split(np.argsort(clip, kind="stable"), np.cumsum(np.bincount(clip))[:-1])
        names = (
            np.asarray(names, dtype=object)[first] for names in (problem.attacks, problem.speakers)
        )
        # Numbers in the order of the names; what is not known is -1.
        numbers = [pd.factorize(column, sort=True)[0] for column in names]
        columns = [np.asarray(problem.labels)[first], *numbers]
        self._classes = _grouped(np.arange(len(first)), columns)
        self._half, self._seed = math.ceil(len(first) / 2), seed
        self.n_batches = math.ceil(2 * self._half / batch_size)

    def batches(self, epoch: int) -> Iterator[NDArray[np.intp]]:
        """Yield the rows of each batch of an epoch."""
        random = np.random.default_rng([self._seed, epoch])
        halves = [random.permutation(drawn(groups, self._half, random)) for groups in self._classes]
        for index in range(self.n_batches):
            clips = np.concatenate([half[index :: self.n_batches] for half in halves])
            yield np.concatenate([self._rows[clip] for clip in clips])


def _grouped(members: NDArray[np.intp], columns: Sequence[NDArray]) -> list | NDArray[np.intp]:
    """Return members by the first column's value, those of each by the second's, and so on."""
    if not columns:
        return members
    values = columns[0][members]
    return [_grouped(members[values == value], columns[1:]) for value in np.unique(values)]


def drawn(
    groups: list | NDArray[np.intp], number: int, random: np.random.Generator
) -> NDArray[np.intp]:
    """Draw so many members, in equal shares from nested groups of them.

    A group is gone through in random order, again and again as far as it is needed.
    """
    if isinstance(groups, np.ndarray):
        rounds = [random.permutation(groups) for _ in range(math.ceil(number / len(groups)))]
        return np.concatenate([groups[:0], *rounds])[:number]
    shares = np.full(len(groups), number // len(groups))
    shares[random.permutation(len(groups))[: number % len(groups)]] += 1
    return np.concatenate(
        [drawn(group, share, random) for group, share in zip(groups, shares, strict=True)]
    )
