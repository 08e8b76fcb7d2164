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
from authenticity.features.clips import Reader
from authenticity.features.encoder import Encoder
from authenticity.features.frames import Frames
from authenticity.models import candidates, finetune
from authenticity.models.baseline import LinearModel

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
    kept: int,
    precision: str,
    seed: int,
    state: Path,
) -> Outcome:
    """Fine-tune on train, stop by dev, and score dev and eval.

    Args:
        trials: of the corpus, `tables.TRIALS`.
        frames: of all its clips, cached at the first trained layer.
        encoder: whole, in float32.
        experiment: from the configuration; its protocol has one round.
        kept: how many of the encoder's layers are kept.
        precision: of the matrix products while training; see `finetune.Settings`.
        seed: of the training.
        state: where an interrupted training goes on from.
    """
    protocol = experiment.protocol
    rounds = splits.rounds(trials, protocol, experiment.seed)
    splits.require_both_classes(trials["corpus"][0].as_py(), trials, protocol, rounds)
    (item,) = rounds
    position = {file: index for index, file in enumerate(frames.files)}
    own = np.array([position.get(key, -1) for key in trials["key"].to_pylist()])
    labels = np.zeros(len(frames), np.int64)
    labels[own[own >= 0]] = trials["label"].to_numpy()[own >= 0]
    train, dev = (np.sort(own[(item.parts == part) & (own >= 0)]) for part in ("train", "dev"))
    settings = finetune.Settings(
        layers=kept, precision=precision, **experiment.model.model_dump(exclude={"kind", "seeds"})
    )
    fitted = finetune.fit(frames, labels, train, dev, encoder, settings, seed, state)
    scored = np.flatnonzero(np.isin(item.parts, ["dev", "eval"]) & (own >= 0))
    values = fitted.scores(Frames([frames.clips[index] for index in own[scored]], frames.version))
    table = trials.take(pa.array(scored)).rename_columns({"key": "file"})
    place = table.schema.get_field_index("split")
    table = table.set_column(place, "split", pa.array(item.parts[scored].tolist()))
    table = table.append_column("round", pa.array([item.name] * len(scored)))
    table = table.select(tables.TRIAL_COLUMNS).append_column("score", pa.array(values))
    on_dev = item.parts[scored] == "dev"
    known = trials["label"].to_numpy()[scored]
    summary = {
        "leak": splits.leaks(trials, rounds),
        "n_train_bonafide": int((labels[train] == 0).sum()),
        "n_train_spoof": int((labels[train] == 1).sum()),
        "C": settings.inverse_regularisation,
        "dev_roc_auc": (
            float(roc_auc_score(known[on_dev], values[on_dev])) if on_dev.any() else None
        ),
        "epoch": fitted.best_epoch,
        "parameters": fitted.n_trained,
        "curve": fitted.history,
    }
    return Outcome(table, summary, fitted)


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
    for seed, one in zip(seeds, scores, strict=True):
        table = table.append_column(f"{POOLING}@{seed}", one["score"])
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


def heard(
    rows: Sequence[Mapping[str, Any]], reader: Reader, encoder: Encoder
) -> tuple[list[str], NDArray[np.float32]]:
    """Return the features of clips in a view: the mean over time of the encoder's last layer.

    Args:
        rows: of the trials.
        reader: of the corpus's clips in the view; a clip that it rejects is left out.
        encoder: as it was exported, in float32, as its scores are.

    Returns:
        Files and their features, shape (files, dimension).
    """
    embedded = {
        clip.key: mean
        for clip, mean in reader.use(
            rows, lambda clip: encoder.embed(reader.samples(clip)).mean[-1]
        )
    }
    return list(embedded), np.stack(list(embedded.values()))
