"""Partial fine-tuning: the same gradients as the whole model, the same weights after a kill."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from authenticity import tables
from authenticity.config import Experiment, FineTune
from authenticity.errors import UserError
from authenticity.features import frames
from authenticity.features.encoder import Encoder, EncoderSource
from authenticity.features.frames import Clip, Frames
from authenticity.models import finetune, fitting, losses, top_layers
from authenticity.models.finetune import FineTuning, Problem, Settings
from authenticity.models.projection import bounded
from authenticity.models.top_layers import Batch, Detector, TopLayers
from corpora import voice
from encoders import ALL_KINDS, make_encoder
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

WINDOW = 2.0
LABELS = np.array([0, 1] * 8 + [0, 1] * 4)
TRAIN, DEV = np.arange(16), np.arange(16, 24)
MODEL = FineTune(
    kind="finetune",
    unfrozen=1,
    epochs=4,
    patience=4,
    batch_seconds=6,
    learning_rate=1e-3,
    seeds=(5,),
)
QUICK = Settings(MODEL, layers=2, precision="float32")


def changed(settings: Settings = QUICK, **changes: object) -> Settings:
    """Other settings; those of the configuration are not checked, so that rates may be zero."""
    configured = {name: changes.pop(name) for name in FineTune.model_fields if name in changes}
    model = settings.model.model_copy(update=configured)
    return dataclasses.replace(settings, model=model, **changes)


OTHER_SEED = changed(seeds=(6,))


@pytest.fixture(autouse=True)
def narrow_projection(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(top_layers, "_DIMENSION", 8)


def unrounded(encoder: Path, layer: int, clips: Sequence) -> list[Clip]:
    """The frames of clips, as they are computed."""
    frozen = Encoder.load(encoder, window_seconds=WINDOW)
    return [
        Clip(f"{number:03}", "", frozen.hear(clip, [layer])[1][layer])
        for number, clip in enumerate(clips)
    ]


def cached(folder: Path, encoder: Path, layer: int, clips: Sequence) -> Frames:
    """The frames of clips, written and opened."""
    path = folder / f"{layer}.npy"
    with frames.updated(path, 32, {"version": f"layer {layer}"}) as (_, add):
        for clip in unrounded(encoder, layer, clips):
            add(clip.file, clip.content, clip.windows)
    return Frames.load([path])


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    return [
        voice(number, spoof=bool(label), seconds=0.4 + 0.1 * (number % 5))
        for number, label in enumerate(LABELS)
    ]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, encoder: Path, clips: list) -> Frames:
    return cached(tmp_path_factory.mktemp("cache"), encoder, 1, clips)


def run_all(
    cache: Frames, encoder: Path, state: Path, settings: Settings, threads: int = 1, **others
) -> list[FineTuning]:
    problem = Problem(**{"frames": cache, "labels": LABELS, "train": TRAIN, "dev": DEV, **others})
    loaded = Encoder.load(encoder, window_seconds=WINDOW)
    return finetune.fit(problem, loaded, settings, state, threads)


def run(
    cache: Frames, encoder: Path, state: Path, settings: Settings = QUICK, **others
) -> FineTuning:
    (only,) = run_all(cache, encoder, state, settings, **others)
    return only


def weights(tuned: FineTuning) -> dict[str, torch.Tensor]:
    return tuned.detector.state_dict()


def assert_equal_weights(one: FineTuning, other: FineTuning) -> None:
    for name, value in weights(one).items():
        assert torch.equal(value, weights(other)[name]), name


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("unfrozen", [1, 2])
def test_gradients_are_those_of_the_whole_model(kind: str, unfrozen: int, tmp_path: Path):
    """The reference runs transformers' own forward pass, everything below requiring no gradient."""
    folder = make_encoder(tmp_path / "encoder", kind)
    recordings = [voice(number, spoof=False, seconds=0.6) for number in range(3)]
    first = 2 - unfrozen
    kept = unrounded(folder, first, recordings)
    whole = Encoder.load(folder, window_seconds=WINDOW)
    torch.manual_seed(4)
    detector = Detector(TopLayers(whole.network, first, 2)).eval()
    _, log_odds = detector([Batch.of(kept)])
    torch.nn.functional.softplus(log_odds).sum().backward()

    network = whole.network.requires_grad_(False)
    network.encoder.layers[first:].requires_grad_(True)
    states = [
        network(window[None], output_hidden_states=True).hidden_states[-1]
        for clip in recordings
        for _, _, window in whole.windows(clip)
    ]
    pooled = torch.cat([state.mean(dim=1) for state in states])
    expected = detector.classifier(detector.projection(pooled))[:, 0]
    torch.testing.assert_close(log_odds, expected, atol=1e-5, rtol=1e-5)
    torch.nn.functional.softplus(expected).sum().backward()
    found = dict(detector.top.layers.named_parameters())
    reference = dict(network.encoder.layers[first:].named_parameters())
    assert found.keys() == reference.keys()
    for name, parameter in found.items():
        torch.testing.assert_close(parameter.grad, reference[name].grad, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_clip_s_output_does_not_depend_on_the_padding(kind: str, tmp_path: Path):
    folder = make_encoder(tmp_path / "encoder", kind)
    recordings = [voice(7, spoof=False, seconds=seconds) for seconds in (0.5, 1.7, 3.1)]
    kept = cached(tmp_path, folder, 1, recordings)
    detector = Detector(TopLayers(Encoder.load(folder).network, 1, 2)).eval()
    with torch.no_grad():
        together = detector.top.pooled(Batch.of(kept.clips))
        alone = torch.cat([detector.top.pooled(Batch.of([clip])) for clip in kept.clips])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("kept_layers", [1, 2])
def test_the_exported_encoder_is_the_trained_one(kind: str, kept_layers: int, tmp_path: Path):
    folder = make_encoder(tmp_path / "encoder", kind)
    recordings = [voice(n, spoof=bool(n % 2), seconds=0.4 + 0.9 * (n % 4)) for n in range(8)]
    kept = cached(tmp_path, folder, kept_layers - 1, recordings)
    tuned = run(
        kept,
        folder,
        tmp_path / "state",
        changed(layers=kept_layers, epochs=2, learning_rate=1e-2),
        labels=np.array([0, 1] * 4),
        train=np.arange(8),
        dev=np.arange(0),
    )
    tuned.export(tmp_path / "exported")
    assert EncoderSource(str(tmp_path / "exported")).n_layers == kept_layers + 1
    exported = Encoder.load(tmp_path / "exported", window_seconds=WINDOW)
    before = Encoder.load(folder, window_seconds=WINDOW)
    found = np.stack([exported.embed(clip).mean[-1] for clip in recordings])
    untrained = np.stack([before.embed(clip).mean[kept_layers] for clip in recordings])
    means = tuned.detector.top.pooled_alone(kept.clips)
    np.testing.assert_allclose(found, means, atol=4e-3)
    trained = TopLayers(exported.network, kept_layers - 1, kept_layers)  # as in a view
    np.testing.assert_array_equal(trained.pooled_alone(kept.clips), means)
    assert np.abs(found - untrained).max() > 2e-2
    np.testing.assert_allclose(tuned.head.scores(found), tuned.scores(kept.clips), atol=5e-2)
    for clip in recordings[:2]:  # what lies below is as it was
        below = exported.embed(clip).mean[:kept_layers], before.embed(clip).mean[:kept_layers]
        np.testing.assert_array_equal(*below)


def test_a_killed_run_goes_on_to_the_same_weights(
    cache: Frames, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = run(cache, encoder, tmp_path / "whole")
    advance = finetune.FineTuning.advance

    def killed(self):
        if self.epoch == 2:
            raise KeyboardInterrupt
        return advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(finetune.FineTuning, "advance", killed)
        with pytest.raises(KeyboardInterrupt):
            run(cache, encoder, tmp_path / "killed")
    torch.manual_seed(99)
    resumed = run(cache, encoder, tmp_path / "killed")
    assert resumed.history == whole.history
    assert resumed.best_epoch == whole.best_epoch
    assert_equal_weights(resumed, whole)
    assert_equal_weights(run(cache, encoder, tmp_path / "killed"), whole)  # and of one that ended


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_number_of_threads_and_a_kill_change_no_seed(
    precision: str,
    cache: Frames,
    encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    settings = changed(seeds=(5, 6, 7), precision=precision)
    alone = run_all(cache, encoder, tmp_path / "alone", settings)
    advance = finetune.FineTuning.advance

    def failing(self):
        if (self.seed, self.epoch) == (6, 2):
            raise MemoryError
        return advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(finetune.FineTuning, "advance", failing)
        with pytest.raises(MemoryError):
            run_all(cache, encoder, tmp_path / "killed", settings, threads=3)
    resumed = run_all(cache, encoder, tmp_path / "killed", settings, threads=2)
    for one, other in zip(alone, resumed, strict=True):
        assert one.history == other.history
        assert_equal_weights(one, other)
    for one, seed in zip(alone, settings.model.seeds, strict=True):
        by_itself = run(cache, encoder, tmp_path / str(seed), changed(settings, seeds=(seed,)))
        assert one.history == by_itself.history


def test_the_epoch_is_chosen_once_for_all_seeds(cache: Frames, encoder: Path, tmp_path: Path):
    """Dev labels that the probe knows nothing of: it is not the best."""
    settings = changed(seeds=(5, 6, 7), epochs=12, patience=5, learning_rate=3e-2)
    labels = LABELS.copy()
    labels[DEV] = [0, 0, 1, 1] * 2
    tuned = run_all(cache, encoder, tmp_path / "state", settings, labels=labels)
    by_epoch = np.mean([[row["dev_roc_auc"] for row in each.history] for each in tuned], axis=0)
    best = int(np.argmax(by_epoch))
    assert [each.best_epoch for each in tuned] == [best] * 3
    assert len(by_epoch) == 1 + min(12, best + 5)
    alone = [int(np.argmax([row["dev_roc_auc"] for row in each.history])) for each in tuned]
    assert alone != [best] * 3
    for each in tuned:
        scores = each.scores(cache.clips)[DEV]
        assert roc_auc_score(labels[DEV], scores) == each.history[best]["dev_roc_auc"]


def test_what_is_used_is_the_average_over_the_latest_steps(cache: Frames, encoder: Path):
    settings = changed(batch_seconds=1000.0)  # a step an epoch
    tuning = FineTuning(Problem(cache, LABELS, TRAIN, DEV), Encoder.load(encoder), settings, 5)
    tuning.advance()
    expected = {name: value.clone() for name, value in weights(tuning).items()}
    for _ in range(3):
        tuning.advance()
        for name, value in weights(tuning).items():
            expected[name] = 0.95 * expected[name] + 0.05 * value
    tuning.keep()
    tuning.finish()
    for name, value in weights(tuning).items():
        torch.testing.assert_close(value, expected[name])
    scores = tuning.scores(cache.clips)[DEV]
    assert roc_auc_score(LABELS[DEV], scores) == tuning.history[-1]["dev_roc_auc"]


@pytest.mark.parametrize("dev", [DEV, np.arange(0)])
def test_a_learning_rate_that_diverges_is_named(
    dev: np.ndarray, cache: Frames, encoder: Path, tmp_path: Path
):
    with pytest.raises(UserError, match=r"NaN or infinite at epoch [12]; .*`learning_rate`"):
        run(cache, encoder, tmp_path / "state", changed(learning_rate=1e3), dev=dev)


@pytest.mark.parametrize("left", [0, 100, -5])
def test_a_state_that_is_cut_short_is_not_taken_up(
    left: int, cache: Frames, encoder: Path, tmp_path: Path
):
    state = tmp_path / "state"
    whole = run(cache, encoder, state)
    state.write_bytes(state.read_bytes()[:left])
    assert_equal_weights(run(cache, encoder, state), whole)


def test_a_bit_that_a_disk_flips_in_a_state_changes_no_weight(
    cache: Frames, encoder: Path, tmp_path: Path
):
    state = tmp_path / "state"
    whole = run(cache, encoder, state)
    content = state.read_bytes()
    for place in np.random.default_rng(1).integers(len(content), size=20):
        flipped = bytearray(content)
        flipped[place] ^= 1 << 6
        state.write_bytes(flipped)
        assert_equal_weights(run(cache, encoder, state), whole)


def test_a_state_of_another_run_is_not_taken_up(cache: Frames, encoder: Path, tmp_path: Path):
    fresh = run(cache, encoder, tmp_path / "fresh", OTHER_SEED)
    run(cache, encoder, tmp_path / "state")
    assert_equal_weights(run(cache, encoder, tmp_path / "state", OTHER_SEED), fresh)


def test_no_epoch_that_is_better_leaves_the_layers_alone(
    cache: Frames, encoder: Path, tmp_path: Path
):
    """Dev labels that the probe gets all right: no epoch can be better than that."""
    still = changed(epochs=1, learning_rate=0.0, head_learning_rate=0.0)
    probed = run(cache, encoder, tmp_path / "probe", still).scores(cache.clips)
    labels = LABELS.copy()
    labels[DEV] = probed[DEV] > np.median(probed[DEV])
    tuned = run(cache, encoder, tmp_path / "state", labels=labels)
    assert tuned.best_epoch == 0
    np.testing.assert_array_equal(tuned.scores(cache.clips), probed)


def test_the_seed_decides_the_weights_and_nothing_global_does(
    cache: Frames, encoder: Path, tmp_path: Path
):
    one = run(cache, encoder, tmp_path / "1")
    state = torch.get_rng_state()
    torch.rand(7)
    assert_equal_weights(run(cache, encoder, tmp_path / "2"), one)
    torch.set_rng_state(state)
    other = run(cache, encoder, tmp_path / "3", OTHER_SEED)
    assert not torch.equal(weights(one)["projection.weight"], weights(other)["projection.weight"])


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_bfloat16_stays_close(kind: str, clips: list, tmp_path: Path):
    folder = make_encoder(tmp_path / "encoder", kind)
    kept = cached(tmp_path, folder, 1, clips)
    once = changed(epochs=1, learning_rate=1e-4)
    exact, fast = (
        run(
            kept,
            folder,
            tmp_path / name,
            changed(once, precision=name),
            dev=np.arange(0),
        )
        for name in ("float32", "bfloat16")
    )
    assert all(value.dtype == torch.float32 for value in weights(fast).values())
    np.testing.assert_allclose(
        fast.detector.top.pooled_alone(kept.clips),
        exact.detector.top.pooled_alone(kept.clips),
        atol=5e-3,
    )
    assert not np.array_equal(
        fast.detector.top.pooled_alone(kept.clips), exact.detector.top.pooled_alone(kept.clips)
    )


def test_dev_chooses_the_epoch_and_ends_the_training(cache: Frames, encoder: Path, tmp_path: Path):
    tuned = run(cache, encoder, tmp_path / "s", changed(epochs=30, patience=2))
    by_epoch = [row["dev_roc_auc"] for row in tuned.history]
    assert tuned.best_epoch == int(np.argmax(by_epoch))
    assert len(by_epoch) == 1 + min(30, tuned.best_epoch + 2)
    scores = tuned.scores(cache.clips)[DEV]
    assert roc_auc_score(LABELS[DEV], scores) == max(by_epoch)


def test_the_head_starts_from_logistic_regression(cache: Frames, encoder: Path, tmp_path: Path):
    still = changed(epochs=1, learning_rate=0.0, head_learning_rate=0.0)
    tuned = run(cache, encoder, tmp_path / "state", still)
    pooled = tuned.detector.top.pooled_alone(cache.clips)
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=1, max_iter=5000))
    reference.fit(pooled[TRAIN].astype(np.float64), LABELS[TRAIN])
    expected = reference.decision_function(pooled.astype(np.float64))
    np.testing.assert_allclose(tuned.scores(cache.clips), expected, atol=1e-4)


def test_without_dev_the_last_epoch_counts(cache: Frames, encoder: Path, tmp_path: Path):
    tuned = run(cache, encoder, tmp_path / "state", dev=np.arange(0))
    assert tuned.best_epoch == MODEL.epochs
    assert [row["epoch"] for row in tuned.history] == list(range(MODEL.epochs + 1))
    assert {row["dev_roc_auc"] for row in tuned.history} == {None}


def test_it_learns_what_the_training_clips_tell(cache: Frames, encoder: Path, tmp_path: Path):
    longer = changed(epochs=25, learning_rate=1e-2)
    tuned = run(cache, encoder, tmp_path / "state", longer, dev=np.arange(0))
    assert tuned.history[-1]["loss"] < 0.7 * tuned.history[1]["loss"]
    assert roc_auc_score(LABELS[TRAIN], tuned.scores(cache.clips)[TRAIN]) > 0.95


@pytest.mark.parametrize("loss", ["margin", "supcon", "spectral"])
def test_a_loss_on_the_projections_joins_in(
    loss: str, cache: Frames, encoder: Path, tmp_path: Path
):
    def value(minimised: str) -> float:
        """Return the loss of the projections, of which another may have been minimised."""
        longer = changed(epochs=30, loss=minimised, head_learning_rate=1e-2)
        tuned = run(cache, encoder, tmp_path / minimised, longer, dev=np.arange(0))
        pooled = torch.from_numpy(tuned.detector.top.pooled_alone(cache.clips)[TRAIN])
        detector, contrast = tuned.detector, losses.LOSSES[loss]
        with torch.no_grad():
            projections = detector.projection((pooled - detector.mean) / detector.scale)
            clips = torch.arange(len(TRAIN))
            bound = bounded(projections, contrast.norms)
            batch = losses.Batch(bound, torch.from_numpy(LABELS[TRAIN]), clips, clips)
            return float(contrast(batch, MODEL.temperature, None))

    assert value(loss) < value("cross_entropy") - 0.3


def test_only_the_trained_layers_train(cache: Frames, encoder: Path, tmp_path: Path):
    """Nothing drops out of them, and the whole never trains."""
    loaded = Encoder.load(encoder)
    before = {name: value.clone() for name, value in loaded.network.state_dict().items()}
    problem = Problem(cache, LABELS, TRAIN, DEV)
    (tuned,) = finetune.fit(problem, loaded, QUICK, tmp_path / "state")
    assert not any(module.training for module in loaded.network.modules())
    assert not any(module.training for module in tuned.detector.modules())
    for name, value in loaded.network.state_dict().items():
        assert torch.equal(value, before[name])
    np.testing.assert_array_equal(tuned.scores(cache.clips), tuned.scores(cache.clips))
    batch = Batch.of(cache.clips[:2])
    tuned.detector.train()
    assert torch.equal(tuned.detector.top.pooled(batch), tuned.detector.top.pooled(batch))
    trained = sum(value.numel() for value in loaded.network.encoder.layers[1].parameters())
    assert tuned.n_trained == trained + (32 * 8 + 8) + (8 + 1)


@pytest.mark.parametrize("kind", ["wav2vec2", "wavlm"])
def test_nothing_drops_out_of_the_trained_layers(kind: str, tmp_path: Path):
    network = Encoder.load(make_encoder(tmp_path, kind)).network
    layer = TopLayers(network, 1, 2).layers[0]
    assert layer.dropout.p == layer.feed_forward.output_dropout.p == 0
    assert layer.attention.dropout == layer.feed_forward.intermediate_dropout.p == 0
    assert network.encoder.layers[1].dropout.p == network.config.hidden_dropout == 0.1


@pytest.mark.parametrize(
    ("layers", "unfrozen", "first"), [(12, 1, 11), (12, 2, 10), (3, 2, 1), (1, 1, 0)]
)
def test_the_first_trained_layer(layers: int, unfrozen: int, first: int):
    assert changed(unfrozen=unfrozen, layers=layers).first_trained == first


def silent(lengths: Sequence[Sequence[int]]) -> list[Clip]:
    return [Clip("", "", [np.empty((length, 1)) for length in row]) for row in lengths]


@given(st.lists(st.lists(st.integers(1, 400), min_size=1, max_size=3), min_size=1, max_size=40))
def test_batches_hold_every_clip_once_within_their_limit(lengths: list[list[int]]):
    clips = silent(lengths)
    order = np.random.default_rng(1).permutation(len(clips))
    found = list(finetune.batches(clips, order, batch_seconds=10))
    np.testing.assert_array_equal(np.concatenate(found), order)
    for batch in found:
        windows = [length for clip in batch for length in lengths[clip]]
        assert len(batch) == 1 or max(windows) * len(windows) <= 500


@given(st.lists(st.lists(st.integers(1, 400), min_size=1, max_size=3), min_size=1, max_size=40))
def test_groups_of_a_step_hold_every_clip_once_and_little_padding(lengths: list[list[int]]):
    chosen = np.random.default_rng(1).permutation(len(lengths))
    groups = finetune.alike(silent(lengths), chosen)
    assert sorted(np.concatenate(groups)) == sorted(chosen)
    for group in groups:
        windows = [length for clip in group for length in lengths[clip]]
        assert len(group) == 1 or max(windows) * len(windows) <= 1.05 * sum(windows)


def test_a_step_in_groups_is_the_step_in_one_batch(cache: Frames, encoder: Path):
    network = Encoder.load(encoder).network
    detector = Detector(TopLayers(network, 1, 2))
    groups = finetune.alike(cache.clips, np.arange(len(cache.clips)))
    assert len(groups) > 1
    order = np.concatenate(groups)
    together = detector([Batch.of([cache.clips[i] for i in order])])
    apart = detector([Batch.of([cache.clips[i] for i in group]) for group in groups])
    for one, other in zip(together, apart, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
def test_an_epoch_is_half_of_each_class(n_bonafide: int, n_spoof: int, seed: int):
    labels = np.array([0] * n_bonafide + [1] * n_spoof)
    trials = np.arange(len(labels))
    drawn = finetune.balanced(labels, trials, np.random.default_rng(seed))
    assert len(drawn) == 2 * (len(labels) // 2)
    assert labels[drawn].mean() == 0.5
    for label, size in ((0, n_bonafide), (1, n_spoof)):
        counts = np.bincount(drawn, minlength=len(labels))[labels == label]
        assert counts.max() - counts.min() <= 1
        assert counts.sum() == len(labels) // 2 <= size * counts.max()


def test_the_rate_climbs_and_falls_to_zero():
    rates = [finetune.schedule(step / 100, 0.1) for step in range(1, 101)]
    assert int(np.argmax(rates)) == 9
    assert rates[9] == 1.0
    assert np.all(np.diff(rates[:10]) > 0)
    assert np.all(np.diff(rates[9:]) < 0)
    assert rates[-1] == pytest.approx(0, abs=1e-12)


def test_a_fine_tuned_experiment_is_scored_and_its_seeds_stand_together(
    cache: Frames, encoder: Path, tmp_path: Path
):
    """Trials in another order than the cache's, and one without frames."""
    order = np.random.default_rng(1).permutation(len(LABELS))
    part = np.where(order < 16, "train", np.where(order < 20, "dev", "eval"))
    n = len(LABELS) + 1
    columns = {
        "key": [f"{index:03}" for index in order] + ["set aside"],
        "path": [""] * n,
        "corpus": ["toy"] * n,
        "split": [*part.tolist(), "eval"],
        "label": [*LABELS[order].tolist(), 1],
        "attack": ["A" if label else "-" for label in LABELS[order]] + ["A"],
        "speaker": [f"{name}{index % 3}" for index, name in enumerate(part)] + ["x"],
        "bytes": [1] * n,
        "mtime_ns": [1] * n,
        "audio": [f"a{index}" for index in range(n)],
        "near": [None] * n,
    }
    trials = pa.table(columns, schema=tables.TRIALS)
    official = {"kind": "partitions", "fit": "train", "choose": "dev", "report": "eval"}
    experiment = Experiment.model_validate(
        {
            "features": {"layers": [2]},
            "model": MODEL.model_dump() | {"seeds": [3, 4]},
            "protocol": official,
            "protocol_name": "official",
            "seed": 1,
        }
    )
    whole, first = finetune.fit_trials(
        fitting.Trials(trials, experiment),
        cache,
        Encoder.load(encoder, window_seconds=WINDOW),
        Settings(experiment.model, 2, "float32"),
        tmp_path / "state.pt",
    )
    assert whole.scores["file"].to_pylist() == [
        f"{index:03}" for index, name in zip(order, part, strict=True) if name != "train"
    ]
    expected = dict(zip(cache.files, first.scores(cache.clips), strict=True))
    found = whole.scores["score"].to_pylist()
    assert found == [expected[file] for file in whole.scores["file"].to_pylist()]
    assert whole.scores["score"] == whole.scores["3"]
    (row,) = whole.rounds
    by_seed = row["figures"]["seeds"]
    assert [*by_seed] == ["3", "4"]
    assert len({seed["epoch"] for seed in by_seed.values()}) == 1
    on_dev = {
        seed: roc_auc_score(dev["label"].to_numpy(), dev[seed].to_numpy())
        for dev in [whole.scores.filter(pc.equal(whole.scores["split"], "dev"))]
        for seed in by_seed
    }
    assert {seed: values["dev_roc_auc"] for seed, values in by_seed.items()} == on_dev
    assert row["figures"]["dev_roc_auc"] == pytest.approx(np.mean([*on_dev.values()]))
    assert (row["counts"]["n_train_bonafide"], row["counts"]["n_train_spoof"]) == (8, 8)
    np.testing.assert_array_equal(whole.arrays["0.weight"], first.head.weight)
