"""Time and memory that a run spent, from the benchmarks that its jobs wrote; see `jobs.job`.

After a resumed run they stand for the last time that each job ran.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Spent:
    """What the jobs of one rule spent.

    Attributes:
        rule: its name.
        jobs: how many benchmarks were found.
        wall_seconds: the sum of the jobs' durations, side by side or not.
        cpu_seconds: likewise, of all their processors.
        peak_mib: most memory of any one job, resident, in units of 2^20 bytes.
        shared: whether other experiments use the results too.
    """

    rule: str
    jobs: int
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float
    shared: bool


def spent(folder: Path, experiment: str, others: Collection[str]) -> list[Spent]:
    """Sum the benchmarks below `folder` that an experiment rests on, by rule.

    Args:
        folder: `benchmarks/{corpus}`; it may be absent.
        experiment: its own jobs count, and those that belong to no experiment.
        others: the corpus's other experiments, whose jobs do not count.
    """
    rows = []
    for path in sorted(folder.rglob("*.tsv")):
        below = path.relative_to(folder).with_suffix("").parts
        if set(below[1:]) & set(others):
            continue
        measured = pd.read_csv(path, sep="\t").iloc[0]
        shared = experiment not in below[1:]
        rows.append((below[0], shared, *measured[["s", "cpu_time", "max_rss"]]))
    frame = pd.DataFrame(rows, columns=["rule", "shared", "wall", "cpu", "peak"])
    return [
        Spent(
            str(rule),
            len(jobs),
            float(jobs["wall"].sum()),
            float(jobs["cpu"].sum()),
            float(jobs["peak"].max()),
            bool(shared),
        )
        for (rule, shared), jobs in frame.groupby(["rule", "shared"])
    ]
