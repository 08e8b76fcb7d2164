"""A run's JSON files as the report reads them, built with a few numbers of a test's choice."""

import copy
from typing import Any

PAIRS = ("train_eval", "dev_eval", "train_dev")


def estimate(value: float, low: float = 0.01, high: float = 0.005) -> dict[str, float]:
    return {"value": value, "low": value - low, "high": value + high}


def split(auc: float, **changes: Any) -> dict[str, Any]:
    """The figures of one split: 3 and 12 speakers, two attacks, one condition."""
    error = estimate(1 - auc)
    orientation = "as expected" if auc > 0.51 else "flipped" if auc < 0.495 else "undecided"
    attacks = {"A07": auc - 0.02, "A08": auc + 0.01}
    found = {
        "n_bonafide": 1200,
        "n_spoof": 300,
        "n_speakers_bonafide": 3,
        "n_speakers_spoof": 12,
        "interval": {
            "method": "trial bootstrap, stratified by class",
            "why": "3 bona fide and 12 spoof speakers: fewer than 10 in a class",
            "n_redrawn": 0,
        },
        "roc_auc": estimate(auc),
        "eer": error,
        "average_precision": estimate(0.9),
        "orientation": orientation,
        "at_threshold": {"miss": error, "false_alarm": error, "hter": error},
        "brier": {"before": estimate(0.08), "after": estimate(0.07)},
        "ece": ece(0.061, 0.032),
        "cllr": estimate(0.41),
        "min_cllr": estimate(0.33),
        "min_dcf": estimate(0.35),
        "act_dcf": estimate(0.37),
        "min_tdcf_legacy": None,
        "min_tdcf_revised": None,
        "tdcf": None,
        "reliability": {"before": bins(0.7), "after": bins(1.0)},
        "per_attack": {
            name: {
                "n_spoof": 150,
                "interval": {"method": "trial bootstrap", "why": "few", "n_redrawn": 0},
                "roc_auc": estimate(value),
                "eer": estimate(1 - value),
                "miss": estimate(1 - value),
            }
            for name, value in attacks.items()
        },
        "per_speaker": {f"S{number:02d}": speaker(number) for number in range(12)},
        "not_conditions": [],
        "per_condition": {
            "codec": {
                "C1": condition(600, 150, auc),
                "C2": condition(0, 150, auc) | {"against": "all bona fide"},
                "C3": condition(600, 0, None),
            }
        },
    }
    return found | changes


def ece(before: float, after: float | None, chance: float = 0.03) -> dict[str, Any]:
    """Calibration errors beside the same chance level."""
    level = {"mean": chance, "high": 1.4 * chance}
    return {
        "before": {"value": before},
        "after": None if after is None else {"value": after},
        "chance": {"before": level, "after": None if after is None else level},
    }


def bins(slope: float) -> list[dict[str, Any]]:
    middles = [0.05 + 0.1 * number for number in range(10)]
    return [
        {"mean_p": p, "share_spoof": 0.5 + slope * (p - 0.5), "n": int(20 + 900 * (p - 0.5) ** 2)}
        for p in middles
    ]


def speaker(number: int) -> dict[str, Any]:
    both = number % 3 == 0
    return {
        "n_bonafide": 40 if both else 0,
        "n_spoof": 25,
        "false_alarm": number / 100 if both else None,
        "miss": number / 50,
        "roc_auc": 0.97 if both else None,
    }


def condition(n_bonafide: int, n_spoof: int, auc: float | None) -> dict[str, Any]:
    figures = {"roc_auc": estimate(auc), "eer": estimate(1 - auc)} if auc else {}
    empty = {"roc_auc": None, "eer": None}
    return {"n_bonafide": n_bonafide, "n_spoof": n_spoof} | empty | figures


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


def metrics(experiment: str = "layers", auc: float = 0.93, **changes: Any) -> dict[str, Any]:
    """An experiment's metrics; `changes` replace its entries, `eval_changes` those of eval."""
    eval_changes = changes.pop("eval_changes", {})
    found = {
        "name": experiment,
        "partitions": {"dev": ["dev"], "eval": ["eval"]},
        "experiment": experiment,
        "corpus": "toy",
        "target": "toy",
        "view": "clean",
        "control": False,
        "protocol": "official",
        "seed": 1,
        "chosen": [chosen()],
        "interval": {
            "kind": "percentile bootstrap",
            "level": 0.95,
            "n_resamples": 1000,
            "seed": 1,
            "minimum_speakers": 10,
        },
        "leak": leak(),
        "dev_roc_auc": auc,
        "train_views": [changes.get("view", "clean")],
        "threshold": {
            "by_round": {"all": 0.31},
            "rule": "EER on dev",
            "n_bonafide": 100,
            "n_spoof": 120,
        },
        "splits": {"dev": split(auc), "eval": split(auc, **eval_changes)},
    }
    return copy.deepcopy(found | changes)


def chosen(name: str = "all", candidate: str = "layer_3", C: float = 0.01) -> dict[str, Any]:
    calibration = {"slope": 0.91, "offset": -0.12, "prior_spoof": 0.55}
    return {
        "round": name,
        "candidate": candidate,
        "pooling": "mean_std",
        "C": C,
        "calibration": calibration,
    }


def without_dev(experiment: str = "nodev", auc: float = 0.93) -> dict[str, Any]:
    """Metrics of a protocol without a dev part: no threshold, no calibration."""
    nothing = {
        "at_threshold": None,
        "brier": {"before": estimate(0.08), "after": None},
        "ece": ece(0.061, None),
        "reliability": {"before": bins(0.7), "after": None},
    }
    nothing |= dict.fromkeys(["cllr", "min_cllr", "min_dcf", "act_dcf"])
    found = metrics(experiment, auc, eval_changes=nothing, threshold=None)
    found["chosen"][0]["calibration"] = None
    del found["splits"]["dev"]
    for attack in found["splits"]["eval"]["per_attack"].values():
        attack["miss"] = None
    for one in found["splits"]["eval"]["per_speaker"].values():
        one["miss"] = one["false_alarm"] = None
    return found


def view(name: str, auc: float, experiment: str = "layers", target: str = "toy") -> dict[str, Any]:
    found = metrics(experiment, auc, view=name, target=target)
    found["change"] = {
        "roc_auc": estimate(auc - 0.93, 0.01, 0.01),
        "eer": estimate(0.93 - auc, 0.01, 0.01),
    }
    del found["splits"]["dev"]
    return found


def many_speakers() -> dict[str, Any]:
    """What replaces an eval split's few speakers by enough for intervals over speakers."""
    both = {"n_bonafide": 10, "n_spoof": 10, "false_alarm": 0.1, "miss": 0.1, "roc_auc": 0.95}
    return {
        "n_speakers_bonafide": 40,
        "n_speakers_spoof": 40,
        "interval": {
            "method": "speaker-clustered bootstrap",
            "why": "40 bona fide and 40 spoof speakers",
            "n_redrawn": 0,
        },
        "per_speaker": {f"S{number:02d}": both for number in range(40)},
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
    """The audit of one view, by view: two properties and the rows of several.

    `auc` is that of the strongest, the level.
    """
    common = {"direction": "lower", "unit": "s", "median_bonafide": 1.0, "median_spoof": 2.0}
    properties = {
        column: common | {"name": name, "roc_auc": estimate(value)}
        for column, name, value in (("duration", "Duration", 0.55), ("level", "Level", auc))
    }
    nothing = dict.fromkeys(["direction", "unit", "median_bonafide", "median_spoof"])
    for column, name, value in (
        ("speaker", "Speaker identity", 0.99),
        ("together", "All properties together", 0.48),
    ):
        row = {"name": name, "how": "learned from others", "roc_auc": estimate(value)}
        properties[column] = nothing | row
    how = {"method": "trial bootstrap", "why": "few speakers"}
    counts = {"n_bonafide": 1200, "n_spoof": 300}
    splits = {"eval": {**counts, "interval": how, "properties": properties}}
    return {view: {"view": view, "splits": splits}}


def model(**changes: Any) -> dict[str, Any]:
    counts = {"n_train_bonafide": 160, "n_train_spoof": 316, "folds": "5 folds by trial"}
    rounds = [chosen() | counts]
    return {"experiment": "layers", "kind": "logistic", "corpus": "toy", "rounds": rounds} | changes


def encoder(model: str = "resources/encoders/small") -> dict[str, Any]:
    return {"model": model, "identity": "e64acfd0", "precision": "bfloat16", "n_layers": 7}
