"""Splits, folds, logistic regression and the choice: nothing is chosen on what is reported."""

from unittest.mock import Mock

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from authenticity import tables
from authenticity.config import (
    Experiment,
    Features,
    Groups,
    Partitions,
    Protocol,
    RandomSplit,
)
from authenticity.errors import UserError
from authenticity.evaluation import splits
from authenticity.features import matrix, spectral
from authenticity.models import application, candidates, depth, fitting, logistic
from authenticity.models.candidates import fit_all, origin_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

OFFICIAL = Partitions(kind="partitions", fit="train", choose="dev", report="eval")
PROTOTYPE = RandomSplit(kind="random", partition="dev", test_fraction=0.2, folds="trial")


def experiment(protocol: Protocol = OFFICIAL, **changes: object) -> Experiment:
    model = {"C": [0.01, 1], "folds": 3}
    plain = {"features": {"layers": "last"}, "model": model, "protocol_name": "any", "seed": 1}
    return Experiment.model_validate({**plain, "protocol": protocol, **changes})


def trials(n: int = 120) -> pa.Table:
    index = np.arange(n)
    label = index % 2
    columns = {
        "key": [f"k{number:04}" for number in index],
        "path": [""] * n,
        "corpus": ["toy"] * n,
        "split": np.array(["train", "dev", "eval"])[index // 2 % 3].tolist(),
        "label": label.tolist(),
        "attack": np.where(label == 1, np.char.add("A", (index // 6 % 3).astype(str)), "-"),
        "speaker": [f"s{number // 2 % 12}" for number in index],
        "bytes": [1] * n,
        "mtime_ns": [1] * n,
        "audio": [f"a{number}" for number in index],
        "near": [None] * n,
    }
    return pa.table(columns, schema=tables.TRIALS)


def replaced(table: pa.Table, **columns: list) -> pa.Table:
    for name, values in columns.items():
        field = table.schema.field(name)
        position = table.schema.get_field_index(name)
        table = table.set_column(position, field, pa.array(values, field.type))
    return table


def part_of(table: pa.Table, protocol: Protocol, seed: int = 1) -> np.ndarray:
    (one,) = splits.rounds(table, protocol, seed)
    assert one.name == "all"
    return one.parts


def test_the_official_protocol_keeps_the_partitions_apart():
    table = trials(10)
    own = ["train", "dev", "eval", "none", "dev"] * 2
    parts = part_of(replaced(table, split=own), OFFICIAL)
    assert parts.tolist() == ["train", "dev", "eval", "", "dev"] * 2


def test_the_prototypes_protocol_splits_dev_alone_80_to_20():
    own = np.array(["train"] * 50 + ["dev"] * 200 + ["eval"] * 50)
    table = replaced(trials(300), split=own)
    parts = part_of(table, PROTOTYPE, 10)
    assert (parts[own != "dev"] == "").all()
    assert (parts == "train").sum() == 160
    assert (parts == "eval").sum() == 40
    np.testing.assert_array_equal(parts, part_of(table, PROTOTYPE, 10))
    assert (parts != part_of(table, PROTOTYPE, 11)).any()


def dealt(kind: str, **settings: object) -> Groups:
    return Groups(kind=kind, **settings)


@settings(max_examples=40)
@given(st.data())
def test_speaker_folds_report_each_trial_once_and_share_no_speaker(data: st.DataObject):
    n = 2 * data.draw(st.integers(15, 40))
    names = st.sampled_from([None, *"abcdefgh"])
    speakers = data.draw(st.lists(names, min_size=n, max_size=n))
    table = replaced(trials(n), speaker=speakers)
    try:
        rounds = splits.rounds(table, dealt("speaker_folds"), seed=3)
    except UserError as error:
        assert "cannot be dealt into three groups" in str(error)
        return
    parts = np.stack([item.parts for item in rounds])
    for part in ("eval", "dev"):
        assert ((parts == part).sum(axis=0) == 1).all()
    found = splits.leaks(table, rounds)
    assert found["speakers"] == {"train_eval": 0, "dev_eval": 0, "train_dev": 0}
    assert found["unknown_speakers"] == speakers.count(None)
    assert not found["leaks"]
    for item in rounds:
        for part in ("train", "dev", "eval"):
            assert set(table["label"].to_numpy()[item.parts == part]) == {0, 1}


def test_leave_one_attack_out_reports_each_clip_once_by_what_met_neither_attack_nor_speaker():
    table = trials(240)
    protocol = dealt("leave_one_attack_out")
    rounds = splits.rounds(table, protocol, seed=1)
    attacks, labels = np.array(table["attack"].to_pylist()), table["label"].to_numpy()
    speakers = np.array(table["speaker"].to_pylist())
    for item in rounds:
        attack = item.name.removeprefix("without ").partition(",")[0]
        reported, met = item.parts == "eval", np.isin(item.parts, ["train", "dev"])
        assert set(attacks[reported & (labels == 1)]) == {attack}
        assert attack not in attacks[met]
        assert not set(speakers[reported]) & set(speakers[met])
    splits.require_both_classes("toy", table, protocol, rounds)
    assert (np.sum([item.parts == "eval" for item in rounds], axis=0) == 1).all()
    found = splits.leaks(table, rounds)
    assert not found["leaks"]
    assert found["attacks"]["train_eval"] == found["attacks"]["dev_eval"] == 0


def test_attacks_of_one_voice_each_are_left_out_one_by_one():
    table = trials(240)
    attacks = table["attack"].to_pylist()
    pairs = zip(attacks, table["speaker"].to_pylist(), strict=True)
    voices = [speaker if attack == "-" else f"voice of {attack}" for attack, speaker in pairs]
    one_each = replaced(table, speaker=voices)
    rounds = splits.rounds(one_each, dealt("leave_one_attack_out"), seed=1)
    assert len(rounds) == 3
    splits.require_both_classes("toy", one_each, dealt("leave_one_attack_out"), rounds)
    assert not splits.leaks(one_each, rounds)["leaks"]


def test_leave_one_speaker_out_reports_each_speaker_once():
    table = trials(120)
    rounds = splits.rounds(table, dealt("leave_one_speaker_out"), seed=1)
    speakers = np.array(table["speaker"].to_pylist())
    assert len(rounds) == len(set(speakers)) == 12
    for item in rounds:
        assert set(speakers[item.parts == "eval"]) == {item.name.removeprefix("without speaker ")}
    assert not splits.leaks(table, rounds)["leaks"]


def test_attacks_and_speakers_that_are_not_known_are_never_shared_nor_left_out_one_by_one():
    table = trials(240)
    attacks = [None if attack == "A1" else attack for attack in table["attack"].to_pylist()]
    nameless = replaced(table, attack=attacks)
    found = splits.leaks(nameless, splits.rounds(nameless, OFFICIAL, 1))
    assert found["attacks"] == {"train_eval": 2, "dev_eval": 2, "train_dev": 2}
    with pytest.raises(UserError, match="39 of its spoof trials have no known attack"):
        splits.rounds(nameless, dealt("leave_one_attack_out"), seed=1)
    speakers = [None if name == "s3" else name for name in table["speaker"].to_pylist()]
    with pytest.raises(UserError, match="20 of its trials have no known speaker"):
        splits.rounds(replaced(table, speaker=speakers), dealt("leave_one_speaker_out"), seed=1)


def test_the_label_tells_bona_fide_whatever_the_attack_is_called():
    table = trials(240)
    other = ["x" if attack == "-" else attack for attack in table["attack"].to_pylist()]
    renamed = replaced(table, attack=other)
    protocol = dealt("leave_one_attack_out")
    rounds, expected = (splits.rounds(each, protocol, seed=1) for each in (renamed, table))
    assert [item.name for item in rounds] == [item.name for item in expected]
    for one, two in zip(rounds, expected, strict=True):
        np.testing.assert_array_equal(one.parts, two.parts)
    assert splits.leaks(renamed, rounds) == splits.leaks(table, expected)


def test_too_few_speakers_for_groups_is_one_clear_line():
    table = replaced(trials(60), speaker=["a", "b"] * 30)
    with pytest.raises(UserError, match="1 bona fide and 1 spoof speakers"):
        splits.rounds(table, dealt("speaker_folds"), seed=1)


def test_speakers_and_duplicates_on_both_sides_are_a_leak_and_attacks_are_not():
    table = replaced(
        trials(6),
        split=["train", "train", "dev", "eval", "eval", "none"],
        speaker=["a", "b", "c", "b", None, "a"],
        attack=["-", "A1", "A1", "-", "A1", "A1"],
        audio=["x", "y", "z", "u", "v", "x"],
        label=[0, 1, 1, 0, 1, 1],
    )
    rounds = splits.rounds(table, OFFICIAL, 1)
    nothing = {"train_eval": 0, "dev_eval": 0, "train_dev": 0}
    assert splits.leaks(table, rounds) == {
        "speakers": {**nothing, "train_eval": 1},
        "duplicates": nothing,
        "near_duplicates": nothing,
        "attacks": {"train_eval": 1, "dev_eval": 1, "train_dev": 1},
        "unknown_speakers": 1,
        "leaks": True,
    }
    one = replaced(
        table, audio=["x", "y", "v", "u", "v", "x"], speaker=["a", None, "c", "d", None, None]
    )
    found = splits.leaks(one, rounds)
    assert found["speakers"] == nothing
    assert found["duplicates"] == {**nothing, "dev_eval": 1}
    assert found["leaks"]
    other = splits.leaks(one, rounds, table.slice(3, 2))
    assert other["speakers"] == nothing
    assert other["duplicates"]["dev_eval"] == 1
    assert other["unknown_speakers"] == 3


def test_near_duplicates_on_both_sides_are_a_leak_unless_their_audio_is_equal():
    table = replaced(
        trials(8),
        split=["train", "dev", "eval", "train", "dev", "train", "eval", "none"],
        speaker=list("abcdefgh"),
        audio=["x", "y", "y", "z", "u", "v", "w", "t"],
        near=["one", "two", "two", "three", "three", None, "one", "one"],
    )
    rounds = splits.rounds(table, OFFICIAL, 1)
    found = splits.leaks(table, rounds)
    assert found["near_duplicates"] == {"train_eval": 1, "dev_eval": 0, "train_dev": 1}
    assert found["duplicates"] == {"train_eval": 0, "dev_eval": 1, "train_dev": 0}
    within_train_and_dev = replaced(table, near=["one", *[None] * 2, "one", "one", *[None] * 3])
    alone = replaced(within_train_and_dev, audio=list("abcdefgh"))
    found = splits.leaks(alone, rounds)
    assert found["near_duplicates"] == {"train_eval": 0, "dev_eval": 0, "train_dev": 1}
    assert not found["leaks"]
    elsewhere = replaced(trials(2), speaker=["y", "z"], audio=["x", "q"], near=["one", "three"])
    other = splits.leaks(table, rounds, elsewhere)
    # The first one's audio is that of train: a duplicate.
    assert other["duplicates"] == {"train_eval": 1, "dev_eval": 0, "train_dev": 0}
    assert other["near_duplicates"] == {"train_eval": 1, "dev_eval": 1, "train_dev": 1}
    assert other["leaks"]


@settings(max_examples=50)
@given(st.data())
def test_no_speaker_is_on_both_sides_of_a_fold(data: st.DataObject):
    n = data.draw(st.integers(20, 80))
    labels = np.array(data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    speakers = np.array(data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))).astype(str)
    labels[:4] = [0, 0, 1, 1]
    keys = np.arange(n).astype(str)
    made, how = splits.folds(labels, speakers, keys, 5, "speaker", 1)
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
    keys = [str(i) for i in range(40)]
    assert splits.folds(labels, speakers, keys, 5, "speaker", 1)[1] == "2 folds, speaker-disjoint"
    speakers[:20] = ["b"] * 20
    assert "too few speakers" in splits.folds(labels, speakers, keys, 5, "speaker", 1)[1]
    with pytest.raises(UserError, match="two trials of each class"):
        splits.folds(labels[19:], speakers[19:], keys[19:], 5, "trial", 1)


def test_a_trial_that_is_there_in_two_views_is_never_parted():
    labels, keys = np.arange(40) % 2, np.tile([f"k{i}" for i in range(20)], 2)
    made, how = splits.folds(labels, [None] * 40, keys, 4, "speaker", 1)
    assert how == "4 folds, speaker-disjoint"
    by_trial, how = splits.folds(labels, ["a"] * 40, keys, 4, "trial", 1)
    assert how == "4 folds by trial"
    for fitted, held in [*made, *by_trial]:
        assert not np.intersect1d(keys[fitted], keys[held]).size


def test_c_is_chosen_on_dev_where_there_is_one():
    random = np.random.default_rng(2)
    X, y = random.standard_normal((120, 20)), np.arange(120) % 2
    X[:, 0] += y
    train, dev = slice(0, 60), slice(60, 120)
    found = logistic.fit_on_dev(X[train], y[train], X[dev], y[dev], [10, 0.01, 1])
    scaler = StandardScaler().fit(X[train])
    by_hand = {}
    for C in (0.01, 1, 10):
        model = LogisticRegression(C=C, max_iter=5000).fit(scaler.transform(X[train]), y[train])
        by_hand[C] = roc_auc_score(y[dev], model.decision_function(scaler.transform(X[dev])))
    assert found.held_roc_auc == pytest.approx(by_hand)
    assert len(set(by_hand.values())) == 3
    assert max(by_hand, key=by_hand.__getitem__) == found.C
    assert not found.by_folds


def test_the_fit_equals_scikit_learn_step_by_step():
    random = np.random.default_rng(1)
    X, y = random.standard_normal((80, 5)) * [1, 5, 0.1, 1, 1] + 3, np.arange(80) % 2
    X[:, 2] += y * 0.2
    made, _ = splits.folds(
        y, [str(i % 8) for i in range(80)], [str(i) for i in range(80)], 4, "speaker", 1
    )
    found = logistic.fit(X, y, made, [10, 0.01, 1])
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
    assert found.held_roc_auc == pytest.approx(by_hand)
    assert max(by_hand, key=by_hand.__getitem__) == found.C
    scaler = StandardScaler().fit(X)
    reference = LogisticRegression(C=found.C, max_iter=5000).fit(scaler.transform(X), y)
    expected = reference.decision_function(scaler.transform(X))
    np.testing.assert_allclose(found.model.scores(X), expected, rtol=1e-6, atol=1e-9)
    stored = found.model.arrays("mean")
    by_hand = (X - stored["mean.mean"]) / stored["mean.scale"] @ stored["mean.weight"]
    np.testing.assert_allclose(by_hand + stored["mean.bias"], expected, rtol=1e-6, atol=1e-9)


def feature_table(noise: float, n: int = 120):
    """Features whose first column tells the label, and a loader as `fitting.fit` wants it."""
    table = trials(n)
    random = np.random.default_rng(2)
    X = random.standard_normal((len(table), 4)).astype(np.float32) * noise
    X[:, 0] += table["label"].to_numpy()
    return table, lambda view: (table["key"].to_pylist(), X)


def fitted(table: pa.Table, load: fitting.Features, settings: Experiment) -> candidates.Candidate:
    data = fitting.Trials(table, settings)
    return fitting.fit(data, load, settings, n_spectral=0, n_layers=1)


def concluded(table: pa.Table, outcome: candidates.Candidate) -> candidates.Choice:
    return candidates.conclude(table, {("one", "mean"): outcome})


CONTRASTIVE = {"kind": "contrastive", "loss": "supcon", "views": 1, "epochs": 2, "seeds": [1, 2]}


@pytest.mark.parametrize("model", [{"kind": "logistic", "C": [0.01, 1], "folds": 3}, CONTRASTIVE])
def test_an_interrupted_fit_goes_on_with_the_candidates_that_are_left(tmp_path, model):
    table, load = feature_table(0.5)
    asked = []

    def fit(name: str, pooling: str) -> candidates.Candidate:
        asked.append(name)
        if asked == ["one", "two"]:
            raise KeyboardInterrupt
        return fitted(table, load, experiment(model=model))

    def run(folder: str, origin: str = "these tables") -> candidates.Choice:
        keys = [("one", "mean"), ("two", "mean")]
        done = fit_all(keys, fit, tmp_path / folder, origin)
        return candidates.conclude(table, done)

    with pytest.raises(KeyboardInterrupt):
        run("killed")
    resumed = run("killed")
    assert asked == ["one", "two", "two"]
    whole = run("whole")
    assert resumed.scores.equals(whole.scores)
    assert resumed.candidates.equals(whole.candidates)
    assert resumed.model == whole.model
    assert all((resumed.arrays[name] == array).all() for name, array in whole.arrays.items())
    run("killed", "other tables")
    assert asked[-2:] == ["one", "two"], "of other tables, nothing is taken over"


def test_a_candidate_is_never_put_together_from_two_runs(tmp_path, monkeypatch):
    """Settings were changed, the run was killed while it wrote, and they were changed back."""
    noises = {"first": 0.5, "second": 2.0}

    def run(origin: str) -> candidates.Candidate:
        found = fitted(*feature_table(noises[origin]), experiment())
        return fit_all([("one", "mean")], lambda *_: found, tmp_path, origin)["one", "mean"]

    whole = run("first")
    with monkeypatch.context() as patch:
        patch.setattr(tables, "write", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run("second")
    again = run("first")
    assert again.scores.equals(whole.scores)
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)


def test_the_origin_of_a_fit_is_its_files_and_settings(tmp_path):
    path = tmp_path / "table"
    path.write_text("a")
    origin = origin_of([path], {"C": 1})
    assert origin == origin_of([path], {"C": 1})
    assert origin != origin_of([path], {"C": 2})
    path.write_text("bc")
    assert origin != origin_of([path], {"C": 1})


def test_a_candidate_scores_dev_and_eval_and_nothing_it_was_fitted_on():
    table, load = feature_table(0.5)
    outcome = fitted(table, load, experiment())
    assert set(outcome.scores["split"].to_pylist()) == {"dev", "eval"}
    files = outcome.scores["file"].to_pylist()
    splits_of = dict(zip(table["key"].to_pylist(), table["split"].to_pylist(), strict=True))
    assert [splits_of[file] for file in files] == outcome.scores["split"].to_pylist()
    choice = concluded(table, outcome)
    final = choice.scores.to_pandas()
    dev = final[final.split == "dev"]
    (row,) = choice.model["selection"]
    assert roc_auc_score(dev.label, dev.score) == row["dev_roc_auc"]
    np.testing.assert_allclose(final.p_spoof, 1 / (1 + np.exp(-final.score)))
    (chosen,) = choice.model["rounds"]
    prior = chosen["calibration"]["prior_spoof"]
    odds = final.p_calibrated / (1 - final.p_calibrated)
    np.testing.assert_allclose(np.exp(final.llr), odds * (1 - prior) / prior)


def test_the_conditions_of_the_corpus_stand_beside_the_scores():
    table, load = feature_table(0.5)
    table = table.append_column("codec", pa.array([f"C{i % 3}" for i in range(len(table))]))
    scores = concluded(table, fitted(table, load, experiment())).scores
    assert scores.column_names == [*tables.SCORES.names, "codec"]
    expected = dict(zip(table["key"].to_pylist(), table["codec"].to_pylist(), strict=True))
    assert [expected[file] for file in scores["file"].to_pylist()] == scores["codec"].to_pylist()


def test_eval_has_no_say():
    """Labels of eval turned over: nothing that was fitted, chosen or calibrated changes."""
    table, load = feature_table(0.5)
    frame = table.to_pandas()
    labels = np.where(frame.split == "eval", 1 - frame.label, frame.label).tolist()
    turned = replaced(table, label=labels)
    one = fitted(table, load, experiment())
    two = fitted(turned, load, experiment())
    assert one.rounds == two.rounds
    np.testing.assert_array_equal(one.arrays["0.weight"], two.arrays["0.weight"])
    models = [concluded(*each).model for each in ((table, one), (turned, two))]
    assert models[0] == models[1]


@pytest.mark.parametrize("kind", ["speaker_folds", "leave_one_speaker_out", "leave_one_attack_out"])
def test_rounds_have_models_of_their_own_and_pool_calibrated_scores(kind: str):
    table, load = feature_table(0.6, 240)
    outcome = fitted(table, load, experiment(dealt(kind)))
    choice = concluded(table, outcome)
    final = choice.scores.to_pandas()
    reported = final[final.split == "eval"]
    assert roc_auc_score(reported.label, reported.score) > 0.8
    np.testing.assert_array_equal(final.score, final.llr)
    assert len(choice.model["rounds"]) == final["round"].nunique() > 1
    if kind != "leave_one_attack_out":
        assert sorted(reported.file) == table["key"].to_pylist()
    again = application.apply(
        application.own_trials(choice.scores, "eval"),
        {**choice.model, "kind": "logistic"},
        choice.arrays,
        lambda candidate, pooling: load("clean"),
    )
    expected = choice.scores.filter(pa.array(final.split == "eval")).select(tables.SCORES.names)
    pd.testing.assert_frame_equal(again.to_pandas(), expected.to_pandas())


def test_views_are_fitted_on_together_and_one_is_scored():
    table, load = feature_table(0.3)
    files = table["key"].to_pylist()

    def views(view: str) -> tuple[list[str], np.ndarray]:
        """In the noisy view another column tells the label, and the last clip is set aside."""
        names, X = load(view)
        return (names, X) if view == "clean" else (names[:119], X[:119, [1, 0, 2, 3]])

    features = {"layers": "last", "train_views": ["clean", "noisy"], "view": "noisy"}
    outcome = fitted(table, views, experiment(features=features))
    scored = outcome.scores["file"].to_pylist()
    assert files[119] not in scored
    assert len(scored) == 79
    (item,) = outcome.rounds
    assert item["counts"]["n_train_bonafide"] == item["counts"]["n_train_spoof"] == 20
    (row,) = concluded(table, outcome).model["selection"]
    assert row["dev_roc_auc"] > 0.85
    alone = experiment(features={**features, "train_views": ["clean"]})
    (row,) = concluded(table, fitted(table, views, alone)).model["selection"]
    assert row["dev_roc_auc"] < 0.7


def test_another_corpus_is_scored_with_the_threshold_and_calibration_of_the_first():
    table, load = feature_table(0.5)
    choice = concluded(table, fitted(table, load, experiment()))
    other = replaced(table, split=["none"] * 60 + ["train"] * 60, corpus=["other"] * 120)
    reported = application.other_trials(other, OFFICIAL)
    assert reported["file"].to_pylist() == table["key"].to_pylist()[:60]
    model = {**choice.model, "kind": "logistic"}
    scores = application.apply(
        reported, model, choice.arrays, lambda candidate, pooling: load("clean")
    ).to_pandas()
    assert set(scores.split) == {"eval"}
    own = choice.scores.to_pandas().set_index("file")
    common = scores[scores.file.isin(own.index)].set_index("file")
    names = ["score", "p_spoof", "llr", "p_calibrated"]
    pd.testing.assert_frame_equal(common[names], own.loc[common.index, names])


def test_the_choice_is_by_dev_and_ties_go_to_the_lower_layer():
    def of(name: str, **dev: float | None) -> dict:
        """The rounds of a candidate with each pooling."""
        return {
            (name, pooling): [
                {"round": "all", "figures": {"C": 1, "cv_roc_auc": cv, "dev_roc_auc": value}}
            ]
            for (pooling, value), cv in zip(dev.items(), (0.6, 0.9), strict=False)
        }

    def chosen(fitted: dict) -> list[tuple[str, str]]:
        (rows,) = candidates.choose(fitted)
        return [(row["candidate"], row["pooling"]) for row in rows if row["chosen"]]

    three = (
        of("layer_1", mean=0.7, std=0.8)
        | of("layer_2", mean=0.8, std=0.6)
        | of("layer_3", mean=0.1)
    )
    assert chosen(three) == [("layer_1", "std")]
    assert len(candidates.choose(three)[0]) == 5
    assert chosen(of("a", mean=None, std=None)) == [("a", "std")]


def test_names_of_candidates():
    each = Features(layers="each")
    assert matrix.candidates(each, 3) == ["layer_0", "layer_1", "layer_2"]
    prototype = Features(spectral="prototype", layers="last")
    assert matrix.candidates(prototype, 13) == ["spectral+layer_12"]
    assert matrix.candidates(Features(spectral="standard"), 0) == ["spectral"]
    assert matrix.candidates(Features(layers=(2, 5)), 7) == ["layer_2", "layer_5"]
    assert matrix.layers_of("spectral+layer_12", 13) == [12]
    assert matrix.layers_of("layers_all", 3) == [0, 1, 2]
    assert matrix.layers_of("spectral", 3) == []
    assert matrix.spectral_columns("prototype")[1] == "entropy_prototype"
    assert matrix.spectral_columns("standard")[1] == "entropy"
    dynamics = matrix.spectral_columns("dynamics")
    full = matrix.spectral_columns("full")
    assert full == [*matrix.spectral_columns("standard"), "logmel_mean", *dynamics]
    assert dynamics[:2] == ["logmel_std", "logmel_step_std"]
    assert matrix.n_spectral("dynamics") == sum(map(spectral.width, dynamics)) == 445


def test_a_contrastive_experiment_keeps_every_seed_and_its_model_scores_as_it_did():
    table, load = feature_table(0.5)
    settings = {
        "kind": "contrastive",
        "loss": "supcon",
        "dimension": 8,
        "views": 1,
        "temperature": [0.2],
        "epochs": 5,
        "batch_size": 32,
        "learning_rate": 0.01,
        "weight_decay": 0.01,
        "seeds": [3, 4],
        "C": [1],
        "folds": 3,
    }
    choice = concluded(table, fitted(table, load, experiment(model=settings)))
    assert choice.seeds.column_names == [*tables.TRIAL_COLUMNS, "3", "4"]
    assert choice.seeds["3"].to_pylist() == choice.scores["score"].to_pylist()
    assert choice.seeds["4"].to_pylist() != choice.seeds["3"].to_pylist()
    (chosen,) = choice.model["rounds"]
    assert chosen["seeds"].keys() == {"3", "4"}
    assert roc_auc_score(choice.scores["label"], choice.scores["score"]) > 0.8
    again = application.apply(
        application.own_trials(choice.scores, "eval"),
        {**choice.model, "kind": "contrastive"},
        choice.arrays,
        lambda candidate, pooling: load("clean"),
    )
    expected = choice.scores.filter(pc.equal(choice.scores["split"], "eval"))
    np.testing.assert_allclose(again["score"], expected["score"], rtol=1e-9)


def test_shuffled_labels_leave_nothing_to_learn():
    table = trials(600)
    generator = np.random.default_rng(3)
    labels = table["label"].to_numpy()
    matrix_ = (labels[:, None] + generator.normal(0, 0.3, (600, 4))).astype(np.float32)

    def outcome(**changes: object) -> candidates.Candidate:
        load = lambda view: (table["key"].to_pylist(), matrix_)  # noqa: E731
        return fitted(table, load, experiment(**changes))

    def auc(found: candidates.Candidate) -> float:
        scores = found.scores.filter(pc.equal(found.scores["split"], "eval"))
        return roc_auc_score(scores["label"], scores["score"])

    true, shuffled = outcome(), outcome(shuffle_labels=True)
    assert auc(true) > 0.98
    (row,) = shuffled.rounds
    assert row["counts"]["n_train_bonafide"] == true.rounds[0]["counts"]["n_train_bonafide"]
    # Both judged by what training and choice believed: nothing there, although eval's truth stands.
    assert abs(row["figures"]["dev_roc_auc"] - 0.5) < 0.12
    assert max(row["figures"]["roc_auc_by_C"].values()) < 0.65
    assert shuffled.scores["label"].equals(true.scores["label"])


def test_a_sample_has_as_many_of_each_class_and_of_each_attack_as_can_be(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(depth, "CLIPS", 10)
    table = trials(600)
    rare = np.array(table["attack"].to_pylist(), dtype=object)
    rare[np.flatnonzero(rare == "A1")[2:]] = "A0"
    table = replaced(table, attack=rare.tolist())
    drawn = depth.sample(table, [experiment()]).to_pandas()
    counts = drawn.groupby(["split", "label"]).size()
    assert counts.to_dict() == {(part, label): 10 for part in ("train", "dev") for label in (0, 1)}
    assert drawn["key"].is_monotonic_increasing
    there = table.to_pandas().groupby(["split", "attack"]).size()
    taken = drawn.groupby(["split", "attack"]).size()
    for part in ("train", "dev"):
        scarce = there[part].get("A1", 0)
        assert taken[part].get("A1", 0) == scarce
        assert abs(taken[part]["A0"] - taken[part]["A2"]) <= 1
    assert depth.sample(table, [experiment()]).to_pandas().equals(drawn)


def test_the_lowest_layer_within_a_standard_error_is_needed():
    generator = np.random.default_rng(3)
    labels = np.arange(400) % 2
    signal = labels + generator.normal(0, 1, 400)
    best = signal
    nearly = signal + generator.normal(0, 0.05, 400)
    worse = signal + generator.normal(0, 1.5, 400)
    assert roc_auc_score(labels, worse) < roc_auc_score(labels, best) - 0.05
    assert depth.lowest(labels, [worse, nearly, best], 2) == 1
    assert depth.lowest(labels, [worse, best, nearly], 1) == 1
    assert depth.lowest(labels, [best, best], 1) == 0
    assert depth.lowest(labels, [best, worse], 0) == 0
