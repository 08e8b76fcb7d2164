"""A candidate: one set of features under one experiment, fitted, scored, and perhaps chosen.

Everything is fitted on the protocol's `train` trials. The choice among candidates and poolings is
made on its `dev` trials, or by cross-validation where a protocol has none; never on `eval`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from authenticity import tables
from authenticity.evaluation import splits
from authenticity.models import baseline
from authenticity.models.baseline import LinearModel

VERSION = "1"
"""Raise it when a change to features.matrix, evaluation.splits or models changes any score."""


@dataclass(frozen=True)
class Candidate:
    """The outcome of one candidate.

    Attributes:
        scores: dev and eval trials with `tables.TRIAL_COLUMNS` and a column of scores per pooling.
        models: by pooling.
        summary: plain data on how it was fitted; `poolings` holds C and AUC figures.
    """

    scores: pa.Table
    models: dict[str, LinearModel]
    summary: dict[str, Any]

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return all models as named arrays; a pooling's names begin with its own."""
        named = (model.arrays(pooling) for pooling, model in self.models.items())
        return {name: array for arrays in named for name, array in arrays.items()}

    def lines(self) -> list[str]:
        """Say in words how each pooling did."""
        return [
            f"pooling {pooling}: C {row['C']:g}, ROC-AUC {row['cv_roc_auc']:.4f} cross-validated"
            + ("" if row["dev_roc_auc"] is None else f", {row['dev_roc_auc']:.4f} on dev")
            for pooling, row in self.summary["poolings"].items()
        ]


def trials(manifest: pa.Table, files: Sequence[str]) -> pa.Table:
    """Return the manifest's rows of the accepted files, which are in order of name, as a table."""
    table = manifest.filter(pc.is_in(manifest["key"], value_set=pa.array(files, pa.string())))
    if table["key"].to_pylist() != list(files):
        raise ValueError("the feature tables hold files that the manifest lacks: run verify")
    return table.rename_columns({"key": "file"})


def fit(
    manifest: pa.Table,
    features: Callable[[str], tuple[list[str], NDArray[np.float32]]],
    poolings: Sequence[str],
    model: Mapping[str, Any],
    protocol: Mapping[str, Any],
    seed: int,
) -> Candidate:
    """Fit and score one candidate with each pooling.

    Args:
        manifest: of the corpus, by key.
        features: given a pooling, returns files and their features; see `matrix.load`.
        poolings: names of `matrix.POOLINGS`.
        model: `C` (the grid) and `folds`.
        protocol: see `splits.assign`; its `folds` is `speaker` or `trial`.
        seed: of random splits and folds.

    Raises:
        UserError: the protocol leaves a part without both classes.
    """
    columns, models, summary = {}, {}, {"poolings": {}}
    table = parts = scored = None
    for pooling in poolings:
        files, matrix = features(pooling)
        if table is None:
            table = trials(manifest, files)
            parts = splits.assign(table["split"].to_pylist(), protocol, seed)
            labels, speakers = table["label"].to_numpy(), np.array(table["speaker"].to_pylist())
            splits.require_both_classes(table["corpus"][0].as_py(), parts, labels, protocol)
            train, scored = parts == "train", np.isin(parts, ["dev", "eval"])
            folds, how = splits.folds(
                labels[train], speakers[train], model["folds"], protocol["folds"], seed
            )
            summary |= {
                "folds": how,
                "n_train_bonafide": int((labels[train] == 0).sum()),
                "n_train_spoof": int((labels[train] == 1).sum()),
                "shared_speakers": splits.shared(parts, table["speaker"].to_pylist()),
                "shared_attacks": splits.shared(parts, table["attack"].to_pylist()),
            }
        fitted = baseline.fit(matrix[train], labels[train], folds, model["C"])
        models[pooling] = fitted.model
        columns[pooling] = fitted.model.scores(matrix[scored])
        on_dev = parts[scored] == "dev"
        summary["poolings"][pooling] = {
            "C": fitted.C,
            "cv_roc_auc": max(fitted.cv_roc_auc.values()),
            "cv_roc_auc_by_C": {f"{C:g}": auc for C, auc in fitted.cv_roc_auc.items()},
            "dev_roc_auc": float(roc_auc_score(labels[scored][on_dev], columns[pooling][on_dev]))
            if on_dev.any()
            else None,
        }
    scores = table.filter(pa.array(scored)).set_column(
        table.schema.get_field_index("split"), "split", pa.array(parts[scored].tolist())
    )
    scores = scores.select(tables.TRIAL_COLUMNS)
    for pooling, values in columns.items():
        scores = scores.append_column(pooling, pa.array(values, pa.float64()))
    return Candidate(scores, models, summary)


def choose(summaries: Mapping[str, Mapping[str, Any]]) -> tuple[str, str, list[dict[str, Any]]]:
    """Choose a candidate and its pooling by ROC-AUC on dev, or by cross-validation without dev.

    Ties go to the first: the lower layer.

    Args:
        summaries: `Candidate.summary` by candidate.

    Returns:
        The chosen candidate and pooling, and all that were compared.
    """
    compared = [
        {"candidate": candidate, "pooling": pooling, **figures}
        for candidate, summary in summaries.items()
        for pooling, figures in summary["poolings"].items()
    ]

    def merit(row: Mapping[str, Any]) -> float:
        return row["cv_roc_auc"] if row["dev_roc_auc"] is None else row["dev_roc_auc"]

    best = max(compared, key=merit)
    return best["candidate"], best["pooling"], compared


def final_scores(candidate_scores: pa.Table, pooling: str) -> pa.Table:
    """Return the scores table of the chosen pooling; see `tables.SCORES`."""
    score = candidate_scores[pooling].to_numpy()
    table = candidate_scores.select(tables.TRIAL_COLUMNS)
    table = table.append_column("score", pa.array(score, pa.float64()))
    table = table.append_column("p_spoof", pa.array(expit(score), pa.float64()))
    return table.cast(tables.SCORES)


def scores_schema(poolings: Sequence[str]) -> pa.Schema:
    """Return the schema of a candidate's scores."""
    fields = [tables.SCORES.field(name) for name in tables.TRIAL_COLUMNS]
    return pa.schema(fields + [pa.field(pooling, pa.float64()) for pooling in poolings])
