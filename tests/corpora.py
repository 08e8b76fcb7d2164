"""Small corpora, made of signals that need no licence, laid out exactly as the real ones."""

import io
import zipfile
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000
PROTOCOLS = "ASVspoof2019_LA_cm_protocols"
EXTENSIONS = {"train": "trn", "dev": "trl", "eval": "trl"}


def voice(seed: int, spoof: bool, seconds: float = 1.0) -> np.ndarray:
    """A pitched, formant-like signal; a spoofed one is steadier in pitch and level."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    wobble = 0.2 if spoof else 6.0
    pitch = 110 + 80 * random.random() + wobble * np.cumsum(random.standard_normal(len(time))) / 300
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    signal = sum(np.sin(k * phase) / k**1.2 for k in range(1, 20))
    envelope = 0.3 + 0.7 * np.abs(np.sin(2 * np.pi * (2 + random.random()) * time)) ** 2
    signal = signal * envelope + random.standard_normal(len(time)) * (0.01 if spoof else 0.03)
    return (0.3 * signal / np.abs(signal).max()).astype(np.float32)


def encoded(samples: np.ndarray, rate: int = RATE, **options) -> bytes:
    """Samples as a file's content, FLAC unless told otherwise."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, **({"format": "FLAC"} | options))
    return buffer.getvalue()


def asvspoof2019_la(
    per_split: int = 12, splits: tuple[str, ...] = ("train", "dev", "eval"), prefix: str = ""
) -> dict[str, bytes]:
    """The files of a small corpus in ASVspoof 2019 LA's layout, by path.

    Half of each split is bona fide; speakers are disjoint between splits, and both classes have
    three speakers in each.
    """
    files: dict[str, bytes] = {}
    for split_index, split in enumerate(splits):
        lines = []
        for index in range(per_split):
            spoof = index % 2 == 1
            key = f"LA_{split[0].upper()}_{1000000 + 97 * index}"
            speaker = f"LA_{split_index:02}{index // 2 % 3:02}"
            attack = f"A{split_index * 2 + index // 2 % 2 + 1:02}" if spoof else "-"
            lines.append(f"{speaker} {key} - {attack} {'spoof' if spoof else 'bonafide'}")
            samples = voice(1000 * split_index + index, spoof, 0.6 + 0.1 * (index % 4))
            files[f"{prefix}ASVspoof2019_LA_{split}/flac/{key}.flac"] = encoded(samples)
        protocol = f"ASVspoof2019.LA.cm.{split}.{EXTENSIONS[split]}.txt"
        files[f"{prefix}{PROTOCOLS}/{protocol}"] = ("\n".join(lines) + "\n").encode()
    return files


def write_folder(files: dict[str, bytes], root: Path) -> Path:
    """Lay the files out below a folder."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return root


def write_archive(files: dict[str, bytes], path: Path) -> Path:
    """Store the files in a zip archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content)
    return path
