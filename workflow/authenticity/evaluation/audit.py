"""What a corpus gives away: how well one plain property of a clip separates the classes by itself.

A countermeasure should hear speech, not the length of a file. Leading and trailing silence alone
reaches 15% EER on ASVspoof 2019 LA eval (Müller et al. 2021, arXiv 2106.12914). A property that
scores far from one half is a shortcut that a model may have taken, whatever its figures say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from authenticity import tables
from authenticity.evaluation import bootstrap
from authenticity.evaluation.figures import both_classes, ordered_splits


@dataclass(frozen=True)
class Property:
    """One column of the spectral table: its name for readers, and its unit."""

    column: str
    name: str
    unit: str


PROPERTIES = (
    Property("duration", "Duration", "s"),
    Property("level_dbfs", "Level", "dBFS"),
    Property("peak_dbfs", "Peak", "dBFS"),
    Property("crest_db", "Crest factor", "dB"),
    Property("dynamic_range_db", "Dynamic range", "dB"),
    Property("leading_silence", "Leading silence", "s"),
    Property("trailing_silence", "Trailing silence", "s"),
    Property("pause_fraction", "Pauses", "share of the clip"),
    Property("rolloff_95", "95% roll-off", "Hz"),
)


def audit(manifest: Path, spectral: Iterable[Path], seed: int) -> dict[str, Any]:
    """Return the ROC-AUC of every property per split, turned so that it is at least one half.

    A detector may use a property in either direction, so an AUC below one half is turned round
    ("direction": "lower" means that lower values point to spoof). The direction is the whole
    sample's: an interval may therefore reach below one half, which says that the property may not
    separate at all. Splits without both classes are left out; "median" is per class.
    """
    columns = ["file", *(item.column for item in PROPERTIES)]
    values = tables.read_many(spectral, columns).to_pandas()
    trials = tables.read(manifest, ["key", "split", "label", "speaker"]).to_pandas()
    trials = trials.merge(values, left_on="key", right_on="file").sort_values("key")
    splits = {}
    for split in ordered_splits(trials["split"]):
        chosen = trials[trials["split"] == split]
        if both_classes(chosen):
            splits[split] = _audit_split(chosen, seed)
    return {"splits": splits, "n_resamples": bootstrap.N_RESAMPLES, "level": bootstrap.LEVEL}


def _audit_split(trials: pd.DataFrame, seed: int) -> dict[str, Any]:
    labels, speakers = trials["label"].to_numpy(), trials["speaker"].to_numpy()
    properties = {}
    for item in PROPERTIES:
        values = trials[item.column].to_numpy(dtype=float)
        result = bootstrap.intervals(labels, values, speakers, seed, figures=("roc_auc",))
        median = trials.groupby("label")[item.column].median()
        properties[item.column] = _turned(result.estimates["roc_auc"]) | {
            "name": item.name,
            "unit": item.unit,
            "median_bonafide": float(median[0]),
            "median_spoof": float(median[1]),
        }
    return {
        "n_bonafide": int((labels == 0).sum()),
        "n_spoof": int((labels == 1).sum()),
        "interval": {"method": result.method, "why": result.why},
        "properties": properties,
    }


def _turned(found: bootstrap.Estimate) -> dict[str, Any]:
    if found.value >= 0.5:
        return {
            "direction": "higher",
            "roc_auc": {"value": found.value, "low": found.low, "high": found.high},
        }
    turned = {"value": 1 - found.value, "low": 1 - found.high, "high": 1 - found.low}
    return {"direction": "lower", "roc_auc": turned}


def markdown(result: dict[str, Any]) -> str:
    """Return the audit as a Markdown table, one line per property, one column per split."""
    splits = result["splits"]
    if not splits:
        return "No split holds both classes: nothing to audit."
    header = ["Property alone", *(f"{split}: AUC (95% interval), spoof is" for split in splits)]
    lines = [header, ["---"] * len(header)]
    for item in PROPERTIES:
        cells = [f"{item.name} ({item.unit})"]
        for figures in splits.values():
            found = figures["properties"][item.column]
            auc = found["roc_auc"]
            cells.append(
                f"{auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f}), {found['direction']}"
            )
        lines.append(cells)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
