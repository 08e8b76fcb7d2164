"""What a corpus gives away: how well plain properties of a clip separate the classes by themselves.

A countermeasure should hear speech, not the length of a file. Leading and trailing silence alone
reaches 15% EER on ASVspoof 2019 LA eval (Müller et al. 2021, arXiv 2106.12914). A property that
scores far from one half is a shortcut that a model may have taken, whatever its results say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from authenticity import estimates, tables
from authenticity.errors import UserError
from authenticity.estimates import Estimate
from authenticity.evaluation import bootstrap, splits
from authenticity.evaluation.measure import intervals, n_trials
from authenticity.evaluation.results import REPORTED, SPEAKER, Tested
from authenticity.names import ordered_splits

PROPERTIES = {
    "duration": ("Duration", "s"),
    "level_dbfs": ("Level", "dBFS"),
    "peak_dbfs": ("Peak", "dBFS"),
    "crest_db": ("Crest factor", "dB"),
    "skewness": ("Skewness of the waveform", None),
    "dynamic_range_db": ("Dynamic range", "dB"),
    "leading_silence": ("Leading silence", "s"),
    "trailing_silence": ("Trailing silence", "s"),
    "pause_fraction": ("Pauses", "share of the clip"),
    "rolloff_95": ("95% roll-off", "Hz"),
}
"""By column of the spectral table: the name for readers, and the unit."""
TOGETHER = "together"
"""The row on all properties in one model."""
_FOLDS = 5


def audit(trials: Path, spectral: Iterable[Path], seed: int) -> dict[str, Any]:
    """Return the ROC-AUC of every property per split, and of what else needs no listening.

    A detector may use a property in either direction, so an AUC below one half is turned round
    ("direction": "lower" means that lower values point to spoof). The direction is the whole
    sample's: an interval that reaches below one half says that the property may not separate at
    all. Splits without both classes are left out; "median" is per class.

    Two rows are predictions on trials that they were not learned from: nothing is turned, and they
    have neither direction, unit nor median; "how" says what they were learned from. One that is not
    above one half is no shortcut, however far below it is:

    - `speaker`: the share of spoof among the same speaker's clips in the other half of a random
      split of the trials. This is what any random split gives away to a model that knows voices.
      Where speakers have the classes in equal shares it falls below one half by itself, since a
      clip that is in one half is missing from the other. Trials of unknown speakers take no part;
      there is no such row where too few remain.
    - `together`: logistic regression on all properties, which finds what single ones show only
      side by side; learned from train where it holds both classes, else across folds.

    Args:
        trials: `tables.TRIALS`, the trials that are used.
        spectral: tables with their properties in the view to audit. They may hold more clips, and
            fewer: a view may be of some splits alone, and leave clips too short.
        seed: of the bootstrap, the halves and the folds.
    """
    values = tables.read_many(spectral, ["file", *PROPERTIES]).to_pandas()
    table = tables.read(trials, ["key", "split", "label", "speaker"]).to_pandas()
    table = table.merge(values, left_on="key", right_on="file").sort_values("key")
    train = table[table["split"] == "train"]
    by_split = {}
    for split in ordered_splits(table["split"]):
        chosen = table[table["split"] == split].reset_index(drop=True)
        if splits.both_classes(chosen["label"]):
            fitted = split != "train" and splits.both_classes(train["label"])
            learned_from = train if fitted else None
            by_split[split] = _audit_split(chosen, learned_from, seed)
    return {"splits": by_split, "n_resamples": bootstrap.N_RESAMPLES, "level": bootstrap.LEVEL}


def _audit_split(trials: pd.DataFrame, train: pd.DataFrame | None, seed: int) -> dict[str, Any]:
    properties = {}
    for column, (name, unit) in PROPERTIES.items():
        result = intervals(trials, seed, column, metrics=bootstrap.ROC_AUC)
        auc, direction = result.estimates["roc_auc"], "higher"
        if auc.value < 0.5:
            auc, direction = Estimate(1 - auc.value, 1 - auc.high, 1 - auc.low), "lower"
        median = trials.groupby("label")[column].median()
        properties[column] = {
            "name": name,
            "unit": unit,
            "direction": direction,
            "roc_auc": asdict(auc),
            "median_bonafide": float(median[0]),
            "median_spoof": float(median[1]),
        }
    properties |= _speaker(trials, seed) | _together(trials, train, seed)
    return {
        **n_trials(trials),
        "interval": {"method": result.method, "why": result.why},
        "properties": properties,
    }


def _prediction(
    key: str, name: str, how: str, trials: pd.DataFrame, scores: ArrayLike, seed: int
) -> dict[str, Any]:
    result = intervals(trials.assign(score=scores), seed, metrics=bootstrap.ROC_AUC)
    auc = asdict(result.estimates["roc_auc"])
    how = f"{how}; interval: {result.method}"
    row = {"name": name, "how": how, "roc_auc": auc, "direction": None, "unit": None}
    return {key: row | {"median_bonafide": None, "median_spoof": None}}


def _speaker(trials: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Learn each speaker's share of spoof from one half, and test it on the other.

    Not from all other trials: the share would lack the trial's own label, and so would point the
    wrong way.
    """
    from sklearn.model_selection import train_test_split

    known = trials[trials["speaker"].notna()]
    if min(n_trials(known).values()) < 2:
        return {}
    learned, tested = train_test_split(
        known, test_size=0.5, random_state=seed, shuffle=True, stratify=known["label"]
    )
    # One imagined clip with the classes' shares: a speaker who was not met is at their middle.
    counts = learned.groupby("speaker")["label"].agg(["sum", "count"])
    counts = counts.reindex(tested["speaker"], fill_value=0)
    share = (counts["sum"] + learned["label"].mean()) / (counts["count"] + 1)
    how = "share of spoof of the speaker in the other half of a random split"
    return _prediction(SPEAKER, "Speaker identity", how, tested, share.to_numpy(), seed)


def _together(trials: pd.DataFrame, train: pd.DataFrame | None, seed: int) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    columns = list(PROPERTIES)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    values, labels = trials[columns].to_numpy(dtype=float), trials["label"].to_numpy()
    if train is not None:
        how = "logistic regression fitted on train"
        model.fit(train[columns].to_numpy(dtype=float), train["label"].to_numpy())
        scores = model.decision_function(values)
    else:
        speakers, keys = trials["speaker"].tolist(), trials["key"].tolist()
        try:
            folds, made = splits.folds(labels, speakers, keys, _FOLDS, "speaker", seed)
        except UserError:  # a class with a single trial: nothing can be learned and tested
            return {}
        how = f"logistic regression, {made}"
        scores = cross_val_predict(model, values, labels, cv=folds, method="decision_function")
    return _prediction(TOGETHER, "All properties together", how, trials, scores, seed)


def audited(audit: Mapping[str, Any], item: Tested) -> list[Mapping[str, Any]]:
    """Return the audits of the partitions that an experiment is reported on."""
    names = item.partitions[REPORTED]
    return [audit["splits"][name] for name in names if name in audit["splits"]]


def strongest(
    audits: Sequence[Mapping[str, Any]], known_voices: bool
) -> tuple[list[str], Estimate]:
    """Return the properties that separate the classes of a partition best, and their ROC-AUC.

    All with the same printed ROC-AUC are named. Who speaks counts only where a model can have met
    the voices (`known_voices`).
    """
    aucs = [
        (row["name"], Estimate(**row["roc_auc"]))
        for of_partition in audits
        for name, row in of_partition["properties"].items()
        if known_voices or name != SPEAKER
    ]
    best = max((auc for _, auc in aucs), key=lambda auc: auc.value)
    tied = [name for name, auc in aucs if estimates.value(auc) == estimates.value(best)]
    return list(dict.fromkeys(tied)), best


def known_voices(item: Tested) -> bool:
    """Tell whether an experiment is reported on speakers whom it was fitted on."""
    return bool(item.leak["speakers"]["train_eval"])
