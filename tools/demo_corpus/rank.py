"""Does dev rank feature sets as eval does? Prints the ROC-AUC of each on both, and how they agree.

    PYTHONPATH=tools python -m demo_corpus.rank [--dev-only] [ARCHIVE [ENCODER]]

Logistic regression on standardised features, fitted on train; its strength is chosen on dev. With
`--dev-only` nothing of eval is read: the corpus was designed in this way.
"""

import sys
import zipfile
from collections.abc import Iterator

import numpy as np
from authenticity import audio
from authenticity.features.encoder import Encoder
from authenticity.features.spectral import DYNAMICS, PROTOTYPE_NUMBERS, describe
from authenticity.limits import Limits
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

PROTOCOLS = {"train": "train.trn", "dev": "dev.trl", "eval": "eval.trl"}
STRENGTHS = (0.001, 0.01, 0.1, 1)
BONAFIDE = "-"


def clips(path: str, split: str) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield (speaker, attack, samples at 16 kHz) of each clip of a part."""
    with zipfile.ZipFile(path) as archive:
        name = f"LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{PROTOCOLS[split]}.txt"
        for line in archive.read(name).decode("ascii").splitlines():
            speaker, key, _, attack, _ = line.split()
            content = archive.read(f"LA/ASVspoof2019_LA_{split}/flac/{key}.ogg")
            yield speaker, attack, audio.decode(content, Limits())


def measured(samples: np.ndarray, encoder: Encoder) -> dict[str, np.ndarray]:
    """Compute the feature sets of one clip."""
    numbers = describe(samples)
    moving = np.concatenate([numbers[name] for name in DYNAMICS])
    means = np.array([numbers[name] for name in PROTOTYPE_NUMBERS])
    log_mel = np.r_[numbers["logmel_mean"], numbers["logmel_std"]]
    everything = np.r_[means, numbers["logmel_mean"], moving]
    found = {
        "spectral means": means,
        "log-mel mean + std": log_mel,
        "dynamics": moving,
        "all spectral numbers": everything,
    }
    embedding = encoder.embed(samples)
    for layer, (mean, std) in enumerate(zip(embedding.mean, embedding.std, strict=True)):
        found[f"layer {layer} mean"] = mean
        found[f"layer {layer} mean + std"] = np.r_[mean, std]
        found[f"layer {layer} mean + std, dynamics"] = np.r_[mean, std, moving]
    return found


def areas(attacks: np.ndarray, scores: np.ndarray, known: set[str]) -> list[float]:
    """ROC-AUC of spoof against bona fide: of all attacks, the known ones, and the others."""
    unknown = set(attacks) - known - {BONAFIDE}
    chosen = [np.isin(attacks, [BONAFIDE, *some]) for some in (known | unknown, known, unknown)]
    return [roc_auc_score(attacks[these] != BONAFIDE, scores[these]) for these in chosen]


def main(arguments: list[str]) -> None:
    """Print the table."""
    splits = ("train", "dev") if "--dev-only" in arguments else ("train", "dev", "eval")
    given = [argument for argument in arguments if argument != "--dev-only"]
    path, folder = [*given, *("resources/demo/LA.zip", "resources/encoders/small")[len(given) :]]
    encoder = Encoder.load(folder)
    rows = {
        split: [(attack, measured(samples, encoder)) for _, attack, samples in clips(path, split)]
        for split in splits
    }
    attacks = {split: np.array([attack for attack, _ in part]) for split, part in rows.items()}
    known = set(attacks["train"]) - {BONAFIDE}
    table = []
    print(f"{'':30}", *(f"{split:>5} known unknown" for split in splits[1:]))
    for name in rows["train"][0][1]:
        numbers = {split: np.array([row[name] for _, row in part]) for split, part in rows.items()}
        found = []
        for strength in STRENGTHS:
            classifier = LogisticRegression(C=strength, max_iter=3000, class_weight="balanced")
            model = make_pipeline(StandardScaler(), classifier)
            model.fit(numbers["train"], attacks["train"] != BONAFIDE)
            scores = {split: model.decision_function(numbers[split]) for split in splits[1:]}
            found.append([areas(attacks[split], scores[split], known) for split in splits[1:]])
        table.append(max(found, key=lambda part: part[0][0]))
        print(f"{name:30}", *(f"{all_:.3f} {old:.3f}   {new:.3f}" for all_, old, new in table[-1]))
    if "eval" in splits:
        agreement = spearmanr([row[0][0] for row in table], [row[1][0] for row in table]).statistic
        print(f"Spearman correlation of dev and eval over {len(table)} sets: {agreement:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
