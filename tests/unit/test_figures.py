"""The metrics of an experiment: complete, right, and honest about what cannot be said."""

import json

import corpora
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scored
from authenticity import manifest, tables
from authenticity.config import Corpus
from authenticity.errors import UserError
from authenticity.evaluation import bootstrap, detection_cost, figures, metrics, score_files
from authenticity.evaluation.probabilities import CalibrationError
from authenticity.report import wording
from sklearn.metrics import roc_auc_score

LEAK = {"speakers": {"train_eval": 0}, "leaks": False}
MODEL = {"leak": LEAK, "features": {"train_views": ["clean"]}}
COSTS = ("cllr", "min_cllr", "min_dcf", "act_dcf", "min_tdcf_legacy", "min_tdcf_revised")


def asv_table(path, splits=("dev", "eval")):
    """Speaker-verification scores whose eval rates are not those of dev."""
    random = np.random.default_rng(5)
    rows = [
        pd.DataFrame({"kind": kind, "score": random.normal(centre, 1, 200), "split": split})
        for split, shift in zip(splits, (0.0, 0.7), strict=False)
        for kind, centre in (("target", 4.0), ("nontarget", 0.0), ("spoof", 2.5 + shift))
    ]
    table = pd.concat(rows) if rows else pd.DataFrame({"kind": [], "score": [], "split": []})
    table["attack"] = np.where(table["kind"] == "spoof", "A01", "-")
    columns = pa.Table.from_pandas(table, preserve_index=False).select(tables.ASV_SCORES.names)
    tables.write(path, columns, tables.ASV_SCORES)
    return path


def measured(path, dev=None, asv=None, model=None, **options):
    said = []
    table, own = tables.read(path), None if dev is None else tables.read(dev)
    found, bands = figures.experiment_metrics(
        table, tables.metadata(path), own, model or MODEL, asv, 7, said.append, **options
    )
    json.dumps(found, allow_nan=False)
    assert len(said) == len(found["splits"])
    assert set(bands["split"].to_pylist()) == set(found["splits"])
    return found


def dev_and_eval(**columns):
    return pd.concat(
        [scored.trials("dev", **columns), scored.trials("eval", seed=1, **columns)],
        ignore_index=True,
    )


def test_an_experiments_metrics_are_complete_and_those_of_its_scores(tmp_path):
    table = dev_and_eval()
    path = scored.write(tmp_path / "scores.parquet", table)
    asv = asv_table(tmp_path / "asv.parquet")
    found = measured(path, asv=asv)
    assert (found["experiment"], found["corpus"], found["protocol"]) == ("one", "toy", "official")
    assert (found["target"], found["view"], found["seed"]) == ("toy", "clean", 7)
    assert found["chosen"] == scored.CHOSEN
    assert found["leak"] == LEAK
    assert found["interval"]["level"] == 0.95
    assert list(found["splits"]) == ["dev", "eval"]
    split = found["splits"]["eval"]
    assert (split["n_bonafide"], split["n_spoof"], split["n_speakers_spoof"]) == (60, 60, 4)
    assert split["orientation"] == "as expected"
    own = tables.read(path).to_pandas().query("split == 'eval'")
    labels, scores = own["label"].to_numpy(), own["score"].to_numpy()
    for name in bootstrap.FIGURES:
        assert split[name]["value"] == getattr(metrics, name)(labels, scores)
    for name in ("roc_auc", "eer", *COSTS):
        assert split[name]["low"] < split[name]["high"]
    rates = tables.read(asv).to_pandas().query("split == 'eval'")
    system = detection_cost.speaker_verification(rates)
    assert split["tdcf"]["asv"] == system.as_json()
    expected = detection_cost.least(labels, scores, detection_cost.tandem_revised(system))
    assert split["min_tdcf_revised"]["value"] == pytest.approx(expected)
    assert split["min_cllr"]["value"] <= split["cllr"]["value"]
    assert split["min_dcf"]["value"] <= split["act_dcf"]["value"]
    assert split["brier"]["after"]["value"] == pytest.approx(
        np.mean((own["p_calibrated"] - labels) ** 2)
    )
    for when in ("before", "after"):
        assert sum(item["n"] for item in split["reliability"][when]) == 120
        assert set(split["ece"][when]) == {"value"}
        chance = split["ece"]["chance"][when]
        assert 0.05 < chance["mean"] < chance["high"] < 0.2
    error = CalibrationError(own["p_calibrated"].to_numpy(), labels)
    assert split["ece"]["after"]["value"] == pytest.approx(error.value())


def test_the_threshold_comes_from_dev_and_is_used_on_eval(tmp_path):
    path = scored.write(tmp_path / "scores.parquet", dev_and_eval())
    found = measured(path)
    table = tables.read(path).to_pandas()
    dev, own = (table[table["split"] == split] for split in ("dev", "eval"))
    threshold = metrics.eer_threshold(dev["label"], dev["score"])
    assert found["threshold"] == {
        "by_round": {"all": threshold},
        "rule": "EER on dev",
        "n_bonafide": 60,
        "n_spoof": 60,
    }
    called = own["score"] >= threshold
    at = found["splits"]["eval"]["at_threshold"]
    miss, false_alarm = (~called[own["label"] == 1]).mean(), called[own["label"] == 0].mean()
    assert at["miss"]["value"] == pytest.approx(miss)
    assert at["false_alarm"]["value"] == pytest.approx(false_alarm)
    assert at["hter"]["value"] == pytest.approx((miss + false_alarm) / 2)
    assert at["hter"]["low"] < at["hter"]["value"] < at["hter"]["high"]
    speaker = found["splits"]["eval"]["per_speaker"]["s1"]
    mine = own[own["speaker"] == "s1"]
    assert speaker["miss"] == pytest.approx((~called[mine.index][mine["label"] == 1]).mean())
    assert speaker["roc_auc"] == pytest.approx(roc_auc_score(mine["label"], mine["score"]))
    attack = found["splits"]["eval"]["per_attack"]["A02"]
    spoof = own["attack"] == "A02"
    assert attack["n_spoof"] == 20
    assert attack["miss"]["value"] == pytest.approx((~called[spoof]).mean())
    chosen = own[spoof | (own["label"] == 0)]
    assert attack["roc_auc"]["value"] == pytest.approx(
        roc_auc_score(chosen["label"], chosen["score"])
    )


def test_another_corpus_is_judged_at_the_threshold_of_the_first(tmp_path):
    dev = scored.write(tmp_path / "scores.parquet", dev_and_eval())
    applied = scored.write(
        tmp_path / "applied.parquet",
        scored.trials("eval", seed=4, distance=0.8),
        target="other",
        view="codec",
        leak=json.dumps({"leaks": True}),
    )
    found = measured(applied, dev=dev)
    assert (found["corpus"], found["target"], found["view"]) == ("toy", "other", "codec")
    assert found["leak"] == {"leaks": True}
    assert found["threshold"] == measured(dev)["threshold"]
    assert list(found["splits"]) == ["eval"]
    assert found["splits"]["eval"]["at_threshold"]["miss"]["value"] > 0.2


def test_without_dev_nothing_is_calibrated_or_thresholded(tmp_path):
    path = scored.write(tmp_path / "scores.parquet", scored.trials("eval"), calibrated=False)
    found = measured(path, asv=asv_table(tmp_path / "asv.parquet", splits=()))
    split = found["splits"]["eval"]
    assert found["threshold"] is None
    for name in ("at_threshold", "cllr", "act_dcf", "tdcf", "min_tdcf_legacy", "min_tdcf_revised"):
        assert split[name] is None
    for name in ("brier", "ece", "reliability"):
        assert split[name]["after"] is None
    assert split["ece"]["chance"]["after"] is None
    assert split["min_dcf"]["value"] <= 1
    assert split["per_attack"]["A01"]["miss"] is None
    assert split["per_speaker"]["s0"]["miss"] is None


def test_the_asv_system_is_that_of_the_partition_that_is_scored(tmp_path):
    path = scored.write(tmp_path / "scores.parquet", dev_and_eval())
    asv = asv_table(tmp_path / "asv.parquet")
    named = measured(path, asv=asv)["splits"]
    swapped = measured(path, asv=asv, partitions={"eval": ["dev"], "dev": ["dev"]})["splits"]
    assert swapped["eval"]["tdcf"] == named["dev"]["tdcf"] != named["eval"]["tdcf"]


@pytest.mark.parametrize(
    ("distance", "orientation"), [(0.0, "undecided"), (-1.5, "flipped"), (1.5, "as expected")]
)
def test_random_and_flipped_scorers_are_told(tmp_path, distance, orientation):
    parts = [
        scored.trials(split, n=400, distance=distance, seed=seed)
        for seed, split in enumerate(("dev", "eval"))
    ]
    found = measured(scored.write(tmp_path / "scores.parquet", pd.concat(parts)))
    split = found["splits"]["eval"]
    assert split["orientation"] == orientation
    if distance == 0:
        for name in ("roc_auc", "eer"):
            assert split[name]["low"] <= 0.5 <= split[name]["high"]
            assert split[name]["value"] == pytest.approx(0.5, abs=0.04)
        assert split["cllr"]["value"] == pytest.approx(1.0, abs=0.02)
    # A calibration turns a flipped score round; a minimum never exceeds its actual cost.
    assert split["min_cllr"]["value"] <= split["cllr"]["value"] + 1e-12
    assert split["min_dcf"]["value"] <= split["act_dcf"]["value"] + 1e-12


def test_a_score_flipped_on_dev_too_is_exported_the_right_way_round(tmp_path):
    parts = [scored.trials(split, distance=-1.5, seed=n) for n, split in enumerate(("dev", "eval"))]
    path = scored.write(tmp_path / "scores.parquet", pd.concat(parts, ignore_index=True))
    raw = measured(path)["splits"]["eval"]["eer"]["value"]
    score_files.write(tables.read(path), "asvspoof2019", tmp_path / "exported.txt")
    lines = [line.split() for line in (tmp_path / "exported.txt").read_text().splitlines()]
    own = {file: (label, float(score)) for file, _, label, score in lines}
    labels = [label == "spoof" for label, _ in own.values()]
    exported = metrics.eer(labels, [-score for _, score in own.values()])  # high is bona fide there
    assert raw > 0.5 > exported
    assert exported == pytest.approx(1 - raw)


def test_an_attack_is_judged_against_the_bona_fide_of_all_rounds(tmp_path):
    whole = scored.trials("eval")
    rounds = np.where(whole["attack"] == "A01", "first", "second")
    path = scored.write(tmp_path / "scores.parquet", whole.assign(round=rounds))
    split = measured(path)["splits"]["eval"]
    for attack in ("A01", "A02"):
        own = whole[(whole["attack"] == attack) | (whole["label"] == 0)]
        expected = roc_auc_score(own["label"], own["score"])
        assert split["per_attack"][attack]["roc_auc"]["value"] == pytest.approx(expected)


def test_each_round_is_decided_by_the_threshold_of_its_own_dev(tmp_path):
    first, second = dev_and_eval(), dev_and_eval()
    second["score"] += 100.0
    first["file"], second["file"] = first["file"] + "1", second["file"] + "2"
    both = pd.concat([first.assign(round="one"), second.assign(round="two")], ignore_index=True)
    found = measured(scored.write(tmp_path / "both.parquet", both))
    alone = measured(scored.write(tmp_path / "one.parquet", first.assign(round="one")))
    values = found["threshold"]["by_round"]
    assert values["two"] == pytest.approx(values["one"] + 100.0)
    at, expected = (item["splits"]["eval"]["at_threshold"] for item in (found, alone))
    assert at["hter"]["value"] == pytest.approx(expected["hter"]["value"])


def test_a_handful_of_clips_gets_no_interval(tmp_path):
    table = scored.trials("eval")
    spoof = table.index[table["label"] == 1]
    table.loc[spoof[:2], "attack"] = "rare"
    found = measured(scored.write(tmp_path / "scores.parquet", table))["splits"]["eval"]
    assert found["per_attack"]["rare"]["roc_auc"]["low"] is None
    assert found["per_attack"]["A01"]["roc_auc"]["low"] is not None


def test_conditions_are_compared_with_their_own_or_all_bona_fide(tmp_path):
    table = scored.trials("eval", n=90)
    table["codec"] = [("C1", "C2", None)[i % 3] for i in range(180)]
    table["vocoder"] = np.where(table["label"] == 1, np.where(table.index % 2, "v1", "v2"), None)
    table["studio"] = np.where(table["label"] == 0, "north", None)
    table["task"] = "same"
    path = scored.write(tmp_path / "scores.parquet", table)
    found = measured(path)["splits"]["eval"]["per_condition"]
    assert list(found) == ["codec", "vocoder", "studio"]
    assert list(found["codec"]) == ["C1", "C2", "not given"]
    assert list(found["vocoder"]) == ["v1", "v2"]
    assert list(found["studio"]) == ["north"]
    own = table[table["codec"].isna()]
    assert found["codec"]["not given"]["roc_auc"]["value"] == pytest.approx(
        roc_auc_score(own["label"], own["score"])
    )
    own = table[table["codec"] == "C2"]
    assert found["codec"]["C2"]["roc_auc"]["value"] == pytest.approx(
        roc_auc_score(own["label"], own["score"])
    )
    assert (found["codec"]["C2"]["n_bonafide"], found["codec"]["C2"]["n_spoof"]) == (30, 30)
    assert "against" not in found["codec"]["C2"]
    own = table[(table["vocoder"] == "v1") | (table["label"] == 0)]
    assert found["vocoder"]["v1"]["eer"]["value"] == pytest.approx(
        metrics.eer(own["label"], own["score"])
    )
    assert found["vocoder"]["v1"]["against"] == "all bona fide"
    assert found["vocoder"]["v1"]["n_bonafide"] == 0
    assert found["studio"]["north"]["roc_auc"] is None
    assert "interval" not in found["studio"]["north"]


def test_a_spoof_without_a_value_stands_against_all_bona_fide_where_those_have_none(tmp_path):
    table = scored.trials("eval")
    table["vocoder"] = np.where(table["attack"] == "A01", "v1", None)
    found = measured(scored.write(tmp_path / "scores.parquet", table))["splits"]["eval"]
    row = found["per_condition"]["vocoder"]["not given"]
    assert (row["n_bonafide"], row["n_spoof"], row["against"]) == (0, 20, "all bona fide")
    assert row["roc_auc"] == found["per_attack"]["A02"]["roc_auc"]


def test_what_is_not_known_has_a_row_among_attacks_and_none_among_speakers(tmp_path):
    table = scored.trials("eval")
    table.loc[table["attack"] == "A02", "attack"] = None
    table.loc[table["speaker"] == "s1", "speaker"] = None
    split = measured(scored.write(tmp_path / "scores.parquet", table))["splits"]["eval"]
    assert list(split["per_attack"]) == ["A01", "not known"]
    own = table[table["attack"].isna() | (table["label"] == 0)]
    figure = split["per_attack"]["not known"]
    assert figure["n_spoof"] == 20
    assert figure["roc_auc"]["value"] == pytest.approx(roc_auc_score(own["label"], own["score"]))
    assert list(split["per_speaker"]) == ["s0", "s2", "s3"]
    assert (split["n_speakers_bonafide"], split["n_speakers_spoof"]) == (3, 3)
    assert wording.attacks(split) == "1 attack and unknown ones"


def test_asvspoof5s_clips_that_were_not_coded_are_a_row_of_their_own(tmp_path):
    root = corpora.write_folder(corpora.asvspoof5(), tmp_path / "corpus")
    settings = Corpus(format="asvspoof5", root=str(root), splits=("eval",))
    manifest.refresh(tmp_path / "manifest.parquet", "toy", settings)
    trials = tables.read(tmp_path / "manifest.parquet").to_pandas()
    table = trials.rename(columns={"key": "file"}).assign(round="all", score=range(len(trials)))
    table = table.drop(columns=["path", "corpus", "bytes", "mtime_ns"])
    split = measured(scored.write(tmp_path / "scores.parquet", table))["splits"]["eval"]
    rows = {
        name: {value: (row["n_bonafide"], row["n_spoof"]) for value, row in values.items()}
        for name, values in split["per_condition"].items()
    }
    assert rows == {
        "gender": {"F": (2, 2), "M": (2, 2)},
        "codec": {"C05": (2, 2), "none": (2, 2)},
        "codec_quality": {"3": (2, 2), "not given": (2, 2)},
        "attack_tag": {"AC1": (0, 2), "AC2": (0, 2)},
    }


@pytest.mark.parametrize(("label", "missing"), [(0, "spoof"), (1, "bona fide")])
def test_a_split_with_one_class_is_named(tmp_path, label, missing):
    table = dev_and_eval().query(f"split == 'dev' or label == {label}")
    path = scored.write(tmp_path / "scores.parquet", table)
    with pytest.raises(UserError, match=rf"corpus toy, split eval: .* none is {missing}"):
        measured(path)


def test_a_table_without_trials_is_named(tmp_path):
    path = scored.write(tmp_path / "scores.parquet", scored.trials("eval")[:0], calibrated=False)
    with pytest.raises(UserError, match=r"corpus toy, split eval: no trial is scored"):
        measured(path)


def candidate_table(rounds):
    table = pd.concat(rounds)[[*tables.TRIAL_COLUMNS, "score"]]
    table = table.rename(columns={"score": "layer_2 mean"})
    return pa.Table.from_pandas(table, preserve_index=False)


def candidate_model(rounds):
    own = {"candidate": "layer_2", "pooling": "mean"}
    return {
        "rounds": [{"round": name, "folds": "3 folds", **own} for name, _, _ in rounds],
        "selection": [{"round": name, "C": C, "cv_roc_auc": cv, **own} for name, C, cv in rounds],
    }


def test_a_candidates_figures_in_one_round_have_intervals():
    table = candidate_table([scored.trials("dev"), scored.trials("eval", seed=1)])
    found = figures.candidate_metrics(table, candidate_model([("all", 0.1, 0.9)]), 1, print)
    row = found["candidates"][0]
    assert (row["C"], row["cv_roc_auc"], row["chosen"]) == (0.1, 0.9, True)
    own = table.to_pandas().query("split == 'eval'")
    figure = row["splits"]["eval"]
    assert figure["value"] == pytest.approx(roc_auc_score(own["label"], own["layer_2 mean"]))
    assert figure["low"] < figure["value"] < figure["high"]
    assert (found["folds"], found["n_rounds"]) == ("3 folds", 1)


def test_a_candidates_figures_over_rounds_are_means():
    rounds = [scored.trials("eval", name="a"), scored.trials("eval", name="b", seed=1)]
    rounds[1]["score"] += 100  # another model's scale
    table = candidate_table(rounds)
    model = candidate_model([("a", 0.1, 0.8), ("b", 1, 0.9)])
    model["rounds"][1]["candidate"] = "layer_3"
    row = figures.candidate_metrics(table, model, 1, print)["candidates"][0]
    assert (row["C"], row["chosen"], row["n_rounds_chosen"]) == (0.1, True, 1)
    assert row["cv_roc_auc"] == pytest.approx(0.85)
    expected = np.mean([roc_auc_score(own["label"], own["score"]) for own in rounds])
    assert row["splits"]["eval"]["value"] == pytest.approx(expected)
    assert row["splits"]["eval"]["low"] < expected < row["splits"]["eval"]["high"]
