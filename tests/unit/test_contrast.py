"""Contrastive heads: balanced, deterministic, stored as they are, better where they should be."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from authenticity.config import Contrastive
from authenticity.errors import UserError
from authenticity.evaluation import splits
from authenticity.models import contrast
from authenticity.models.contrast import Problem, Sampler
from authenticity.models.logistic import Fit
from authenticity.models.losses import LOSSES
from authenticity.models.projection import ContrastiveModel
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SETTINGS = {
    "kind": "contrastive",
    "loss": "supcon",
    "dimension": 8,
    "views": 1,
    "epochs": 6,
    "batch_size": 32,
    "weight_decay": 0.01,
    "seeds": [1],
    "C": [0.1, 1],
}


def problem(
    n: int = 96, n_features: int = 12, n_spectral: int = 4, n_layers: int = 2, seed: int = 3
) -> Problem:
    """Clips of which one feature of each view tells the class a little."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    features = random.normal(size=(n, n_features)).astype(np.float32)
    features[:, [0, n_spectral]] += labels[:, None] * 1.5
    speakers = np.array([f"s{number // 2 % 6}" for number in range(n)])
    attacks = np.where(labels, np.char.add("A", (np.arange(n) // 4 % 3).astype(str)), "-")
    clips = np.array([f"c{number:04}" for number in range(n)])
    held = np.arange(n) % 6 > 3
    whole = Problem(features, n_spectral, n_layers, labels, speakers, attacks, clips)
    train = whole.part(np.flatnonzero(~held))
    return replace(train, dev_features=features[held], dev_labels=labels[held])


def folds(one: Problem) -> splits.Folds:
    return splits.folds(one.labels, one.speakers, one.clips, 3, "speaker", 1)[0]


def fitted(one: Problem, seed: int = 5, **changes: object) -> Fit:
    (fit,) = contrast.fit(one, Contrastive(**{**SETTINGS, **changes, "seeds": [seed]}), folds(one))
    return fit


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("hidden", [0, 16])
def test_every_loss_fits_and_is_stored_as_it_is(loss: str, views: int, hidden: int):
    one = problem()
    if views == 1 and LOSSES[loss].clips:
        with pytest.raises(UserError, match="every clip has one; choose"):
            fitted(one, loss=loss)
        return
    fit = fitted(one, loss=loss, views=views, hidden=hidden)
    scores = fit.model.scores(one.dev_features)
    assert roc_auc_score(one.dev_labels, scores) == pytest.approx(fit.held_roc_auc[fit.C], abs=1e-3)
    assert fit.held_roc_auc[fit.C] > 0.7
    arrays = load(save(fit.model.arrays("mean.0")))
    again = ContrastiveModel.of(arrays, "mean.0").scores(one.dev_features)
    np.testing.assert_array_equal(again, scores)


def test_the_scores_are_those_of_torch_and_scikit_learn():
    one = problem()
    fit = fitted(one, views=2, hidden=16)
    arrays = fit.model.arrays("m")
    x = torch.from_numpy((one.dev_features - arrays["m.mean"]) / arrays["m.scale"])
    blocks = []
    for index, view in enumerate((x[:, :4], x[:, 4:])):
        layers = []
        for number in range(2):
            weight = torch.from_numpy(arrays[f"m.head_{index}.weight_{number}"]).double()
            linear = torch.nn.Linear(*weight.shape, dtype=torch.float64)
            linear.weight.data = weight.T
            linear.bias.data = torch.from_numpy(arrays[f"m.head_{index}.bias_{number}"]).double()
            layers += [linear, torch.nn.ReLU()]
        projected = torch.nn.Sequential(*layers[:-1])(view)
        blocks.append(torch.nn.functional.normalize(projected, dim=1))
    projected = torch.cat(blocks, dim=1).detach().numpy()
    standardised = (projected - arrays["m.classifier.mean"]) / arrays["m.classifier.scale"]
    expected = standardised @ arrays["m.classifier.weight"] + arrays["m.classifier.bias"]
    np.testing.assert_allclose(fit.model.scores(one.dev_features), expected, rtol=1e-6, atol=1e-8)


def test_the_same_seed_gives_the_same_bytes_whatever_the_threads():
    one = problem()
    before = torch.get_num_threads()
    stored = []
    for threads, seed in ((1, 5), (2, 5), (1, 6)):
        torch.set_num_threads(threads)
        torch.manual_seed(threads)
        fit = fitted(one, seed, views=2, temperature=[0.1, 0.5])
        assert torch.get_num_threads() == threads
        stored.append((save(fit.model.arrays("m")), fit.summary))
    torch.set_num_threads(before)
    assert stored[0] == stored[1]
    assert stored[0][0] != stored[2][0]


def test_the_summary_says_how_it_was_chosen():
    fit = fitted(problem(), temperature=[0.1, 0.5], epochs=20)
    summary = fit.summary
    assert summary["chosen_on"] == "dev"
    assert summary["parameters"] == 12 * 8 + 8
    judged = [point for point in summary["curve"] if point["roc_auc"] is not None]
    lasts = []
    for temperature in (0.1, 0.5):
        course = [point for point in summary["curve"] if point["temperature"] == temperature]
        lasts.append(course[-1]["epoch"])
        assert [point["epoch"] for point in course] == [*range(1, lasts[-1] + 1)]
        values = [point["roc_auc"] for point in course[1::2]]
        assert all((point["roc_auc"] is None) == (point["epoch"] % 2) for point in course)
        without_gain = len(values) - 1 - values.index(max(values))
        assert without_gain == 3 or (lasts[-1] == 20 and without_gain < 3)
        assert not any(max(values[:n]) >= max(values[n : n + 3]) for n in range(1, len(values) - 3))
    assert min(lasts) < 20
    best = max(judged, key=lambda point: point["roc_auc"])
    assert (summary["temperature"], summary["epoch"]) == (best["temperature"], best["epoch"])
    losses = [point["loss"] for point in summary["curve"] if point["temperature"] == 0.1]
    assert losses[-1] < losses[0]
    assert set(fit.held_roc_auc) == {0.1, 1}


@pytest.mark.parametrize("by_folds", [False, True])
def test_all_seeds_share_one_choice_made_by_their_mean(by_folds: bool):
    one = problem()
    if by_folds:
        one = replace(one, dev_features=None, dev_labels=None)
    changes = {"seeds": [5, 6, 7], "temperature": [0.1, 0.5], "epochs": 20}
    fits = contrast.fit(one, Contrastive(**{**SETTINGS, **changes}), folds(one))
    assert [fit.seed for fit in fits] == [5, 6, 7]
    judged = [
        {
            (point["temperature"], point["epoch"]): point["roc_auc"]
            for point in fit.summary["curve"]
            if point["roc_auc"] is not None
        }
        for fit in fits
    ]
    assert judged[0].keys() == judged[1].keys() == judged[2].keys()
    means = {point: np.mean([curve[point] for curve in judged]) for point in judged[0]}
    best = max(means, key=means.get)
    assert {(fit.summary["temperature"], fit.summary["epoch"]) for fit in fits} == {best}
    # One seed alone would have chosen otherwise.
    assert any(max(curve, key=curve.get) != best for curve in judged)
    by_C = {C: np.mean([fit.held_roc_auc[C] for fit in fits]) for C in (0.1, 1)}
    assert {fit.C for fit in fits} == {max(by_C, key=by_C.get)}
    assert len({save(fit.model.arrays("m")) for fit in fits}) == 3


def test_nothing_but_dev_chooses_and_dev_teaches_nothing():
    one = problem()
    fit = fitted(one)
    flipped = fitted(replace(one, dev_labels=1 - one.dev_labels))
    for point, other in zip(fit.summary["curve"], flipped.summary["curve"], strict=False):
        assert point["loss"] == other["loss"]
        if point["roc_auc"] is not None:
            assert point["roc_auc"] == pytest.approx(1 - other["roc_auc"])


def test_without_a_dev_heads_of_each_fold_choose():
    one = replace(problem(), dev_features=None, dev_labels=None)
    fit = fitted(one)
    assert fit.summary["chosen_on"] == "train, by folds"
    # Labels without a meaning: heads part the rows they saw, and the folds must not show it.
    noise = np.random.default_rng(1).permutation(one.labels)
    attacks = np.where(noise, "A", "-")
    meaningless = replace(one, labels=noise, attacks=attacks, n_spectral=0)
    features = np.random.default_rng(2).normal(size=(len(noise), 60)).astype(np.float32)
    meaningless = replace(meaningless, features=features)
    shuffled = fitted(meaningless)
    assert shuffled.held_roc_auc[shuffled.C] < 0.65
    assert roc_auc_score(noise, shuffled.model.scores(features)) > 0.75


def test_one_layer_is_found_among_many():
    random = np.random.default_rng(4)
    labels = np.arange(200) % 2
    layers = random.normal(size=(200, 4, 5)).astype(np.float32)
    layers[:, 2] += 2 * labels[:, None]
    names = np.array([f"{number}" for number in range(200)])
    attacks = np.where(labels, "A", "-")
    one = Problem(layers.reshape(200, 20), 0, 4, labels, names, attacks, names)
    one = replace(one, dev_features=one.features, dev_labels=labels)
    fit = fitted(one, layer_weights=True, epochs=30)
    weights = fit.summary["layer_weights"]
    assert len(weights) == 4
    assert sum(weights) == pytest.approx(1)
    assert int(np.argmax(weights)) == 2
    assert fit.summary["parameters"] == 5 * 8 + 8 + 4


def test_two_views_need_both():
    one = problem()
    for n_spectral in (0, one.features.shape[1]):
        with pytest.raises(UserError, match="two views need"):
            fitted(replace(one, n_spectral=n_spectral), views=2)


def test_degraded_views_of_a_clip_are_positives_with_one_head():
    one = problem()
    twice = one.part(np.tile(np.arange(len(one.labels)), 2))
    twice = replace(twice, dev_features=one.dev_features, dev_labels=one.dev_labels)
    for loss in ("info_nce", "spectral_views"):
        assert fitted(twice, loss=loss).held_roc_auc


def test_speakers_hide_the_class_from_regression_and_not_from_the_head():
    """New speakers, each with offsets; the class is the sign of a product of two features."""
    random = np.random.default_rng(8)
    n, n_features = 900, 6
    labels = random.integers(0, 2, n)
    speaker = np.arange(n) % 30
    features = random.normal(size=(n, n_features))
    features[:, 1] = np.abs(features[:, 1]) * np.sign(features[:, 0]) * (2 * labels - 1)
    features[:, 2:] += 3 * random.normal(size=(30, n_features - 2))[speaker]
    features = features.astype(np.float32)
    names, clips = np.char.add("s", speaker.astype(str)), np.arange(n).astype(str)
    train = speaker < 20
    whole = Problem(features, 0, 1, labels, names, np.where(labels, "A", "-"), clips)
    one = whole.part(np.flatnonzero(train))
    one = replace(one, dev_features=features[~train], dev_labels=labels[~train])
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    regression.fit(one.features, one.labels)
    alone = roc_auc_score(one.dev_labels, regression.decision_function(one.dev_features))
    fit = fitted(one, hidden=64, epochs=40, batch_size=100)
    assert alone < 0.6
    assert fit.held_roc_auc[fit.C] > 0.8


@settings(max_examples=30)
@given(data=st.data(), batch_size=st.integers(2, 50))
def test_an_epoch_is_balanced(data: st.DataObject, batch_size: int):
    n = data.draw(st.integers(4, 80))
    labels = np.array([0, 1, *data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))])
    n = len(labels)
    draw = st.lists(st.sampled_from("abc"), min_size=n, max_size=n)
    speakers, attacks = np.array(data.draw(draw)), np.array(data.draw(draw))
    attacks[labels == 0] = "-"
    rows = np.tile(np.arange(n), 2)  # each clip in two views
    one = Problem(
        np.zeros((2 * n, 1), np.float32),
        *(0, 1, labels[rows], speakers[rows], attacks[rows], rows.astype(str)),
    )
    sampler = Sampler(one, batch_size, seed=1)
    batches = list(sampler.batches(1))
    assert len(batches) == sampler.n_batches
    for batch, again in zip(batches, sampler.batches(1), strict=True):
        assert 0 < len(batch) <= 2 * (batch_size + 1)
        np.testing.assert_array_equal(batch, again)
        spoofed = one.labels[batch]
        assert abs((spoofed == 0).sum() - (spoofed == 1).sum()) <= 2  # one clip, two rows
        assert (
            np.bincount(batch[batch < n], minlength=n)
            == np.bincount(batch[batch >= n] - n, minlength=n)
        ).all()
    drawn = np.concatenate(batches)
    drawn = drawn[drawn < n]
    assert len(drawn) == (n + 1) // 2 * 2
    for label in (0, 1):
        own = drawn[labels[drawn] == label]
        assert len(own) == (n + 1) // 2
        present = np.unique(attacks[labels == label])
        by_attack = [(attacks[own] == attack).sum() for attack in present]
        assert max(by_attack) - min(by_attack) <= 1
        for attack in present:
            mask = (labels == label) & (attacks == attack)
            by_speaker = [
                (speakers[own[attacks[own] == attack]] == speaker).sum()
                for speaker in np.unique(speakers[mask])
            ]
            assert max(by_speaker) - min(by_speaker) <= 1
            for speaker in np.unique(speakers[mask]):
                times = np.bincount(own, minlength=n)[mask & (speakers == speaker)]
                assert times.max() - times.min() <= 1


def test_epochs_differ():
    sampler = Sampler(problem(), 16, seed=1)
    first, second = (np.concatenate(list(sampler.batches(epoch))) for epoch in (1, 2))
    assert (first != second).any()


def test_batches_count_what_is_not_known_as_one_speaker_and_one_attack():
    one = problem()
    attacks, speakers = (
        np.where(np.asarray(names) == name, None, names)
        for names, name in ((one.attacks, "A0"), (one.speakers, "s0"))
    )
    nameless = replace(one, attacks=attacks, speakers=speakers)
    # As the words that sort first, so that the same clips are drawn.
    batches = [
        np.concatenate(list(Sampler(each, 16, seed=1).batches(1))) for each in (one, nameless)
    ]
    np.testing.assert_array_equal(*batches)


@pytest.mark.parametrize("module", ["projection", "candidates", "application", "fitting"])
def test_scoring_and_logistic_regression_need_no_torch(module: str):
    code = f"import sys, authenticity.models.{module}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_learning_rate_that_diverges_is_named():
    one = problem()
    with pytest.raises(UserError, match="became NaN or infinite at epoch"):
        fitted(one, loss="cross_entropy", learning_rate=1e38)
