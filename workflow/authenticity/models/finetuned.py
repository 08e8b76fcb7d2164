"""A fine-tuned encoder as an experiment: it is trained on the corpus's trials, and scores them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from sklearn.metrics import roc_auc_score

from authenticity.evaluation import splits
from authenticity.features.encoder import Encoder
from authenticity.features.frames import Frames
from authenticity.models import finetune
from authenticity.models.fitting import Trials

if TYPE_CHECKING:
    from authenticity.config import Experiment


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
