"""Pretraining: what is hidden, what is to be predicted, the loss, resuming, and what ships."""

import dataclasses
import itertools
import json
from functools import partial

import librosa
import numpy as np
import pytest
import torch
from authenticity.errors import UserError
from authenticity.features.encoder import Embedding
from authenticity.features.sources import FILES
from authenticity.files import sha256
from checkout import REPOSITORY
from demo_corpus import human
from hypothesis import given, settings
from hypothesis import strategies as st
from pretrain import batches, choice, speech, targets, training
from pretrain.export import export
from probe import corpus, ranking
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
    return targets.fit_clusters(clips, "cepstra", n_clusters=8, seed=0)


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
    assert targets.spectrum(noise).shape == (expected, targets.NUMBERS)


@pytest.mark.parametrize("objective", ["cepstra", "spectrum"])
def test_a_target_frame_sees_the_samples_that_the_encoder_frame_sees(objective):
    config = Wav2Vec2Config(**training.SHAPE)
    field, hop = 1, 1
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        field, hop = field + (kernel - 1) * hop, hop * stride
    assert (field, hop) == (targets.FRAME_SAMPLES, targets.HOP_SAMPLES)

    rng = np.random.default_rng(3)
    clean = targets.normalise(rng.standard_normal(8000))
    changed = clean.copy()
    changed[3200:3600] = changed[3200:3600][::-1]  # keeps mean and variance
    # Differences of cepstra are fitted over nine frames.
    one, other = (targets.FRAMES[objective](each)[:, :13] for each in (changed, clean))
    differs = np.abs(one - other).max(axis=1)
    touched = [t for t in range(24) if t * hop < 3600 and t * hop + field > 3200]
    assert np.flatnonzero(differs > 1e-3).tolist() == touched


@pytest.mark.parametrize("frames", [targets.cepstra, targets.spectrum])
def test_targets_do_not_depend_on_level(frames):
    signal = np.random.default_rng(4).standard_normal(8000)
    np.testing.assert_allclose(frames(signal), frames(0.1 * signal), atol=1e-2)


def test_the_spectrum_of_a_frame_is_that_of_a_direct_loop():
    signal = targets.normalise(np.random.default_rng(8).standard_normal(4000))
    bands = librosa.filters.mel(sr=16_000, n_fft=128, n_mels=20)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(128) / 128)
    for frame in (0, 3, 11):
        levels = []
        for window in range(5):
            start = 320 * frame + 8 + 64 * window
            power = np.abs(np.fft.rfft(hann * signal[start : start + 128])) ** 2
            levels.append(10 * np.log10(bands @ power))
        steps = [after - before for before, after in itertools.pairwise(levels)]
        expected = np.concatenate([np.mean(levels, axis=0), *steps])
        np.testing.assert_allclose(targets.spectrum(signal)[frame], expected, atol=1e-2)


def test_regression_is_of_the_spectrum_normalised_over_the_crop():
    crop = np.random.default_rng(4).standard_normal(16_000).astype(np.float32)
    wanted = targets.of(crop, "regression", None)
    assert (wanted.shape, wanted.dtype) == ((49, targets.NUMBERS), np.float32)
    np.testing.assert_allclose(wanted.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(wanted.std(axis=0), 1, atol=1e-2)
    frames = targets.spectrum(crop)
    assert np.corrcoef(wanted[:, 3], frames[:, 3])[0, 1] == pytest.approx(1, abs=1e-5)


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


@pytest.mark.parametrize("objective", ["cepstra", "spectrum"])
def test_clusters_tell_tones_apart_and_are_found_again(clips, objective):
    centroids = targets.fit_clusters(clips, objective, 8, seed=0)
    time = np.arange(8000) / targets.SAMPLE_RATE
    low, high = (np.sin(2 * np.pi * pitch * time) for pitch in (220, 1900))
    label_low, label_high = (targets.of(x, objective, centroids) for x in (low, high))
    assert label_low.dtype == np.int64 and not set(label_low) & set(label_high)
    np.testing.assert_array_equal(targets.fit_clusters(clips, objective, 8, seed=0), centroids)


# Batches


def make_batches(clips, centroids, seed=1, crops=4, copy_synthesis=False):
    return batches.Batches(
        clips,
        partial(targets.of, objective="cepstra", centroids=centroids),
        copy_synthesis=copy_synthesis,
        crops=crops,
        seconds=1.0,
        seed=seed,
    )


def test_a_batch_depends_on_seed_and_step_alone(clips, centroids):
    first, again = make_batches(clips, centroids), make_batches(clips, centroids)
    for _ in range(3):
        first[0]
    np.testing.assert_array_equal(first[7].samples, again[7].samples)
    np.testing.assert_array_equal(first[7].mask, again[7].mask)
    assert not np.array_equal(first[7].samples, first[8].samples)
    other = make_batches(clips, centroids, seed=2)
    assert not np.array_equal(first[7].samples, other[7].samples)


@pytest.fixture
def vocoders(monkeypatch):
    """Those that need no other package."""
    kept = {name: batches.VOCODERS[name] for name in ("griffin_lim_linear", "sinusoidal")}
    monkeypatch.setattr(batches, "VOCODERS", kept)


def test_with_copy_synthesis_a_quarter_of_the_crops_is_spoken_again(
    clips, centroids, vocoders, monkeypatch
):
    drawn = make_batches(clips, centroids, copy_synthesis=True)
    one, again = drawn[5], make_batches(clips, centroids, copy_synthesis=True)[5]
    np.testing.assert_array_equal(one.samples, again.samples)
    np.testing.assert_array_equal(one.targets, again.targets)
    assert one.samples.shape == (4, 16_000)
    spoken = []
    monkeypatch.setattr(batches, "spoken_again", lambda crop, rng: spoken.append(len(crop)) or crop)
    for step in range(40):
        drawn[step]
    assert 25 < len(spoken) < 55  # of 160


def test_a_crop_spoken_again_keeps_its_length(clips, vocoders, monkeypatch):
    crop = np.concatenate(clips)[:16_000]
    spoken = batches.spoken_again(crop, np.random.default_rng(1))
    assert (spoken.shape, spoken.dtype) == (crop.shape, np.float32)
    assert not np.array_equal(spoken, crop)
    monkeypatch.setattr(batches, "VOCODERS", {"world": lambda samples, rng: samples[:-90]})
    assert batches.spoken_again(crop, np.random.default_rng(1)).shape == crop.shape


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


def test_loss_of_a_regression_is_the_mean_absolute_error():
    rng = np.random.default_rng(7)
    outputs, wanted = rng.normal(size=(2, 2, 5, 3)).astype(np.float32)
    mask = rng.random((2, 5)) < 0.5
    errors = np.abs(outputs - wanted)
    expected = errors[mask].mean() + 0.3 * errors[~mask].mean()
    computed = training.prediction_loss(*map(torch.from_numpy, (outputs, wanted, mask)), 0.3)
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


@pytest.mark.parametrize("objective", targets.FRAMES)
def test_a_few_steps_lower_the_loss(clips, objective):
    centroids = None
    if objective != "regression":
        centroids = targets.fit_clusters(clips, objective, n_clusters=8, seed=0)
    recipe = dataclasses.replace(QUICK, objective=objective)
    trainer = training.Trainer(clips, centroids, recipe, **TINY)
    losses = [trainer.advance() for _ in range(QUICK.steps)]
    assert np.mean(losses[-10:]) < 0.92 * np.mean(losses[:10])


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
    assert training.Trainer(clips, centroids, QUICK, **TINY).resume(path)
    for change in ({"seed": 4}, {"objective": "spectrum"}, {"copy_synthesis": True}):
        other = dataclasses.replace(QUICK, **change)
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


def test_speech_to_choose_by_is_of_others_than_pretraining_hears(tmp_path):
    packages = ["klettres-data", "asterisk-core-sounds-it-g722"]
    with pytest.raises(UserError, match=r"SPEECH: not given; .*make pretrain SPEECH="):
        speech.check_others("", packages)
    with pytest.raises(UserError, match="absent"):
        speech.check_others(str(tmp_path / "absent"), packages)
    (tmp_path / "103-1240-0000.flac").touch()
    speech.check_others(str(tmp_path), packages)
    (tmp_path / "carlo").mkdir()
    (tmp_path / "carlo" / "1.wav").touch()
    with pytest.raises(UserError, match=r"carlo/1.wav is of carlo, heard in pretraining"):
        speech.check_others(str(tmp_path), packages)


# The choice


def described(merit, name="tiny", seed=0, n_speakers=24):
    """Clips of speakers with an encoder whose layer 1 alone tells the classes apart.

    `merit` is by how much, in the half of the speakers that chooses and in the other one.
    """
    rng = np.random.default_rng([seed, n_speakers])
    found = ranking.Described(embeddings={name: []})
    speakers = [f"s{index:02d}" for index in range(n_speakers)]
    of_half = dict(zip(speakers, choice.chooses(speakers, 10), strict=True))
    for speaker in speakers:
        for index in range(6):
            spoof = index % 3 > 0
            key = f"{speaker}{index}"
            found.clips.append(
                corpus.Clip(key, speaker, "world" if spoof else corpus.HUMAN, np.empty(0))
            )
            mean = rng.normal(size=(3, 4)).astype(np.float32)
            mean[1] += spoof * merit[0 if of_half[speaker] else 1]
            found.embeddings[name].append(Embedding(9, mean, np.ones((3, 4), np.float32)))
    return found


def judged(merit, seed=0):
    return choice.judge(described(merit, seed=seed), 10)


@pytest.fixture(scope="module")
def untrained():
    return {f"random {seed}": judged((0.3, 0.3), seed) for seed in (1, 2, 3)}


def test_halves_share_no_speaker_and_hold_all_clips():
    found = described((1.0, 1.0))
    halves = choice.judge(found, 10)
    speakers = {half: set(scores["speaker"].to_pylist()) for half, scores in halves.items()}
    assert [len(of) for of in speakers.values()] == [12, 12]
    assert not speakers["choosing"] & speakers["reporting"]
    files = [file for scores in halves.values() for file in scores["file"].to_pylist()]
    assert sorted(files) == [clip.key for clip in found.clips]


def test_the_choice_knows_nothing_of_the_reporting_half():
    one, other = judged((1.0, 1.0)), judged((1.0, 5.0))
    assert one["choosing"].equals(other["choosing"])
    assert not one["reporting"].equals(other["reporting"])


def test_the_best_where_it_is_chosen_ships_by_what_it_gains_elsewhere(untrained):
    trained = {"steady": judged((2.0, 2.0), 4), "better elsewhere": judged((0.5, 4.0), 5)}
    found = choice.choose(trained, untrained, [], 10)
    assert (found["chosen"], found["ships"]) == ("steady", True)

    def auc(scores):
        return roc_auc_score(scores["label"], scores["score"])

    row = found["encoders"]["steady"]
    assert row["choosing"] == pytest.approx(auc(trained["steady"]["choosing"]))
    assert row["reporting"] == pytest.approx(auc(trained["steady"]["reporting"]))
    control = np.mean([auc(scores["reporting"]) for scores in untrained.values()])
    assert row["gain"]["value"] == pytest.approx(row["reporting"] - control)
    assert 0 < row["gain"]["low"] < row["gain"]["value"] < row["gain"]["high"]
    lines = choice.markdown(found).splitlines()
    assert lines[0] == (
        "Choosing: 12 speakers, 24 human clips, 48 spoken again; "
        "reporting: 12 speakers, 24 human clips, 48 spoken again."
    )
    assert lines[4].startswith(f"| **steady** | {row['choosing']:.3f} | {row['reporting']:.3f} | +")
    assert lines[6].startswith("| random weights, mean of 3 | ")


def test_what_is_good_only_where_it_is_chosen_does_not_ship(untrained, tmp_path, caplog):
    found = choice.choose({"lucky": judged((3.0, 0.0), 6)}, untrained, [], 10)
    assert (found["chosen"], found["ships"]) == ("lucky", False)
    with caplog.at_level("INFO", logger="authenticity"):
        shipped = choice.ship(found, tmp_path / "encoders", tmp_path / "small")
    assert shipped == {"encoder": None, "files": {}}
    assert not (tmp_path / "small").exists()
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "none ships" in line and "lucky" in line


def test_ties_go_to_the_first(untrained):
    same = judged((2.0, 2.0), 4)
    assert choice.choose({"b": same, "a": same}, untrained, [], 10)["chosen"] == "b"


def test_what_has_heard_the_vocoders_is_reported_and_not_chosen(untrained):
    trained = {"copies": judged((3.0, 3.0), 4), "speech": judged((2.0, 2.0), 5)}
    found = choice.choose(trained, untrained, ["copies"], 10)
    assert found["chosen"] == "speech"
    assert found["encoders"]["copies"]["choosing"] > found["encoders"]["speech"]["choosing"]
    first, second = choice.markdown(found).splitlines()[4:6]
    assert first.startswith("| copies, which has heard the vocoders | ")
    assert second.startswith("| **speech** | ")


def test_what_ships_is_the_chosen_encoder(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        for file in FILES:
            (tmp_path / name / file).write_text(f"{name} {file}")
    (tmp_path / "small").mkdir()
    shipped = choice.ship({"chosen": "other", "ships": True}, tmp_path, tmp_path / "small")
    assert shipped["encoder"] == "other"
    assert {file: (tmp_path / "small" / file).read_text() for file in FILES} == {
        file: f"other {file}" for file in FILES
    }
    assert shipped["files"]["config.json"] == sha256(tmp_path / "small" / "config.json")


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
