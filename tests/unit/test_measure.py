"""The metrics of an experiment: complete, right, and honest about what cannot be said."""

from dataclasses import replace

import corpora
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import run_files
import scored
from authenticity import manifest, report, tables, wording
from authenticity.config import Corpus
from authenticity.errors import UserError
from authenticity.evaluation import bootstrap, detection_cost, measure, metrics, score_files
from authenticity.evaluation.calibration import CalibrationError
from authenticity.evaluation.measure import Threshold
from authenticity.evaluation.results import Results
from authenticity.evaluation.results import table as tidy
from sklearn.metrics import roc_auc_score

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


def measured(path, dev=None, asv=None, partitions=None, known_attacks=()):
    said = []
    threshold = Threshold.of(tables.read(dev or path))
    rates = tables.read(asv) if asv else tables.ASV_SCORES.empty_table()
    about = partitions or {"dev": ["dev"], "eval": ["eval"]}, known_attacks
    found = measure.view(tables.read(path), "toy", threshold, rates, 7, said.append, *about)
    splits = {row["split"] for row in found.rows}
    assert len(said) == len(splits)
    assert splits == set(found.why) == set(found.bands["split"].to_pylist())
    return found


def on(found, group="all", split="eval"):
    return Results(tidy(found.rows)).where(split=split, group=group)


def dev_and_eval(**columns):
    return pd.concat(
        [scored.trials("dev", **columns), scored.trials("eval", seed=1, **columns)],
        ignore_index=True,
    )


def test_an_experiments_metrics_are_complete_and_those_of_its_scores(tmp_path):
    path = scored.write(tmp_path / "scores.parquet", dev_and_eval())
    asv = asv_table(tmp_path / "asv.parquet")
    found = measured(path, asv=asv)
    assert list(found.why) == ["dev", "eval"]
    split = on(found)
    auc = split["roc_auc"]
    assert (auc.n_bonafide, auc.n_spoof, auc.method) == (60, 60, bootstrap.BY_TRIAL)
    names = ("n_speakers_spoof", "n_speakers", "n_speakers_of_one_class")
    assert [split[name].value for name in names] == [4, 4, 0]
    own = tables.read(path).to_pandas().query("split == 'eval'")
    labels, scores = own["label"].to_numpy(), own["score"].to_numpy()
    alone = bootstrap.intervals(labels, scores, own["speaker"], 7, files=own["file"])
    for name, estimate in alone.estimates.items():
        assert split[name].value == estimate.value
    assert auc.value == metrics.roc_auc(labels, scores)
    for name in ("roc_auc", "eer", *COSTS):
        assert split[name].low < split[name].high
    rates = tables.read(asv).to_pandas().query("split == 'eval'")
    cost = detection_cost.tandem(detection_cost.speaker_verification(rates), revised=True)
    once = metrics.once(metrics.Ranking.of(labels, scores))
    assert split["min_tdcf_revised"].value == pytest.approx(cost.least(once)[0])
    assert split["min_cllr"].value <= split["cllr"].value
    assert split["min_dcf"].value <= split["act_dcf"].value
    assert split["brier"].value == pytest.approx(np.mean((own["p_calibrated"] - labels) ** 2))
    for suffix, column in measure.STAGES.items():
        error = CalibrationError(own[column].to_numpy(), labels)
        assert split[f"ece{suffix}"].value == pytest.approx(error.value())
        assert (split[f"ece{suffix}"].low, split[f"ece{suffix}"].method) == (None, None)
        chance, high = (split[f"ece_chance{name}{suffix}"].value for name in ("", "_high"))
        assert 0.05 < chance < high < 0.2


def test_the_threshold_comes_from_dev_and_is_used_on_eval(tmp_path):
    path = scored.write(tmp_path / "scores.parquet", dev_and_eval())
    found = measured(path)
    table = tables.read(path).to_pandas()
    dev, own = (table[table["split"] == split] for split in ("dev", "eval"))
    threshold = metrics.eer_threshold(dev["label"], dev["score"])
    assert Threshold.of(tables.read(path)) == Threshold({"all": threshold}, 60, 60)
    called = own["score"] >= threshold
    split = on(found)
    miss, false_alarm = (~called[own["label"] == 1]).mean(), called[own["label"] == 0].mean()
    assert split["miss"].value == pytest.approx(miss)
    assert split["false_alarm"].value == pytest.approx(false_alarm)
    hter = split["hter"]
    assert hter.value == pytest.approx((miss + false_alarm) / 2)
    assert hter.low < hter.value < hter.high
    speaker = on(found, "speaker").by_value()["s1"]
    mine = own[own["speaker"] == "s1"]
    called_mine = called[mine.index]
    assert speaker["miss"].value == pytest.approx((~called_mine[mine["label"] == 1]).mean())
    assert speaker["wrong"].value == pytest.approx((called_mine != mine["label"]).mean())
    assert speaker["roc_auc"].value == pytest.approx(roc_auc_score(mine["label"], mine["score"]))
    assert speaker["n_clips"].value == speaker["n_clips"].n_bonafide + speaker["n_clips"].n_spoof
    attack = on(found, "attack").by_value()["A02"]
    spoof = own["attack"] == "A02"
    assert attack["roc_auc"].n_spoof == 20
    assert attack["miss"].value == pytest.approx((~called[spoof]).mean())
    chosen = own[spoof | (own["label"] == 0)]
    expected = roc_auc_score(chosen["label"], chosen["score"])
    assert attack["roc_auc"].value == pytest.approx(expected)


def test_another_corpus_is_judged_at_the_threshold_of_the_first(tmp_path):
    dev = scored.write(tmp_path / "scores.parquet", dev_and_eval())
    elsewhere = scored.trials("eval", seed=4, distance=0.8)
    found = measured(scored.write(tmp_path / "applied.parquet", elsewhere), dev=dev)
    assert list(found.why) == ["eval"]
    (threshold,) = Threshold.of(tables.read(dev)).by_round.values()
    spoof = elsewhere[elsewhere["label"] == 1]
    assert on(found)["miss"].value == pytest.approx((spoof["score"] < threshold).mean()) != 0


def test_without_dev_nothing_is_calibrated_or_thresholded(tmp_path):
    path = scored.write(tmp_path / "scores.parquet", scored.trials("eval"), calibrated=False)
    found = measured(path, asv=asv_table(tmp_path / "asv.parquet", splits=()))
    split = on(found)
    assert Threshold.of(tables.read(path)) is None
    for name in ("miss", "hter", "cllr", "act_dcf", "min_tdcf_legacy", "min_tdcf_revised"):
        assert split.get(name) is None
    for name in ("brier", "ece", "ece_chance"):
        assert split.get(name) is None
        assert split.get(f"{name}_before_calibration") is not None
    assert split["min_dcf"].value <= 1
    assert on(found, "attack").by_value()["A01"].get("miss") is None
    speaker = on(found, "speaker").by_value()["s0"]
    assert speaker.get("miss") is speaker.get("wrong") is None


def test_the_asv_system_is_that_of_the_partition_that_is_scored(tmp_path):
    path = scored.write(tmp_path / "scores.parquet", dev_and_eval())
    asv = asv_table(tmp_path / "asv.parquet")
    swapped = on(measured(path, asv=asv, partitions={"eval": ["dev"], "dev": ["dev"]}))
    alone = tables.read(path).to_pandas().query("split == 'eval'")
    weighted = metrics.once(metrics.Ranking.of(alone["label"], alone["llr"]))
    rates = tables.read(asv).to_pandas().query("split == 'dev'")
    cost = detection_cost.tandem(detection_cost.speaker_verification(rates), revised=False)
    assert swapped["min_tdcf_legacy"].value == pytest.approx(cost.least(weighted)[0])
    assert swapped["min_tdcf_legacy"] != on(measured(path, asv=asv))["min_tdcf_legacy"]


def test_a_change_between_views_is_paired_and_counts_what_was_left_out(tmp_path):
    before = tables.read(scored.write(tmp_path / "a.parquet", scored.trials("eval")))
    other = scored.trials("eval", seed=3, distance=0.5)[2:]
    after = tables.read(scored.write(tmp_path / "b.parquet", other))
    change = Results(tidy(measure.change(before, after, 7))).where(split="eval", group="all")
    held = before.to_pandas()[2:]
    expected = roc_auc_score(other["label"], other["score"]) - roc_auc_score(
        held["label"], held["score"]
    )
    assert change["roc_auc_change"].value == pytest.approx(expected)
    assert change["roc_auc_change"].low < expected < change["roc_auc_change"].high
    assert (change["n_left_out"].value, change["eer_change"].n_bonafide) == (2, 58)
    # An experiment for trimmed clips, tested on those of another corpus as they are.
    back = Results(tidy(measure.change(after, before, 7))).where(split="eval", group="all")
    assert back["roc_auc_change"].value == pytest.approx(-expected)
    assert (back["n_left_out"].value, back["eer_change"].n_bonafide) == (2, 58)


@pytest.mark.parametrize(
    ("distance", "orientation"), [(0.0, "undecided"), (-1.5, "flipped"), (1.5, "as expected")]
)
def test_random_and_flipped_scorers_are_told(tmp_path, distance, orientation):
    parts = [
        scored.trials(split, n=400, distance=distance, seed=seed)
        for seed, split in enumerate(("dev", "eval"))
    ]
    found = measured(scored.write(tmp_path / "scores.parquet", pd.concat(parts)))
    split, item = on(found), run_files.tested()
    rows = [row | {"view": "clean"} for row in found.rows]
    assert replace(item, results=Results(tidy(rows))).orientation() == orientation
    if distance == 0:
        for name in ("roc_auc", "eer"):
            assert split[name].low <= 0.5 <= split[name].high
            assert split[name].value == pytest.approx(0.5, abs=0.04)
        assert split["cllr"].value == pytest.approx(1.0, abs=0.02)
    # A calibration turns a flipped score round; a minimum never exceeds its actual cost.
    assert split["min_cllr"].value <= split["cllr"].value + 1e-12
    assert split["min_dcf"].value <= split["act_dcf"].value + 1e-12


def test_a_score_flipped_on_dev_too_is_exported_the_right_way_round(tmp_path):
    parts = [scored.trials(split, distance=-1.5, seed=n) for n, split in enumerate(("dev", "eval"))]
    path = scored.write(tmp_path / "scores.parquet", pd.concat(parts, ignore_index=True))
    raw = on(measured(path))["eer"].value
    score_files.write(tables.read(path), "asvspoof2019", tmp_path / "exported.txt")
    lines = [line.split() for line in (tmp_path / "exported.txt").read_text().splitlines()]
    own = {file: (label, float(score)) for file, _, label, score in lines}
    labels = [label == "spoof" for label, _ in own.values()]
    scores = [-score for _, score in own.values()]  # high is bona fide there
    exported = metrics.once(metrics.Ranking.of(labels, scores)).corners.eer()[0]
    assert raw > 0.5 > exported
    assert exported == pytest.approx(1 - raw)


def test_an_attack_is_judged_against_the_bona_fide_of_all_rounds(tmp_path):
    whole = scored.trials("eval")
    rounds = np.where(whole["attack"] == "A01", "first", "second")
    path = scored.write(tmp_path / "scores.parquet", whole.assign(round=rounds))
    for attack, auc in on(measured(path), "attack").each("roc_auc").items():
        own = whole[(whole["attack"] == attack) | (whole["label"] == 0)]
        assert auc.value == pytest.approx(roc_auc_score(own["label"], own["score"]))


def test_each_round_is_decided_by_the_threshold_of_its_own_dev(tmp_path):
    first, second = dev_and_eval(), dev_and_eval()
    second["score"] += 100.0
    first["file"], second["file"] = first["file"] + "1", second["file"] + "2"
    both = pd.concat([first.assign(round="one"), second.assign(round="two")], ignore_index=True)
    path = scored.write(tmp_path / "both.parquet", both)
    alone = measured(scored.write(tmp_path / "one.parquet", first.assign(round="one")))
    values = Threshold.of(tables.read(path)).by_round
    assert values["two"] == pytest.approx(values["one"] + 100.0)
    assert on(measured(path))["hter"].value == pytest.approx(on(alone)["hter"].value)


def test_a_dev_clip_of_several_rounds_is_counted_once_in_every_group(tmp_path):
    rounds = [dev_and_eval(round=name, task="same") for name in ("one", "two")]
    first = rounds[0]["split"] == "dev"
    both = pd.concat([rounds[0], rounds[1][first]], ignore_index=True)
    both["task"] = np.where(both["speaker"] == "s1", "read", "said")
    found = measured(scored.write(tmp_path / "scores.parquet", both))
    whole = on(found, split="dev")["roc_auc"]
    assert (whole.n_bonafide, whole.n_spoof) == (60, 60)
    for group, metric in (("attack", "roc_auc"), ("speaker", "n_clips"), ("task", "n_clips")):
        rows = on(found, group, "dev").each(metric).values()
        assert sum(row.n_spoof for row in rows) == 60, group
        if metric == "n_clips":
            assert sum(row.n_bonafide for row in rows) == 60
            assert all(row.value == row.n_bonafide + row.n_spoof for row in rows)


@pytest.mark.parametrize("n_rounds", [1, 3])
def test_a_handful_of_clips_gets_no_interval(tmp_path, n_rounds):
    table = scored.trials("dev")
    spoof = table.index[table["label"] == 1]
    table.loc[spoof[:2], "attack"] = "rare"
    table = pd.concat([table.assign(round=f"{index}") for index in range(n_rounds)])
    found = measured(scored.write(tmp_path / "scores.parquet", table))
    aucs = on(found, "attack", "dev").each("roc_auc")
    assert (aucs["rare"].low, aucs["rare"].method) == (None, None)
    assert aucs["A01"].low is not None


def test_conditions_are_compared_with_their_own_or_all_bona_fide(tmp_path):
    table = scored.trials("eval", n=90)
    table["codec"] = [("C1", "C2", None)[i % 3] for i in range(180)]
    table["vocoder"] = np.where(table["label"] == 1, np.where(table.index % 2, "v1", "v2"), None)
    table["studio"] = np.where(table["label"] == 0, "north", None)
    table["task"] = "same"
    path = scored.write(tmp_path / "scores.parquet", table)
    found = measured(path)
    names = Results(tidy(found.rows)).names("group")
    assert set(names) == {"all", "attack", "speaker", "codec", "vocoder", "studio"}
    codec, vocoder, studio = (on(found, name).by_value() for name in ("codec", "vocoder", "studio"))
    assert list(codec) == ["C1", "C2", "not given"]
    assert list(vocoder) == ["v1", "v2"]
    assert list(studio) == ["north"]
    for value, members in (("not given", table["codec"].isna()), ("C2", table["codec"] == "C2")):
        own = table[members]
        expected = roc_auc_score(own["label"], own["score"])
        assert codec[value]["roc_auc"].value == pytest.approx(expected)
        assert (codec[value]["roc_auc"].n_bonafide, codec[value]["roc_auc"].n_spoof) == (30, 30)
    own = table[(table["vocoder"] == "v1") | (table["label"] == 0)]
    expected = metrics.once(metrics.Ranking.of(own["label"], own["score"])).corners.eer()[0]
    assert vocoder["v1"]["eer"].value == pytest.approx(expected)
    assert vocoder["v1"]["eer"].n_bonafide == 0
    assert vocoder["v1"]["n_clips"].value == vocoder["v1"]["eer"].n_spoof
    assert studio["north"].get("roc_auc") is None
    assert studio["north"]["n_clips"].n_bonafide == 90


def test_a_column_with_many_values_or_a_taken_name_is_no_condition(tmp_path):
    table = scored.trials("eval", n=90, task="same")
    table["candidate"] = [("one", "two")[i % 2] for i in range(180)]
    table["duration"] = [f"{i} s" for i in range(180)]
    found = measured(scored.write(tmp_path / "scores.parquet", table))
    assert found.not_conditions == ["candidate", "duration"]
    assert not (on(found, "duration") or on(found, "candidate"))


def test_a_spoof_without_a_value_stands_against_all_bona_fide_where_those_have_none(tmp_path):
    table = scored.trials("eval")
    table["vocoder"] = np.where(table["attack"] == "A01", "v1", None)
    found = measured(scored.write(tmp_path / "scores.parquet", table))
    auc = on(found, "vocoder").each("roc_auc")["not given"]
    assert (auc.n_bonafide, auc.n_spoof) == (0, 20)
    of_attack = on(found, "attack").each("roc_auc")["A02"]
    assert replace(auc, n_bonafide=60) == of_attack


def test_what_is_not_known_has_a_row_among_attacks_and_none_among_speakers(tmp_path):
    table = scored.trials("eval")
    table.loc[table["attack"] == "A02", "attack"] = None
    table.loc[table["speaker"] == "s1", "speaker"] = None
    found = measured(scored.write(tmp_path / "scores.parquet", table))
    aucs = on(found, "attack").each("roc_auc")
    assert list(aucs) == ["A01", "not known"]
    own = table[table["attack"].isna() | (table["label"] == 0)]
    assert aucs["not known"].n_spoof == 20
    assert aucs["not known"].value == pytest.approx(roc_auc_score(own["label"], own["score"]))
    assert on(found, "speaker").names("group_value") == ["s0", "s2", "s3"]
    assert [on(found)[f"n_speakers_{name}"].value for name in ("bonafide", "spoof")] == [3, 3]
    assert wording.attacks(list(aucs)) == "1 attack and unknown ones"


def test_asvspoof5s_clips_that_were_not_coded_are_a_row_of_their_own(tmp_path):
    root = corpora.write_folder(corpora.asvspoof5(), tmp_path / "corpus")
    settings = Corpus(format="asvspoof5", root=str(root), splits=("eval",))
    manifest.refresh(tmp_path / "manifest.parquet", "toy", settings)
    trials = tables.read(tmp_path / "manifest.parquet").to_pandas()
    table = trials.rename(columns={"key": "file"}).assign(round="all", score=range(len(trials)))
    table = table.drop(columns=["path", "corpus", "bytes", "mtime_ns"])
    found = measured(scored.write(tmp_path / "scores.parquet", table))
    rows = {
        name: {
            value: (n.n_bonafide, n.n_spoof) for value, n in on(found, name).each("n_clips").items()
        }
        for name in ("gender", "codec", "codec_quality", "attack_tag")
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
    with pytest.raises(UserError, match=rf"corpus toy, split eval: .*\b0 {missing}"):
        measured(path)


def test_a_table_without_trials_is_named(tmp_path):
    path = scored.write(tmp_path / "scores.parquet", scored.trials("eval")[:0], calibrated=False)
    with pytest.raises(UserError, match=r"corpus toy, split eval: 0 bona fide and 0 spoof"):
        measured(path)


def candidates_of(*rounds):
    table = pd.concat(rounds)[[*tables.TRIAL_COLUMNS, "score"]]
    table = table.rename(columns={"score": "layer_2 mean"})
    table = pa.Table.from_pandas(table, preserve_index=False)
    rows = [row | {"view": "clean"} for row in measure.candidates(table, 1, print)]
    return replace(run_files.tested(), results=Results(tidy(rows)))


def model(rounds):
    own = {"candidate": "layer_2", "pooling": "mean"}
    return {
        "rounds": [own for _ in rounds],
        "selection": [{"C": C, "cv_roc_auc": cv, **own} for C, cv in rounds],
    }


def test_a_candidates_metrics_in_one_round_have_intervals():
    own = scored.trials("eval", seed=1)
    item = candidates_of(scored.trials("dev"), own)
    (row,) = report.candidates(item, model([(0.1, 0.9)]))
    assert (row.name, row.C, row.cv_roc_auc, row.n_chosen) == ("layer_2", 0.1, 0.9, 1)
    auc = row.roc_auc["eval"]
    assert auc.value == pytest.approx(roc_auc_score(own["label"], own["score"]))
    assert auc.low < auc.value < auc.high
    assert (auc.n_bonafide, auc.n_spoof, auc.method) == (60, 60, bootstrap.BY_TRIAL)


def test_a_candidates_metrics_over_rounds_are_means():
    rounds = [scored.trials("eval", name="a"), scored.trials("eval", name="b", seed=1)]
    rounds[1]["score"] += 100  # another model's scale
    about = model([(0.1, 0.8), (1, 0.9)])
    about["rounds"][1] = {"candidate": "layer_3", "pooling": "mean"}
    (row,) = report.candidates(candidates_of(*rounds), about)
    assert (row.C, row.n_chosen) == (0.1, 1)
    assert row.cv_roc_auc == pytest.approx(0.85)
    expected = np.mean([roc_auc_score(own["label"], own["score"]) for own in rounds])
    auc = row.roc_auc["eval"]
    assert auc.value == pytest.approx(expected)
    assert auc.low < expected < auc.high


def test_attacks_that_training_had_and_others_are_measured_apart(tmp_path):
    path = scored.write(tmp_path / "scores.parquet", dev_and_eval())
    own = tables.read(path).to_pandas().query("split == 'eval'")
    names = sorted(set(own.loc[own["label"] == 1, "attack"]))
    found = on(measured(path, known_attacks=names[:1]), "attacks").each("roc_auc")
    assert list(found) == ["known attacks", "unknown attacks"]
    for name, attacks in (("known attacks", names[:1]), ("unknown attacks", names[1:])):
        members = own[(own["label"] == 0) | own["attack"].isin(attacks)]
        assert found[name].value == pytest.approx(roc_auc_score(members["label"], members["score"]))
        assert found[name].low < found[name].value < found[name].high
        assert found[name].n_spoof == (members["label"] == 1).sum()
    assert not on(measured(path), "attacks")
    assert list(on(measured(path, known_attacks=names), "attacks").each("eer")) == ["known attacks"]


def test_attacks_are_known_by_the_partitions_that_were_trained_on():
    columns = {"split": ["train", "train", "train", "eval"], "label": [0, 1, 1, 1]}
    trials = pa.table(columns | {"attack": ["-", "A02", None, "A07"]})
    assert measure.attacks_of(trials, ["train"]) == ["A02"]
    assert measure.attacks_of(trials, []) == []
