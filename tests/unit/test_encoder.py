"""Encoders: agreement with transformers, exact windows, identity, and clear refusals."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
import transformers
from authenticity.errors import UserError
from authenticity.features import encoder, precision
from authenticity.features.encoder import Encoder, EncoderSource
from checkout import REPOSITORY
from corpora import voice
from encoders import ALL_KINDS, KINDS, TINY, make_encoder
from hypothesis import given
from hypothesis import strategies as st

SHIPPED = REPOSITORY / "resources" / "encoders" / "small"
CLIP = voice(5, spoof=False, seconds=1.5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("normalise", [True, False])
def test_statistics_equal_those_of_transformers(kind: str, normalise: bool, tmp_path: Path):
    folder = make_encoder(tmp_path, kind, normalise)
    found = Encoder.load(folder).embed(CLIP)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    inputs = extractor(CLIP, sampling_rate=16000, return_tensors="pt").input_values
    reference = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        states = torch.cat(reference(inputs, output_hidden_states=True).hidden_states)
    assert found.frames == states.shape[1]
    assert len(found.mean) == EncoderSource(str(folder)).n_layers == 3
    np.testing.assert_allclose(found.mean, states.mean(1), rtol=2e-5, atol=1e-5)
    np.testing.assert_allclose(found.std, states.std(1, correction=0), rtol=2e-5, atol=1e-5)


def test_windows_combine_exactly(tmp_path: Path):
    """The statistics of all windows' frames taken together, whatever the windows' lengths."""
    folder = make_encoder(tmp_path, normalise=False)
    clip = voice(6, spoof=False, seconds=7.1)
    found = Encoder.load(folder, window_seconds=2.0).embed(clip)
    bounds = [round(len(clip) * index / 4) for index in range(5)]
    whole = Encoder.load(folder)
    with torch.no_grad():
        states = torch.cat(
            [
                torch.stack(whole._hidden_states(torch.from_numpy(clip[first:last]))).double()
                for first, last in itertools.pairwise(bounds)
            ],
            dim=1,
        )
    assert found.frames == states.shape[1]
    np.testing.assert_allclose(found.mean, states.mean(1), rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(found.std, states.std(1, correction=0), rtol=2e-5, atol=1e-6)


def test_a_clip_within_the_window_is_embedded_whole(tmp_path: Path):
    folder = make_encoder(tmp_path)
    long, short = (Encoder.load(folder, window_seconds=seconds) for seconds in (30, 1.5))
    np.testing.assert_array_equal(long.embed(CLIP).mean, short.embed(CLIP).mean)


@pytest.mark.parametrize("kind", ["ships", *ALL_KINDS])
def test_bfloat16_stays_close_and_repeats_exactly(kind: str, tmp_path: Path):
    folder = SHIPPED if kind == "ships" else str(make_encoder(tmp_path, kind))
    exact, fast = (Encoder.load(folder, precision) for precision in ("float32", "bfloat16"))
    for clip in (CLIP, voice(5, spoof=False, seconds=16)):
        found, again, wanted = fast.embed(clip), fast.embed(clip), exact.embed(clip)
        np.testing.assert_array_equal(found.mean, again.mean)
        np.testing.assert_array_equal(found.std, again.std)
        for a, b in ((found.mean, wanted.mean), (found.std, wanted.std)):
            assert (np.einsum("ld,ld->l", a, b) > 0.9995 * norms(a) * norms(b)).all()


@pytest.mark.parametrize("adapter", [{"add_adapter": True}, {"adapter_attn_dim": 8}])
def test_an_encoder_with_adapters_is_embedded_in_bfloat16(adapter: dict, tmp_path: Path):
    folder = make_encoder(tmp_path, **adapter)
    found, wanted = (
        Encoder.load(folder, precision).embed(CLIP).mean for precision in ("bfloat16", "float32")
    )
    assert (np.einsum("ld,ld->l", found, wanted) > 0.9995 * norms(found) * norms(wanted)).all()


def test_in_bfloat16_layers_add_up_in_float32(tmp_path: Path):
    fast = Encoder.load(make_encoder(tmp_path), "bfloat16")
    kept = fast.network(torch.zeros(1, 4000, dtype=torch.bfloat16), output_hidden_states=True)
    assert {states.dtype for states in kept.hidden_states} == {torch.float32}


def test_bfloat16_on_a_cpu_that_does_not_multiply_it_is_only_slow():
    code = f"""
import numpy, sys
from authenticity.features.encoder import Encoder
sys.path[:0] = {[str(REPOSITORY / "tests" / "support")]}
from corpora import voice
means = [Encoder.load({str(SHIPPED)!r}, each).embed(voice(5, False, 1)).mean
         for each in ("float32", "bfloat16")]
print(max(1 - numpy.corrcoef(a, b)[0, 1] for a, b in zip(*means)))
"""
    limited = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=limited, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 5e-4


def test_positions_that_stride_are_left_as_they_are(tmp_path: Path):
    """SEW's go two frames at a time."""
    torch.manual_seed(1)
    shape = TINY | {"conv_dim": [16] * 13, "squeeze_factor": 2}
    transformers.SEWModel(transformers.SEWConfig(**shape)).save_pretrained(tmp_path)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(tmp_path)
    network = transformers.AutoModel.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        states = torch.cat(
            network(torch.from_numpy(CLIP)[None], output_hidden_states=True).hidden_states
        )
    found = Encoder.load(tmp_path).embed(CLIP)
    np.testing.assert_allclose(found.mean, states.mean(1), rtol=2e-5, atol=1e-5)


def test_embeddings_are_rounded_to_sixteen_digits(tmp_path: Path):
    found = Encoder.load(make_encoder(tmp_path)).embed(CLIP)
    for values in (found.mean, found.std):
        assert not (values.view(np.uint32) & 0xFF).any()
    exact = torch.randn(10_000, dtype=torch.float64)
    np.testing.assert_allclose(encoder._rounded(exact), exact, rtol=2**-16)


@given(
    frames=st.integers(1, 300),
    half_of_taps=st.integers(1, 40),
    groups=st.sampled_from([1, 2, 4]),
    odd=st.booleans(),
)
def test_positions_convolve_as_torch_does(frames: int, half_of_taps: int, groups: int, odd: bool):
    torch.manual_seed(frames)
    convolution = torch.nn.Conv1d(
        8, 8, 2 * half_of_taps + odd, padding=half_of_taps, groups=groups
    ).double()
    signal = torch.randn(2, 8, frames)
    wanted = convolution(signal.double()).detach()
    found = precision._by_frequency(convolution.float())(signal).detach()
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize("kind", ["ships", *ALL_KINDS])
def test_int8_stays_close_and_repeats_exactly(kind: str, tmp_path: Path):
    folder = SHIPPED if kind == "ships" else str(make_encoder(tmp_path, kind))
    exact, coarse = (Encoder.load(folder, precision) for precision in ("float32", "int8"))
    found, again, wanted = coarse.embed(CLIP), coarse.embed(CLIP), exact.embed(CLIP)
    np.testing.assert_array_equal(found.mean, again.mean)
    assert not np.array_equal(found.mean[-1], wanted.mean[-1])
    for a, b in ((found.mean, wanted.mean), (found.std, wanted.std)):
        assert (np.einsum("ld,ld->l", a, b) > 0.9995 * norms(a) * norms(b)).all()
    below = Encoder.load(folder, "int8", layers=1).embed(CLIP)
    np.testing.assert_array_equal(below.mean, found.mean[:2])


def test_an_encoder_for_which_int8_is_too_coarse_is_refused(tmp_path: Path):
    """One unit of a layer is large and does nothing: beside it all others round to nothing."""
    source = EncoderSource(str(make_encoder(tmp_path)))
    encoder.identify(source, "int8")
    network = transformers.AutoModel.from_pretrained(tmp_path)
    between = network.encoder.layers[0].feed_forward
    with torch.no_grad():
        between.intermediate_dense.weight *= 20
        between.intermediate_dense.bias[0] = 1e5
        between.output_dense.weight *= 20
        between.output_dense.weight[:, 0] = 0
    network.save_pretrained(tmp_path)
    encoder.identify(source, "float32")
    with pytest.raises(
        UserError, match=r"in int8 a layer's cosine .* set `encoder.precision: auto` and"
    ):
        encoder.identify(source, "int8")


def test_an_encoder_that_overflows_above_its_first_layer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """NaN is no cosine, whichever layer it begins in; `float16` overflows at 65504."""
    hear = Encoder.embed

    def overflowing(self: Encoder, samples: np.ndarray) -> encoder.Embedding:
        found = hear(self, samples)
        if self.network.dtype == torch.bfloat16:
            found.mean[1:] = np.nan
        return found

    exact = Encoder.load(make_encoder(tmp_path))
    coarse = Encoder.load(tmp_path, "bfloat16")
    monkeypatch.setattr(Encoder, "embed", overflowing)
    with pytest.raises(UserError, match="a layer's cosine with float32 is nan, expected at least"):
        encoder._require_parity(coarse, exact, "small", "float16")


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch finds a GPU here")
def test_without_a_gpu_the_cpu_computes_and_half_precision_is_refused(tmp_path: Path):
    source = EncoderSource(str(make_encoder(tmp_path)))
    there, here = (encoder.identify(source, "auto", device=device) for device in ("auto", "cpu"))
    assert there == here
    with pytest.raises(UserError, match=r"torch finds none; set `encoder.device: cpu`"):
        Encoder.load(tmp_path, "float16")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU here")
@pytest.mark.parametrize("kind", ["ships", *ALL_KINDS])
def test_a_gpu_stays_close_and_repeats_exactly(kind: str, tmp_path: Path):
    folder = SHIPPED if kind == "ships" else str(make_encoder(tmp_path, kind))
    assert (
        encoder.identify(EncoderSource(str(folder)), "auto", device="auto")["precision"]
        == "float16"
    )
    exact, fast = Encoder.load(folder), Encoder.load(folder, "float16")
    (found, frames), (again, _) = fast.hear(CLIP, [1]), fast.hear(CLIP, [1])
    wanted = exact.embed(CLIP)
    assert frames[1][0].shape == (found.frames, found.mean.shape[1])
    np.testing.assert_array_equal(found.mean, again.mean)
    for a, b in ((found.mean, wanted.mean), (found.std, wanted.std)):
        assert (np.einsum("ld,ld->l", a, b) > 0.9995 * norms(a) * norms(b)).all()


def norms(rows: np.ndarray) -> np.ndarray:
    """Return the length of each row."""
    return np.linalg.norm(rows, axis=1)


def test_an_encoder_in_training_mode_is_refused(tmp_path: Path):
    loaded = Encoder.load(make_encoder(tmp_path))
    loaded.network.train()
    with pytest.raises(RuntimeError, match="training mode"):
        loaded.embed(CLIP)


def test_identity_follows_content_and_precision_not_place(tmp_path: Path):
    one = make_encoder(tmp_path / "one")
    two = shutil.copytree(one, tmp_path / "two")
    identify = {
        name: encoder.identify(EncoderSource(str(folder)), "float32")["identity"]
        for name, folder in (("one", one), ("two", two))
    }
    assert identify["one"] == identify["two"]
    other = encoder.identify(EncoderSource(str(one)), "bfloat16")["identity"]
    config = json.loads((two / "config.json").read_text()) | {"layerdrop": 0.5}
    (two / "config.json").write_text(json.dumps(config))
    changed = encoder.identify(EncoderSource(str(two)), "float32")["identity"]
    assert len({identify["one"], other, changed}) == 3


@pytest.mark.parametrize("kept", [0, 1, 2])
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_kept_layers_give_the_numbers_of_the_whole_encoder(kind: str, kept: int, tmp_path: Path):
    folder = str(make_encoder(tmp_path, kind))
    whole, cut = Encoder.load(folder).embed(CLIP), Encoder.load(folder, layers=kept).embed(CLIP)
    assert len(cut.mean) == EncoderSource(folder, layers=kept).n_layers == kept + 1
    np.testing.assert_array_equal(cut.mean, whole.mean[: kept + 1])
    np.testing.assert_array_equal(cut.std, whole.std[: kept + 1])


def test_an_encoder_that_is_cut_has_an_identity_and_a_name_of_its_own(tmp_path: Path):
    folder = str(make_encoder(tmp_path / "toy"))
    sources = [EncoderSource(folder, layers=layers) for layers in (None, 1, 2)]
    known = [encoder.identify(source, "float32") for source in sources]
    assert [each["n_layers"] for each in known] == [3, 2, 3]
    assert len({each["identity"] for each in known}) == 3
    assert [source.name for source in sources] == ["toy", "toy--1-layers", "toy--2-layers"]


def test_layers_that_are_not_there_or_not_known_are_one_clear_line(tmp_path: Path):
    source = EncoderSource(str(make_encoder(tmp_path)), layers=3)
    with pytest.raises(UserError, match=r"has 2 layers.*keeps 3"):
        encoder.identify(source, "float32")
    config = json.loads((tmp_path / "config.json").read_text()) | {"model_type": "data2vec-audio"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="only hubert, wav2vec2, wavlm can be cut"):
        _ = EncoderSource(str(tmp_path), layers=1).n_layers


@pytest.mark.parametrize(
    "missing", ["config.json", "preprocessor_config.json", "model.safetensors"]
)
def test_an_incomplete_folder_is_one_clear_line(missing: str, tmp_path: Path):
    folder = make_encoder(tmp_path)
    (folder / missing).unlink()
    with pytest.raises(UserError, match=missing):
        EncoderSource(str(folder)).files()


def test_damaged_weights_are_one_clear_line(tmp_path: Path):
    folder = make_encoder(tmp_path)
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(UserError, match="not an encoder that can be loaded"):
        Encoder.load(folder)


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A snapshot of `toy/encoder` in the model hub's cache, without a network."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    model = tmp_path / "models--toy--encoder"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text("0" * 40)
    return make_encoder(model / "snapshots" / ("0" * 40))


def test_an_encoder_in_the_hubs_cache_needs_no_network(cached: Path):
    source = EncoderSource("toy/encoder")
    assert source.n_layers == 3
    assert source.fetch() == cached
    identity = encoder.identify(source, "float32")
    assert identity["revision"] == "0" * 40
    (cached / "model.safetensors").rename(cached / "pytorch_model.bin")
    assert source.fetch() == cached


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_an_incomplete_cache_without_a_network_is_one_clear_line(missing: str, cached: Path):
    (cached / missing).unlink()
    with pytest.raises(UserError, match=r"toy/encoder: not in the local model cache.* network"):
        EncoderSource("toy/encoder").fetch()


def test_a_file_that_the_cache_lacks_comes_from_the_hub(
    cached: Path, monkeypatch: pytest.MonkeyPatch
):
    """The hub has weights of the older format only."""
    weights = (cached / "model.safetensors").rename(cached.parent / "weights")
    asked = []

    def download(model, revision, allow_patterns, local_files_only):
        if not local_files_only:
            asked.append(allow_patterns[-1])
            if "pytorch_model.bin" in allow_patterns:
                weights.rename(cached / "pytorch_model.bin")
        return str(cached)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert EncoderSource("toy/encoder").fetch() == cached
    assert asked == ["model.safetensors", "pytorch_model.bin"]
    asked.clear()
    assert EncoderSource("toy/encoder").fetch() == cached
    assert asked == []


def test_another_sampling_rate_is_refused(tmp_path: Path):
    folder = make_encoder(tmp_path)
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(folder)
    with pytest.raises(UserError, match="sampling_rate of 16000, found 8000"):
        Encoder.load(folder)


def test_a_table_reads_back_layer_by_layer(tmp_path: Path):
    import duckdb
    import pandas as pd
    import polars as pl
    from authenticity import tables

    embedding = Encoder.load(make_encoder(tmp_path / "encoder")).embed(CLIP)
    schema = encoder.schema(3, 32)
    path = tmp_path / "table.parquet"
    tables.write(path, encoder.table({("x", "hash"): embedding}, schema), schema)
    expected = embedding.mean[1]
    np.testing.assert_array_equal(tables.read(path, ["mean_1"])["mean_1"][0].as_py(), expected)
    np.testing.assert_array_equal(pd.read_parquet(path)["mean_1"][0], expected)
    np.testing.assert_array_equal(pl.read_parquet(path)["mean_1"][0].to_numpy(), expected)
    rows = duckdb.sql(f"select mean_1 from '{path}'").fetchall()
    np.testing.assert_array_equal(rows[0][0], expected)
