"""A small bundle, made of real features of made-up voices."""

from pathlib import Path
from typing import Any

import numpy as np
from authenticity.audio import Limits
from authenticity.evaluation import calibration
from authenticity.features import matrix, spectral
from authenticity.features.encoder import Encoder, EncoderSource, identify
from authenticity.models.projection import ContrastiveModel, LinearModel, Model, Projection
from authenticity.scoring import assemble
from authenticity.scoring.assemble import SPECTRAL_NUMBERS, Clips, Experiment
from corpora import voice

LIMITS = Limits(min_seconds=0.25, silence_dbfs=-60, max_megabytes=10, max_seconds=600)
LAYER = 1
NO_LEAK = {"train_eval": 0, "dev_eval": 0}


def trained(
    encoder: Path, spectral_numbers: str = "none", kind: str = "logistic", **changes: Any
) -> tuple[Experiment, Clips]:
    """What a run would leave that was fitted on twenty clips; `changes` replace its attributes."""
    source = EncoderSource(str(encoder))
    identity = identify(source, "float32")
    loaded, clips = Encoder.load(encoder), [voice(seed, seed % 2 == 1, 1.6) for seed in range(40)]
    described = [spectral.describe(clip) for clip in clips]
    columns = matrix.spectral_columns(spectral_numbers)
    features = np.stack(
        [
            np.concatenate(
                [np.atleast_1d(numbers[name]) for name in columns]
                + [loaded.embed(clip).mean[LAYER]]
            ).astype(np.float32)
            for clip, numbers in zip(clips, described, strict=True)
        ]
    )
    labels = np.arange(40) % 2
    train, dev = slice(0, 20), slice(20, 40)
    n_spectral = features.shape[1] - identity["dimension"]
    model = model_of(features[train].astype(np.float64), labels[train], kind, n_spectral)
    scores = model.scores(features)
    fitted = calibration.fit(scores[dev], labels[dev])
    names = np.array([f"s{number // 2}" for number in range(40)])
    attacks = np.where(labels == 1, "A01", "-")
    candidate = f"layer_{LAYER}" if spectral_numbers == "none" else f"spectral+layer_{LAYER}"
    row = {"round": "all", "candidate": candidate, "pooling": "mean", "C": 1.0}
    scored = {
        "label": labels[dev],
        "speaker": names[dev],
        "attack": attacks[dev],
        "score": scores[dev],
        "llr": fitted.llr(scores[dev]),
    }
    experiment = {
        "model": {
            "corpus": "toy",
            "experiment": "layers",
            "kind": kind,
            "protocol": "official",
            "seed": 1,
            "features": {"spectral": spectral_numbers},
            "rounds": [row | {"calibration": vars(fitted)}],
            "leak": {"speakers": NO_LEAK, "attacks": NO_LEAK, "unknown_speakers": 0},
        },
        "weights": model.arrays("0"),
        "encoder": identity,
        "limits": LIMITS,
        "window_seconds": 2.0,
    }
    used = {
        "dev": scored,
        "evaluated": scored,
        "n_train": 20,
        "fitted": {
            **{name: np.array([each[name] for each in described]) for name in SPECTRAL_NUMBERS},
            "path": np.array([f"{number}.flac" for number in range(40)]),
            "bytes": np.full(40, 20_000),
            "label": labels,
            "speaker": names,
            "attack": attacks,
        },
        "dev_features": features[dev],
        "views": {},
        "dev_views": {},
    }
    of_clips = {name: value for name, value in changes.items() if name in used}
    of_experiment = {name: value for name, value in changes.items() if name not in used}
    return Experiment(**experiment | of_experiment), Clips(**used | of_clips)


def model_of(features: np.ndarray, labels: np.ndarray, kind: str, n_spectral: int) -> Model:
    """A model of any weights that point the right way, on average."""
    mean, scale = features.mean(axis=0), features.std(axis=0)
    standardised = (features - mean) / scale
    weight = standardised[labels == 1].mean(axis=0) - standardised[labels == 0].mean(axis=0)
    if kind == "logistic":
        return LinearModel(mean, scale, weight, 0.3)
    random = np.random.default_rng(0)
    widths = [n_spectral, features.shape[1] - n_spectral]
    heads = [[(random.standard_normal((width, 4)), random.standard_normal(4))] for width in widths]
    projection = Projection(n_spectral, np.ones(1), heads, (0.0, 10.0))
    classifier = LinearModel(np.full(8, 0.1), np.full(8, 2.0), random.standard_normal(8), -0.2)
    return ContrastiveModel(mean, scale, projection, classifier)


def make_bundle(folder: Path, encoder: Path, **options: Any) -> Path:
    """Write a bundle; `options` are those of `trained`."""
    card = folder.with_name(f"{folder.name}.md")
    card.parent.mkdir(parents=True, exist_ok=True)
    card.write_text("# Model card\n")
    assemble.write(*trained(encoder, **options), card, folder)
    return folder
