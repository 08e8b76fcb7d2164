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
    folder: Path,
    experiment: str | None = None,
    shared: Collection[str] = (),
    views: Collection[str] = (),
) -> list[Spent]:
    """Sum the benchmarks below `folder` that an experiment rests on, by rule.

    Args:
        folder: `benchmarks/{corpus}`; it may be absent, and hold jobs of earlier configurations.
        experiment: its own jobs count; without it, all do.
        shared: rules whose results this experiment and others use.
        views: of the audio; of shared jobs that are about a view, those about one of these count.
    """
    by_rule: dict[str, list[dict[str, str]]] = {}
    for path in sorted(folder.rglob("*.tsv")):
        rule, *below = path.relative_to(folder).with_suffix("").parts
        about, wanted = below[:1], views if rule in shared else [experiment]
        if experiment is None or (not about and rule in shared) or set(about) & set(wanted):
            names, values = (line.split("\t") for line in path.read_text().splitlines())
            measured = dict(zip(names, values, strict=True))
            by_rule.setdefault(rule, []).append(measured)
    return [
        Spent(
            rule,
            len(jobs),
            sum(float(job["s"]) for job in jobs),
            sum(float(job["cpu_time"]) for job in jobs),
            max(float(job["max_rss"]) for job in jobs),
            rule in shared,
        )
        for rule, jobs in sorted(by_rule.items())
    ]
