"""The figures of one experiment: per split, attack, speaker, condition; and of its candidates."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median_low
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from authenticity import tables
from authenticity.errors import UserError
from authenticity.evaluation import bootstrap, compare, detection_cost, metrics
from authenticity.evaluation.metrics import OperatingPoints, Weighted, operating_points
from authenticity.evaluation.probabilities import Brier, CalibrationError, Cllr
from authenticity.names import NOT_GIVEN, NOT_KNOWN, labelled, ordered_splits, ordered_values

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
_SUBSET = ("roc_auc", "eer")
# A column of a list with more values than this, such as a duration, is no condition.
_MOST_VALUES = 100
# Of a class, to give a figure of an attack or a condition an interval.
_FEWEST_CLIPS = 5
_ALL_BONAFIDE = "all bona fide"
_STAGES = ("before", "after")
"""Calibration, that is."""


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


def _require_both_classes(trials: pd.DataFrame, corpus: str, split: str) -> None:
    if trials.empty:
        raise UserError(
            f"corpus {corpus}, split {split}: no trial is scored; complete the corpus or choose "
            "another protocol for the experiment"
        )
    if both_classes(trials):
        return
    missing = "spoof" if (trials["label"] == 0).all() else "bona fide"
    raise UserError(
        f"corpus {corpus}, split {split}: expected bona fide and spoof trials, but none is "
        f"{missing}; add {missing} clips to this split or give a protocol that has them"
    )


def _intervals(
    trials: pd.DataFrame, seed: int, value: str = "score", **options: Any
) -> bootstrap.Intervals:
    return bootstrap.intervals(
        trials["label"].to_numpy(),
        trials[value].to_numpy(),
        trials["speaker"].to_numpy(),
        seed,
        files=trials["file"].to_numpy(),
        **options,
    )


def _how(result: bootstrap.Intervals) -> dict[str, Any]:
    return {"method": result.method, "why": result.why, "n_redrawn": result.n_redrawn}


def _estimates(result: bootstrap.Intervals) -> dict[str, Any]:
    return {name: asdict(item) for name, item in result.estimates.items()}


def _cautious(result: bootstrap.Intervals, trials: pd.DataFrame) -> bootstrap.Intervals:
    """Take the intervals off figures of a handful: one clip drawn again and again never varies."""
    if trials["label"].value_counts().min() >= _FEWEST_CLIPS:
        return result
    bare = {
        name: bootstrap.Estimate(item.value, None, None) for name, item in result.estimates.items()
    }
    return replace(result, estimates=bare)


@dataclass(frozen=True)
class _Threshold:
    """At or above its round's value a score is called spoof; chosen on as many different dev clips.

    A round's threshold comes from its own dev: what is dev there may be reported on in another.
    """

    by_round: Mapping[str, float]
    n_bonafide: int
    n_spoof: int

    def as_json(self) -> dict[str, Any]:
        return {"rule": "EER on dev", **asdict(self)}

    def called(self, trials: pd.DataFrame) -> metrics.Floats:
        values = trials["round"].map(self.by_round).to_numpy()
        return (trials["score"].to_numpy() >= values).astype(np.float64)

    def rates(self, trials: pd.DataFrame) -> dict[str, bootstrap.Figure]:
        called = self.called(trials)

        def miss(weighted: Weighted) -> metrics.Floats:
            return 1.0 - weighted.mean(called, 1)

        def false_alarm(weighted: Weighted) -> metrics.Floats:
            return weighted.mean(called, 0)

        return {
            "miss": miss,
            "false_alarm": false_alarm,
            "hter": lambda weighted: (miss(weighted) + false_alarm(weighted)) / 2.0,
        }


def _threshold(dev: pd.DataFrame) -> _Threshold | None:
    """The threshold that the dev trials of each round give; none where one lacks a class."""
    parts = {str(name): part for name, part in dev.groupby("round", sort=False)}
    if not parts or not all(both_classes(part) for part in parts.values()):
        return None
    values = {
        name: metrics.eer_threshold(part["label"].to_numpy(), part["score"].to_numpy())
        for name, part in parts.items()
    }
    n_bonafide, n_spoof = (dev.loc[dev["label"] == label, "file"].nunique() for label in (0, 1))
    return _Threshold(values, n_bonafide, n_spoof)


def experiment_metrics(
    scores: pa.Table,
    about: Mapping[str, str],
    dev_scores: pa.Table | None,
    model: Mapping[str, Any],
    asv: Path | None,
    seed: int,
    say: Callable[[str], None],
    partitions: Mapping[str, Sequence[str]] | None = None,
) -> tuple[dict[str, Any], pa.Table]:
    """Return the metrics of a score table and the ROC bands of its splits; rates are fractions.

    Two readings of a calibrated score are kept apart. What is about the order of `score` (ROC-AUC,
    EER, average precision, error rates at the threshold) points as the model points, also where
    that is the wrong way. What is about its calibrated values (`brier.after`, `ece.after`, Cllr and
    the detection costs) uses `llr` where there is a calibration, so that a minimum is never above
    its actual cost; else `score`. The actual costs need a calibration.

    The exported files hold `llr` too (`score_files`). Where the calibration's slope is negative,
    because lower scores pointed to spoof on dev, it turns the order round: an EER of 84.6% here is
    one of 15.4% by the challenges' tools on those files. The report says so
    (`report.wording.orientation`). A protocol of several rounds has `llr` as its `score`.

    Args:
        scores: `tables.SCORES` with condition columns, of one view.
        about: the metadata of its file: `experiment`, `corpus`, `target`, `view` and `protocol`;
            what was `chosen` (JSON); of another corpus also its `leak` (JSON).
        dev_scores: the scores of the experiment on its own corpus, for a table that has only eval
            rows: the threshold is chosen on their dev. None for that table itself.
        model: the model's JSON; its `leak` is the experiment's own.
        asv: `tables.ASV_SCORES` of the target corpus, or none: then there is no tandem cost.
        seed: of the bootstrap.
        say: takes a line of progress.
        partitions: of which of the corpus's partitions a split's trials are, to take the ASV
            system's rates from the same; each split's namesake unless given.

    Raises:
        UserError: a split has one class only, or none.
    """
    target = about["target"]
    trials = scores.to_pandas()
    names = ordered_splits(trials["split"])
    if not names:
        _require_both_classes(trials, target, "eval")
    own = trials if dev_scores is None else dev_scores.to_pandas()
    threshold = _threshold(own[own["split"] == "dev"])
    verification = None if asv is None else tables.read(asv).to_pandas()
    splits, bands = {}, []
    for split in names:
        chosen = trials[trials["split"] == split].reset_index(drop=True)
        _require_both_classes(chosen, target, split)
        say(f"{split}: resampling {len(chosen)} trials {bootstrap.N_RESAMPLES} times")
        system = None
        if verification is not None:
            members = (partitions or {}).get(split, [split])
            rows = verification[verification["split"].isin(members)]
            system = detection_cost.speaker_verification(rows)
        splits[split], band = _split(chosen, threshold, system, seed)
        bands.append(_band_table(split, band))
    return {
        "name": _name(about["experiment"], about["corpus"], target),
        "experiment": about["experiment"],
        "corpus": about["corpus"],
        "target": target,
        "view": about["view"],
        "partitions": {name: (partitions or {}).get(name, [name]) for name in splits},
        "protocol": about["protocol"],
        "seed": seed,
        "chosen": json.loads(about["chosen"]),
        "interval": _interval_settings(seed),
        "leak": json.loads(about["leak"]) if "leak" in about else model["leak"],
        "threshold": threshold.as_json() if threshold else None,
        "dev_roc_auc": _dev_roc_auc(own),
        "train_views": model["features"]["train_views"],
        "splits": splits,
    }, pa.concat_tables(bands)


def _dev_roc_auc(own: pd.DataFrame) -> float | None:
    """What the experiment reached on the dev of the corpus that it was fitted on."""
    dev = own[own["split"] == "dev"]
    return metrics.roc_auc(dev["label"], dev["score"]) if both_classes(dev) else None


def _name(experiment: str, corpus: str, target: str) -> str:
    """What an experiment is called beside the others that are tested on a corpus."""
    return experiment if corpus == target else f"{experiment}, from {corpus}"


def change(before: pa.Table, after: pa.Table, seed: int) -> dict[str, Any]:
    """Return by how much ROC-AUC and EER change from one view of the eval clips to another.

    The difference is paired: each resample weighs a clip alike in both views. Clips that were set
    aside in the other view are left out of both.

    Args:
        before: scores in the view that an experiment is made for.
        after: its scores in the other view.
        seed: of the bootstrap.

    Returns:
        The differences as estimates, and how many clips were left out.
    """
    gone = set(before["file"].to_pylist()) - set(after["file"].to_pylist())
    found = compare.paired(before, after, "eval", seed, gone)
    differences = {"roc_auc": found.roc_auc, "eer": found.eer}
    return {
        name: {end: getattr(item, end) for end in ("value", "low", "high")}
        for name, item in differences.items()
    } | {"n_left_out": found.counts["n_left_out"]}


def _split(
    trials: pd.DataFrame,
    threshold: _Threshold | None,
    system: detection_cost.SpeakerVerification | None,
    seed: int,
) -> tuple[dict[str, Any], bootstrap.Band | None]:
    rates = threshold.rates(trials) if threshold else {}
    values = {
        name: trials[name].nunique(dropna=False) for name in tables.conditions(trials.columns)
    }
    result = _intervals(trials, seed, others=rates, band_at=_BAND_AT)
    found = _estimates(result)
    at_threshold = {name: found.pop(name) for name in rates}
    return {
        **_counts(trials),
        "interval": _how(result),
        **found,
        "orientation": _orientation(result.estimates["roc_auc"]),
        "at_threshold": at_threshold or None,
        **_costs(trials, system, seed),
        "per_attack": _attacks(trials, threshold, seed),
        "per_speaker": _speakers(trials, threshold),
        "per_condition": {
            name: _condition(trials, name, seed)
            for name, n_values in values.items()
            if 1 < n_values <= _MOST_VALUES
        },
        "not_conditions": [name for name, n_values in values.items() if n_values > _MOST_VALUES],
    }, result.band


def _orientation(auc: bootstrap.Estimate) -> str:
    if auc.low > 0.5:
        return "as expected"
    return "flipped" if auc.high < 0.5 else "undecided"


def _costs(
    trials: pd.DataFrame, system: detection_cost.SpeakerVerification | None, seed: int
) -> dict[str, Any]:
    """Figures of probabilities, likelihood ratios and decisions, None where they need what is not.

    The ASV system's rates are constants: only the countermeasure's trials are resampled.
    """
    labels, llr = trials["label"].to_numpy(), trials["llr"].to_numpy()
    calibrated = bool(np.isfinite(llr).all())
    error = {"before": CalibrationError(trials["p_spoof"].to_numpy(), labels)}
    cost = detection_cost.asvspoof5()
    wanted: dict[str, bootstrap.Figure | None] = {
        "brier.before": Brier(trials["p_spoof"].to_numpy()),
        "brier.after": None,
        "cllr": None,
        "min_cllr": lambda weighted: weighted.corners.least_cllr(),
        "min_dcf": cost.least,
        "act_dcf": None,
        "min_tdcf_legacy": None,
        "min_tdcf_revised": None,
    }
    if calibrated:
        called = detection_cost.called_spoof(llr)
        error["after"] = CalibrationError(trials["p_calibrated"].to_numpy(), labels)
        wanted["brier.after"] = Brier(trials["p_calibrated"].to_numpy())
        wanted["cllr"] = Cllr(llr)
        wanted["act_dcf"] = lambda weighted: cost.at(called, weighted)
    if system is not None:
        legacy, revised = (
            detection_cost.tandem_legacy(system),
            detection_cost.tandem_revised(system),
        )
        wanted["min_tdcf_legacy"] = legacy.least if legacy else None
        wanted["min_tdcf_revised"] = revised.least if revised else None
    result = _intervals(
        trials,
        seed,
        value="llr" if calibrated else "score",
        figures=(),
        others={name: figure for name, figure in wanted.items() if figure is not None},
        costs=[name for name in wanted if "cllr" in name or "dcf" in name],
    )
    found = dict.fromkeys(wanted) | _estimates(result)
    found["brier"] = {when: found.pop(f"brier.{when}") for when in _STAGES}
    diagrams = {when: item.diagram() for when, item in error.items()}
    return {
        **found,
        "ece": _calibration_errors(error, trials["file"].to_numpy(), seed),
        "tdcf": None if system is None else detection_cost.describe(system),
        "reliability": {"before": diagrams["before"], "after": diagrams.get("after")},
    }


def _calibration_errors(
    error: Mapping[str, CalibrationError], files: np.ndarray, seed: int
) -> dict[str, Any]:
    """Errors before and after calibration, each with what chance alone would give."""
    values = {when: {"value": item.value()} for when, item in error.items()}
    chance = {when: asdict(item.chance(seed, files)) for when, item in error.items()}
    nothing = dict.fromkeys(_STAGES)
    return {**nothing, **values, "chance": nothing | chance}


def _attacks(trials: pd.DataFrame, threshold: _Threshold | None, seed: int) -> dict[str, Any]:
    """Each attack against all bona fide trials; see `_against_bonafide`."""
    figures = {}
    attacks = trials["attack"].fillna(NOT_KNOWN)
    for attack in ordered_values(attacks[trials["label"] == 1]):
        chosen = _against_bonafide(trials, attacks == attack)
        rates = threshold.rates(chosen) if threshold else {}
        miss = {"miss": rates["miss"]} if rates else {}
        result = _intervals(chosen, seed, figures=_SUBSET, others=miss)
        figures[attack] = {
            "n_spoof": int((chosen["label"] == 1).sum()),
            "interval": _how(result),
            "miss": None,
            **_estimates(_cautious(result, chosen)),
        }
    return figures


def _against_bonafide(trials: pd.DataFrame, members: pd.Series) -> pd.DataFrame:
    """The spoof trials among `members`, and all bona fide trials, whatever their rounds."""
    return trials[(members & (trials["label"] == 1)) | (trials["label"] == 0)]


def _speakers(trials: pd.DataFrame, threshold: _Threshold | None) -> dict[str, Any]:
    """Plain rates of each known speaker: too few trials each for intervals worth having."""
    called = threshold.called(trials) if threshold else np.full(len(trials), np.nan)
    trials = trials.assign(called=called)
    figures = {}
    for speaker, own in trials.groupby("speaker"):  # leaves out nulls
        bonafide, spoof = (own.loc[own["label"] == label, "called"] for label in (0, 1))
        figures[str(speaker)] = {
            "n_bonafide": len(bonafide),
            "n_spoof": len(spoof),
            "false_alarm": float(bonafide.mean()) if threshold and len(bonafide) else None,
            "miss": float(1.0 - spoof.mean()) if threshold and len(spoof) else None,
            "roc_auc": metrics.roc_auc(own["label"], own["score"]) if both_classes(own) else None,
        }
    return figures


def _condition(trials: pd.DataFrame, name: str, seed: int) -> dict[str, Any]:
    """Each value of a condition: its own trials, or where none is bona fide, against all bona fide.

    A vocoder's name, say, is a property of spoofs alone. Trials without a value are a row of their
    own, but for those of a class that has no value at all: there the condition does not apply.
    """
    figures = {}
    applies = trials.groupby("label")[name].transform("count") > 0
    values = trials[name].fillna(NOT_GIVEN)
    for value in ordered_values(values[applies]):
        members = applies & (values == value)
        own = trials[members]
        row = {
            "n_bonafide": int((own["label"] == 0).sum()),
            "n_spoof": int((own["label"] == 1).sum()),
            "roc_auc": None,
            "eer": None,
        }
        if not row["n_bonafide"]:
            own = _against_bonafide(trials, members)
            row["against"] = _ALL_BONAFIDE
        if both_classes(own):
            result = _intervals(own, seed, figures=_SUBSET)
            row |= {"interval": _how(result), **_estimates(_cautious(result, own))}
        figures[value] = row
    return figures


def _counts(trials: pd.DataFrame) -> dict[str, int]:
    """How many clips there are, whatever the number of rounds that score them, and speakers."""
    bonafide, spoof = trials[trials["label"] == 0], trials[trials["label"] == 1]
    return {
        "n_bonafide": bonafide["file"].nunique(),
        "n_spoof": spoof["file"].nunique(),
        "n_speakers_bonafide": bonafide["speaker"].nunique(),
        "n_speakers_spoof": spoof["speaker"].nunique(),
    }


def _interval_settings(seed: int) -> dict[str, Any]:
    return {
        "kind": "bootstrap",
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
    candidates: pa.Table, model: Mapping[str, Any], seed: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return the ROC-AUC of every candidate and pooling on every split that has both classes.

    `candidates` are the scores of all of one experiment's, see `candidates.Choice`; `model` is its
    JSON, whose "selection" gives C and the cross-validated AUC of each in each round. Eval took no
    part in the choice: its figures are there so that the choice can be judged. Over several rounds,
    each AUC is the mean of the rounds', since scores of different models cannot be pooled, and C is
    the (lower) median of theirs.
    """
    settings: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for item in model["selection"]:
        settings.setdefault((item["candidate"], item["pooling"]), []).append(item)
    chosen = [(item["candidate"], item["pooling"]) for item in model["rounds"]]
    trials = candidates.to_pandas()
    say(f"{len(settings)} candidates: {len(trials)} trials, {len(chosen)} rounds")
    rows = [
        {
            "candidate": name,
            "pooling": pooling,
            "C": _middle([item["C"] for item in selected]),
            "cv_roc_auc": _mean([item["cv_roc_auc"] for item in selected]),
            "chosen": (name, pooling) in chosen,
            "n_rounds_chosen": chosen.count((name, pooling)),
            "splits": _candidate_splits(trials, tables.candidate_column(name, pooling), seed),
        }
        for (name, pooling), selected in settings.items()
    ]
    folds = "; ".join(dict.fromkeys(item["folds"] for item in model["rounds"]))
    return {
        "interval": _interval_settings(seed),
        "folds": folds,
        "n_rounds": len(chosen),
        "candidates": rows,
    }


def _middle(values: Sequence[float | None]) -> float | None:
    """Return the lower median, or None where nothing was fitted."""
    return None if None in values else median_low(values)


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean, or None where there is nothing to be averaged: C was chosen on dev."""
    return None if None in values else float(np.mean(values))


def _candidate_splits(trials: pd.DataFrame, column: str, seed: int) -> dict[str, Any]:
    figures = {}
    for split in ordered_splits(trials["split"]):
        chosen = trials[trials["split"] == split].rename(columns={column: "score"})
        rounds = [part for _, part in chosen.groupby("round", sort=False) if both_classes(part)]
        if rounds:
            part = pd.concat(rounds)
            columns = ("label", "score", "speaker", "file", "round")
            method, auc = bootstrap.mean_roc_auc(*(part[name] for name in columns), seed)
            figures[split] = {"method": method} | asdict(auc)
    return figures


def estimate(found: Mapping[str, float]) -> bootstrap.Estimate:
    """Return a figure of the JSON files as an `Estimate`; ends that it has not are not numbers."""
    low, high = (np.nan if found[end] is None else found[end] for end in ("low", "high"))
    return bootstrap.Estimate(found["value"], low, high)


def curve(scores: pa.Table, bands: pa.Table, metrics: Mapping[str, Any], split: str) -> Curve:
    """Return one experiment's error rates on one split, with its band and figures."""
    trials = scores.filter(pc.equal(scores["split"], split)).to_pandas()
    band = bands.filter(pc.equal(bands["split"], split)).to_pandas()
    figures = metrics["splits"][split]
    return Curve(
        name=labelled(metrics["name"], metrics["control"]),
        points=operating_points(trials["label"], trials["score"]),
        band=bootstrap.Band(*(band[name].to_numpy() for name in ("false_alarm", "low", "high"))),
        roc_auc=estimate(figures["roc_auc"]),
        eer=estimate(figures["eer"]),
        n_bonafide=figures["n_bonafide"],
        n_spoof=figures["n_spoof"],
    )
