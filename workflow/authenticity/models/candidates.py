"""A candidate: one set of features under one experiment, fitted, scored, and perhaps chosen.

In every round of the protocol, everything is fitted on `train` trials. The choice among candidates
and poolings, and the calibration of the chosen one's scores, are made on the round's `dev` trials
(the choice by cross-validation where a protocol has no dev); never on `eval`.
"""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import expit

from authenticity import tables
from authenticity.evaluation import calibration, splits
from authenticity.models import baseline
from authenticity.models.projection import Model

if TYPE_CHECKING:
    from authenticity.config import Contrastive, Experiment, Logistic

VERSION = "3"
"""Raise it when a change to features.matrix, splits, calibration or models changes any score."""

Features = Callable[[str, str], tuple[list[str], NDArray[np.float32]]]
"""Given a pooling and a view, returns files and their features; see `matrix.load`."""


@dataclass(frozen=True)
class Candidate:
    """The outcome of one candidate.

    Attributes:
        scores: each round's dev and eval trials, `tables.TRIAL_COLUMNS` and a column of scores per
            pooling; where training has chance in it, also `{pooling}@{seed}` for each seed, the
            pooling's own being the first's.
        models: by pooling, one for each round, of the first seed.
        summary: plain data on how it was fitted: `leak`, and in `rounds`, for each round, the
            folds, counts, and by pooling C and AUC figures.
    """

    scores: pa.Table
    models: dict[str, list[Model]]
    summary: dict[str, Any]

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return all models as named arrays: `{pooling}.{number of the round}.weight` and so on."""
        arrays = {}
        for pooling, models in self.models.items():
            for index, model in enumerate(models):
                arrays |= model.arrays(f"{pooling}.{index}")
        return arrays

    def lines(self) -> list[str]:
        """Say in words how each pooling did in each round."""
        return [
            f"round {item['round']}, pooling {pooling}: C {row['C']:g}, ROC-AUC "
            + " and ".join(
                f"{row[name]:.4f} {how}"
                for name, how in (("cv_roc_auc", "cross-validated"), ("dev_roc_auc", "on dev"))
                if row[name] is not None
            )
            for item in self.summary["rounds"]
            for pooling, row in item["poolings"].items()
        ]


def fit(
    trials: pa.Table,
    features: Features,
    experiment: "Experiment",
    n_spectral: int,
    n_layers: int,
) -> Candidate:
    """Fit and score one candidate in every round, with each pooling.

    Args:
        trials: of the corpus, `tables.TRIALS`, by key.
        features: the candidate's, as a function of pooling and view.
        experiment: from the configuration. With `shuffle_labels`, a control, classes (and attacks
            with them) are dealt out anew within train and within dev before anything is fitted.
        n_spectral: how many of the features are spectral.
        n_layers: how many layers the others are of.

    Raises:
        UserError: the protocol leaves a part without both classes.
    """
    protocol, settings = experiment.protocol, experiment.features
    rounds = splits.rounds(trials, protocol, experiment.seed)
    splits.require_both_classes(trials["corpus"][0].as_py(), trials, protocol, rounds)
    data = _Trials(trials, n_spectral, n_layers)
    poolings = settings.pooling
    summary = {"leak": splits.leaks(trials, rounds), "rounds": [{} for _ in rounds]}
    models: dict[str, list[Model]] = {pooling: [] for pooling in poolings}
    scored: dict[str, list[NDArray]] = {}
    blocks: list[pa.Table] = []
    for pooling in poolings:
        views = dict.fromkeys([*settings.train_views, settings.view])
        for view in views:
            files, matrix = features(pooling, view)
            views[view] = (matrix, data.rows(files))
        for index, item in enumerate(rounds):
            known = data
            if experiment.shuffle_labels:
                known = data.shuffled(item, experiment.seed)
            outcome = _fit_round(known, views, item, experiment)
            models[pooling].append(outcome.fitted[0].model)
            scored.setdefault(pooling, []).append(outcome.scores[0])
            for fitted, values in zip(outcome.fitted, outcome.scores, strict=True):
                if fitted.seed is not None:
                    scored.setdefault(f"{pooling}@{fitted.seed}", []).append(values)
            row = summary["rounds"][index]
            row |= {"round": item.name, **outcome.how}
            row.setdefault("poolings", {})[pooling] = outcome.figures()
            if pooling == poolings[0]:
                blocks.append(data.table(outcome.scored, item))
    scores = pa.concat_tables(blocks)
    for name, values in scored.items():
        scores = scores.append_column(name, pa.array(np.concatenate(values)))
    return Candidate(scores, models, summary)


class _Trials:
    """The columns of the trials as arrays."""

    def __init__(self, trials: pa.Table, n_spectral: int, n_layers: int):
        self._trials = trials
        self.n_spectral, self.n_layers = n_spectral, n_layers
        self.keys = np.asarray(trials["key"].to_pylist())
        self.labels = trials["label"].to_numpy()
        self.speakers = np.asarray(trials["speaker"].to_pylist())
        self.attacks = np.asarray(trials["attack"].to_pylist())

    def shuffled(self, item: splits.Round, seed: int) -> "_Trials":
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
        """Return the row of each trial in a feature matrix of these files, -1 where it has none."""
        files = np.asarray(files)
        row = np.minimum(np.searchsorted(files, self.keys), len(files) - 1)
        return np.where(files[row] == self.keys, row, -1)

    def table(self, members: NDArray[np.intp], item: splits.Round) -> pa.Table:
        """Return these trials with `tables.TRIAL_COLUMNS` and the parts of a round."""
        table = self._trials.take(pa.array(members)).rename_columns({"key": "file"})
        table = table.set_column(
            table.schema.get_field_index("split"), "split", pa.array(item.parts[members].tolist())
        )
        table = table.append_column("round", pa.array([item.name] * len(members), pa.string()))
        return table.select(tables.TRIAL_COLUMNS)


@dataclass(frozen=True)
class _Fitted:
    """A model of one round.

    Attributes:
        model: fitted on all training trials.
        seed: that it was trained with; None where training has no chance in it.
        C: inverse strength of regularisation.
        tried: ROC-AUC of each C that was tried, of what it was not fitted on.
        by_folds: whether those are of the folds; else they are of dev.
        details: plain data on how else it was trained.
    """

    model: Model
    seed: int | None
    C: float
    tried: Mapping[float, float]
    by_folds: bool
    details: Mapping[str, Any]


@dataclass(frozen=True)
class _Outcome:
    """One round with one pooling: a model and the scores of the trials in `scored` per seed."""

    fitted: list[_Fitted]
    scored: NDArray[np.intp]
    scores: list[NDArray[np.float64]]
    how: dict[str, Any]
    dev_roc_auc: list[float] | None

    def figures(self) -> dict[str, Any]:
        """Say how it was fitted; over several seeds, ROC-AUCs are means."""
        first = self.fitted[0]
        crossed = [max(item.tried.values()) for item in self.fitted if item.by_folds]
        figures = {
            "C": first.C,
            "cv_roc_auc": float(np.mean(crossed)) if crossed else None,
            "roc_auc_by_C": {f"{C:g}": auc for C, auc in first.tried.items()},
            "dev_roc_auc": float(np.mean(self.dev_roc_auc)) if self.dev_roc_auc else None,
        }
        if first.seed is not None:
            dev = self.dev_roc_auc or [None] * len(self.fitted)
            figures["seeds"] = {
                str(item.seed): {"C": item.C, "dev_roc_auc": auc, **item.details}
                for item, auc in zip(self.fitted, dev, strict=True)
            }
        return figures


def _fit_round(
    data: _Trials,
    views: Mapping[str, tuple[NDArray, NDArray[np.intp]]],
    item: splits.Round,
    experiment: "Experiment",
) -> _Outcome:
    from sklearn.metrics import roc_auc_score  # every parse of the workflow imports this module

    settings, model = experiment.features, experiment.model
    members, blocks = [], []
    for view in settings.train_views:
        matrix, rows = views[view]
        members.append(np.flatnonzero((item.parts == "train") & (rows >= 0)))
        blocks.append(matrix[rows[members[-1]]])
    train, block = np.concatenate(members), np.concatenate(blocks)
    labels = data.labels[train]
    folds, how = splits.folds(
        labels,
        data.speakers[train],
        data.keys[train],
        model.folds,
        experiment.protocol.folds,
        experiment.seed,
    )
    matrix, rows = views[settings.view]
    scored = np.flatnonzero(np.isin(item.parts, ["dev", "eval"]) & (rows >= 0))
    on_dev = item.parts[scored] == "dev"
    dev = data.labels[scored[on_dev]]
    if model.kind == "logistic":
        fitted = [_logistic(block, labels, folds, model)]
    else:
        dev_block = matrix[rows[scored[on_dev]]] if len(dev) else None
        fitted = _contrastive(data, train, block, folds, model, dev_block, dev)
    scores = [found.model.scores(matrix[rows[scored]]) for found in fitted]
    return _Outcome(
        fitted=fitted,
        scored=scored,
        scores=scores,
        how={
            "folds": how,
            "n_train_bonafide": len(set(data.keys[train[labels == 0]])),
            "n_train_spoof": len(set(data.keys[train[labels == 1]])),
        },
        dev_roc_auc=(
            [float(roc_auc_score(dev, values[on_dev])) for values in scores] if len(dev) else None
        ),
    )


def _logistic(block: NDArray, labels: NDArray, folds: splits.Folds, model: "Logistic") -> _Fitted:
    found = baseline.fit(block, labels, folds, model.C)
    return _Fitted(found.model, None, found.C, found.cv_roc_auc, True, {})


def _contrastive(
    data: _Trials,
    train: NDArray[np.intp],
    block: NDArray[np.float32],
    folds: splits.Folds,
    model: "Contrastive",
    dev_block: NDArray[np.float32] | None,
    dev: NDArray[np.integer],
) -> list[_Fitted]:
    from authenticity.models import contrast  # trains with torch, which others need not import

    problem = contrast.Problem(
        block,
        data.n_spectral,
        data.n_layers,
        data.labels[train],
        data.speakers[train],
        data.attacks[train],
        data.keys[train],
        dev_block,
        dev if dev_block is not None else None,
    )
    fitted = []
    for seed in model.seeds:
        found = contrast.fit(problem, model, folds, seed)
        by_folds = dev_block is None
        fitted.append(
            _Fitted(found.model, seed, found.C, found.held_roc_auc, by_folds, found.summary)
        )
    return fitted


def choose(summaries: Mapping[str, Mapping[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rank candidates and poolings by ROC-AUC on dev, or by cross-validation without dev.

    Each round makes its own choice. Ties go to the first: the lower layer.

    Args:
        summaries: `Candidate.summary` by candidate.

    Returns:
        For each round, all that were compared, in the order of the candidates, each with `chosen`.
    """

    def merit(row: Mapping[str, Any]) -> float:
        return row["cv_roc_auc"] if row["dev_roc_auc"] is None else row["dev_roc_auc"]

    compared = []
    for items in zip(*(summary["rounds"] for summary in summaries.values()), strict=True):
        rows = [
            {"round": item["round"], "candidate": candidate, "pooling": pooling, **figures}
            for candidate, item in zip(summaries, items, strict=True)
            for pooling, figures in item["poolings"].items()
        ]
        best = max(rows, key=merit)
        compared.append([{**row, "chosen": row is best} for row in rows])
    return compared


@dataclass(frozen=True)
class Choice:
    """What an experiment comes to: its scores, and its models with how they were chosen.

    Attributes:
        scores: `tables.SCORES` with the corpus's conditions.
        candidates: `tables.TRIAL_COLUMNS` and what each candidate scores with each pooling, in
            columns named by `tables.candidate_column`.
        seeds: `tables.TRIAL_COLUMNS` and a column of scores for each seed, named by it and
            comparable as `score` is; no such column where training has no chance in it.
        model: plain data: `rounds` (candidate, pooling, C, calibration, counts), `selection`,
            `leak`.
        arrays: the chosen models: `{number of the round}.weight` and so on.
    """

    scores: pa.Table
    candidates: pa.Table
    seeds: pa.Table
    model: dict[str, Any]
    arrays: dict[str, NDArray[np.float64]]

    def chosen(self) -> str:
        """Return what was chosen in each round as JSON, for the scores' metadata."""
        names = ("round", "candidate", "pooling", "C", "calibration")
        rows = [{name: row[name] for name in names} for row in self.model["rounds"]]
        return json.dumps(rows, sort_keys=True)


def conclude(trials: pa.Table, fitted: Mapping[str, Candidate]) -> Choice:
    """Choose in every round, calibrate on its dev, and put the rounds together.

    Args:
        trials: of the corpus, `tables.TRIALS`.
        fitted: every candidate of the experiment, by name.
    """
    summaries = {name: candidate.summary for name, candidate in fitted.items()}
    compared = choose(summaries)
    rows, blocks, seeds, weights = [], [], [], {}
    for index, items in enumerate(compared):
        best = next(row for row in items if row["chosen"])
        candidate, pooling = best["candidate"], best["pooling"]
        table = fitted[candidate].scores
        table = table.filter(pc.equal(table["round"], best["round"]))
        mapped = _calibration(table, pooling)
        blocks.append(final_scores(table, table[pooling].to_numpy(), mapped, len(compared) > 1))
        seeds.append(_seeds(table, pooling, len(compared) > 1))
        prefix = f"{pooling}.{index}."
        weights |= {
            f"{index}.{name.removeprefix(prefix)}": array
            for name, array in fitted[candidate].arrays().items()
            if name.startswith(prefix)
        }
        how = summaries[candidate]["rounds"][index]
        rows.append(
            {
                **{name: best[name] for name in ("round", "candidate", "pooling", "C")},
                **({"seeds": best["seeds"]} if "seeds" in best else {}),
                **{name: value for name, value in how.items() if name != "poolings"},
                "calibration": mapped.as_json() if mapped else None,
            }
        )
    model = {
        "rounds": rows,
        "leak": next(iter(summaries.values()))["leak"],
        "selection": [row for items in compared for row in items],
    }
    scored = join_conditions(pa.concat_tables(blocks), trials)
    return Choice(scored, _side_by_side(fitted), pa.concat_tables(seeds), model, weights)


def _side_by_side(fitted: Mapping[str, Candidate]) -> pa.Table:
    """Return the scores of all candidates with each pooling as columns of one table."""
    table = next(iter(fitted.values())).scores.select(tables.TRIAL_COLUMNS)
    for name, candidate in fitted.items():
        for pooling in candidate.models:
            column = candidate.scores[pooling]
            table = table.append_column(tables.candidate_column(name, pooling), column)
    return table


def _calibration(table: pa.Table, column: str) -> calibration.Calibration | None:
    dev = table.filter(pc.equal(table["split"], "dev"))
    if not len(dev):
        return None
    return calibration.fit(dev[column].to_numpy(), dev["label"].to_numpy())


def _seeds(table: pa.Table, pooling: str, pooled: bool) -> pa.Table:
    """Return a column of scores per seed, each calibrated as the first's is."""
    found = table.select(tables.TRIAL_COLUMNS)
    prefix = f"{pooling}@"
    for column in table.column_names:
        if column.startswith(prefix):
            fitted = _calibration(table, column)
            scored = final_scores(table, table[column].to_numpy(), fitted, pooled)
            found = found.append_column(column.removeprefix(prefix), scored["score"])
    return found


def final_scores(
    trials: pa.Table,
    values: NDArray[np.float64],
    fitted: calibration.Calibration | None,
    pooled: bool,
) -> pa.Table:
    """Return a model's scores as a table of `tables.SCORES`.

    Args:
        trials: `tables.TRIAL_COLUMNS`.
        values: the log-odds of spoof of each, (trials,).
        fitted: their calibration, or none.
        pooled: whether the scores will stand beside other models': then `score` is the calibrated
            log-likelihood ratio, which means the same in each.
    """
    nothing = np.full(len(values), np.nan)
    llr = fitted.llr(values) if fitted else nothing
    columns = {
        "score": llr if pooled and fitted else values,
        "p_spoof": expit(values),
        "llr": llr,
        "p_calibrated": fitted.probability(values) if fitted else nothing,
    }
    table = trials.select(tables.TRIAL_COLUMNS)
    for name, column in columns.items():
        table = table.append_column(name, pa.array(column, pa.float64()))
    return table.cast(tables.SCORES)


def join_conditions(scores: pa.Table, trials: pa.Table) -> pa.Table:
    """Append the condition columns of a corpus's trials to scores."""
    names = tables.conditions(trials.column_names)
    row = pc.index_in(scores["file"], value_set=trials["key"].combine_chunks())
    for name in names:
        scores = scores.append_column(name, trials[name].take(row))
    return scores
