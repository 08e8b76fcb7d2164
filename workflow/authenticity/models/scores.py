"""Tables of scored trials."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy
from numpy.typing import NDArray

from authenticity import tables
from authenticity.evaluation.calibration import Calibration


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
