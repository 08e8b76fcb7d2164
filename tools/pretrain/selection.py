"""Which of the trained encoders ships: the one whose frozen features serve best on dev.

Each encoder is put through an experiment of the configuration, layer and pooling included, as any
other encoder would be. The choice reads dev alone; eval is looked at once, after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from authenticity import tables, verification
from authenticity.config import Experiment
from authenticity.evaluation import bootstrap, compare
from authenticity.features import matrix
from authenticity.models import candidates, fitting

FIGURES = ("roc_auc", "eer")


def judge(
    manifest: pa.Table,
    spectral: str | Path,
    embeddings: str | Path,
    n_layers: int,
    experiment: Experiment,
) -> tuple[pa.Table, dict[str, Any]]:
    """Fit an experiment's candidates on train and choose one on dev.

    Args:
        manifest: of the corpus, by key.
        spectral: the corpus's spectral table, in one shard.
        embeddings: its embedding table by the encoder in question, likewise.
        n_layers: how many hidden states that encoder gives.
        experiment: from the configuration.

    Returns:
        The chosen candidate's scores of dev and eval, see `tables.SCORES`; and what was chosen,
        with its dev figures and those of all that were compared, which tell nothing of eval.
    """
    trials, _ = verification.used_trials(manifest, [spectral], "keep")
    features = matrix.Tables([spectral], [embeddings])
    which = experiment.features.spectral
    fitted = {
        name: fitting.fit(
            trials,
            lambda pooling, view, name=name: features.load(name, which, pooling, n_layers),
            experiment,
            matrix.n_spectral(which),
            len(matrix.layers_of(name, n_layers)),
        )
        for name in matrix.candidates(experiment.features, n_layers)
    }
    choice = candidates.conclude(trials, fitted)
    (chosen,) = choice.model["rounds"]
    return choice.scores, {
        **{name: chosen[name] for name in ("candidate", "pooling", "C")},
        "dev": figures(choice.scores, "dev", experiment.seed),
        "compared": choice.model["selection"],
    }


def figures(scores: pa.Table, split: str, seed: int) -> dict[str, Any]:
    """Return ROC-AUC and EER of one split's scores, with 95% bootstrap intervals."""
    labels, values, speakers = _columns(scores, split)
    found = bootstrap.intervals(labels, values, speakers, seed, FIGURES)
    return {"interval": found.method} | {
        name: asdict(estimate) for name, estimate in found.estimates.items()
    }


def select(judged: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Choose the encoder with the highest ROC-AUC on dev; ties go to the first.

    `judged` is what `judge` returned, by the encoder's name.
    """
    best = max(judged, key=lambda name: judged[name]["dev"]["roc_auc"]["value"])
    summaries = {
        name: {key: value for key, value in outcome.items() if key != "compared"}
        for name, outcome in judged.items()
    }
    return {"chosen": best, "criterion": "ROC-AUC on dev", "encoders": summaries}


def evaluate(
    chosen: str, references: Sequence[str], scores: Mapping[str, str | Path], seed: int
) -> dict[str, Any]:
    """Report eval for the chosen encoder and for what it is held against.

    Args:
        chosen: its name in `scores`.
        references: the names of the others: random encoders, the spectral numbers.
        scores: score tables by name.
        seed: of the bootstrap.
    """
    own = tables.read(scores[chosen])
    report = {"chosen": {"name": chosen, **figures(own, "eval", seed)}, "references": {}}
    for name in references:
        other = tables.read(scores[name])
        higher = compare.paired(other, own, "eval", seed).roc_auc
        report["references"][name] = {
            **figures(other, "eval", seed),
            "advantage_of_chosen": {
                name: getattr(higher, name) for name in ("value", "low", "high")
            },
        }
    return report


def markdown(report: Mapping[str, Any]) -> str:
    """Return what `evaluate` returned as the table of the model card."""
    rows = ["| features | AUC | EER % | AUC of the encoder that ships is higher by |"]
    rows.append("|---|---|---|---|")
    chosen = report["chosen"]
    rows.append(f"| {chosen['name']} (ships) | {_cell(chosen, 'roc_auc')} | {_eer(chosen)} | |")
    for name, other in report["references"].items():
        higher = _cell(other, "advantage_of_chosen")
        rows.append(f"| {name} | {_cell(other, 'roc_auc')} | {_eer(other)} | {higher} |")
    return "\n".join(rows)


def _cell(row: Mapping[str, Any], figure: str, scale: float = 1.0, digits: int = 3) -> str:
    value, low, high = (scale * row[figure][end] for end in ("value", "low", "high"))
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _eer(row: Mapping[str, Any]) -> str:
    return _cell(row, "eer", scale=100.0, digits=1)


def _columns(scores: pa.Table, split: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    part = scores.filter(pc.equal(scores["split"], split))
    return part["label"].to_numpy(), part["score"].to_numpy(), part["speaker"].to_pylist()
