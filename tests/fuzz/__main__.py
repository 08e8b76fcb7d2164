"""Fuzzes every target in turn: `python -m fuzz SECONDS FOLDER [NAME ...]`.

Each target has a process of its own, so that a decoder that crashes is one crash counted. What was
found to reach new code stays in the folder, and the next run begins with it.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

NAMES = ("audio", "protocols", "listings", "archives", "bundles")
_FLAGS = ("-print_final_stats=1", "-timeout=20", "-rss_limit_mb=2048", "-max_len=20000")
_LAST = re.compile(r"cov: (\d+) ft: \d+ corp: (\d+)/")
_DONE = re.compile(r"stat::(number_of_executed_units|peak_rss_mb): +(\d+)")


def fuzz(name: str, seconds: int, folder: Path) -> bool:
    """Fuzz a target, print its figures, and return whether nothing crashed."""
    seeds, log = folder / name, folder / f"{name}.log"
    seeds.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzz.targets", name, f"-max_total_time={seconds}", *_FLAGS]
    started = time.monotonic()
    with log.open("wb") as stream:
        done = subprocess.run(
            [*command, f"-artifact_prefix={folder}/{name}-", seeds],
            env=os.environ | {"HF_HUB_OFFLINE": "1"},  # a mutated bundle may name any encoder
            stdout=stream,
            stderr=stream,
        )
    text = log.read_text(errors="replace")
    figures, (edges, kept) = dict(_DONE.findall(text)), (_LAST.findall(text) or [("0", "0")])[-1]
    print(
        f"{name:<10} {int(figures.get('number_of_executed_units', 0)):>9,} runs "
        f"{time.monotonic() - started:>5.0f} s {edges:>6} edges {kept:>5} inputs kept "
        f"{figures.get('peak_rss_mb', '?'):>5} MB  {'crash' if done.returncode else 'no crash'}",
        flush=True,
    )
    if done.returncode:
        print(f"  {log} says why; the input is {folder}/{name}-*, and this tries it again:")
        print(f"  PYTHONPATH=tests:tests/support python -m fuzz.targets {name} INPUT")
    return not done.returncode


if __name__ == "__main__":
    chosen = sys.argv[3:] or NAMES
    each = int(sys.argv[1]) // len(chosen)
    passed = [fuzz(name, each, Path(sys.argv[2])) for name in chosen]
    sys.exit(not all(passed))
