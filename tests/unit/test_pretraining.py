"""Pretraining: what is hidden, what is to be predicted, the loss, resuming, and what ships."""

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from authenticity import tables
from authenticity.config import Experiment
from authenticity.errors import UserError
from authenticity.features import encoder as encoders
from authenticity.features import spectral
from authenticity.features.export import FILES
from checkout import REPOSITORY
from demo_corpus import human
from hypothesis import given, settings
from hypothesis import strategies as st
from pretrain import batches, selection, speech, targets, training
from pretrain.export import export
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score
from transformers import AutoFeatureExtractor, AutoModel, Wav2Vec2Config, Wav2Vec2FeatureExtractor

SHIPPED = REPOSITORY / "resources" / "encoders" / "small"
TINY = {
    "conv_dim": (16,) * 7,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 4,
}
QUICK = training.Recipe(steps=60, seed=3, crops=4, seconds=0.8, learning_rate=5e-3, warmup_steps=10)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def clips():
    """Syllables of a few pitches with pauses between them: a signal with units to discover."""
    rng = np.random.default_rng(5)
    time = np.arange(4000) / targets.SAMPLE_RATE
    made = []
    for n_syllables in (3, 5, 8, 4, 2, 9):
        syllables = [
            np.sin(2 * np.pi * rng.choice([220, 700, 1900]) * time) * np.hanning(4000)
            for _ in range(n_syllables)
        ]
        signal = np.concatenate(syllables) + 0.01 * rng.standard_normal(4000 * n_syllables)
        made.append(signal.astype(np.float32))
    return made


@pytest.fixture(scope="module")
def centroids(clips):
    return targets.fit_clusters(clips, n_clusters=8, seed=0)


def runs(mask):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return edges[1::2] - edges[::2]


# What is hidden


@given(n_frames=st.integers(30, 400), seed=st.integers(0, 2**31))
def test_masked_spans_are_whole_and_leave_frames_to_see(n_frames, seed):
    mask = batches.span_mask(n_frames, np.random.default_rng(seed))
    n_starts = max(1, round(0.08 * n_frames))
    assert runs(mask).min() >= 10
    assert 10 <= mask.sum() <= 10 * n_starts < n_frames


def test_mask_hides_as_much_as_the_paper_says():
    rng = np.random.default_rng(1)
    share = np.mean([batches.span_mask(99, rng) for _ in range(4000)], axis=0)
    # A frame far from the edges is seen if none of 8 of the 90 possible starts is within its 10.
    inside = 1 - np.prod([(80 - i) / (90 - i) for i in range(8)])
    assert np.abs(share[10:89] - inside).max() < 0.03
    assert share[0] == pytest.approx(8 / 90, abs=0.02)


def test_noise_has_the_level_that_was_asked_for():
    rng = np.random.default_rng(2)
    clean = rng.standard_normal(32_000).astype(np.float32) * 0.2
    noise = batches.with_noise(clean, 17.0, rng) - clean
    measured = 10 * np.log10(np.mean(clean**2) / np.mean(noise**2))
    assert measured == pytest.approx(17.0, abs=0.1)


# What is to be predicted


@settings(max_examples=25)
@given(n_samples=st.integers(3200, 40_000))
def test_targets_have_a_frame_for_each_of_the_encoder(n_samples):
    encoder = training.MaskedPrediction(4, **TINY).encoder
    expected = int(encoder._get_feat_extract_output_lengths(n_samples))
    assert targets.frame_count(n_samples) == expected
    noise = np.random.default_rng(0).standard_normal(n_samples)
    assert targets.cepstra(noise).shape == (expected, 39)


def test_a_target_frame_sees_the_samples_that_the_encoder_frame_sees():
    config = Wav2Vec2Config(**training.SHAPE)
    field, hop = 1, 1
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        field, hop = field + (kernel - 1) * hop, hop * stride
    assert (field, hop) == (targets.FRAME_SAMPLES, targets.HOP_SAMPLES)

    rng = np.random.default_rng(3)
    clean = targets.normalise(rng.standard_normal(8000))
    changed = clean.copy()
    changed[3200:3600] = changed[3200:3600][::-1]  # keeps mean and variance
    differs = np.abs(targets.cepstra(changed)[:, :13] - targets.cepstra(clean)[:, :13]).max(axis=1)
    touched = [t for t in range(24) if t * hop < 3600 and t * hop + field > 3200]
    assert np.flatnonzero(differs > 1e-3).tolist() == touched


def test_targets_do_not_depend_on_level():
    signal = np.random.default_rng(4).standard_normal(8000)
    np.testing.assert_allclose(targets.cepstra(signal), targets.cepstra(0.1 * signal), atol=1e-2)


def test_normalisation_is_the_one_of_the_preprocessor():
    signal = np.random.default_rng(4).uniform(-1, 1, 5000).astype(np.float32) + 0.2
    expected = Wav2Vec2FeatureExtractor(do_normalize=True)(signal, sampling_rate=16_000)
    np.testing.assert_allclose(targets.normalise(signal), expected["input_values"][0], atol=1e-5)


@given(seed=st.integers(0, 2**31))
def test_a_frame_goes_to_the_nearest_centroid(seed):
    rng = np.random.default_rng(seed)
    frames, centroids = rng.normal(size=(50, 39)) * 30, rng.normal(size=(7, 39)) * 30
    expected = cdist(frames, centroids).argmin(axis=1)
    assert targets.assign(frames, centroids).tolist() == expected.tolist()


def test_clusters_tell_tones_apart_and_can_be_stored(clips, centroids, tmp_path):
    time = np.arange(8000) / targets.SAMPLE_RATE
    low, high = (np.sin(2 * np.pi * pitch * time) for pitch in (220, 1900))
    label_low, label_high = (targets.assign(targets.cepstra(x), centroids) for x in (low, high))
    assert not set(label_low) & set(label_high)
    targets.write_centroids(tmp_path / "c.safetensors", centroids)
    np.testing.assert_array_equal(targets.read_centroids(tmp_path / "c.safetensors"), centroids)
    np.testing.assert_array_equal(targets.fit_clusters(clips, 8, seed=0), centroids)


# Batches


def make_batches(clips, centroids, seed=1, crops=4):
    return batches.Batches(clips, centroids, crops=crops, seconds=1.0, seed=seed)


def test_a_batch_depends_on_seed_and_step_alone(clips, centroids):
    first, again = make_batches(clips, centroids), make_batches(clips, centroids)
    for _ in range(3):
        first[0]
    np.testing.assert_array_equal(first[7].samples, again[7].samples)
    np.testing.assert_array_equal(first[7].mask, again[7].mask)
    assert not np.array_equal(first[7].samples, first[8].samples)
    other = make_batches(clips, centroids, seed=2)
    assert not np.array_equal(first[7].samples, other[7].samples)


def test_a_batch_has_the_encoders_shapes_and_input(clips, centroids):
    batch = make_batches(clips, centroids)[0]
    assert batch.samples.shape == (4, 16_000)
    assert batch.targets.shape == batch.mask.shape == (4, 49)
    assert batch.samples.dtype == np.float32
    np.testing.assert_allclose(batch.samples.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(batch.samples.std(axis=1), 1, atol=1e-3)


def test_half_of_the_batches_are_noisy_and_the_targets_are_those_of_clean_speech(centroids):
    time = np.arange(40_000) / targets.SAMPLE_RATE
    tone = np.sin(2 * np.pi * 400 * time).astype(np.float32)
    drawn = [make_batches([tone], centroids, crops=1)[step] for step in range(60)]
    spectra = [np.abs(np.fft.rfft(batch.samples[0] * np.hanning(16_000))) for batch in drawn]
    noisy = np.array([np.median(spectrum) / spectrum.max() > 1e-4 for spectrum in spectra])
    assert 15 < noisy.sum() < 45
    labels = {tuple(np.unique(batch.targets)) for batch in drawn}
    assert len(labels) == 1


def test_half_of_the_crops_are_upside_down(centroids):
    # A sawtooth rises slowly and falls at once: its steps say which way up it is.
    sawtooth = (np.arange(40_000, dtype=np.float32) % 100) - 50
    drawn = [make_batches([sawtooth], centroids)[step] for step in range(20)]
    falls = np.array(
        [step[np.abs(step).argmax()] for batch in drawn for step in np.diff(batch.samples, axis=1)]
    )
    assert 25 < (falls > 0).sum() < 55


def test_a_long_clip_is_cut_and_a_short_one_is_continued(clips, centroids):
    ramp = np.arange(50_000, dtype=np.float32)
    clip = targets.normalise(ramp)
    crop = make_batches([ramp], centroids)._crop(np.random.default_rng(0))
    start = int(np.abs(clip - crop[0]).argmin())
    np.testing.assert_array_equal(crop, clip[start : start + 16_000])

    short = [np.full(5000, level, dtype=np.float32) + ramp[:5000] for level in (0, 9)]
    crop = make_batches(short, centroids)._crop(np.random.default_rng(0))
    np.testing.assert_array_equal(crop[:5000], targets.normalise(short[0]))
    assert crop.shape == (16_000,)


# Loss and training


def test_loss_is_that_of_a_direct_loop():
    rng = np.random.default_rng(6)
    logits = rng.normal(size=(2, 5, 3))
    labels = rng.integers(3, size=(2, 5))
    mask = np.array([[1, 1, 0, 0, 1], [0, 0, 0, 1, 0]], dtype=bool)
    hidden, seen = [], []
    for crop in range(2):
        for frame in range(5):
            scores = np.exp(logits[crop, frame])
            loss = -np.log(scores[labels[crop, frame]] / scores.sum())
            (hidden if mask[crop, frame] else seen).append(loss)
    expected = sum(hidden) / len(hidden) + 0.3 * sum(seen) / len(seen)
    computed = training.prediction_loss(*map(torch.from_numpy, (logits, labels, mask)), 0.3)
    assert computed.item() == pytest.approx(expected, rel=1e-5)


def test_hidden_frames_cannot_be_seen():
    torch.manual_seed(0)
    network = training.MaskedPrediction(5, **TINY).eval()
    mask = torch.ones(1, 49, dtype=torch.bool)
    one, other = torch.randn(2, 1, 16_000)
    assert torch.equal(network(one, mask), network(other, mask))
    assert not torch.equal(network(one, ~mask), network(other, ~mask))


def test_learning_rate_climbs_and_falls():
    recipe = training.Recipe(steps=700, seed=1)
    rates = [training.learning_rate(step, recipe) for step in range(700)]
    assert np.argmax(rates) in (149, 150)
    assert max(rates) == pytest.approx(1e-3)
    assert rates[0] == pytest.approx(1e-3 / 150)
    assert rates[425] == pytest.approx(5e-4)
    assert 0 <= rates[-1] < 1e-7


def test_a_few_steps_lower_the_loss(clips, centroids):
    trainer = training.Trainer(clips, centroids, QUICK, **TINY)
    losses = [trainer.advance()[0] for _ in range(QUICK.steps)]
    assert np.mean(losses[-10:]) < 0.85 * np.mean(losses[:10])


def same_weights(one, other):
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def test_an_interrupted_run_ends_with_the_weights_of_one_that_was_not(clips, centroids, tmp_path):
    path = tmp_path / "unfinished.pt"
    whole = training.pretrain(clips, centroids, QUICK, tmp_path / "none.pt", 100, **TINY)
    trainer = training.Trainer(clips, centroids, QUICK, **TINY)
    for _ in range(13):  # the checkpoint is of step 10, the crash comes three steps later
        trainer.advance()
        if trainer.step == 10:
            trainer.save(path)
    resumed = training.pretrain(clips, centroids, QUICK, path, 100, **TINY)
    assert same_weights(whole, resumed)


def test_a_checkpoint_of_another_run_is_not_taken_up(clips, centroids, tmp_path):
    path = tmp_path / "unfinished.pt"
    training.Trainer(clips, centroids, QUICK, **TINY).save(path)
    other = training.Recipe(**{**vars(QUICK), "seed": 4})
    assert training.Trainer(clips, centroids, QUICK, **TINY).resume(path)
    assert not training.Trainer(clips, centroids, other, **TINY).resume(path)
    assert not training.Trainer(clips[1:], centroids, QUICK, **TINY).resume(path)
    assert not training.Trainer(clips, centroids, QUICK, **TINY).resume(tmp_path / "absent.pt")


# Speech


def test_stored_speech_is_what_was_stored_to_16_bits(clips, tmp_path):
    scaled = [clip * 0.5 for clip in clips]
    speech.write(tmp_path / "speech.safetensors", scaled)
    again = speech.read(tmp_path / "speech.safetensors")
    assert [len(clip) for clip in again] == [len(clip) for clip in scaled]
    for stored, clip in zip(again, scaled, strict=True):
        assert np.abs(stored - clip).max() <= 0.5 / 2**15


@pytest.mark.parametrize("speaker", ["allison", "june", "ivrvoice", "stamps-fr"])
def test_speech_of_a_speaker_of_dev_or_eval_is_refused(speaker):
    package = next(
        name for name, people in human.SPEECH.items() if any(speaker in person for person in people)
    )
    with pytest.raises(UserError, match=rf"{speaker}\b.* speak in dev or eval.*pretrain/config"):
        speech.gather([f"{package}.deb"])


# The choice

EXPERIMENT = {
    "features": {"layers": "each", "pooling": ["mean", "mean_std"]},
    "model": {"C": [0.1, 1.0], "folds": 3},
    "protocol_name": "official",
    "protocol": {
        "kind": "partitions",
        "fit": "train",
        "choose": "dev",
        "report": "eval",
        "folds": "trial",
    },
    "seed": 4,
}


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """A corpus whose classes differ in the means of layer 1, and a little in the centroid."""
    folder = tmp_path_factory.mktemp("trials")
    rng = np.random.default_rng(9)
    rows, numbers, embedded = [], [], {}
    for index in range(240):
        split = ("train", "dev", "eval")[index % 3]
        label = index // 3 % 2
        rows.append(
            {
                "key": f"T{index:03d}",
                "path": "",
                "corpus": "toy",
                "split": split,
                "label": label,
                "attack": "x" if label else "-",
                "speaker": f"{split}{index % 4}",
                "bytes": 1,
                "mtime_ns": 1,
            }
        )
        mean = rng.normal(size=(3, 4)).astype(np.float32)
        mean[1] += 0.9 * label
        embedded[f"T{index:03d}", "c"] = encoders.Embedding(9, mean, np.ones((3, 4), np.float32))
        widths = {name: spectral.width(name) for name in spectral.SCHEMA.names}
        described = {name: [0.0] * n if n > 1 else 0.0 for name, n in widths.items()}
        described |= {"file": f"T{index:03d}", "label": label, "content": "c", "audio": f"a{index}"}
        numbers.append(described | {"centroid": rng.normal() + 0.3 * label})
    schema = encoders.schema(3, 4)
    embeddings = encoders.table(embedded, schema)
    tables.write(folder / "embeddings.parquet", embeddings, schema)
    described = pa.Table.from_pylist(numbers, schema=spectral.SCHEMA)
    tables.write(folder / "spectral.parquet", described, spectral.SCHEMA)
    return folder, pa.Table.from_pylist(rows, schema=tables.MANIFEST)


def judge(trials, **features):
    folder, manifest = trials
    changed = EXPERIMENT | {"features": EXPERIMENT["features"] | features}
    experiment = Experiment.model_validate(changed)
    return selection.judge(
        manifest, folder / "spectral.parquet", folder / "embeddings.parquet", 3, experiment
    )


def test_an_encoder_is_judged_by_its_best_layer_on_dev(trials):
    scores, chosen = judge(trials)
    frame = scores.to_pandas()
    assert chosen["candidate"] == "layer_1"
    assert len(chosen["compared"]) == 3 * 2
    assert set(frame.split) == {"dev", "eval"}
    dev = frame[frame.split == "dev"]
    value = chosen["dev"]["roc_auc"]["value"]
    assert value == pytest.approx(roc_auc_score(dev.label, dev.score))
    assert value == pytest.approx(max(row["dev_roc_auc"] for row in chosen["compared"]))
    assert "eval" not in json.dumps(chosen)


def test_the_best_on_dev_is_selected_and_ties_go_to_the_first():
    judged = {
        name: {"dev": {"roc_auc": {"value": value}}, "compared": []}
        for name, value in (("a", 0.7), ("b", 0.9), ("c", 0.9))
    }
    chosen = selection.select(judged)
    assert chosen["chosen"] == "b"
    assert list(chosen["encoders"]) == ["a", "b", "c"]


def test_the_report_on_eval_pairs_the_trials(trials, tmp_path):
    own, _ = judge(trials)
    other, _ = judge(trials, spectral="standard", layers="none")
    for name, table in (("own", own), ("same", own), ("spectral", other)):
        tables.write(tmp_path / name, table, tables.SCORES)
    paths = {name: tmp_path / name for name in ("own", "same", "spectral")}
    report = selection.evaluate("own", ["same", "spectral"], paths, seed=1)

    def auc(table):
        frame = table.to_pandas()
        frame = frame[frame.split == "eval"]
        return roc_auc_score(frame.label, frame.score)

    assert report["chosen"]["roc_auc"]["value"] == pytest.approx(auc(own))
    higher = report["references"]["spectral"]["advantage_of_chosen"]
    assert higher["value"] == pytest.approx(auc(own) - auc(other))
    assert 0 < higher["low"] < higher["value"] < higher["high"]
    nothing = report["references"]["same"]["advantage_of_chosen"]
    assert nothing == {"value": 0.0, "low": 0.0, "high": 0.0}
    card = selection.markdown(report).splitlines()
    assert card[2].startswith(f"| own (ships) | {auc(own):.3f} (")
    assert card[4].startswith("| spectral | ")


# What ships


def hidden_states(encoder, signal):
    with torch.inference_mode():
        return encoder(signal, output_hidden_states=True).hidden_states


def test_an_exported_folder_reloads_as_the_same_encoder(tmp_path):
    torch.manual_seed(2)
    encoder = training.MaskedPrediction(5, **TINY).encoder.eval()
    export(encoder, tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert loaded.dtype == torch.float32
    signal = torch.randn(1, 16_000)
    states = hidden_states(encoder.half().float(), signal)
    for got, expected in zip(hidden_states(loaded, signal), states, strict=True):
        assert torch.equal(got, expected)
    # No dropout, layer drop or masking is left that a forgotten eval() would let loose.
    for got, expected in zip(hidden_states(loaded.train(), signal), states, strict=True):
        torch.testing.assert_close(got, expected)


@pytest.fixture(scope="module")
def shipped():
    return AutoModel.from_pretrained(SHIPPED)


def test_shipped_encoder_is_small_finite_and_whole(shipped):
    assert (SHIPPED / "model.safetensors").stat().st_size <= 11_000_000
    assert all(torch.isfinite(value).all() for value in shipped.state_dict().values())
    config = json.loads((SHIPPED / "config.json").read_text())
    assert {name: config[name] for name in training.SHAPE} == {
        **training.SHAPE,
        "conv_dim": list(training.SHAPE["conv_dim"]),
    }
    for name in ("README.md", "LICENSE"):
        assert (SHIPPED / name).stat().st_size > 500


def test_shipped_encoder_reads_as_any_other(shipped):
    signal = np.random.default_rng(7).standard_normal(32_000)
    prepare = AutoFeatureExtractor.from_pretrained(SHIPPED)
    assert prepare.do_normalize
    inputs = prepare(signal, sampling_rate=16_000, return_tensors="pt").input_values
    states = hidden_states(shipped, inputs)
    again = hidden_states(shipped, inputs)
    assert [tuple(state.shape) for state in states] == [(1, 99, 256)] * 7
    assert all(torch.equal(a, b) for a, b in zip(states, again, strict=True))
    assert all(torch.isfinite(state).all() for state in states)


def test_shipped_encoder_was_trained(shipped):
    """Every norm starts as ones and zeros: in a trained encoder each of them has moved."""
    weights = shipped.state_dict()
    norms = [name for name in weights if "layer_norm" in name]
    assert len(norms) == 2 * (1 + 1 + 1 + 2 * 6)
    for name in norms:
        start = 1.0 if name.endswith("weight") else 0.0
        assert (weights[name] - start).abs().max() > 1e-3, name
