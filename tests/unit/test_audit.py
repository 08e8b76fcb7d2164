"""What plain properties, the speaker, and all properties together give away in made-up corpora."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pytest
from authenticity import tables
from authenticity.estimates import Estimate
from authenticity.evaluation import audit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler


def corpus(folder, splits=("dev", "eval"), n=50, speakers=None, **columns):
    """Write trials and two spectral shards; properties are noise but for `columns`(labels)."""
    random = np.random.default_rng(2)
    labels = np.tile(np.repeat([0, 1], n), len(splits))
    keys = [f"c{i:04d}" for i in range(labels.size)]
    trials = pd.DataFrame({"key": keys, "path": keys, "corpus": "toy", "label": labels})
    trials["split"] = np.repeat(splits, 2 * n)
    trials["attack"] = np.where(labels, "A01", "-")
    trials["speaker"] = "x" if speakers is None else speakers(labels, random)
    trials["bytes"], trials["mtime_ns"], trials["audio"], trials["near"] = 1, 1, keys, None
    table = pa.Table.from_pandas(trials, preserve_index=False).select(tables.TRIALS.names)
    tables.write(folder / "trials.parquet", table, tables.TRIALS)
    spectral = pd.DataFrame({"file": keys, "label": labels})
    for name in audit.PROPERTIES:
        spectral[name] = random.normal(size=labels.size)
    for name, values in columns.items():
        spectral[name] = values(labels, random)
    extra = spectral.iloc[[0]].assign(file="rejected")
    shards = pa.Table.from_pandas(pd.concat([spectral[::-1], extra]), preserve_index=False)
    tables.write(folder / "0.parquet", shards[:70], shards.schema)
    tables.write(folder / "1.parquet", shards[70:], shards.schema)
    found = audit.audit(
        folder / "trials.parquet", [folder / "0.parquet", folder / "1.parquet"], seed=1
    )
    return found, trials.merge(spectral.drop(columns="label"), left_on="key", right_on="file")


def test_a_shortcut_and_its_direction(tmp_path):
    found, _ = corpus(tmp_path, duration=lambda labels, random: -labels + 0.01 * labels.size)
    assert list(found["splits"]) == ["dev", "eval"]
    properties = found["splits"]["eval"]["properties"]
    assert properties["duration"]["direction"] == "lower"
    assert properties["duration"]["roc_auc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    for name, item in found["splits"]["dev"]["properties"].items():
        figure = item["roc_auc"]
        assert figure["low"] <= figure["value"] <= figure["high"]
        assert figure["value"] >= 0.5 or name in (audit.SPEAKER, audit.TOGETHER)
    assert len(properties) == len(audit.PROPERTIES) + 2
    assert (properties["duration"]["name"], properties["duration"]["unit"]) == ("Duration", "s")
    names, auc = audit.strongest([found["splits"]["eval"]], known_voices=False)
    assert names == ["Duration", "All properties together"]
    assert auc == Estimate(1.0, 1.0, 1.0)


def test_a_corpus_that_gives_nothing_away_is_at_one_half(tmp_path):
    found, _ = corpus(
        tmp_path,
        n=300,
        splits=("eval",),
        speakers=lambda labels, random: [f"s{i}" for i in random.integers(0, 30, labels.size)],
    )
    properties = found["splits"]["eval"]["properties"]
    for name in (audit.SPEAKER, audit.TOGETHER):
        figure = properties[name]["roc_auc"]
        assert figure["low"] <= 0.5 <= figure["high"]
        assert properties[name]["direction"] is None
        assert properties[name]["median_spoof"] is None


def test_knowing_speakers_of_one_class_is_found_and_unknown_ones_left_out(tmp_path):
    # Half of the bona fide clips are by speakers who have no others: the rest are shared.
    def voices(labels, random):
        shared = np.char.add("both", random.integers(0, 10, labels.size).astype(str))
        alone = np.char.add("only", random.integers(0, 10, labels.size).astype(str))
        chosen = np.where((labels == 0) & (random.random(labels.size) < 0.5), alone, shared)
        return np.where(np.arange(labels.size) % 7 == 0, None, chosen)

    found, _ = corpus(tmp_path, n=300, speakers=voices)
    row = found["splits"]["eval"]["properties"][audit.SPEAKER]
    # Those speakers are below all others; the shared tell nothing: 1/2 + 1/2 x 1/2.
    assert row["roc_auc"]["value"] == pytest.approx(0.75, abs=0.07)
    assert "random split" in row["how"]
    unknown, _ = corpus(tmp_path, speakers=lambda labels, random: [None] * labels.size)
    assert audit.SPEAKER not in unknown["splits"]["eval"]["properties"]


def test_speakers_with_equal_shares_are_no_shortcut_whichever_way_the_halves_fall(tmp_path):
    """What is in one half is missing from the other: the AUC is below one half by itself."""
    # Two clips of each class of every speaker.
    found, _ = corpus(
        tmp_path,
        n=100,
        splits=("eval",),
        speakers=lambda labels, _: [f"s{i % 50}" for i in range(200)],
    )
    row = found["splits"]["eval"]["properties"][audit.SPEAKER]
    assert row["roc_auc"]["high"] < 0.5
    assert row["direction"] is None


def test_an_audit_is_of_the_clips_that_its_tables_hold(tmp_path):
    corpus(tmp_path, splits=("train", "eval"))
    whole = tables.read(tmp_path / "0.parquet"), tables.read(tmp_path / "1.parquet")
    table = pa.concat_tables(whole)
    keys = tables.read(tmp_path / "trials.parquet").to_pandas().query("split == 'eval'")["key"]
    part = table.filter(pa.compute.is_in(table["file"], value_set=pa.array(keys[1:])))
    tables.write(tmp_path / "view.parquet", part, part.schema)
    found = audit.audit(tmp_path / "trials.parquet", [tmp_path / "view.parquet"], seed=1)
    assert list(found["splits"]) == ["eval"]
    assert found["splits"]["eval"]["n_bonafide"] == 49
    assert "folds" in found["splits"]["eval"]["properties"][audit.TOGETHER]["how"]


def test_all_properties_together_are_learned_from_train_where_there_is_one(tmp_path):
    found, table = corpus(
        tmp_path,
        splits=("train", "eval"),
        n=150,
        level_dbfs=lambda labels, random: (
            np.random.default_rng(9).normal(size=labels.size) * 5 + labels
        ),
        peak_dbfs=lambda labels, random: np.random.default_rng(9).normal(size=labels.size) * 5,
    )
    row = found["splits"]["eval"]["properties"][audit.TOGETHER]
    names = list(audit.PROPERTIES)
    train, tested = (table[table["split"] == split] for split in ("train", "eval"))
    scaler = StandardScaler().fit(train[names].to_numpy())
    model = LogisticRegression(max_iter=1000).fit(
        scaler.transform(train[names].to_numpy()), train["label"]
    )
    expected = roc_auc_score(
        tested["label"], model.decision_function(scaler.transform(tested[names].to_numpy()))
    )
    assert row["roc_auc"]["value"] == pytest.approx(expected, abs=1e-9)
    assert "fitted on train; interval:" in row["how"]
    singles = [found["splits"]["eval"]["properties"][name]["roc_auc"]["value"] for name in names]
    assert row["roc_auc"]["value"] > max(singles) + 0.2
    assert "folds" in found["splits"]["train"]["properties"][audit.TOGETHER]["how"]


def test_a_class_with_one_trial_has_single_properties_only(tmp_path):
    found, _ = corpus(tmp_path, n=1, splits=("eval",))
    assert list(found["splits"]["eval"]["properties"]) == list(audit.PROPERTIES)
