"""The figures of one experiment: per split, per attack, and of its candidates."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from authenticity import tables
from authenticity.errors import UserError
from authenticity.evaluation import bootstrap
from authenticity.evaluation.metrics import OperatingPoints, operating_points
from authenticity.files import read_json

BAND = pa.schema(
    [
        ("split", pa.string()),
        ("false_alarm", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
    ]
)
# Finer towards both ends, where good systems' ROC curves bend.
_TAIL = np.geomspace(1e-4, 0.05, 40)
_BAND_AT = np.unique(np.concatenate([[0.0, 1.0], _TAIL, np.linspace(0.05, 0.95, 181), 1 - _TAIL]))
# What training and test share, as the model's JSON counts it.
_LEAKS = ("shared_speakers", "shared_attacks")
_PER_ATTACK = ("roc_auc", "eer")


@dataclass(frozen=True)
class Curve:
    """One experiment's error rates on one split, with its figures and the band of its ROC curve."""

    name: str
    points: OperatingPoints
    band: bootstrap.Band
    roc_auc: bootstrap.Estimate
    eer: bootstrap.Estimate
    n_bonafide: int
    n_spoof: int

    @property
    def trials(self) -> str:
        """How many trials of each class, in words."""
        return f"{self.n_bonafide:,} bona fide + {self.n_spoof:,} spoof"


def both_classes(trials: pd.DataFrame) -> bool:
    """Return whether trials (a column `label`) hold bona fide and spoof."""
    return trials["label"].nunique() == 2


def ordered_splits(names: Iterable[str]) -> list[str]:
    """Return the distinct split names in the order in which a reader meets them."""
    known = ["train", "dev", "eval"]
    return sorted(set(names), key=lambda name: (known.index(name) if name in known else 9, name))


def _require_both_classes(trials: pd.DataFrame, corpus: str, split: str) -> None:
    if both_classes(trials):
        return
    missing = "spoof" if (trials["label"] == 0).all() else "bona fide"
    raise UserError(
        f"corpus {corpus}, split {split}: expected bona fide and spoof trials, but none is "
        f"{missing}; add {missing} clips to this split or give a protocol that has them"
    )


def _intervals(trials: pd.DataFrame, seed: int, **options: Any) -> bootstrap.Intervals:
    return bootstrap.intervals(
        trials["label"].to_numpy(),
        trials["score"].to_numpy(),
        trials["speaker"].to_numpy(),
        seed,
        **options,
    )


def _as_json(result: bootstrap.Intervals) -> dict[str, Any]:
    how = {"method": result.method, "why": result.why, "n_redrawn": result.n_redrawn}
    return {"interval": how} | {name: asdict(item) for name, item in result.estimates.items()}


def _attacks(trials: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Each attack against all bona fide trials of the split."""
    bonafide = trials["label"] == 0
    figures = {}
    for attack in sorted(trials.loc[~bonafide, "attack"].unique()):
        chosen = trials[bonafide | (trials["attack"] == attack)]
        result = _as_json(_intervals(chosen, seed, figures=_PER_ATTACK))
        figures[attack] = {"n_spoof": int((chosen["label"] == 1).sum())} | result
    return figures


def _counts(trials: pd.DataFrame) -> dict[str, int]:
    bonafide, spoof = trials[trials["label"] == 0], trials[trials["label"] == 1]
    return {
        "n_bonafide": len(bonafide),
        "n_spoof": len(spoof),
        "n_speakers_bonafide": int(bonafide["speaker"].nunique()),
        "n_speakers_spoof": int(spoof["speaker"].nunique()),
    }


def experiment_metrics(
    scores: Path, model: Mapping[str, Any], seed: int, say: Callable[[str], None]
) -> tuple[dict[str, Any], pa.Table]:
    """Return the metrics of a score table and the ROC bands of its splits.

    `scores` is a table of `tables.SCORES` whose metadata name the experiment, the corpus and the
    protocol; `model` is the model's JSON. Rates are fractions. A split with one class only is a
    `UserError`.
    """
    about = tables.metadata(scores)
    trials = tables.read(scores).to_pandas()
    splits, bands = {}, []
    for split in ordered_splits(trials["split"]):
        chosen = trials[trials["split"] == split]
        _require_both_classes(chosen, about["corpus"], split)
        say(f"{split}: resampling {len(chosen)} trials {bootstrap.N_RESAMPLES} times")
        result = _intervals(chosen, seed, band_at=_BAND_AT)
        splits[split] = _counts(chosen) | _as_json(result)
        splits[split]["per_attack"] = _attacks(chosen, seed)
        bands.append(_band_table(split, result.band))
    metrics = {
        "experiment": about["experiment"],
        "corpus": about["corpus"],
        "protocol": about["protocol"],
        "chosen": json.loads(about["chosen"]),
        "interval": _interval_settings(seed),
        "splits": splits,
    }
    metrics["leak"] = {name: model[name] for name in _LEAKS if name in model}
    return metrics, pa.concat_tables(bands)


def _interval_settings(seed: int) -> dict[str, Any]:
    return {
        "kind": "percentile bootstrap",
        "level": bootstrap.LEVEL,
        "n_resamples": bootstrap.N_RESAMPLES,
        "seed": seed,
        "minimum_speakers": bootstrap.MINIMUM_SPEAKERS,
    }


def _band_table(split: str, band: bootstrap.Band | None) -> pa.Table:
    assert band is not None
    columns = [[split] * band.false_alarm.size, band.false_alarm, band.low, band.high]
    return pa.Table.from_arrays([pa.array(column) for column in columns], schema=BAND)


def candidate_metrics(
    candidates: Iterable[Path], model: Mapping[str, Any], seed: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return the ROC-AUC of every candidate and pooling on every split that has both classes.

    `candidates` are the candidate score tables of one experiment, in the order in which readers
    meet them; `model` is its JSON, whose "selection" gives C and the cross-validated AUC of each.
    Eval took no part in the choice: its figures are there so that the choice can be judged.
    """
    settings = {(item["candidate"], item["pooling"]): item for item in model["selection"]}
    rows = []
    for path in candidates:
        name = tables.metadata(path)["candidate"]
        trials = tables.read(path).to_pandas()
        for pooling in trials.columns.drop(tables.TRIAL_COLUMNS):
            say(f"{name}, {pooling}: resampling {len(trials)} trials")
            selected = settings[name, pooling]
            rows.append(
                {
                    "candidate": name,
                    "pooling": pooling,
                    "C": selected["C"],
                    "cv_roc_auc": selected["cv_roc_auc"],
                    "chosen": (name, pooling) == (model["candidate"], model["pooling"]),
                    "splits": _candidate_splits(trials, pooling, seed),
                }
            )
    return {"interval": _interval_settings(seed), "folds": model["folds"], "candidates": rows}


def _candidate_splits(trials: pd.DataFrame, pooling: str, seed: int) -> dict[str, Any]:
    figures = {}
    for split in ordered_splits(trials["split"]):
        chosen = trials[trials["split"] == split].rename(columns={pooling: "score"})
        if both_classes(chosen):
            result = _intervals(chosen, seed, figures=("roc_auc",))
            figures[split] = {"method": result.method} | asdict(result.estimates["roc_auc"])
    return figures


def estimate(found: Mapping[str, float]) -> bootstrap.Estimate:
    """Return a figure of the JSON files as an `Estimate`."""
    return bootstrap.Estimate(found["value"], found["low"], found["high"])


def curve(scores: Path, bands: Path, metrics: Path, split: str) -> Curve:
    """Read one experiment's error rates on one split, with its band and figures."""
    trials = tables.read(scores, ["split", "label", "score"]).to_pandas()
    trials = trials[trials["split"] == split]
    band = tables.read(bands).to_pandas()
    band = band[band["split"] == split]
    found = read_json(metrics)
    figures = found["splits"][split]
    return Curve(
        name=found["experiment"],
        points=operating_points(trials["label"], trials["score"]),
        band=bootstrap.Band(*(band[name].to_numpy() for name in ("false_alarm", "low", "high"))),
        roc_auc=estimate(figures["roc_auc"]),
        eer=estimate(figures["eer"]),
        n_bonafide=figures["n_bonafide"],
        n_spoof=figures["n_spoof"],
    )
