"""A candidate: one set of features under one experiment, scored, and perhaps chosen.

In every round of the protocol, the choice among candidates and poolings, and the calibration of the
chosen one's scores, are made on the round's `dev` trials (the choice by cross-validation where a
protocol has no dev); never on `eval`. `fitting` makes candidates.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from authenticity import tables
from authenticity.evaluation import calibration, splits
from authenticity.models.baseline import LinearModel
from authenticity.models.projection import Model
from authenticity.models.scores import final_scores, join_conditions

VERSION = "5"
"""Raise it when a change to features.matrix, splits, calibration or models changes any score."""


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
            f"round {item['round']}, pooling {pooling}: C {said_C(row['C'])}, ROC-AUC "
            + " and ".join(
                f"{row[name]:.4f} {how}"
                for name, how in (("cv_roc_auc", "cross-validated"), ("dev_roc_auc", "on dev"))
                if row[name] is not None
            )
            for item in self.summary["rounds"]
            for pooling, row in item["poolings"].items()
        ]


def together(
    seeds: Sequence[int],
    scores: Sequence[pa.Table],
    summaries: Sequence[Mapping[str, Any]],
    head: Mapping[str, NDArray],
) -> Candidate:
    """Put a fine-tuned encoder's seeds together, the first one's scores and head standing for all.

    Args:
        seeds: in the order of the configuration, as what follows.
        scores: `finetuned.Outcome.scores` of each.
        summaries: as `scores`, `finetuned.Outcome.summary`.
        head: arrays of the first one's `finetune.FineTuned.head`.
    """
    first, pooling = summaries[0], "mean"  # over time, of the last trained layer
    table = scores[0].select(tables.TRIAL_COLUMNS).append_column(pooling, scores[0]["score"])
    for seed, scored in zip(seeds, scores, strict=True):
        table = table.append_column(f"{pooling}@{seed}", scored["score"])
    dev = [summary["dev_roc_auc"] for summary in summaries]
    names = ("C", "dev_roc_auc", "epoch", "parameters", "curve")
    figures = {
        "C": first["C"],
        "cv_roc_auc": None,
        "roc_auc_by_C": {},
        "dev_roc_auc": None if None in dev else float(np.mean(dev)),
        "seeds": {
            str(seed): {name: summary[name] for name in names}
            for seed, summary in zip(seeds, summaries, strict=True)
        },
    }
    row = {
        "round": splits.ONE_ROUND,
        "folds": "none: the epoch is chosen on dev",
        "n_train_bonafide": first["n_train_bonafide"],
        "n_train_spoof": first["n_train_spoof"],
        "poolings": {pooling: figures},
    }
    summary = {"leak": first["leak"], "rounds": [row]}
    return Candidate(table, {pooling: [LinearModel.of(head, "head")]}, summary)


def said_C(C: float | None) -> str:  # noqa: N802 - it is called so
    """Say which inverse strength of regularisation it is, if anything was fitted."""
    return "none" if C is None else f"{C:g}"


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
        calibrated = _calibration(table, pooling)
        blocks.append(final_scores(table, table[pooling].to_numpy(), calibrated, len(compared) > 1))
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
                "calibration": vars(calibrated) if calibrated else None,
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
    seeds = table.select(tables.TRIAL_COLUMNS)
    prefix = f"{pooling}@"
    for column in table.column_names:
        if column.startswith(prefix):
            fitted = _calibration(table, column)
            scored = final_scores(table, table[column].to_numpy(), fitted, pooled)
            seeds = seeds.append_column(column.removeprefix(prefix), scored["score"])
    return seeds
