"""Time the command on 200 files, five of them as bad as files come, one of three hours.

Run: python tests/benchmarks/benchmark_command.py BUNDLE [FOLDER]
"""

import csv
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "support"))

from recordings import muxed  # noqa: E402 - it lies beside

N_FILES, HOURS, RATE = 200, 3, 16_000


def speech(archive: zipfile.ZipFile, names: list[str]) -> np.ndarray:
    """The demonstration's clips one after the other, mono at 16 kHz."""
    return np.concatenate(
        [soundfile.read(archive.open(name), dtype="float32")[0] for name in names]
    )


def fill(folder: Path) -> None:
    """Make the files."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(REPOSITORY / "resources" / "demo" / "LA.zip") as archive:
        names = sorted(name for name in archive.namelist() if "_E_" in name)
        for name in names[: N_FILES - 5]:
            (folder / Path(name).name).write_bytes(archive.read(name))
        minutes = speech(archive, names[:300])
    with soundfile.SoundFile(folder / "three hours.flac", "w", RATE, 1) as sound:
        for _ in range(HOURS * 3600 * RATE // len(minutes)):
            sound.write(minutes)
        sound.write(minutes[: HOURS * 3600 * RATE % len(minutes)])
    whole = (folder / Path(names[0]).name).read_bytes()
    (folder / "corrupt.ogg").write_bytes(whole[: len(whole) // 2] + b"\x55" * (len(whole) // 2))
    (folder / "text.wav").write_text("this is text, not sound")
    (folder / "silent film.mp4").write_bytes(muxed("mp4", "", video=True))
    (folder / "empty.mp3").write_bytes(b"")


def main(bundle: str, folder: Path) -> None:
    """Score them, and account for each."""
    inputs, output = folder / "in", folder / "out"
    fill(inputs)
    start = time.perf_counter()
    command = [sys.executable, "-m", "authenticity", "score", str(inputs), "--bundle", bundle]
    run = subprocess.Popen([*command, "--output", str(output)], stdout=subprocess.PIPE, text=True)
    lines = []
    for line in run.stdout:
        if not lines:
            print(f"first result after {time.perf_counter() - start:.1f} s")
        lines.append(line)
    print(f"exit code {run.wait()}, {time.perf_counter() - start:.1f} s in all")
    print("".join(lines[-4:]))
    with (output / "scores.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == N_FILES == len({row["file"] for row in rows})
    print(Counter(row["status"] for row in rows))
    for row in rows:
        if row["status"] == "rejected" or "hours" in row["file"]:
            print(f"{Path(row['file']).name}: {row['verdict'] or row['status']}: {row['reason']}")
            print(f"    {row['duration'] or '-'} s long, {row['seconds'] or '-'} s")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(sys.argv[1], Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(sys.argv[1], Path(temporary))
