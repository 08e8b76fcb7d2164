"""Is a candidate better than its baseline, and by a point at least? The answer, in words and data.

The question is asked of the interval of the paired difference in ROC-AUC (`compare`). "Yes" where
all of it is at or above the margin, "no" where all of it is below, else "cannot tell": these trials
and seeds leave it open. A false "yes" has a chance of about 2.5% at most, for each pair.

Where a class has too few speakers to draw speakers (`bootstrap.MINIMUM_SPEAKERS`), the interval is
one of trials, and its answer holds for these speakers only: the answer about the detectors in
general is then "cannot tell". With two speakers a class, of two detectors that are equally good on
all speakers, the interval of trials calls one a point better or not on most pairs of speakers
(`tests/benchmarks/benchmark_inference.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from authenticity.evaluation import bootstrap, compare
from authenticity.evaluation.compare import POWER, Comparison, Mean, Scorer
from authenticity.names import NO, OPEN, POINT, YES

MINIMUM_SEEDS = 3
"""With fewer, how much chance in training matters is not known well enough for any answer."""


@dataclass(frozen=True)
class Side:
    """An experiment that takes part in comparisons.

    Attributes:
        scores: `tables.SCORES`.
        seeds: its scores by seed, `results/{corpus}/seeds/{experiment}.parquet`; None for one whose
            training has no chance in it. One trained with a single seed has a table of one column.
        metrics: its metrics JSON, which knows of leaks and of scores that point the wrong way.
    """

    scores: pa.Table
    seeds: pa.Table | None
    metrics: Mapping[str, Any]

    def scorer(self) -> Scorer:
        """Return its scores under the experiment's name."""
        return Scorer(self.metrics["name"], self.scores, self.seeds)


@dataclass(frozen=True)
class Answers:
    """Whether a difference in ROC-AUC is `POINT` or more, and above zero: `YES`, `NO` or `OPEN`.

    Attributes:
        at_least_one_point: of the detectors in general.
        better_at_all: likewise; no difference at all is a "no".
        on_these_speakers: both again, for other clips of the speakers at hand.
    """

    at_least_one_point: str
    better_at_all: str
    on_these_speakers: Mapping[str, str]


def answers(difference: Mean, n_seeds: int | None) -> Answers:
    """Answer for a difference; `n_seeds` is None where no training has chance in it."""
    here = {
        "at_least_one_point": _answer(difference.low >= POINT, difference.high < POINT, n_seeds),
        "better_at_all": _answer(difference.low > 0.0, difference.high <= 0.0, n_seeds),
    }
    general = here if difference.n_speakers is not None else dict.fromkeys(here, OPEN)
    return Answers(**general, on_these_speakers=here)


def _answer(above: bool, below: bool, n_seeds: int | None) -> str:
    if n_seeds is not None and n_seeds < MINIMUM_SEEDS:
        return OPEN
    if above:
        return YES
    return NO if below else OPEN


def verdict(
    pairs: Sequence[Sequence[str]],
    sides: Mapping[str, Side],
    split: str,
    seed: int,
    rejected: Collection[str] = (),
) -> dict[str, Any]:
    """Judge pairs of experiments of one corpus; what `results/{corpus}/verdict.json` holds.

    Args:
        pairs: [baseline, candidate], names in `sides`.
        sides: by name.
        split: part of the protocol to compare on.
        seed: of the bootstrap.
        rejected: files that were set aside in some view, and may lack on a side.

    Returns:
        Differences are candidate minus baseline, as fractions::

            {split, margin, minimum_seeds, power,
             interval: {kind, level, n_resamples, seed, minimum_speakers},
             pairs: [{
               baseline, candidate,                     # names
               at_least_one_point, better_at_all,       # "yes" | "no" | "cannot tell": in general
               on_these_speakers: {at_least_one_point, better_at_all},   # of the speakers at hand
               headline, sentence,                      # words: the answer; all that belongs to it
               warnings: [...],                         # words: leaks, direction; [] for none
               n_bonafide, n_spoof, n_left_out,
               interval: {method, rule, why, n_redrawn, n_bonafide_speakers, n_spoof_speakers},
               seeds: ["10", ...],                      # compared; [] where training has no chance
               baseline_mean, candidate_mean: {roc_auc, eer},            # over seeds
               roc_auc, eer: {value, low, high, trial_error, seed_error,
                              spread: {low, high, deviation, each: {"10": ...}} | null},
               relative_reduction: {value, low, high} | null,            # of 1 - AUC
               detectable,                              # difference in AUC found with 80% power
               delong: {"10" | "score": {value, low, high, z, p} | null},
             }]}

    Raises:
        UserError: two experiments were tested on different trials, or have no seed in common.
    """
    return {
        "split": split,
        "margin": POINT,
        "minimum_seeds": MINIMUM_SEEDS,
        "power": POWER,
        "interval": {
            "kind": "paired bootstrap, Student's t over seeds",
            "level": bootstrap.LEVEL,
            "n_resamples": bootstrap.N_RESAMPLES,
            "seed": seed,
            "minimum_speakers": bootstrap.MINIMUM_SPEAKERS,
        },
        "pairs": [
            judge(sides[baseline], sides[candidate], split, seed, rejected)
            for baseline, candidate in pairs
        ],
    }


def judge(
    baseline: Side, candidate: Side, split: str, seed: int, rejected: Collection[str] = ()
) -> dict[str, Any]:
    """Judge one pair; see `verdict`."""
    found = compare.over_seeds(baseline.scorer(), candidate.scorer(), split, seed, rejected)
    names = {"baseline": baseline.metrics["name"], "candidate": candidate.metrics["name"]}
    n_seeds = len(found.seeds) or None
    found_answers = answers(found.roc_auc, n_seeds)
    doubts = [words for side in (baseline, candidate) for words in _doubts(side.metrics, split)]
    headline = (
        f"{names['candidate']} at least one point better than {names['baseline']}: "
        f"{_headline(found, found_answers)}; {_trials(found)}"
        f"{''.join(f'; but {words}' for words in doubts)}."
    )
    warnings = [words for side in (baseline, candidate) for words in _warnings(side.metrics, split)]
    sentences = [
        headline,
        _difference(found),
        _at_all(found_answers),
        *_seeds(found, n_seeds),
        *_relative(found),
        _error_rate(found),
        _power(found),
        *_delong(found),
        *warnings,
    ]
    return {
        **names,
        **asdict(found_answers),
        "headline": headline,
        "sentence": " ".join(sentences),
        "warnings": warnings,
        **found.as_json(),
    }


def _headline(found: Comparison, given: Answers) -> str:
    """Say the answer and what it covers."""
    bonafide, spoof = (found.interval[f"n_{name}_speakers"] for name in ("bonafide", "spoof"))
    speakers = f"{bonafide:,} bona fide and {spoof:,} spoof speakers"
    here = given.on_these_speakers["at_least_one_point"]
    if found.roc_auc.n_speakers is not None:
        return f"{here}, for new speakers too ({speakers})"
    known = bonafide and spoof
    whose = f"these {speakers}" if known else "the speakers of these clips, not all known:"
    return f"on {whose} {here}, in general {OPEN} ({found.interval['rule']})"


def _at_all(given: Answers) -> str:
    here = given.on_these_speakers["better_at_all"]
    if given.better_at_all == here:
        return f"Better at all: {here}."
    return f"Better at all: on these speakers {here}, in general {given.better_at_all}."


def _trials(found: Comparison) -> str:
    n = found.n_bonafide + found.n_spoof
    left_out = f"; {found.n_left_out:,} set aside on a side" if found.n_left_out else ""
    return f"n = {n:,} ({found.n_bonafide:,} bona fide, {found.n_spoof:,} spoof{left_out})"


def _points(value: float) -> str:
    """In hundredths; what rounds to nothing has no minus sign."""
    return f"{round(100 * value, 2) + 0.0:+.2f}"


def _interval(difference: Mean) -> str:
    return f"{_points(difference.low)} to {_points(difference.high)}"


def _difference(found: Comparison) -> str:
    old, new = found.baseline["roc_auc"], found.candidate["roc_auc"]
    words = (
        f"ROC-AUC goes from {old:.4f} to {new:.4f}: {_points(found.roc_auc.value)} points (95% "
        f"interval {_interval(found.roc_auc)}; {found.interval['method']})."
    )
    if found.roc_auc.n_speakers is None:
        words += " The interval covers other clips of the same speakers, not other speakers."
    if 1.0 - old < POINT:
        words += f" Only {100 * (1.0 - old):.2f} points were left to gain: a whole one cannot be."
    return words


def _seeds(found: Comparison, n_seeds: int | None) -> list[str]:
    if n_seeds is None:
        return []
    if n_seeds < MINIMUM_SEEDS:
        count = "one seed" if n_seeds == 1 else f"{n_seeds} seeds"
        return [
            f"No answer is given for {count}: another seed may change it, so {MINIMUM_SEEDS} or "
            "more are needed."
        ]
    spread = compare.spread(found.roc_auc.each)
    ends = f"{_points(spread['low'])} to {_points(spread['high'])}"
    deviation = f"standard deviation {100 * spread['deviation']:.2f}"
    return [f"Over {n_seeds} seeds it is {ends} ({deviation}), which the interval allows for."]


def _relative(found: Comparison) -> list[str]:
    if found.relative is None:
        return []
    value, low, high = (
        round(100 * each)
        for each in (found.relative.value, found.relative.low, found.relative.high)
    )
    if value < 0:
        return [f"It adds {-value}% to the baseline's 1 - AUC ({-high} to {-low})."]
    return [f"Of the baseline's 1 - AUC it removes {value}% ({low} to {high})."]


def _error_rate(found: Comparison) -> str:
    return f"EER changes by {_points(found.eer.value)} points ({_interval(found.eer)})."


def _power(found: Comparison) -> str:
    vary = ", if seeds vary as these did" if len(found.seeds) > 1 else ""
    return (
        f"With intervals made so, a true difference of {100 * found.roc_auc.detectable:.2f} points "
        f"is found (told from none) with {POWER:.0%} power{vary}."
    )


def _delong(found: Comparison) -> list[str]:
    values = [test.p for test in found.delong.values() if test]
    if not values:
        return []
    low, high = (_probability(p) for p in (min(values), max(values)))
    over = f"p {low}" if low == high else f"p {low} to p {high} over the seeds"
    return [f"DeLong's test, which takes trials for independent: {over}."]


def _probability(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _leaks(metrics: Mapping[str, Any]) -> bool:
    return metrics["leak"]["leaks"]


def _flipped(metrics: Mapping[str, Any], split: str) -> bool:
    return metrics["splits"][split]["orientation"] == "flipped"


def _doubts(metrics: Mapping[str, Any], split: str) -> list[str]:
    """Say in a few words why an answer means less than it says."""
    name = metrics["name"]
    leaks = [f"{name} leaks"] if _leaks(metrics) else []
    return leaks + ([f"{name} is flipped"] if _flipped(metrics, split) else [])


def _warnings(metrics: Mapping[str, Any], split: str) -> list[str]:
    name, said = metrics["name"], []
    if _leaks(metrics):
        said.append(
            f"{name} leaks: speakers or duplicate clips are on both sides of its protocol, so its "
            "figures are too good, and a difference may be one in what leaks."
        )
    if _flipped(metrics, split):
        said.append(
            f"{name} is flipped: its scores point the wrong way, so a difference from it says "
            "nothing of how well the other one detects."
        )
    return said
