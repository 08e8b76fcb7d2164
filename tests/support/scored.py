"""Tables of made-up scores, in the shape that an experiment leaves."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
from authenticity import tables
from authenticity.evaluation import calibration
from hypothesis import strategies as st
from scipy.special import expit

ABOUT = {"experiment": "one", "corpus": "toy", "target": "toy", "view": "clean"} | {
    "protocol": "official"
}
CHOSEN = [{"round": "all", "candidate": "layer_2", "pooling": "mean", "C": 0.1}]


@st.composite
def weighted_trials(draw):
    """Labels with both classes, scores with ties, and whole weights that keep both classes."""
    n = draw(st.integers(0, 40))
    labels = np.array([0, 1, *draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))])
    halves = st.lists(st.integers(-8, 8), min_size=n + 2, max_size=n + 2)
    counts = st.lists(st.integers(0, 3), min_size=n + 2, max_size=n + 2)
    weights = np.array(draw(counts), dtype=np.int32)
    weights[:2] += 1
    return labels, np.array(draw(halves)) / 2.0, weights


def bell_curves(n_bonafide, n_spoof, distance, seed=0):
    """Labels and scores of two bell curves, bona fide first."""
    labels = np.repeat([0, 1], [n_bonafide, n_spoof])
    scores = np.random.default_rng(seed).normal(size=labels.size) + distance * labels
    return labels, scores


def trials(split, n=60, distance=1.5, seed=0, name="all", **columns):
    """Scored trials of one split: two attacks, four speakers of both classes."""
    labels, scores = bell_curves(n, n, distance, seed)
    i = np.arange(2 * n)
    table = pd.DataFrame({"file": [f"{split}_{k:04d}" for k in i], "split": split})
    table["label"], table["score"] = labels, scores
    table["attack"] = np.where(labels == 1, np.where(i % 3, "A01", "A02"), "-")
    table["speaker"] = [f"s{k % 4}" for k in i]
    table["round"] = name
    return table.assign(**columns)


def write(path, table, calibrated=True, **about):
    """Write trials as `tables.SCORES`, calibrated on their dev; other columns are conditions."""
    table = table.copy()
    table["p_spoof"] = expit(table["score"])
    table["llr"] = table["p_calibrated"] = np.nan
    dev = table[table["split"] == "dev"]
    if calibrated:
        fitted = dev if len(dev) else table
        line = calibration.fit(fitted["score"], fitted["label"])
        table["llr"] = line.llr(table["score"])
        table["p_calibrated"] = line.probability(table["score"])
    schema = tables.with_conditions(tables.SCORES, table.columns)
    columns = pa.Table.from_pandas(table, preserve_index=False).select(schema.names)
    tables.write(path, columns, schema, {**ABOUT, "chosen": json.dumps(CHOSEN), **about})
    return path
