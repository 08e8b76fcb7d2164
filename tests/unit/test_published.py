"""Published detectors: what transformers itself says of the same audio, and what is refused."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import held
import numpy as np
import pyarrow.parquet as pq
import pytest
import score_command
import torch
import transformers
from authenticity import cli
from authenticity.audio import Limits
from authenticity.config import Config
from authenticity.errors import UserError
from authenticity.features import extraction, published
from authenticity.features.clips import Reader
from authenticity.features.published import DetectorSource, Published, sign
from authenticity.roots import Root
from authenticity.scoring import uncalibrated
from corpora import encoded, voice, write_folder
from encoders import KINDS, make_detector, make_encoder


def plainly(folder: Path, samples: np.ndarray) -> float:
    """The second logit minus the first one, by transformers alone."""
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    network = transformers.AutoModelForAudioClassification.from_pretrained(folder).eval()
    values = extractor(samples, sampling_rate=16000, return_tensors="pt").input_values
    with torch.inference_mode():
        first, second = network(values).logits[0].tolist()
    return second - first


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_clip_gets_what_transformers_says_of_it(kind: str, weighted: bool, tmp_path: Path):
    folder = make_detector(tmp_path, kind, use_weighted_layer_sum=weighted)
    if weighted:
        network = transformers.AutoModelForAudioClassification.from_pretrained(folder)
        with torch.no_grad():
            network.layer_weights.copy_(torch.tensor([0.5, -1.0, 2.0]))
        network.save_pretrained(folder)
    samples = voice(3, spoof=True, seconds=1.3)
    embedding = Published.load(folder).embed(samples)
    assert embedding.mean.shape == (1, 1)
    assert embedding.mean[0, 0] == pytest.approx(plainly(folder, samples), abs=2e-5)


def test_a_long_recording_is_the_mean_over_the_frames_of_its_windows(tmp_path: Path):
    detector = Published.load(make_detector(tmp_path), window_seconds=1.0)
    samples = voice(3, spoof=True, seconds=3.0)
    embedding = detector.embed(samples)
    parts = [detector._hidden_states(window)[0][:, 0] for *_, window in detector.windows(samples)]
    assert len(parts) == 3
    frames = torch.cat(parts)
    assert (embedding.frames, embedding.mean[0, 0]) == (
        len(frames),
        pytest.approx(float(frames.mean()), rel=2e-5),
    )
    spans = np.array([[0, 16000], [8000, 24000]])
    *stretches, whole = detector.embed_spans(samples, spans, [0], jobs=2)
    assert whole.mean[0, 0] == embedding.mean[0, 0]
    assert len(stretches) == 2


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("real", "fake"), 1),
        (("fake", "real"), -1),
        (("bonafide", "spoof"), 1),
        (("Spoof", "Bona-Fide"), -1),
        (("AIVoice", "HumanVoice"), -1),
        (("HUMAN", "AI-generated"), 1),
        (("genuine_speech", "DeepFake"), 1),
        (("LABEL_0", "LABEL_1"), None),
        (("fake", "not fake"), None),
        (("plain", "said"), None),
    ],
)
def test_which_label_means_spoof_is_read_from_the_labels(
    labels: tuple[str, str], expected: int | None
):
    if expected is None:
        with pytest.raises(UserError, match=f"{labels[0]} and {labels[1]} do not say .* `spoof`"):
            sign(labels, None)
    else:
        assert sign(labels, None) == expected
    assert sign(labels, labels[0]) == -1
    assert sign(labels, labels[1]) == 1
    with pytest.raises(UserError, match=f"expected one of its labels {labels[0]}, {labels[1]}"):
        sign(labels, "other")


def edited(folder: Path, name: str, **changes: Any) -> None:
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("config.json", {"id2label": {0: "a", 1: "b", 2: "c"}}, "two classes, found 3: a, b, c"),
        ("config.json", {"architectures": ["ASTForAudioClassification"]}, "found ASTForAudioClass"),
        (
            "config.json",
            {"model_type": "audio-spectrogram-transformer"},
            "of type audio-spectrogram-transformer",
        ),
        (
            "preprocessor_config.json",
            {"sampling_rate": 8000},
            "found Wav2Vec2FeatureExtractor at 8",
        ),
        (
            "preprocessor_config.json",
            {"feature_extractor_type": "ASTFeatureExtractor", "feature_size": 128},
            "found ASTFeatureExtractor at 16000 Hz with feature_size 128",
        ),
    ],
)
def test_another_kind_of_model_is_refused_by_what_it_is(
    tmp_path: Path, name: str, changes: dict[str, Any], expected: str
):
    edited(make_detector(tmp_path), name, **changes)
    with pytest.raises(UserError, match=expected) as raised:
        _ = DetectorSource(str(tmp_path)).labels
    assert "\n" not in str(raised.value)
    assert name in str(raised.value)


def test_an_encoder_without_a_classifier_is_refused(tmp_path: Path):
    make_encoder(tmp_path)
    with pytest.raises(UserError, match="found Wav2Vec2Model of type wav2vec2"):
        _ = DetectorSource(str(tmp_path)).labels
    edited(tmp_path, "config.json", architectures=["Wav2Vec2ForSequenceClassification"])
    with pytest.raises(UserError, match=r"its weights lack classifier\.bias"):
        Published.load(tmp_path)


def test_pickles_are_refused(tmp_path: Path):
    make_detector(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"expected model\.safetensors .* a pickle \(\.bin\)"):
        DetectorSource(str(tmp_path)).files()


def test_a_hub_repository_with_pickles_alone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    make_detector(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    monkeypatch.setattr(DetectorSource, "_snapshot", lambda *_: tmp_path)
    source = DetectorSource("someone/detector")
    assert source.labels == ["fake", "real"]
    with pytest.raises(
        UserError, match=r"model\.safetensors there .* a pickle \(\.bin\)"
    ) as raised:
        source.fetch()
    assert "\n" not in str(raised.value)


def test_a_shard_hears_only_what_is_new(tmp_path: Path):
    folder = make_detector(tmp_path / "detector")
    identity = published.identify(DetectorSource(str(folder)))
    assert identity["labels"] == ["fake", "real"]
    assert (identity["n_layers"], identity["dimension"], identity["precision"]) == (1, 1, "float32")
    clips = {f"{seed}.wav": encoded(voice(seed, spoof=False)) for seed in range(3)}
    write_folder(clips, tmp_path / "clips")
    rows = [{"key": name, "path": name, "bytes": len(clips[name])} for name in clips]
    reader = Reader(Root(str(tmp_path / "clips")), Limits())
    path = tmp_path / "table.parquet"
    loads = []

    def load() -> Published:
        loads.append(1)
        return Published.load(folder)

    def write(some: list[dict[str, Any]]) -> dict[str, int]:
        return extraction.embed_shard(some, reader, identity, 30.0, load, path)

    assert write(rows[:2]) == {"clips": 2, "computed": 2}
    assert write(rows) == {"clips": 3, "computed": 1}
    whole = path.read_bytes()
    assert write(rows) == {"clips": 3, "computed": 0}
    assert path.read_bytes() == whole
    assert len(loads) == 2


def test_it_has_no_features_of_the_configuration():
    values = {
        "run": {"corpora": ["mine"], "experiments": ["one"]},
        "corpora": {"mine": {"format": "asvspoof2019_la", "root": "x"}},
        "protocols": {"p": {"kind": "random", "partition": "dev", "test_fraction": 0.2}},
        "experiments": {
            "one": {"model": {"kind": "published", "id": "x"}, "protocol": "p", "seed": 1}
        },
    }
    one = Config.of(values).experiment("one")
    assert (one.model.revision, one.model.spoof) == ("main", None)
    assert type(one).model_validate(one.plain()) == one
    values["experiments"]["one"]["features"] = {"layers": "last"}
    with pytest.raises(UserError, match=r"experiments\.one: expected a published detector without"):
        Config.of(values)


def scored_alone(tmp_path: Path, bundle: str, *names: str) -> int:
    """Run the command on these files; the exit code."""
    paths = [str(tmp_path / name) for name in names]
    return cli.main(["score", "--bundle", bundle, "--output", str(tmp_path / "out"), *paths])


def test_without_a_bundle_there_are_scores_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = make_detector(tmp_path / "detector")
    samples = voice(5, spoof=True, seconds=1.5)
    (tmp_path / "a.wav").write_bytes(encoded(samples))
    (tmp_path / "b.wav").write_bytes(b"RIFF, and no more")
    capsys.readouterr()  # of whoever made the detector
    assert scored_alone(tmp_path, str(folder), "a.wav", "b.wav") == cli.SOME_REJECTED
    said = capsys.readouterr()
    assert said.err.strip() == uncalibrated.WHY
    assert len(said.out.splitlines()) == 2
    first, second = pq.read_table(tmp_path / "out" / "scores.parquet").to_pylist()
    # The first label means spoof.
    assert first["score"] == pytest.approx(-plainly(folder, samples), abs=2e-4)
    assert first["duration"] == pytest.approx(1.5)
    assert (first["verdict"], first["p_synthetic"], first["llr"]) == (None, None, None)
    assert (second["status"], second["score"]) == ("rejected", None)
    # The same folder again; but not that of a bundle's results.
    assert scored_alone(tmp_path, str(folder), "a.wav") == cli.DONE
    (tmp_path / "out" / "recordings.jsonl").write_text("")
    assert scored_alone(tmp_path, str(folder), "a.wav") == cli.USAGE
    assert "holds other things than results" in capsys.readouterr().err
    # Nor where a table of somebody else's would be replaced.
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "scores.csv").write_text("goals")
    arguments = ["--bundle", str(folder), "--output", str(tmp_path / "own")]
    assert cli.main(["score", *arguments, str(tmp_path / "a.wav")]) == cli.USAGE
    assert (tmp_path / "own" / "scores.csv").read_text() == "goals"


def test_without_a_bundle_a_reader_who_has_seen_enough_stops_nothing(tmp_path: Path):
    bundle, output = make_detector(tmp_path / "detector"), tmp_path / "out"
    (tmp_path / "a.wav").write_bytes(encoded(voice(5, spoof=True)))
    reader, writer = os.pipe()
    os.close(reader)
    process = score_command.start(bundle, output, str(tmp_path / "a.wav"), stdout=writer)
    os.close(writer)
    _, said = process.communicate(timeout=held.GUARD_SECONDS)
    assert process.returncode == cli.DONE
    assert said.decode().strip() == uncalibrated.WHY
    assert len(score_command.rows_of(output)) == 1


def test_without_a_bundle_an_interrupted_run_does_not_claim_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupted(*_: object) -> Iterator[dict]:
        yield {"status": "scored", "file": "a.wav", "score": 1.0}
        raise KeyboardInterrupt

    folder = make_detector(tmp_path / "detector")
    (tmp_path / "a.wav").write_bytes(encoded(voice(5, spoof=True)))
    monkeypatch.setattr(uncalibrated, "score", interrupted)
    assert scored_alone(tmp_path, str(folder), "a.wav") == cli.INTERRUPTED
    said = capsys.readouterr()
    assert said.out == "a.wav  score +1.000\n"
    assert "the same command starts anew" in said.err


@pytest.mark.parametrize(
    ("bundle", "expected"),
    [
        ("unsaid", "LABEL_0 and LABEL_1 do not say which one means spoof"),
        ("encoder", "found Wav2Vec2Model of type wav2vec2"),
        ("someone/detector", "set `model.id` of the experiment or `--bundle` to a local folder"),
        ("nothing", "expected a bundle there"),
    ],
)
def test_what_is_no_detector_is_one_line_of_the_command(
    bundle: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    make_detector(tmp_path / "unsaid", labels=("LABEL_0", "LABEL_1"))
    make_encoder(tmp_path / "encoder")
    (tmp_path / "a.wav").write_bytes(encoded(voice(5, spoof=True)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(DetectorSource, "_snapshot", lambda *_: None)
    capsys.readouterr()
    assert scored_alone(tmp_path, bundle, "a.wav") == cli.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert expected in line
