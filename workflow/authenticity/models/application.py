"""Tables of scored trials, and a fitted experiment on a view of its corpus or on another corpus.

Nothing is fitted here. Threshold and calibration stay those of the corpus that was fitted on.
"""

import functools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy
from numpy.typing import NDArray

from authenticity import tables
from authenticity.errors import UserError
from authenticity.evaluation import splits
from authenticity.evaluation.calibration import Calibration
from authenticity.models.projection import model_class

if TYPE_CHECKING:
    import pandas as pd

    from authenticity.config import Protocol

_logger = logging.getLogger("authenticity")

Features = Callable[[str, str], tuple[list[str], NDArray[np.float32]]]
"""Given a candidate and a pooling, returns files and their features; see `matrix.load`."""


def trials_of(trials: pa.Table, splits: NDArray[np.str_], round_name: str) -> pa.Table:
    """Return a corpus's `tables.TRIALS` with the `tables.TRIAL_COLUMNS` of a round of the protocol.

    `splits`, shape (trials,), are the trials' parts in that round.
    """
    table = trials.drop_columns("split").rename_columns({"key": "file"})
    table = table.append_column("split", pa.array(splits.tolist(), pa.string()))
    table = table.append_column("round", pa.array([round_name] * len(trials), pa.string()))
    return table.select(tables.TRIAL_COLUMNS)


def final_scores(
    trials: pa.Table, values: NDArray[np.float64], calibration: Calibration | None, pooled: bool
) -> pa.Table:
    """Return a model's scores as a table of `tables.SCORES`.

    Args:
        trials: `tables.TRIAL_COLUMNS`.
        values: the log-odds of spoof of each, shape (trials,).
        calibration: of the values, or none.
        pooled: whether the scores will stand beside another model's: then `score` is the calibrated
            log-likelihood ratio, which means the same in each.
    """
    missing = np.full(len(values), np.nan)
    llr = calibration.llr(values) if calibration else missing
    columns = {
        "score": llr if pooled and calibration else values,
        "p_spoof": scipy.special.expit(values),
        "llr": llr,
        "p_calibrated": calibration.probability(values) if calibration else missing,
    }
    known = {name: trials[name] for name in tables.TRIAL_COLUMNS}
    return pa.table({**known, **columns}, schema=tables.SCORES)


def join_conditions(scores: pa.Table, trials: pa.Table) -> pa.Table:
    """Append the condition columns of a corpus's trials to scores."""
    row = pc.index_in(scores["file"], value_set=trials["key"].combine_chunks())
    for name in tables.conditions(trials.column_names):
        scores = scores.append_column(name, trials[name].take(row))
    return scores


def apply(
    reported: pa.Table,
    model: Mapping[str, Any],
    arrays: Mapping[str, NDArray],
    features: Features,
) -> pa.Table:
    """Score trials with the models of an experiment.

    Args:
        reported: `tables.TRIAL_COLUMNS`; each trial is scored by the model of its round. Trials
            without features (set aside in the view) are left out.
        model: the experiment's JSON; see `candidates.Choice`.
        arrays: its weights.
        features: of the audio to score.

    Returns:
        `tables.SCORES`.
    """
    blocks = []
    pooled, load = len(model["rounds"]) > 1, functools.lru_cache(1)(features)
    for index, chosen in enumerate(model["rounds"]):
        trials = tables.where(reported, round=chosen["round"])
        files, matrix = load(chosen["candidate"], chosen["pooling"])
        rows = pc.index_in(trials["file"], value_set=pa.array(files, pa.string()))
        has_features = pc.is_valid(rows)
        chosen_model = model_class(model["kind"]).of(arrays, str(index))
        values = chosen_model.scores(matrix[rows.filter(has_features).to_numpy()])
        calibration = Calibration(**chosen["calibration"]) if chosen["calibration"] else None
        blocks.append(final_scores(trials.filter(has_features), values, calibration, pooled))
    return pa.concat_tables(blocks)


def apply_views(
    reported: pa.Table,
    corpus: pa.Table,
    model: Mapping[str, Any],
    arrays: Mapping[str, NDArray],
    features: Mapping[str, Features],
) -> pa.Table:
    """Score trials in several views of their audio, as `apply` does; `features` are by view.

    Returns:
        `tables.SCORES`, the conditions of the corpus's `tables.TRIALS`, and `tables.VIEW`, view
        after view.

    Raises:
        UserError: none of the trials, if there are any, has features in a view.
    """
    blocks = []
    for view, of_view in features.items():
        scores = apply(reported, model, arrays, of_view)
        if len(reported) and not len(scores):
            raise UserError(
                f"view {view}: all of the {len(reported)} trials to score were set aside in it; "
                "see the log of its extraction"
            )
        scores = join_conditions(scores, corpus)
        blocks.append(scores.append_column(tables.VIEW, pa.array([view] * len(scores))))
    return pa.concat_tables(blocks)


def publish(
    scores: pa.Table, own: str, wildcards: Mapping[str, str], leak: Mapping[str, Any], path: str
) -> None:
    """Write what `apply_views` returned.

    `own` is the path of the experiment's own scores, which say how it was chosen, and `leak` what
    its corpus shares with these trials; see `splits.leaks`. `wildcards` name the `experiment`, the
    `corpus` that it was fitted on, and the `target` that was scored.
    """
    about = {name: tables.metadata(own)[name] for name in ("chosen", "protocol")}
    about |= {name: wildcards[name] for name in ("experiment", "corpus", "target")}
    tables.write(path, scores, scores.schema, about | {"leak": json.dumps(leak)})
    for counted in pc.value_counts(scores[tables.VIEW]).to_pylist():
        _logger.info("%s: %d trials in view %s", path, counted["counts"], counted["values"])


def own_trials(scores: pa.Table, *parts: str) -> pa.Table:
    """Return the trials of some parts (dev, eval) of an experiment's own scores."""
    return tables.where(scores, split=parts).select(tables.TRIAL_COLUMNS)


def other_trials(trials: pa.Table, protocol: "Protocol") -> pa.Table:
    """Return those of another corpus's `tables.TRIALS` that an experiment of one round scores.

    They are in the partitions that `splits.reported_elsewhere` names.
    """
    names = splits.reported_elsewhere(protocol, trials["split"].unique().to_pylist())
    chosen = tables.where(trials, split=names)
    return trials_of(chosen, np.full(len(chosen), "eval"), splits.ONE_ROUND)


ANSWERS = ["path", "seconds", "reason", "corpus", "experiment", "score", "llr", "p_calibrated"]
"""Columns of the list of scored recordings; `reason` is why a recording could not be scored."""


def answers(
    manifest: pa.Table, spectral: pa.Table, rejected: pa.Table, scores: Sequence[pa.Table]
) -> "pd.DataFrame":
    """List each recording of a corpus without labels: a row for each experiment that scored it.

    `spectral` has the columns `file` and `duration` of the accepted recordings, `rejected`
    (`tables.REJECTED`) the others, and `scores` are `tables.SCORES` with the columns `corpus` and
    `experiment`. The list has the columns `ANSWERS`, by path.
    """
    recordings = manifest.select(["key", "path"]).to_pandas()
    seconds = spectral.to_pandas().set_index("file")["duration"]
    reasons = rejected.to_pandas().set_index("file")["reason"]
    recordings["seconds"] = recordings["key"].map(seconds).round(3)
    recordings["reason"] = recordings["key"].map(reasons)
    scored = pa.concat_tables(table.select(["file", *ANSWERS[3:]]) for table in scores).to_pandas()
    rows = recordings.merge(scored, how="left", left_on="key", right_on="file")
    return rows.sort_values(["path", "corpus", "experiment"])[ANSWERS]
