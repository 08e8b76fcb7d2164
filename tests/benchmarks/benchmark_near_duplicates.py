"""Which copies of a clip are found, how often other clips are taken for copies, and how fast.

Run: python tests/benchmarks/benchmark_near_duplicates.py [FOLDER]

Clips are those of the shipped demonstration: all to count false alarms, some to copy. FOLDER holds
recordings of one speaker each, such as LibriSpeech's; they are used whole and in pieces of 2 s.
"""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from authenticity import audio, config
from authenticity.audio import SAMPLE_RATE
from authenticity.features import fingerprints, spectral, views
from authenticity.roots import Root

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from demo_corpus import copy_synthesis

ARCHIVE = "resources/demo/LA.zip"
LIMITS = audio.Limits(0.25, -60, 1000, 14400)
COPIED = 100  # clips of each set
PIECE_SECONDS = 2
NEAREST = 1000  # pairs that the tail of the distances is fitted to
SPEED = ((25_000, 1), (25_000, 10), (100_000, 1), (100_000, 10), (1_000_000, 50))

Change = Callable[[np.ndarray], np.ndarray]


def codec(name: str, bit_rate: int | None = None) -> Change:
    """Return a change that encodes and decodes."""
    step = {"step": "codec", "codec": name} | ({"bit_rate": bit_rate} if bit_rate else {})
    return lambda samples: views.apply(samples, config.view([step]), "")


def gain(decibels: float) -> Change:
    """Return a change of level, rounded to 16 bits and clipped at full scale."""
    factor = 10 ** (decibels / 20) * 2**15
    return lambda samples: np.rint(samples * factor).clip(-(2**15), 2**15 - 1) / 2**15


def cut(start_ms: int, end_ms: int) -> Change:
    """Return a change that leaves out a beginning and an end."""
    first, last = (round(ms * SAMPLE_RATE / 1000) for ms in (start_ms, end_ms))
    return lambda samples: samples[first : len(samples) - last]


def chain(*changes: Change) -> Change:
    """Return several changes, one after the other."""

    def changed(samples: np.ndarray) -> np.ndarray:
        for change in changes:
            samples = np.asarray(change(samples), np.float32)
        return samples

    return changed


def view(**step: object) -> Change:
    """Return a step of a view as a change."""
    return lambda samples: views.apply(samples, config.view([step]), "")


COPIES: dict[str, Change] = {
    **{f"MP3, {rate} kbit/s": codec("mp3", 1000 * rate) for rate in (128, 64, 32, 16)},
    **{f"Opus, {rate} kbit/s": codec("opus", 1000 * rate) for rate in (24, 12, 8)},
    **{f"AAC, {rate} kbit/s": codec("aac", 1000 * rate) for rate in (64, 24)},
    "G.722": codec("g722"),
    "G.711 A-law": codec("g711_alaw"),
    "300 to 3400 Hz, G.711": chain(view(step="band", low_hz=300, high_hz=3400), codec("g711_alaw")),
    **{f"gain {change:+d} dB": gain(change) for change in (6, -20, -40)},
    "polarity inverted": np.negative,
    **{f"start cut by {ms} ms": cut(ms, 0) for ms in (5, 20, 50, 100)},
    **{f"end cut by {ms} ms": cut(0, ms) for ms in (5, 20, 50, 100)},
    "50 ms of silence before and after": lambda samples: np.pad(samples, SAMPLE_RATE // 20),
    "silence trimmed": view(step="trim"),
    "pink noise, 30 dB": view(step="noise", colour="pink", snr_db=30),
    "pink noise, 20 dB": view(step="noise", colour="pink", snr_db=20),
    "MP3 64 kbit/s, -6 dB, start cut by 30 ms": chain(codec("mp3", 64000), gain(-6), cut(30, 0)),
    "G.711, -6 dB, start cut by 50 ms": chain(codec("g711_alaw"), gain(-6), cut(50, 0)),
    "Opus 16 kbit/s, -6 dB, start cut by 50 ms": chain(codec("opus", 16000), gain(-6), cut(50, 0)),
    "no copy: Griffin-Lim": lambda samples: copy_synthesis.griffin_lim(samples, 1),
    "no copy: sum of sinusoids": lambda samples: copy_synthesis.sinusoidal(samples, 1),
}


def sources(folder: str | None) -> Iterator[tuple[str, str, str, np.ndarray]]:
    """Yield (set, voice, kind, samples) of all clips; one kind has one label and attack."""
    root = Root(ARCHIVE)
    for path in sorted(name for name in root.walk() if name.endswith(".trn.txt") or "trl" in name):
        split = path.split(".")[-3]
        for line in root.read(path, LIMITS.max_bytes).decode().splitlines():
            speaker, key, _, attack, _ = line.split()
            clip = f"LA/ASVspoof2019_LA_{split}/flac/{key}.ogg"
            yield "demonstration", speaker, attack, audio.load(root, clip, LIMITS)
    if folder is None:
        return
    root = Root(folder)
    for path in sorted(root.walk()):
        if Path(path).suffix not in {".flac", ".wav", ".mp3", ".ogg"}:
            continue
        samples = audio.load(root, path, LIMITS)
        voice = Path(path).name.split("-")[0]
        yield "whole", voice, "-", samples
        length = PIECE_SECONDS * SAMPLE_RATE
        for first in range(0, len(samples) - length + 1, length):
            yield f"{PIECE_SECONDS} s", voice, "-", samples[first : first + length]


def described(samples: np.ndarray) -> dict:
    """Return the numbers that a fingerprint is made of."""
    numbers = spectral.spectrum(np.ascontiguousarray(samples, np.float32))
    means = {name: numbers[name] for name in spectral.LOG_MEL_STATISTICS}
    return {"audio": spectral.digest(samples), "duration": len(samples) / SAMPLE_RATE, **means}


def table(rows: list[dict]) -> pa.Table:
    """Return the fingerprints of clips."""
    columns = [np.stack([row[name] for row in rows]) for name in spectral.LOG_MEL_STATISTICS]
    duration = np.array([row["duration"] for row in rows])
    vectors, steady = fingerprints.fingerprints(*columns, duration)
    return made(vectors, steady, duration, [row["audio"] for row in rows])


def made(vectors: np.ndarray, steady: np.ndarray, duration: np.ndarray, digests: list) -> pa.Table:
    """Return a table of fingerprints whose keys are the rows' numbers."""
    column = pa.FixedSizeListArray.from_arrays(
        pa.array(vectors.ravel()), fingerprints.WIDTH, mask=pa.array(steady)
    )
    keys = [f"{index:07}" for index in range(len(vectors))]
    return pa.table([keys, digests, duration, column], schema=fingerprints.SCHEMA)


def found(originals: list[dict], copies: list[dict]) -> float:
    """Return the share of the copies that are grouped with their originals, which are as many."""
    number = len(originals)
    alike = pa.table({"label": np.zeros(2 * number, int), "attack": ["-"] * 2 * number})
    near = fingerprints.groups(table(originals + copies), alike).to_pandas()
    one, other = near[:number].to_numpy(), near[number:].to_numpy()
    same = [a["audio"] == b["audio"] for a, b in zip(originals, copies, strict=True)]
    return float(np.mean(same | (pd.notna(one) & (one == other))))


def false_alarms(clips: pd.DataFrame, rows: list[dict]) -> None:
    """Print how many different clips are near-duplicates, and how near the nearest come."""
    kinds = pa.table({"label": clips["set"], "attack": clips["kind"]})
    every = table(rows)
    near = fingerprints.groups(every, kinds)
    print(f"Clips: {len(rows):,}, without a fingerprint: {every['fingerprint'].null_count}")
    print(f"Different clips taken for near-duplicates: {len(near) - near.null_count}")
    distances, of_a_voice = [], 0
    for _, part in clips.groupby(["set", "kind"]):
        some = every.take(part.index.to_numpy())
        there = some["fingerprint"].is_valid().to_numpy()
        vectors = np.stack(some["fingerprint"].drop_null().to_pandas())
        one, other = np.triu_indices(len(vectors), 1)
        seconds = some["duration"].to_numpy()[there]
        close = np.abs(seconds[one] - seconds[other]) <= fingerprints.MOST_SECONDS_APART
        one, other = one[close], other[close]
        voice = part["voice"].to_numpy()[there]
        of_a_voice += int((voice[one] == voice[other]).sum())
        for block in np.array_split(np.arange(len(one)), 1 + len(one) // 100_000):
            difference = vectors[one[block]] - vectors[other[block]]
            distances.append(np.linalg.norm(difference, axis=1))
    nearest = np.sort(np.concatenate(distances))
    rank = np.arange(1, NEAREST + 1)
    power, offset = np.polyfit(np.log(nearest[:NEAREST]), np.log(rank / len(nearest)), 1)
    rate = np.exp(offset + power * np.log(fingerprints.RADIUS))
    print(
        f"Pairs of like duration and kind: {len(nearest):,}, of one voice {of_a_voice:,}; the "
        f"nearest is {nearest[0]:.2f} apart, the radius is {fingerprints.RADIUS:g}\n"
        f"Of the nearest {NEAREST}, the share of pairs grows with the distance to the power "
        f"{power:.1f}: 1 pair in {1 / rate:.1g} within the radius\n"
    )


def copies(clips: pd.DataFrame, rows: list[dict], samples: dict[int, np.ndarray]) -> None:
    """Print the share of the copies that are found."""
    shares: dict[str, dict[str, str]] = {}
    for name, part in clips.loc[list(samples)].groupby("set", sort=False):
        originals = [rows[index] for index in part.index]
        seconds = np.mean([row["duration"] for row in originals])
        for copy, change in COPIES.items():
            changed = [described(change(samples[index])) for index in part.index]
            column = f"{name} ({len(part)}, {seconds:.1f} s)"
            shares.setdefault(copy, {})[column] = f"{found(originals, changed):.0%}"
    print(pd.DataFrame(shares).T.to_string(), end="\n\n")


def speed(clips: pd.DataFrame, rows: list[dict]) -> None:
    """Print how long grouping takes, on fingerprints drawn like those at hand."""
    every = table(rows)
    there = every["fingerprint"].is_valid().to_numpy()
    vectors = np.stack(every["fingerprint"].drop_null().to_pandas())
    voices = clips.loc[there].groupby(["set", "voice", "kind"]).ngroup().to_numpy()
    inside = vectors - pd.DataFrame(vectors).groupby(voices).transform("mean").to_numpy()
    covariance = np.cov(inside.T) + 1e-6 * np.eye(fingerprints.WIDTH)
    root = np.linalg.cholesky(covariance).astype(np.float32)
    random = np.random.default_rng(0)
    print("Fingerprints of one voice and of one duration, which is the slowest case:")
    for number, n_kinds in SPEED:
        drawn = random.standard_normal((number, fingerprints.WIDTH), np.float32) @ root.T
        steady, duration = np.zeros(number, bool), np.full(number, 2.0)
        many = made(drawn, steady, duration, [f"{index}" for index in range(number)])
        drawn_kinds = random.integers(n_kinds, size=number)
        kinds = pa.table({"label": drawn_kinds, "attack": ["-"] * number})
        begin = time.process_time()
        fingerprints.groups(many, kinds)
        print(
            f"{number:,} clips of {n_kinds} kinds: {time.process_time() - begin:.1f} s of one "
            f"core; {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB at most"
        )


def main(folder: str | None = None) -> None:
    """Print the tables."""
    about, rows, kept = [], [], []
    for name, voice, kind, samples in sources(folder):
        about.append({"set": name, "voice": voice, "kind": kind})
        rows.append(described(samples))
        kept.append(samples)
    clips = pd.DataFrame(about)
    false_alarms(clips, rows)
    chosen = clips.groupby("set", sort=False).sample(COPIED, random_state=0).index
    samples = {index: kept[index] for index in chosen}
    del kept
    copies(clips, rows, samples)
    speed(clips, rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
