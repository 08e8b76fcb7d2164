"""Simulated scores of experiments to compare."""

import numpy as np
import pandas as pd
import pyarrow as pa
from authenticity.evaluation.compare import Scorer
from run_files import leak, tested


def table(scores, labels, speakers=None, rounds="all", split="eval"):
    """Scores, or a mapping of them by seed, as a table."""
    n = len(labels)
    columns = scores if isinstance(scores, dict) else {"score": scores}
    about = {"file": [f"f{k:05}" for k in range(n)], "split": split, "label": labels}
    about |= {"attack": "-", "speaker": speakers, "round": rounds}
    return pa.Table.from_pandas(pd.DataFrame(about | columns), preserve_index=False)


def simulated(n, better=0.0, seed=0, n_speakers=0, seeds=None):
    """A baseline and a candidate that hear much the same; speakers differ in how easy they are.

    `better` lifts the candidate's spoof scores; `seeds` are what each seed adds to that.
    """
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    speakers = random.integers(n_speakers, size=n) if n_speakers else None
    ease = 0.0 if speakers is None else 0.7 * random.normal(size=n_speakers)[speakers]
    common = random.normal(size=n) + 1.5 * labels + ease
    names = None if speakers is None else [f"s{k}" for k in speakers]

    def heard(gain):
        return common + 0.5 * random.normal(size=n) + gain * labels

    old = table(heard(0.0), labels, names)
    if seeds is None:
        return old, table(heard(better), labels, names)
    columns = {str(10 + k): heard(better + gain) for k, gain in enumerate(seeds)}
    return old, table(columns, labels, names)


def side(name, scores, seeds=None, **changes):
    """An experiment to compare, with results of a test's choice."""
    return Scorer(name, scores, seeds, item=tested(name, **changes))


def grid():
    """What `verdict.ablations` takes of three experiments: sides, words and costs."""
    old, seeds = simulated(300, 0.5, seeds=[0.0, 0.1, -0.1])
    _, other = simulated(300, 0.1)
    cost = {"seconds": 12.5, "peak_mib": 300.0, "cpu_seconds": 0.02, "parameters": 98_304}
    sides = {
        "plain": side("plain", old),
        "supcon": side("supcon", old, seeds),
        "narrow": side("narrow", other, leak=leak(speakers=2)),
    }
    about = {"plain": "no contrastive loss", "supcon": "loss", "narrow": "head"}
    return sides, about, {"plain": None, "supcon": cost, "narrow": cost}
