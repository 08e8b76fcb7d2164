"""A fine-tuned encoder as an experiment: its scores, and its seeds put together as a candidate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from authenticity import tables
from authenticity.evaluation import splits
from authenticity.features.encoder import Encoder
from authenticity.features.frames import Frames
from authenticity.models import candidates, finetune
from authenticity.models.baseline import LinearModel
from authenticity.models.fitting import Trials
from authenticity.models.top_layers import TopLayers

if TYPE_CHECKING:
    from authenticity.config import Experiment

POOLING = "mean"
"""Over time, of the last trained layer."""


@dataclass(frozen=True)
class Outcome:
    """One seed.

    Attributes:
        scores: dev and eval trials, `tables.TRIAL_COLUMNS` and `score`.
        summary: plain data: `leak`, counts, and how the training went.
        model: what was fitted.
    """

    scores: pa.Table
    summary: dict[str, Any]
    model: finetune.FineTuned


def fit(
    trials: pa.Table,
    frames: Frames,
    encoder: Encoder,
    experiment: "Experiment",
    settings: finetune.Settings,
    state: Path,
) -> Outcome:
    """Fine-tune on train, stop by dev, and score dev and eval.

    Args:
        trials: of the corpus, `tables.TRIALS`.
        frames: of all its clips; see `finetune.Problem`.
        encoder: see `finetune.fit`.
        experiment: from the configuration; its protocol has one round.
        settings: of the training.
        state: see `finetune.fit`.
    """
    data = Trials(trials)
    rounds = data.rounds(experiment)
    (item,) = rounds
    rows = data.rows(frames.files)
    labels = np.zeros(len(frames), np.int64)
    labels[rows[rows >= 0]] = data.labels[rows >= 0]
    train, dev = (np.sort(rows[(item.parts == part) & (rows >= 0)]) for part in ("train", "dev"))
    problem = finetune.Problem(frames, labels, train, dev)
    model = finetune.fit(problem, encoder, settings, state)
    scored = np.flatnonzero(np.isin(item.parts, ["dev", "eval"]) & (rows >= 0))
    scores = model.scores([frames.clips[index] for index in rows[scored]])
    on_dev = item.parts[scored] == "dev"
    known = data.labels[scored[on_dev]]
    summary = {
        "leak": splits.leaks(trials, rounds),
        "n_train_bonafide": int((labels[train] == 0).sum()),
        "n_train_spoof": int((labels[train] == 1).sum()),
        "C": finetune.INVERSE_REGULARISATION,
        "dev_roc_auc": float(roc_auc_score(known, scores[on_dev])) if len(known) else None,
        "epoch": model.best_epoch,
        "parameters": model.n_trained,
        "curve": model.history,
    }
    table = data.table(scored, item).append_column("score", pa.array(scores))
    return Outcome(table, summary, model)


def together(
    seeds: Sequence[int],
    scores: Sequence[pa.Table],
    summaries: Sequence[Mapping[str, Any]],
    head: Mapping[str, NDArray],
) -> candidates.Candidate:
    """Put seeds together, the first one's scores and head standing for all.

    Args:
        seeds: in the order of the configuration, as what follows.
        scores: `Outcome.scores` of each.
        summaries: `Outcome.summary` of each.
        head: arrays of the first one's `finetune.FineTuned.head`.
    """
    first = summaries[0]
    table = scores[0].select(tables.TRIAL_COLUMNS).append_column(POOLING, scores[0]["score"])
    for seed, scored in zip(seeds, scores, strict=True):
        table = table.append_column(f"{POOLING}@{seed}", scored["score"])
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
        "poolings": {POOLING: figures},
    }
    summary = {"leak": first["leak"], "rounds": [row]}
    return candidates.Candidate(table, {POOLING: [LinearModel.of(head, "head")]}, summary)


def applied(
    frames: Frames, encoder: Encoder, unfrozen: int
) -> tuple[list[str], NDArray[np.float32]]:
    """Return the features of clips in a view: the mean over time of the encoder's last layer.

    Args:
        frames: of the clips in that view, at the first trained layer.
        encoder: as it was exported, in float32, as its scores are.
        unfrozen: how many of its last layers were trained.

    Returns:
        Files and their features, shape (files, dimension).
    """
    last = len(encoder.network.encoder.layers)
    top = TopLayers(encoder.network, last - unfrozen, last)
    return frames.files, top.pooled_alone(frames.clips)
