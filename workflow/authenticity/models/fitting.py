"""One candidate fitted and scored, in every round of the protocol.

Everything is fitted on a round's `train` trials; its dev and eval trials are scored.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from authenticity.config import Experiment
from authenticity.evaluation import splits
from authenticity.models import logistic
from authenticity.models.application import trials_of
from authenticity.models.candidates import Candidate
from authenticity.models.logistic import Fit
from authenticity.models.projection import LinearModel

Features = Callable[[str], tuple[list[str], NDArray[np.float32]]]
"""Given a view, returns files and their features; see `matrix.load`."""


class Trials:
    """The columns of a corpus's trials as arrays, and their parts in an experiment's protocol.

    Attributes:
        keys, labels, speakers, attacks: of each trial; shape (trials,).
        rounds: of the protocol.
    """

    def __init__(self, trials: pa.Table, experiment: Experiment):
        """Take the columns of `tables.TRIALS`, and check that each part has both classes.

        Raises:
            UserError: the protocol leaves a part without both classes.
        """
        self._trials = trials
        self.keys = np.asarray(trials["key"].to_pylist())
        self.labels = trials["label"].to_numpy()
        self.speakers = np.asarray(trials["speaker"].to_pylist())
        self.attacks = np.asarray(trials["attack"].to_pylist())
        self.rounds = splits.rounds(trials, experiment.protocol, experiment.seed)
        corpus = trials["corpus"][0].as_py()
        splits.require_both_classes(corpus, trials, experiment.protocol, self.rounds)

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
        """Return the position of each trial among these files; -1 for none."""
        found = pc.index_in(self._trials["key"], value_set=pa.array(files, pa.string()))
        return found.fill_null(-1).to_numpy().astype(np.intp)

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


def judged(
    data: Trials,
    number: int,
    scored: NDArray[np.intp],
    fits: Sequence[Fit],
    scores: Sequence[NDArray[np.float64]],
    fitted_on: dict[str, Any],
) -> Candidate:
    """Return what a candidate comes to in one round; over several seeds, ROC-AUCs are means.

    Args:
        data: the trials.
        number: of the round.
        scored: its dev and eval trials that have scores.
        fits: one for each seed; each is judged by its scores on dev.
        scores: of each fit, shape (scored,).
        fitted_on: what `counts` returned.
    """
    item, first = data.rounds[number], fits[0]
    on_dev = item.parts[scored] == "dev"
    dev = data.labels[scored[on_dev]]
    aucs = [float(roc_auc_score(dev, each[on_dev])) if len(dev) else None for each in scores]
    crossed = [fit.held_roc_auc[fit.C] for fit in fits if fit.by_folds]
    figures = {
        "C": first.C,
        "cv_roc_auc": float(np.mean(crossed)) if crossed else None,
        "roc_auc_by_C": {
            f"{C:g}": float(np.mean([fit.held_roc_auc[C] for fit in fits]))
            for C in first.held_roc_auc
        },
        "dev_roc_auc": float(np.mean(aucs)) if len(dev) else None,
    }
    columns = {"score": scores[0]}
    if first.seed is not None:
        columns |= {str(fit.seed): each for fit, each in zip(fits, scores, strict=True)}
        figures["seeds"] = {
            str(fit.seed): {"C": fit.C, "dev_roc_auc": auc, **fit.summary}
            for fit, auc in zip(fits, aucs, strict=True)
        }
    table = data.table(scored, item)
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    about = {"round": item.name, "counts": fitted_on, "figures": figures}
    return Candidate(table, first.model.arrays(str(number)), [about])


def fit(
    data: Trials,
    features: Features,
    experiment: Experiment,
    n_spectral: int,
    n_layers: int,
    sign: float = 1.0,
) -> Candidate:
    """Fit and score one candidate in every round.

    Args:
        data: the corpus's trials, by key, in the experiment's protocol.
        features: the candidate's, as a function of the view.
        experiment: from the configuration. With `shuffle_labels`, a control, classes (and attacks
            with them) are dealt out anew within train and within dev before anything is fitted.
        n_spectral: how many of the features are spectral.
        n_layers: how many layers the others are of.
        sign: of a published detector; see `published.sign`. Nothing is fitted: its score is that
            times its one feature.
    """
    settings, views, found = experiment.features, {}, []
    for view in dict.fromkeys([*settings.train_views, settings.view]):
        files, matrix = features(view)
        views[view] = _Matrix(matrix, data.rows(files))
    for number, item in enumerate(data.rounds):
        known = data.shuffled(item, experiment.seed) if experiment.shuffle_labels else data
        if experiment.model.kind == "published":
            model = LinearModel(np.zeros(1), np.ones(1), np.array([sign]), 0.0)
            fits = [Fit(model, None, {}, by_folds=False)]
            fitted_on = counts("none: it was trained by others", np.empty(0), np.empty(0))
        else:
            fits, fitted_on = _fits(known, views, item, experiment, n_spectral, n_layers)
        scored = views[settings.view].members(item, "dev", "eval")
        matrix = views[settings.view].take(scored)
        scores = [fit.model.scores(matrix) for fit in fits]
        found.append(judged(known, number, scored, fits, scores, fitted_on))
    return Candidate(
        pa.concat_tables(each.scores for each in found),
        {name: array for each in found for name, array in each.arrays.items()},
        [row for each in found for row in each.rounds],
    )


def _fits(
    data: Trials,
    views: Mapping[str, _Matrix],
    item: splits.Round,
    experiment: Experiment,
    n_spectral: int,
    n_layers: int,
) -> tuple[list[Fit], dict[str, Any]]:
    """Return the fits of one round, one for each seed, and their `counts`."""
    model, matrix = experiment.model, views[experiment.features.view]
    members = {view: views[view].members(item, "train") for view in experiment.features.train_views}
    block = np.concatenate([views[view].take(trials) for view, trials in members.items()])
    train, dev = np.concatenate([*members.values()]), matrix.members(item, "dev")
    labels, speakers, keys = data.labels[train], data.speakers[train], data.keys[train]
    on_dev = (matrix.take(dev), data.labels[dev]) if len(dev) else None
    folds, folds_in_words = [], "none: C is chosen on dev"
    if on_dev is None:
        by, seed = experiment.protocol.folds, experiment.seed
        folds, folds_in_words = splits.folds(labels, speakers, keys, model.folds, by, seed)
    if model.kind == "contrastive":
        from authenticity.models import contrast  # torch, which logistic regression does not need

        problem = contrast.Problem(
            features=block,
            n_spectral=n_spectral,
            n_layers=n_layers,
            labels=labels,
            speakers=speakers,
            attacks=data.attacks[train],
            clips=keys,
            dev_features=on_dev[0] if on_dev else None,
            dev_labels=on_dev[1] if on_dev else None,
        )
        fits = contrast.fit(problem, model, folds)
    elif on_dev is None:
        fits = [logistic.fit(block, labels, folds, model.C)]
    else:
        fits = [logistic.fit_on_dev(block, labels, *on_dev, model.C)]
    return fits, counts(folds_in_words, keys, labels)


def counts(folds: str, keys: NDArray, labels: NDArray) -> dict[str, Any]:
    """Count the trials of each class that were fitted on, each once in however many views."""
    bonafide, spoof = (len(np.unique(keys[labels == label])) for label in (0, 1))
    return {"folds": folds, "n_train_bonafide": bonafide, "n_train_spoof": spoof}
