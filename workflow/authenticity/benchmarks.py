"""Time and memory that a run spent, from the benchmarks that its jobs wrote; see `jobs.job`.

After a resumed run they stand for the last time that each job ran.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


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


def spent(
    folder: Path, experiment: str, others: Collection[str], without: Collection[str] = ()
) -> list[Spent]:
    """Sum the benchmarks below `folder` that an experiment rests on, by rule.

    Args:
        folder: `benchmarks/{corpus}`; it may be absent.
        experiment: its own jobs count, and those that belong to no experiment.
        others: the corpus's other experiments, whose jobs do not count.
        without: rules, and views of the audio, whose shared jobs it does not rest on.
    """
    by_rule: dict[tuple[str, bool], list[dict[str, str]]] = {}
    for path in sorted(folder.rglob("*.tsv")):
        rule, *below = path.relative_to(folder).with_suffix("").parts
        if not set(below) & set(others) and not {rule, *below[:1]} & set(without):
            names, values = (line.split("\t") for line in path.read_text().splitlines())
            measured = dict(zip(names, values, strict=True))
            by_rule.setdefault((rule, experiment not in below), []).append(measured)
    return [
        Spent(
            rule,
            len(jobs),
            sum(float(job["s"]) for job in jobs),
            sum(float(job["cpu_time"]) for job in jobs),
            max(float(job["max_rss"]) for job in jobs),
            shared,
        )
        for (rule, shared), jobs in sorted(by_rule.items())
    ]
