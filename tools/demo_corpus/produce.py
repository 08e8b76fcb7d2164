"""Carry out the plan: make the clips of one attack, send them through the channel, archive them."""

import logging
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import soxr
from authenticity.files import atomic

from demo_corpus import channel, human, plan
from demo_corpus.attacks import SYNTHESISERS, VOCODERS, Voice

logger = logging.getLogger("authenticity")

ENCODED = pa.schema([("key", pa.string()), ("audio", pa.binary())])
LEVEL_DBFS = -26.0  # of prompts before they are joined
_PROTOCOLS = {"train": "train.trn", "dev": "dev.trl", "eval": "eval.trl"}
# Zip archives cannot hold an earlier date; a constant one makes equal content equal bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


def speech_seconds(packages: Sequence[str | Path]) -> dict[tuple[str, str], dict[str, float]]:
    """Return how long the speech of each prompt is, in seconds, by (speaker, language)."""
    seconds: dict[tuple[str, str], dict[str, float]] = {}
    for package in map(Path, packages):
        logger.info("measuring %s", package.stem)
        for clip in human.recordings(package):
            spoken = len(channel.speech_only(clip.samples)) / human.SAMPLE_RATE
            seconds.setdefault((clip.speaker, clip.language), {})[clip.name] = spoken
    return seconds


def make_clips(
    rows: Sequence[Mapping], attack: str, programs: Path, packages: Sequence[Path]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (key, samples at 16 kHz) for the plan's rows of one attack ("-" for bona fide)."""
    if attack in {synthesiser.name for synthesiser in SYNTHESISERS}:
        return _synthesised(rows, attack, programs)
    return _recorded(rows, attack, packages)


def _synthesised(
    rows: Sequence[Mapping], attack: str, programs: Path
) -> Iterator[tuple[str, np.ndarray]]:
    (synthesiser,) = (each for each in SYNTHESISERS if each.name == attack)
    for row in rows:
        voice = Voice(row["speaker"], row["language"], row["voice"])
        samples, rate = synthesiser.speak(programs, row["source"], voice, row["seed"])
        yield row["key"], soxr.resample(samples, rate, human.SAMPLE_RATE).astype(np.float32)


def _recorded(
    rows: Sequence[Mapping], attack: str, packages: Sequence[Path]
) -> Iterator[tuple[str, np.ndarray]]:
    names = {source.rpartition(" ")[0] for row in rows for source in row["source"].split(plan.JOIN)}
    prompts = {
        clip.name: clip.samples for package in packages for clip in human.recordings(package, names)
    }
    revoice = {vocoder.name: vocoder.revoice for vocoder in VOCODERS}
    for row in rows:
        pieces = []
        for source in row["source"].split(plan.JOIN):
            spoken = channel.speech_only(prompts[source.rpartition(" ")[0]])
            piece = plan.piece_of(spoken, source)
            pieces.append(channel.at_level(piece, LEVEL_DBFS).astype(np.float32))
        joined = np.concatenate(pieces)
        yield row["key"], joined if attack == "-" else revoice[attack](joined, row["seed"])


def encode(
    clips: Iterator[tuple[str, np.ndarray]],
    rows: Sequence[Mapping],
    bit_rate: int,
) -> pa.Table:
    """Send clips through the channel and encode them to ship; see `ENCODED`."""
    planned = {row["key"]: row for row in rows}
    keys, audio = [], []
    for number, (key, samples) in enumerate(clips, start=1):
        rng = np.random.default_rng(planned[key]["seed"])
        cut = channel.crop(channel.speech_only(samples), planned[key]["seconds"], rng)
        sent = channel.transmit(planned[key]["polarity"] * cut, rng)
        keys.append(key)
        audio.append(channel.opus(sent, bit_rate))
        if number % 20 == 0 or number == len(rows):
            logger.info("%d of %d clips", number, len(rows))
    return pa.table({"key": keys, "audio": audio}, schema=ENCODED)


def archive(path: str | Path, planned: pa.Table, encoded: pa.Table) -> None:
    """Write the corpus as one stored zip, laid out as ASVspoof 2019 LA; equal input, equal bytes.

    Stored, because audio does not shrink any further and a stored member is read without inflating.
    """
    audio = dict(zip(encoded["key"].to_pylist(), encoded["audio"].to_pylist(), strict=True))
    rows = sorted(planned.to_pylist(), key=lambda row: row["key"])
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as target:
        for split, suffix in _PROTOCOLS.items():
            lines = [_protocol_line(row) for row in rows if row["split"] == split]
            name = f"LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{suffix}.txt"
            target.writestr(zipfile.ZipInfo(name, _DATE), "".join(lines))
        for row in rows:
            name = f"LA/ASVspoof2019_LA_{row['split']}/flac/{row['key']}.ogg"
            target.writestr(zipfile.ZipInfo(name, _DATE), audio[row["key"]])


def _protocol_line(row: Mapping) -> str:
    key = "bonafide" if row["attack"] == "-" else "spoof"
    return f"{row['speaker']} {row['key']} - {row['attack']} {key}\n"
