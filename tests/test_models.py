"""Splits, folds, logistic regression and the choice: nothing is chosen on what is reported."""

import numpy as np
import pyarrow as pa
import pytest
from authenticity import tables
from authenticity.errors import UserError
from authenticity.evaluation import splits
from authenticity.features import matrix
from authenticity.models import baseline, candidates
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

OFFICIAL = {
    "kind": "partitions",
    "fit": "train",
    "choose": "dev",
    "report": "eval",
    "folds": "speaker",
}
PROTOTYPE = {"kind": "random", "partition": "dev", "test_fraction": 0.2, "folds": "trial"}


def manifest(n: int = 120) -> pa.Table:
    index = np.arange(n)
    label = index % 2
    columns = {
        "key": [f"k{number:04}" for number in index],
        "path": [""] * n,
        "corpus": ["toy"] * n,
        "split": np.array(["train", "dev", "eval"])[index // 2 % 3].tolist(),
        "label": label.tolist(),
        "attack": np.where(label == 1, "A01", "-").tolist(),
        "speaker": [f"s{number // 2 % 12}" for number in index],
        "bytes": [1] * n,
        "mtime_ns": [1] * n,
    }
    return pa.table(columns, schema=tables.MANIFEST)


def test_the_official_protocol_keeps_the_partitions_apart():
    own = ["train", "dev", "eval", "none", "dev"]
    assert splits.assign(own, OFFICIAL, 1).tolist() == ["train", "dev", "eval", "", "dev"]


def test_the_prototypes_protocol_splits_dev_alone_80_to_20():
    own = np.array(["train"] * 50 + ["dev"] * 200 + ["eval"] * 50)
    parts = splits.assign(own, PROTOTYPE, 10)
    assert (parts[own != "dev"] == "").all()
    assert (parts == "train").sum() == 160
    assert (parts == "eval").sum() == 40
    np.testing.assert_array_equal(parts, splits.assign(own, PROTOTYPE, 10))
    assert (parts != splits.assign(own, PROTOTYPE, 11)).any()


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_no_speaker_is_on_both_sides_of_a_fold(data: st.DataObject):
    n = data.draw(st.integers(20, 80))
    labels = np.array(data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    speakers = np.array(data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))).astype(str)
    labels[:4] = [0, 0, 1, 1]
    made, how = splits.folds(labels, speakers, 5, "speaker", 1)
    assert str(len(made)) == how.split()[0]
    assert sorted(np.concatenate([held for _, held in made])) == list(range(n))
    for fitted, held in made:
        assert not np.intersect1d(fitted, held).size
        if how.endswith("folds, speaker-disjoint"):
            assert not np.intersect1d(speakers[fitted], speakers[held]).size
            assert len(np.unique(labels[held])) == len(np.unique(labels[fitted])) == 2


def test_folds_are_as_many_as_the_class_with_fewer_speakers_has():
    labels = np.array([0] * 20 + [1] * 20)
    speakers = [f"b{i % 2}" for i in range(20)] + [f"s{i % 7}" for i in range(20)]
    assert splits.folds(labels, speakers, 5, "speaker", 1)[1] == "2 folds, speaker-disjoint"
    speakers[:20] = ["b"] * 20
    assert "too few speakers" in splits.folds(labels, speakers, 5, "speaker", 1)[1]
    with pytest.raises(UserError, match="two trials of each class"):
        splits.folds(labels[19:], speakers[19:], 5, "trial", 1)


def test_what_is_shared_is_counted():
    parts = np.array(["train", "train", "dev", "eval", "eval", ""])
    assert splits.shared(parts, ["a", "b", "c", "b", "d", "a"]) == 1
    assert splits.shared(parts, ["-", "A1", "A1", "-", "A2", "A1"]) == 0


def test_the_fit_equals_scikit_learn_step_by_step():
    random = np.random.default_rng(1)
    X, y = random.standard_normal((80, 5)) * [1, 5, 0.1, 1, 1] + 3, np.arange(80) % 2
    X[:, 2] += y * 0.2
    made, _ = splits.folds(y, [str(i % 8) for i in range(80)], 4, "speaker", 1)
    found = baseline.fit(X, y, made, [10, 0.01, 1])
    by_hand = {}
    for C in (0.01, 1, 10):
        aucs = []
        for fitted, held in made:
            scaler = StandardScaler().fit(X[fitted])
            model = LogisticRegression(C=C, max_iter=5000).fit(
                scaler.transform(X[fitted]), y[fitted]
            )
            aucs.append(roc_auc_score(y[held], model.decision_function(scaler.transform(X[held]))))
        by_hand[C] = np.mean(aucs)
    assert found.cv_roc_auc == pytest.approx(by_hand)
    assert max(by_hand, key=by_hand.__getitem__) == found.C
    scaler = StandardScaler().fit(X)
    reference = LogisticRegression(C=found.C, max_iter=5000).fit(scaler.transform(X), y)
    expected = reference.decision_function(scaler.transform(X))
    np.testing.assert_allclose(found.model.scores(X), expected, rtol=1e-6, atol=1e-9)
    stored = found.model.arrays("mean")
    by_hand = (X - stored["mean.mean"]) / stored["mean.scale"] @ stored["mean.weight"]
    np.testing.assert_allclose(by_hand + stored["mean.bias"], expected, rtol=1e-6, atol=1e-9)


def feature_table(noise: float):
    """Features whose first column tells the label, and a loader as `candidates.fit` wants it."""
    table = manifest()
    random = np.random.default_rng(2)
    X = random.standard_normal((len(table), 4)).astype(np.float32) * noise
    X[:, 0] += table["label"].to_numpy()
    return table, lambda pooling: (table["key"].to_pylist(), X)


def test_a_candidate_scores_dev_and_eval_and_nothing_it_was_fitted_on():
    table, load = feature_table(0.5)
    outcome = candidates.fit(table, load, ["mean"], {"C": [1], "folds": 3}, OFFICIAL, 1)
    assert set(outcome.scores["split"].to_pylist()) == {"dev", "eval"}
    files = outcome.scores["file"].to_pylist()
    splits_of = dict(zip(table["key"].to_pylist(), table["split"].to_pylist(), strict=True))
    assert [splits_of[file] for file in files] == outcome.scores["split"].to_pylist()
    final = candidates.final_scores(outcome.scores, "mean").to_pandas()
    dev = final[final.split == "dev"]
    assert roc_auc_score(dev.label, dev.score) == outcome.summary["poolings"]["mean"]["dev_roc_auc"]
    np.testing.assert_allclose(final.p_spoof, 1 / (1 + np.exp(-final.score)))


def test_eval_has_no_say():
    """Labels of eval turned over: nothing that was fitted or chosen changes."""
    table, load = feature_table(0.5)
    frame = table.to_pandas()
    frame.loc[frame.split == "eval", "label"] = 1 - frame.label[frame.split == "eval"]
    turned = pa.Table.from_pandas(frame, schema=tables.MANIFEST, preserve_index=False)
    model = {"C": [0.01, 1], "folds": 3}
    one = candidates.fit(table, load, ["mean"], model, OFFICIAL, 1)
    two = candidates.fit(turned, load, ["mean"], model, OFFICIAL, 1)
    assert one.summary == two.summary
    np.testing.assert_array_equal(one.models["mean"].weight, two.models["mean"].weight)


def test_the_choice_is_by_dev_and_ties_go_to_the_lower_layer():
    def summary(**dev: float | None) -> dict:
        return {
            "poolings": {
                pooling: {"C": 1, "cv_roc_auc": cv, "dev_roc_auc": value}
                for (pooling, value), cv in zip(dev.items(), (0.6, 0.9), strict=False)
            }
        }

    three = {
        "layer_1": summary(mean=0.7, std=0.8),
        "layer_2": summary(mean=0.8, std=0.6),
        "layer_3": summary(mean=0.1),
    }
    assert candidates.choose(three)[:2] == ("layer_1", "std")
    assert len(candidates.choose(three)[2]) == 5
    assert candidates.choose({"a": summary(mean=None, std=None)})[:2] == ("a", "std")


def test_names_of_candidates():
    each = {"spectral": "none", "layers": "each"}
    assert matrix.candidates(each, 3) == ["layer_0", "layer_1", "layer_2"]
    prototype = {"spectral": "prototype", "layers": "last"}
    assert matrix.candidates(prototype, 13) == ["spectral+layer_12"]
    assert matrix.candidates({"spectral": "standard", "layers": "none"}, 0) == ["spectral"]
    assert matrix.candidates({"spectral": "none", "layers": [2, 5]}, 7) == ["layer_2", "layer_5"]
    assert matrix.layers_of("spectral+layer_12", 13) == [12]
    assert matrix.layers_of("layers_all", 3) == [0, 1, 2]
    assert matrix.layers_of("spectral", 3) == []
    assert matrix.spectral_columns("prototype")[1] == "entropy_prototype"
    assert matrix.spectral_columns("standard")[1] == "entropy"
