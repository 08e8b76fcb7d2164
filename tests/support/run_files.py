"""A run's results and JSON files, built with a few numbers of a test's choice."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from authenticity.estimates import Estimate
from authenticity.evaluation import results
from authenticity.evaluation.results import Results, Tested

PAIRS = ("train_eval", "dev_eval", "train_dev")
BY_TRIAL = "trial bootstrap, stratified by class"
BY_SPEAKER = "speaker-clustered bootstrap"


def estimate(value: float, low: float = 0.01, high: float = 0.005) -> Estimate:
    return Estimate(value, value - low, value + high)


def ece(before: float, after: float | None, chance: float = 0.03) -> dict[str, float | None]:
    """Calibration errors beside the same chance level."""
    metrics = {}
    for suffix, value in (("_before_calibration", before), ("", after)):
        level = None if value is None else chance
        metrics |= {f"ece{suffix}": value, f"ece_chance{suffix}": level}
        metrics[f"ece_chance_high{suffix}"] = level and 1.4 * level
    return metrics


def overall(auc: float) -> dict[str, Any]:
    """The metrics of one split over all trials: 3 and 12 speakers."""
    error = estimate(1 - auc)
    return {
        "roc_auc": estimate(auc),
        "eer": error,
        "average_precision": estimate(0.9),
        **dict.fromkeys(["miss", "false_alarm", "hter"], error),
        "brier_before_calibration": estimate(0.08),
        "brier": estimate(0.07),
        **ece(0.061, 0.032),
        "cllr": estimate(0.41),
        "min_cllr": estimate(0.33),
        "min_dcf": estimate(0.35),
        "act_dcf": estimate(0.37),
        "n_speakers_bonafide": 3,
        "n_speakers_spoof": 12,
        "n_speakers": 12,
        "n_speakers_of_one_class": 8,
    }


def attacks(**aucs: float) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "n_spoof": 150,
            "roc_auc": estimate(auc),
            **dict.fromkeys(["eer", "miss"], estimate(1 - auc)),
        }
        for name, auc in aucs.items()
    }


def speaker(number: int, **changes: Any) -> dict[str, Any]:
    both = number % 3 == 0
    counts = {"n_bonafide": 40 if both else 0, "n_spoof": 25}
    rates = {"false_alarm": number / 100 if both else None, "miss": number / 50}
    rates["wrong"] = number / 70
    return {**counts, "n_clips": 25, **rates, "roc_auc": 0.97 if both else None, **changes}


def condition(n_bonafide: int, n_spoof: int, auc: float | None) -> dict[str, Any]:
    metrics = {"roc_auc": estimate(auc), "eer": estimate(1 - auc)} if auc else {}
    counts = {"n_bonafide": n_bonafide, "n_spoof": n_spoof}
    return {**counts, "n_clips": n_bonafide + n_spoof, **metrics}


def groups(auc: float) -> dict[str, dict[str, dict[str, Any]]]:
    """Two attacks, twelve speakers, one condition."""
    return {
        "attack": attacks(A07=auc - 0.02, A08=auc + 0.01),
        "speaker": {f"S{number:02d}": speaker(number) for number in range(12)},
        "codec": {
            "C1": condition(600, 150, auc),
            "C2": condition(0, 150, auc),
            "C3": condition(600, 0, None),
        },
    }


def rows(metrics: Mapping[str, Any], **columns: Any) -> list[dict[str, Any]]:
    """Rows of results; what is None is none. Counts and `method` among the metrics are columns."""
    common = {"n_bonafide": 1200, "n_spoof": 300, "method": BY_TRIAL, **columns}
    common |= {name: metrics[name] for name in common if name in metrics}
    made = []
    for name, value in metrics.items():
        if value is None or name in common:
            continue
        item = value if isinstance(value, Estimate) else Estimate(value, None, None)
        without = {"method": None} if item.low is None else {}
        made.append(common | {"metric": name} | vars(item) | without)
    return made


def tested(
    experiment: str = "layers",
    auc: float = 0.93,
    views: Mapping[str, float] | None = None,
    of_views: Mapping[str, Any] | None = None,
    of_eval: Mapping[str, Any] | None = None,
    by: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Tested:
    """An experiment's results on dev and eval.

    Args:
        experiment: its name.
        auc: its ROC-AUC.
        views: further views of eval, with the ROC-AUC there.
        of_views: replaces metrics in all of them.
        of_eval: replaces metrics over all trials of eval; None takes one away. The counts
            `n_bonafide` and `n_spoof`, and `method`, are replaced too.
        by: replaces groups of eval: attacks, speakers, conditions.
        changes: replace attributes.
    """
    about = {"corpus": "toy", "target": "toy", "view": "clean"}
    about |= {name: changes[name] for name in about if name in changes}
    names = {"experiment": experiment, **about}
    made = []
    for split in ("dev", "eval"):
        here = split == "eval"
        place = names | {"split": split}
        metrics = overall(auc) | (dict(of_eval or {}) if here else {})
        made += rows(metrics, group="all", group_value=None, **place)
        for group, values in (groups(auc) | (dict(by or {}) if here else {})).items():
            for value, of_value in values.items():
                made += rows(of_value, group=group, group_value=value, **place)
    for view, value in (views or {}).items():
        place = names | {"split": "eval", "view": view, "group": "all", "group_value": None}
        change = {
            "roc_auc_change": estimate(value - auc, 0.01, 0.01),
            "eer_change": estimate(auc - value, 0.01, 0.01),
        }
        made += rows(overall(value) | change | dict(of_views or {}), **place)
    fields = {
        "experiment": experiment,
        **about,
        "protocol": "official",
        "seed": 1,
        "control": False,
        "train_views": [about["view"]],
        "chosen": [chosen()],
        "leak": leak(),
        "partitions": {"dev": ["dev"], "eval": ["eval"]},
        "threshold": {"by_round": {"all": 0.31}, "n_bonafide": 100, "n_spoof": 120},
        "why": dict.fromkeys(
            ["dev", "eval"], "3 bona fide and 12 spoof speakers: fewer than 10 in a class"
        ),
        "not_conditions": [],
        "known_attacks": [],
    }
    return Tested(**fields | changes, results=Results(results.table(made)))


def without(split: str, item: Tested) -> Tested:
    """The same results without a split."""
    kept = [row for row in item.results.table.to_pylist() if row["split"] != split]
    why = {name: words for name, words in item.why.items() if name != split}
    return replace(item, results=Results(results.table(kept)), why=why)


def without_dev(experiment: str = "nodev", auc: float = 0.93, **changes: Any) -> Tested:
    """The results of a protocol without a dev split: no threshold, no calibration."""
    needs_dev = ["miss", "false_alarm", "hter", "brier", "cllr", "act_dcf"]
    by = groups(auc)
    for value in by["attack"].values():
        value["miss"] = None
    for value in by["speaker"].values():
        value |= dict.fromkeys(["miss", "false_alarm", "wrong"])
    uncalibrated = [chosen() | {"calibration": None}]
    item = tested(
        experiment,
        auc,
        of_eval=dict.fromkeys(needs_dev) | ece(0.061, None),
        by=by,
        **{"threshold": None, "chosen": uncalibrated} | changes,
    )
    return without("dev", item)


def many_speakers() -> dict[str, Any]:
    """What replaces metrics of eval where there are enough speakers for intervals over them."""
    return {
        "method": BY_SPEAKER,
        **dict.fromkeys(["n_speakers_bonafide", "n_speakers_spoof", "n_speakers"], 40),
        "n_speakers_of_one_class": 0,
    }


def leak(
    speakers: int = 0, duplicates: int = 0, unknown_speakers: int = 0, near_duplicates: int = 0
) -> dict[str, Any]:
    none = dict.fromkeys(PAIRS, 0)
    return {
        "speakers": none | {"train_eval": speakers},
        "duplicates": none | {"train_eval": duplicates},
        "near_duplicates": none | {"train_eval": near_duplicates},
        "attacks": none,
        "unknown_speakers": unknown_speakers,
        "leaks": bool(speakers or duplicates or near_duplicates),
    }


def chosen(
    name: str = "all", candidate: str = "layer_3", C: float = 0.01, slope: float = 0.91
) -> dict[str, Any]:
    return {
        "round": name,
        "candidate": candidate,
        "pooling": "mean_std",
        "C": C,
        "calibration": {"slope": slope, "offset": -0.12, "prior_spoof": 0.55},
    }


def verified(**changes: Any) -> dict[str, Any]:
    duplicates = {"policy": "keep", "n_groups": 0, "n_trials": 0, "n_removed": 0}
    found = {
        "corpus": "toy",
        "n_manifest": 1500,
        "n_accepted": 1500,
        "n_rejected": 0,
        "rejected": [],
        "by_split": {"eval": {"bonafide": 1200, "spoof": 300}},
        "duplicates": {**duplicates, "n_conflicts": 0, "examples": []},
        "near_duplicates": {"n_groups": 0, "n_trials": 0, "n_steady": 0, "examples": []},
    }
    return found | changes


def audit(auc: float = 0.6, view: str = "clean") -> dict[str, Any]:
    """The audit of one view: two properties and the rows of several.

    `auc` is that of the strongest, the level.
    """
    common = {"direction": "lower", "unit": "s", "median_bonafide": 1.0, "median_spoof": 2.0}
    properties = {
        column: common | {"name": name, "roc_auc": vars(estimate(value))}
        for column, name, value in (("duration", "Duration", 0.55), ("level", "Level", auc))
    }
    nothing = dict.fromkeys(["direction", "unit", "median_bonafide", "median_spoof"])
    for column, name, value in (
        ("speaker", "Speaker identity", 0.99),
        ("together", "All properties together", 0.48),
    ):
        row = {"name": name, "how": "learned from others", "roc_auc": vars(estimate(value))}
        properties[column] = nothing | row
    how = {"method": "trial bootstrap", "why": "few speakers"}
    counts = {"n_bonafide": 1200, "n_spoof": 300}
    splits = {"eval": {**counts, "interval": how, "properties": properties}}
    return {"view": view, "splits": splits}


def model(**changes: Any) -> dict[str, Any]:
    counts = {"n_train_bonafide": 160, "n_train_spoof": 316, "folds": "5 folds by trial"}
    rounds = [chosen() | counts]
    return {"experiment": "layers", "kind": "logistic", "corpus": "toy", "rounds": rounds} | changes


def encoder(model: str = "resources/encoders/small") -> dict[str, Any]:
    return {"model": model, "identity": "e64acfd0", "precision": "bfloat16", "n_layers": 7}
