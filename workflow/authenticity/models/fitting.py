"""One candidate fitted and scored, in every round of the protocol and with each pooling.

Everything is fitted on a round's `train` trials; its dev and eval trials are scored.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from authenticity.evaluation import splits
from authenticity.models import logistic
from authenticity.models.baseline import LinearModel
from authenticity.models.candidates import Candidate
from authenticity.models.logistic import Fit
from authenticity.models.scores import trials_of

if TYPE_CHECKING:
    from authenticity.config import Experiment

Features = Callable[[str, str], tuple[list[str], NDArray[np.float32]]]
"""Given a pooling and a view, returns files and their features; see `matrix.load`."""


def fit(
    trials: pa.Table,
    features: Features,
    experiment: "Experiment",
    n_spectral: int,
    n_layers: int,
    sign: float = 1.0,
) -> Candidate:
    """Fit and score one candidate in every round, with each pooling.

    Args:
        trials: of the corpus, `tables.TRIALS`, by key.
        features: the candidate's, as a function of pooling and view.
        experiment: from the configuration. With `shuffle_labels`, a control, classes (and attacks
            with them) are dealt out anew within train and within dev before anything is fitted.
        n_spectral: how many of the features are spectral.
        n_layers: how many layers the others are of.
        sign: of a published detector; see `published.sign`. Nothing is fitted: its score is that
            times its one feature.

    Raises:
        UserError: the protocol leaves a part without both classes.
    """
    settings, data = experiment.features, Trials(trials)
    rounds = data.rounds(experiment)
    outcomes: dict[str, list[_Outcome]] = {pooling: [] for pooling in settings.pooling}
    for pooling in settings.pooling:
        views = {}
        for view in dict.fromkeys([*settings.train_views, settings.view]):
            files, matrix = features(pooling, view)
            views[view] = _Matrix(matrix, data.rows(files))
        for item in rounds:
            known = data.shuffled(item, experiment.seed) if experiment.shuffle_labels else data
            source = _Source(known, views, item, experiment, n_spectral, n_layers, sign)
            outcomes[pooling].append(source.outcome())
    models = {
        pooling: [outcome.fits[0].model for outcome in by_round]
        for pooling, by_round in outcomes.items()
    }
    summary = {"leak": splits.leaks(trials, rounds), "rounds": _summary(rounds, outcomes)}
    return Candidate(_scores(data, rounds, outcomes), models, summary)


class Trials:
    """The columns of a corpus's trials as arrays.

    Attributes:
        keys, labels, speakers, attacks: of each trial; shape (trials,).
    """

    def __init__(self, trials: pa.Table):
        """Take the columns of `tables.TRIALS`."""
        self._trials = trials
        self.keys = np.asarray(trials["key"].to_pylist())
        self.labels = trials["label"].to_numpy()
        self.speakers = np.asarray(trials["speaker"].to_pylist())
        self.attacks = np.asarray(trials["attack"].to_pylist())

    def rounds(self, experiment: "Experiment") -> list[splits.Round]:
        """Return the rounds of an experiment's protocol; each part must have both classes."""
        rounds = splits.rounds(self._trials, experiment.protocol, experiment.seed)
        corpus = self._trials["corpus"][0].as_py()
        splits.require_both_classes(corpus, self._trials, experiment.protocol, rounds)
        return rounds

    def shuffled(self, item: splits.Round, seed: int) -> "Trials":
        """Return the same trials, their classes permuted within train and within dev."""
        generator = np.random.default_rng(seed)
        other = copy.copy(self)
        other.labels, other.attacks = self.labels.copy(), self.attacks.copy()
        for part in ("train", "dev"):
            members = np.flatnonzero(item.parts == part)
            dealt = generator.permutation(members)
            other.labels[members], other.attacks[members] = self.labels[dealt], self.attacks[dealt]
        return other

    def rows(self, files: Sequence[str]) -> NDArray[np.intp]:
        """Return the position of each trial among these files, in order of name; -1 for none."""
        files = np.asarray(files)
        row = np.minimum(np.searchsorted(files, self.keys), len(files) - 1)
        return np.where(files[row] == self.keys, row, -1)

    def table(self, members: NDArray[np.intp], item: splits.Round) -> pa.Table:
        """Return these trials with `tables.TRIAL_COLUMNS` and the parts of a round."""
        return trials_of(self._trials.take(pa.array(members)), item.parts[members], item.name)


@dataclass(frozen=True)
class _Matrix:
    """Features in one view, and the row of each trial in them, -1 where it has none."""

    features: NDArray[np.float32]
    rows: NDArray[np.intp]

    def members(self, item: splits.Round, *parts: str) -> NDArray[np.intp]:
        """Return the trials of these parts that have features."""
        return np.flatnonzero(np.isin(item.parts, parts) & (self.rows >= 0))

    def take(self, trials: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the features of trials, shape (trials, features)."""
        return self.features[self.rows[trials]]


@dataclass(frozen=True)
class _Outcome:
    """One round with one pooling: the fits of all seeds, and how each scores the same trials.

    Attributes:
        fits: one for each seed.
        scored: positions of the dev and eval trials.
        scores: of each fit, shape (scored,).
        dev_roc_auc: of each fit; None where there is no dev.
        counts: plain data: the folds, and how many trials of each class were fitted on.
    """

    fits: list[Fit]
    scored: NDArray[np.intp]
    scores: list[NDArray[np.float64]]
    dev_roc_auc: list[float | None]
    counts: dict[str, Any]

    def by_column(self, pooling: str) -> dict[str, NDArray[np.float64]]:
        """Return the columns of scores: the first seed's, and `{pooling}@{seed}` of each."""
        seeds = {
            f"{pooling}@{fit.seed}": values
            for fit, values in zip(self.fits, self.scores, strict=True)
            if fit.seed is not None
        }
        return {pooling: self.scores[0], **seeds}

    def figures(self) -> dict[str, Any]:
        """Say how it was fitted; over several seeds, ROC-AUCs are means."""
        first = self.fits[0]
        crossed = [fit.held_roc_auc[fit.C] for fit in self.fits if fit.by_folds]
        on_dev = [value for value in self.dev_roc_auc if value is not None]
        figures = {
            "C": first.C,
            "cv_roc_auc": float(np.mean(crossed)) if crossed else None,
            "roc_auc_by_C": {
                f"{C:g}": float(np.mean([fit.held_roc_auc[C] for fit in self.fits]))
                for C in first.held_roc_auc
            },
            "dev_roc_auc": float(np.mean(on_dev)) if on_dev else None,
        }
        if first.seed is not None:
            figures["seeds"] = {
                str(fit.seed): {"C": fit.C, "dev_roc_auc": auc, **fit.summary}
                for fit, auc in zip(self.fits, self.dev_roc_auc, strict=True)
            }
        return figures


@dataclass(frozen=True)
class _Source:
    """What a model of one round is fitted on and scored on."""

    data: Trials
    views: Mapping[str, _Matrix]
    item: splits.Round
    experiment: "Experiment"
    n_spectral: int
    n_layers: int
    sign: float

    def outcome(self) -> _Outcome:
        """Fit with every seed, and score dev and eval."""
        settings, data = self.experiment.features, self.data
        matrix = self.views[settings.view]
        if self.experiment.model.kind == "published":
            train, folds_in_words = np.empty(0, np.intp), "none: it was trained by others"
            model = LinearModel(np.zeros(1), np.ones(1), np.array([self.sign]), 0.0)
            fits = [Fit(model, None, {}, by_folds=False)]
        else:
            train, folds_in_words, fits = self._fitted(matrix)
        scored = matrix.members(self.item, "dev", "eval")
        features = matrix.take(scored)
        scores = [fit.model.scores(features) for fit in fits]
        on_dev = self.item.parts[scored] == "dev"
        dev = data.labels[scored[on_dev]]
        labels = data.labels[train]
        counts = {
            "folds": folds_in_words,
            "n_train_bonafide": len(set(data.keys[train[labels == 0]])),
            "n_train_spoof": len(set(data.keys[train[labels == 1]])),
        }
        roc_auc = [
            float(roc_auc_score(dev, values[on_dev])) if len(dev) else None for values in scores
        ]
        return _Outcome(fits, scored, scores, roc_auc, counts)

    def _fitted(self, matrix: _Matrix) -> tuple[NDArray[np.intp], str, list[Fit]]:
        """Return the trials that were fitted on, their folds in words, and the fits."""
        settings, data = self.experiment.features, self.data
        members = [self.views[view].members(self.item, "train") for view in settings.train_views]
        train = np.concatenate(members)
        dev = matrix.members(self.item, "dev")
        folds, folds_in_words = [], "none: C is chosen on dev"
        if not len(dev):
            folds, folds_in_words = splits.folds(
                data.labels[train],
                data.speakers[train],
                data.keys[train],
                self.experiment.model.folds,
                self.experiment.protocol.folds,
                self.experiment.seed,
            )
        block = np.concatenate(
            [
                self.views[view].take(trials)
                for view, trials in zip(settings.train_views, members, strict=True)
            ]
        )
        on_dev = (matrix.take(dev), data.labels[dev]) if len(dev) else None
        return train, folds_in_words, self._fits(train, block, folds, on_dev)

    def _fits(
        self,
        train: NDArray[np.intp],
        block: NDArray[np.float32],
        folds: splits.Folds,
        on_dev: tuple[NDArray[np.float32], NDArray[np.integer]] | None,
    ) -> list[Fit]:
        model, data = self.experiment.model, self.data
        if model.kind == "logistic":
            labels = data.labels[train]
            if on_dev is None:
                return [logistic.fit(block, labels, folds, model.C)]
            return [logistic.fit_on_dev(block, labels, *on_dev, model.C)]
        from authenticity.models import contrast  # torch, which logistic regression does not need

        problem = contrast.Problem(
            features=block,
            n_spectral=self.n_spectral,
            n_layers=self.n_layers,
            labels=data.labels[train],
            speakers=data.speakers[train],
            attacks=data.attacks[train],
            clips=data.keys[train],
            dev_features=on_dev[0] if on_dev else None,
            dev_labels=on_dev[1] if on_dev else None,
        )
        return contrast.fit(problem, model, folds)


def _scores(
    data: Trials, rounds: Sequence[splits.Round], outcomes: Mapping[str, list[_Outcome]]
) -> pa.Table:
    """Return `Candidate.scores` from the outcomes: by pooling, one for each round."""
    first = next(iter(outcomes.values()))
    table = pa.concat_tables(
        data.table(outcome.scored, item) for outcome, item in zip(first, rounds, strict=True)
    )
    for pooling, by_round in outcomes.items():
        columns = [outcome.by_column(pooling) for outcome in by_round]
        for name in columns[0]:
            values = np.concatenate([column[name] for column in columns])
            table = table.append_column(name, pa.array(values))
    return table


def _summary(
    rounds: Sequence[splits.Round], outcomes: Mapping[str, list[_Outcome]]
) -> list[dict[str, Any]]:
    """Return what `Candidate.summary` says of each round."""
    summary = []
    for item, *by_pooling in zip(rounds, *outcomes.values(), strict=True):
        figures = [outcome.figures() for outcome in by_pooling]
        poolings = dict(zip(outcomes, figures, strict=True))
        summary.append({"round": item.name, **by_pooling[0].counts, "poolings": poolings})
    return summary
