"""All metrics of one experiment: per split, attack, speaker, condition; and of its candidates."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from authenticity import tables
from authenticity.estimates import Estimate
from authenticity.evaluation import bootstrap, compare, detection_cost, metrics, splits
from authenticity.evaluation.calibration import CalibrationError
from authenticity.evaluation.results import (
    ALL,
    ATTACK,
    ATTACKS,
    CANDIDATE,
    GROUPS,
    KNOWN,
    REPORTED,
    SPEAKER,
    UNKNOWN,
)
from authenticity.names import NOT_GIVEN, NOT_KNOWN, ordered_splits, ordered_values

BAND = pa.schema(
    [("split", pa.string()), *((name, pa.float64()) for name in ("false_alarm", "low", "high"))]
)
# Finer towards both ends, where good systems' ROC curves bend.
_TAIL = np.geomspace(1e-4, 0.05, 40)
_BAND_AT = np.unique(np.concatenate([[0.0, 1.0], _TAIL, np.linspace(0.05, 0.95, 181), 1 - _TAIL]))
# A column of a list with more values than this, such as a duration, is no condition.
_MOST_VALUES = 100
# Of a class, to give a metric of an attack or a condition an interval.
_FEWEST_CLIPS = 5
STAGES = {"_before_calibration": "p_spoof", "": "p_calibrated"}
"""The column of probabilities before and after calibration, by the suffix of their metrics."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Threshold:
    """At or above its round's value a score is called spoof; chosen on as many different dev clips.

    Each round has its own, from its dev: a dev clip of one round may be reported on in another.
    """

    by_round: Mapping[str, float]
    n_bonafide: int
    n_spoof: int

    @classmethod
    def of(cls, scores: pa.Table) -> "Threshold | None":
        """Choose it at the EER of each round's dev; None where a round's dev lacks a class."""
        trials = scores.to_pandas()
        dev = trials[trials["split"] == "dev"]
        rounds = {str(name): members for name, members in dev.groupby("round", sort=False)}
        if not rounds or not all(splits.both_classes(part["label"]) for part in rounds.values()):
            return None
        values = {
            name: metrics.eer_threshold(members["label"].to_numpy(), members["score"].to_numpy())
            for name, members in rounds.items()
        }
        return cls(values, **_n_files(dev))

    def called(self, trials: pd.DataFrame) -> metrics.Floats:
        """Return decisions, 1 where a trial is called spoof, else 0; shape (trials,)."""
        values = trials["round"].map(self.by_round).to_numpy()
        return (trials["score"].to_numpy() >= values).astype(np.float64)

    def rates(self, trials: pd.DataFrame) -> dict[str, metrics.Metric]:
        """Return the error rates of trials as metrics that can be resampled."""
        called = self.called(trials)
        rates: dict[str, metrics.Metric] = {
            "miss": lambda weighted: 1.0 - weighted.mean(called, 1),
            "false_alarm": lambda weighted: weighted.mean(called, 0),
        }
        both = list(rates.values())
        return rates | {"hter": lambda weighted: sum(rate(weighted) for rate in both) / 2.0}


@dataclass(frozen=True)
class Measured:
    """What was measured of an experiment in one view of a corpus.

    Attributes:
        rows: of `results.RESULTS`, but for what names experiment, corpus and view.
        bands: `BAND`, the interval of the ROC curve of each split.
        why: by split, why its intervals are made as they are.
        not_conditions: columns with too many values, or a name that is taken, to be conditions.
    """

    rows: list[Row]
    bands: pa.Table
    why: dict[str, str]
    not_conditions: list[str]


def view(
    scores: pa.Table,
    corpus: str,
    threshold: Threshold | None,
    asv: pa.Table,
    seed: int,
    say: Callable[[str], None],
    partitions: Mapping[str, Sequence[str]],
    known_attacks: Collection[str],
) -> Measured:
    """Measure a score table, split by split; rates are fractions.

    Metrics of the order of `score` (ROC-AUC, EER, average precision, error rates at the threshold)
    point as the model points, also where that is the wrong way. Metrics of calibrated values
    (`brier`, `ece`, Cllr and the detection costs) use `llr` where there is a calibration, so that a
    minimum is never above its actual cost; else `score`. The actual costs need a calibration.

    A calibration with a negative slope, because lower scores pointed to spoof on dev, reverses the
    order: an EER of 84.6% here is one of 15.4% in the exported files, which hold `llr` too
    (`score_files`, `wording.orientation`). A protocol of several rounds has `llr` as its `score`.

    Args:
        scores: `tables.SCORES` with condition columns, of one view.
        corpus: that they are of, for messages.
        threshold: of the experiment, from the dev of the corpus that it was fitted on.
        asv: `tables.ASV_SCORES` of the corpus; without rows there is no tandem cost.
        seed: of the bootstrap.
        say: takes a line of progress.
        partitions: of the corpus, those that each split's trials are of: the ASV system's rates are
            of the same.
        known_attacks: that the experiment was trained on. A split that has some of them is measured
            on these and on its other attacks too.

    Raises:
        UserError: a split has one class only, or none.
    """
    trials, verification = scores.to_pandas(), asv.to_pandas()
    conditions = tables.conditions(trials.columns)
    n_values = trials.groupby("split")[conditions].nunique(dropna=False)
    rows, bands, why = [], [], {}
    for split in ordered_splits(trials["split"]) or [REPORTED]:
        members = trials[trials["split"] == split].reset_index(drop=True)
        splits.require_labels(corpus, split, members["label"])
        say(f"{split}: resampling {len(members)} trials {bootstrap.N_RESAMPLES} times")
        rates = verification[verification["split"].isin(partitions[split])]
        system = detection_cost.speaker_verification(rates)
        wanted = bootstrap.RANKED | (threshold.rates(members) if threshold else {})
        ranked = intervals(members, seed, metrics=wanted, band_at=_BAND_AT)
        values = ranked.estimates | _costs(members, system, seed)
        values |= _calibration_errors(members, seed) | _n_speakers(members)
        of_split = [
            *_rows(values, ranked.method, **_n_files(members)),
            *_attacks(members, threshold, known_attacks, seed),
            *_speakers(members, threshold),
        ]
        for name, n in n_values.items():
            if 1 < n[split] <= _MOST_VALUES and name not in GROUPS:
                of_split += _condition(members, name, seed)
        rows += [row | {"split": split} for row in of_split]
        bands.append(pa.table({"split": [split] * _BAND_AT.size} | vars(ranked.band), schema=BAND))
        why[split] = ranked.why
    left_out = [name for name, n in n_values.items() if n.max() > _MOST_VALUES or name in GROUPS]
    return Measured(rows, pa.concat_tables(bands), why, left_out)


def attacks_of(trials: pa.Table, partitions: Sequence[str]) -> list[str]:
    """Return the attacks of some partitions of a corpus, in order."""
    spoof = tables.where(trials, split=partitions, label=1)
    return sorted(spoof["attack"].drop_null().unique().to_pylist())


def change(before: pa.Table, after: pa.Table, seed: int) -> list[Row]:
    """Measure the change of ROC-AUC and EER on eval from an experiment's own view to another.

    The difference is paired: each resample weighs a clip alike in both views. Clips that were set
    aside in one view are left out of both, and counted.
    """
    scorers = compare.Scorer("baseline", before), compare.Scorer("candidate", after)
    one, other = (set(scorer.scores["file"].to_pylist()) for scorer in scorers)
    compared = compare.paired(*scorers, seed, one ^ other)
    counts = dict(compared.counts)
    values = {"roc_auc_change": compared.roc_auc, "eer_change": compared.eer}
    values["n_left_out"] = counts.pop("n_left_out")
    return _rows(values, compared.interval["method"], **counts, split=REPORTED)


def candidates(scores: pa.Table, seed: int, say: Callable[[str], None]) -> Iterator[Row]:
    """Yield the ROC-AUC of every candidate and pooling on every split that has both classes.

    Eval took no part in the choice: its values are there so that the choice can be judged. Over
    several rounds, each AUC is the mean of the rounds', since scores of different models cannot be
    pooled. `scores` are of all of one experiment's candidates (`candidates.Choice`), `seed` is the
    bootstrap's, and `say` takes a line of progress.
    """
    trials = scores.to_pandas()
    columns = [name for name in scores.column_names if name not in tables.TRIAL_COLUMNS]
    say(f"{len(columns)} candidates: {len(trials)} trials")
    for split in ordered_splits(trials["split"]):
        members = trials[trials["split"] == split]
        by_round = [part for _, part in members.groupby("round", sort=False)]
        rounds = [part for part in by_round if splits.both_classes(part["label"])]
        if not rounds:
            continue
        part = pd.concat(rounds)
        about = [part[name] for name in ("speaker", "file", "round")]
        for column in columns:
            method, auc = bootstrap.mean_roc_auc(part["label"], part[column], *about, seed)
            where = {"split": split, "group": CANDIDATE, "group_value": column}
            yield from _rows({"roc_auc": auc}, method, **_n_files(part), **where)


def intervals(
    trials: pd.DataFrame, seed: int, value: str = "score", **options: Any
) -> bootstrap.Intervals:
    """Return `bootstrap.intervals` of a column of trials."""
    columns = (trials[name].to_numpy() for name in ("label", value, "speaker"))
    return bootstrap.intervals(*columns, seed, files=trials["file"].to_numpy(), **options)


def _rows(
    values: Mapping[str, Estimate | float], method: str | None = None, **columns: Any
) -> list[Row]:
    """Return a row for each metric, with these columns too; a plain number has no interval."""
    rows, columns = [], {"group": ALL, "group_value": None} | columns
    for metric, value in values.items():
        estimate = value if isinstance(value, Estimate) else Estimate(value, None, None)
        row = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
        row["method"] = None if estimate.low is None else method
        rows.append(columns | {"metric": metric} | row)
    return rows


def _n_files(trials: pd.DataFrame) -> dict[str, int]:
    """How many clips of each class there are, whatever the number of rounds that score them."""
    return n_trials(trials.drop_duplicates("file"))


def n_trials(trials: pd.DataFrame) -> dict[str, int]:
    """Return how many trials of each class there are."""
    n_spoof = int((trials["label"] == 1).sum())
    return {"n_bonafide": len(trials) - n_spoof, "n_spoof": n_spoof}


def _n_speakers(trials: pd.DataFrame) -> dict[str, int]:
    """How many known speakers there are: of each class, in all, and of one class only."""
    n_classes = trials.groupby("speaker")["label"].nunique()  # leaves out nulls
    of_class = trials.groupby("label")["speaker"].nunique()
    return {
        "n_speakers_bonafide": int(of_class[0]),
        "n_speakers_spoof": int(of_class[1]),
        "n_speakers": len(n_classes),
        "n_speakers_of_one_class": int((n_classes == 1).sum()),
    }


def _costs(
    trials: pd.DataFrame, system: detection_cost.SpeakerVerification | None, seed: int
) -> dict[str, Estimate]:
    """Metrics of probabilities, likelihood ratios and decisions, as far as there is a calibration.

    The ASV system's rates are constants: only the countermeasure's trials are resampled.
    """
    llr, cost = trials["llr"].to_numpy(), detection_cost.ASVSPOOF5
    calibrated = bool(np.isfinite(llr).all())
    wanted: dict[str, metrics.Metric] = {
        "brier_before_calibration": metrics.brier(trials["p_spoof"].to_numpy()),
        "min_cllr": lambda weighted: weighted.corners.least_cllr(),
        "min_dcf": cost.least,
    }
    if calibrated:
        called = detection_cost.called_spoof(llr)
        wanted["brier"] = metrics.brier(trials["p_calibrated"].to_numpy())
        wanted["cllr"] = metrics.cllr(llr)
        wanted["act_dcf"] = lambda weighted: cost.at(called, weighted)
    for name, revised in (("min_tdcf_legacy", False), ("min_tdcf_revised", True)):
        if system and (weights := detection_cost.tandem(system, revised)):
            wanted[name] = weights.least
    costs = [name for name in wanted if "cllr" in name or "dcf" in name]
    value = "llr" if calibrated else "score"
    return intervals(trials, seed, value, metrics=wanted, costs=costs).estimates


def _calibration_errors(trials: pd.DataFrame, seed: int) -> dict[str, float]:
    """Errors before and after calibration, each with the mean and the 97.5% point of chance."""
    values = {}
    for suffix, column in STAGES.items():
        if trials[column].notna().all():
            error = CalibrationError(trials[column].to_numpy(), trials["label"].to_numpy())
            mean, high = error.chance(seed, trials["file"].to_numpy())
            values[f"ece{suffix}"] = error.value()
            values[f"ece_chance{suffix}"], values[f"ece_chance_high{suffix}"] = mean, high
    return values


def _of_group(
    trials: pd.DataFrame, seed: int, more: Mapping[str, metrics.Metric]
) -> tuple[dict[str, Estimate], str]:
    """Return ROC-AUC, EER and more of some trials, and the intervals' method.

    A handful has no interval: one clip drawn again and again never varies.
    """
    measured = intervals(trials, seed, metrics=compare.METRICS | more)
    values = measured.estimates
    if min(_n_files(trials).values()) < _FEWEST_CLIPS:
        values = {name: Estimate(item.value, None, None) for name, item in values.items()}
    return values, measured.method


def _attacks(
    trials: pd.DataFrame, threshold: Threshold | None, known: Collection[str], seed: int
) -> Iterator[Row]:
    """Measure each attack, and known and unknown ones apart, against the bona fide of all rounds.

    A spoof whose attack nobody knows is neither known nor unknown.
    """
    spoof, attacks = trials["label"] == 1, trials["attack"].fillna(NOT_KNOWN)
    is_known = spoof & trials["attack"].isin(list(known))
    groups = [(ATTACK, name, spoof & (attacks == name)) for name in ordered_values(attacks[spoof])]
    if is_known.any():
        others = spoof & ~is_known & trials["attack"].notna()
        groups += [(ATTACKS, KNOWN, is_known), (ATTACKS, UNKNOWN, others)]
    counts = _n_files(trials)
    for group, name, members in groups:
        if members.any():
            against = trials[members | ~spoof]
            miss = {"miss": threshold.rates(against)["miss"]} if threshold else {}
            values, method = _of_group(against, seed, miss)
            counts["n_spoof"] = _n_files(trials[members])["n_spoof"]
            yield from _rows(values, method, **counts, group=group, group_value=name)


def _speakers(trials: pd.DataFrame, threshold: Threshold | None) -> Iterator[Row]:
    """Measure plain rates of each known speaker: too few trials each for intervals worth having."""
    if threshold:
        trials = trials.assign(called=threshold.called(trials))
    for speaker, members in trials.groupby("speaker"):  # leaves out nulls
        counts = _n_files(members)
        values = {"n_clips": sum(counts.values())}
        if threshold:
            called = members.groupby("label")["called"].mean()
            if 0 in called:
                values["false_alarm"] = float(called[0])
            if 1 in called:
                values["miss"] = float(1.0 - called[1])
            tried = n_trials(members)
            alarms = values.get("false_alarm", 0.0) * tried["n_bonafide"]
            misses = values.get("miss", 0.0) * tried["n_spoof"]
            values["wrong"] = (alarms + misses) / len(members)
        if splits.both_classes(members["label"]):
            values["roc_auc"] = metrics.roc_auc(members["label"], members["score"])
        yield from _rows(values, **counts, group=SPEAKER, group_value=str(speaker))


def _condition(trials: pd.DataFrame, name: str, seed: int) -> Iterator[Row]:
    """Measure each value of a condition: its trials, or if none is bona fide, against all of those.

    A vocoder's name, say, is a property of spoofs alone. Trials without a value have a row, unless
    their class has no value at all: there the condition does not apply.
    """
    applies = trials.groupby("label")[name].transform("count") > 0
    names = trials[name].fillna(NOT_GIVEN)
    for group_value in ordered_values(names[applies]):
        chosen = applies & (names == group_value)
        own = trials[chosen]
        counts, method = _n_files(own), None
        values = {"n_clips": sum(counts.values())}
        if not counts["n_bonafide"]:
            own = trials[chosen | (trials["label"] == 0)]
        if splits.both_classes(own["label"]):
            measured, method = _of_group(own, seed, {})
            values |= measured
        yield from _rows(values, method, **counts, group=name, group_value=group_value)
