"""How often a detector's cautions speak up: on clips as they are, in rooms, in noise, and joined.

Run after make run: python tests/benchmarks/benchmark_cautions.py [BUNDLE]

Clips are those of the demonstration's eval, in every condition the same ones; joined clips are of
one voice. Of each condition and class it prints how many recordings get a caution, how many the
thresholds alone would have called synthetic or genuine, and how many were called so in the end.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from authenticity import audio
from authenticity.config import view
from authenticity.features import views
from authenticity.roots import Root
from authenticity.scoring.detector import Detector

RESULTS = Path("results/demo")
CLIPS = 60  # of each class
JOINED_SECONDS = (6, 20, 60)
JOINED = 14  # recordings of each length and class: one or more of each voice
_ROOM = {"step": "reverberation", "direct_to_reverberant_db": 0}
CONDITIONS = {
    "as they are": [],
    "room, 0.3 s": [{**_ROOM, "rt60_seconds": 0.3}],
    "room, 0.6 s": [{**_ROOM, "rt60_seconds": 0.6}],
    "room, 1.0 s": [{**_ROOM, "rt60_seconds": 1.0}],
    "pink noise, 10 dB": [{"step": "noise", "colour": "pink", "snr_db": 10}],
    "Opus, 12 kbit/s": [{"step": "codec", "codec": "opus", "bit_rate": 12000}],
}


def recordings(
    trials: pd.DataFrame, root: Root, limits: audio.Limits
) -> Iterator[tuple[str, int, np.ndarray]]:
    """Yield (condition, label, samples at 16 kHz) of every recording to score."""
    random = np.random.default_rng(0)
    for label, part in trials.groupby("label"):
        for row in part.sample(CLIPS, random_state=0).itertuples():
            samples = audio.load(root, row.path, limits)
            for condition, steps in CONDITIONS.items():
                yield condition, label, views.apply(samples, view(steps), row.audio)
        voices = [voice for _, voice in part.groupby(["speaker", "attack"])]
        for seconds in JOINED_SECONDS:
            for index in range(JOINED):
                voice = voices[index % len(voices)]
                order = random.permutation(voice.path.to_numpy())
                yield f"joined, up to {seconds} s", label, joined(order, root, limits, seconds)


def joined(paths: Sequence[str], root: Root, limits: audio.Limits, seconds: float) -> np.ndarray:
    """Return clips one after another, until there are so many seconds or no clips are left."""
    pieces: list[np.ndarray] = []
    for path in paths:
        pieces.append(audio.load(root, path, limits))
        if sum(map(len, pieces)) >= seconds * audio.SAMPLE_RATE:
            break
    return np.concatenate(pieces)


def main(bundle: str = str(RESULTS / "bundles/baseline_full")) -> None:
    """Print the table."""
    detector = Detector.load(bundle)
    trials = pd.read_parquet(RESULTS / "trials.parquet").query("split == 'eval'")
    root = Root("resources/demo/LA.zip")
    rows = []
    for condition, label, samples in recordings(trials, root, detector.bundle.limits):
        found = detector.score_samples(samples)
        codes = {caution.code for caution in found.cautions}
        rows.append(
            {
                "condition": condition,
                "class": "synthetic" if label else "genuine",
                "clips": 1,
                "reverberant": "reverberant" in codes,
                "longer": "longer_than_training" in codes,
                "any severe": any(caution.severe for caution in found.cautions),
                "reads synthetic": found.llr >= detector.bundle.band.upper,
                "reads genuine": found.llr <= detector.bundle.band.lower,
                "called synthetic": found.verdict == "likely synthetic",
                "called genuine": found.verdict == "likely genuine",
            }
        )
    table = pd.DataFrame(rows).groupby(["condition", "class"], sort=False).sum()
    print(table.to_string())


if __name__ == "__main__":
    main(*sys.argv[1:])
