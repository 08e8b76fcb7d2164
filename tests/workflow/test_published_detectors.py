"""A detector that others have published, as an experiment beside one's own."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from authenticity import audio
from authenticity.audio import Limits
from checkout import (
    EXPERIMENTS,
    Checkout,
    assert_one_line,
    assert_refused,
    environment,
    jobs,
    read,
)
from encoders import make_detector


def entry(model: Path | str, **more: str) -> dict:
    return {
        "model": {"kind": "published", "id": str(model), **more},
        "protocol": "official",
        "seed": 1,
    }


def configure(checkout: Checkout, detector: Path | str, **more: str) -> None:
    checkout.configure(
        run={
            "corpora": ["toy"],
            "experiments": ["spectral", "someone"],
            "comparisons": [["spectral", "someone"]],
            "bundles": ["someone"],
            "views": ["inverted"],
        },
        experiments={"spectral": EXPERIMENTS["spectral"], "someone": entry(detector, **more)},
    )


def plainly(folder: Path, clips: list[Path]) -> list[float]:
    """The logit of `fake`, the first label, minus that of `real`: transformers alone."""
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    network = transformers.AutoModelForAudioClassification.from_pretrained(folder).eval()
    scores = []
    for clip in clips:
        samples = audio.decode(clip.read_bytes(), Limits())
        values = extractor(samples, sampling_rate=16000, return_tensors="pt").input_values
        with torch.inference_mode():
            fake, real = network(values).logits[0].tolist()
        scores.append(fake - real)
    return scores


def command(checkout: Checkout, bundle: Path, *paths: Path, output: str) -> tuple[str, list[dict]]:
    """What `authenticity score` prints, and its table."""
    result = subprocess.run(
        [
            *(sys.executable, "-m", "authenticity", "score", "--jobs", "1", "--no-pictures"),
            *("--bundle", str(bundle), "--output", output, *map(str, paths)),
        ],
        cwd=checkout.path,
        text=True,
        capture_output=True,
        env=environment(checkout.path),
        check=False,
    )
    assert result.returncode == 0, result.stderr
    with (checkout.path / output / "scores.csv").open(newline="", encoding="utf-8") as lines:
        return result.stdout + result.stderr, list(csv.DictReader(lines))


def test_it_stands_beside_the_others_and_makes_a_bundle(resumed_from: Checkout, tmp_path: Path):
    checkout, folder = resumed_from, make_detector(tmp_path / "detector")
    configure(checkout, folder)
    result = checkout.run()
    assert result.returncode == 0, result.stdout
    counts = jobs(result.stdout)
    assert (counts["detector"], counts["published"]) == (1, 2 + 2)
    # Of the finished run, only the new view is heard, and only the detector is "fitted".
    assert (counts["extract"], counts["fit"]) == (2, 1)
    results = checkout.path / "results"
    # Scores are what transformers says, and p_spoof is its softmax.
    rows = read(results / "toy/scores/someone.parquet")
    clips = [
        next(checkout.corpus.glob(f"ASVspoof2019_LA_*/flac/{row['file']}.flac")) for row in rows
    ]
    assert {row["split"] for row in rows} == {"dev", "eval"}
    scores = [row["score"] for row in rows]
    assert scores == pytest.approx(plainly(folder, clips), abs=2e-5)
    softmax = 1 / (1 + np.exp(-np.array(scores)))
    assert [row["p_spoof"] for row in rows] == pytest.approx(softmax.tolist())
    assert all(row["p_calibrated"] is not None for row in rows)
    # It is in the same tables, tested in the same views, and held against others.
    figures = read(results / "results.parquet")
    for name in ("spectral", "someone"):
        views = {row["view"] for row in figures if row["experiment"] == name}
        assert views == {"clean", "inverted"}
    (pair,) = json.loads((results / "toy/verdict.json").read_text())["pairs"]
    assert (pair["baseline"], pair["candidate"]) == ("spectral", "someone")
    trust = json.loads((results / "toy/tables/trust.json").read_text())
    (rated,) = [item for item in trust["experiments"] if item["name"] == "someone"]
    (leak,) = [check for check in rated["checks"] if check["name"] == "Leak"]
    assert leak["status"] == "caution"
    assert "Trained by others" in leak["sentence"]
    card = (results / "toy/cards/someone.md").read_text()
    assert "published by others, calibrated on toy" in card
    assert "logits, mean over time" in card
    assert "C = " not in card
    # Nothing is left to do.
    again = checkout.run()
    assert "Nothing to be done" in again.stdout, again.stdout
    # Its bundle has the detector's files, and gives a clip of the corpus the score of the table.
    bundle = results / "toy/bundles/someone"
    assert (bundle / "encoder/model.safetensors").is_file()
    _, scored = command(checkout, bundle, *clips[:4], output="mine")
    assert [float(row["score"]) for row in scored] == pytest.approx(scores[:4], abs=1e-6)
    assert [float(row["llr"]) for row in scored] == pytest.approx(
        [row["llr"] for row in rows[:4]], abs=1e-6
    )
    # Without a bundle it gives the same score, and neither a probability nor a verdict.
    said, scored = command(checkout, folder, *clips[:4], output="alone")
    assert [float(row["score"]) for row in scored] == pytest.approx(scores[:4], abs=1e-6)
    assert {row["verdict"] + row["p_synthetic"] + row["llr"] for row in scored} == {""}
    assert said.count("is not calibrated") == 1
    assert "is not calibrated" in scored[0]["reason"]


BAD_MODELS = {
    "labels unsaid": (("LABEL_0", "LABEL_1"), {}, "LABEL_0 and LABEL_1 do not say which one"),
    "no such label": (("fake", "real"), {"spoof": "x"}, "`spoof` is x; expected one of its labels"),
    "three labels": (("fake", "real", "music"), {}, "found 3: fake, real, music"),
}


def test_what_cannot_be_used_is_one_line_before_anything_runs(
    make_checkout: Callable[..., Checkout], tmp_path: Path
):
    checkout = make_checkout()
    for name, (labels, more, expected) in BAD_MODELS.items():
        configure(checkout, make_detector(tmp_path / name, labels=labels), **more)
        assert_refused(checkout, expected)
    folder = tmp_path / "labels unsaid"
    configure(checkout, folder, spoof="LABEL_1")
    assert checkout.run("--dry-run").returncode == 0
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert_refused(checkout, "expected model.safetensors in the model's folder")
    configure(checkout, "someone/detector")
    assert_one_line(checkout, "someone/detector: not in the local model cache")
