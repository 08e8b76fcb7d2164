"""Is a candidate better than its baseline, and by a point at least? The answer, in words and data.

It is given for pairs of experiments, and for the rows of a grid against one of them (`ablations`).
It follows from the interval of the paired difference in ROC-AUC (`compare`): "yes" where all of it
is at or above the margin, "no" where all of it is below, else "cannot tell". A false "yes" has a
chance of about 2.5% at most, for each pair.

Where a class has too few speakers to draw speakers (`bootstrap.MINIMUM_SPEAKERS`), the interval is
one of trials. Its answer holds for these speakers only, and the answer about the detectors in
general is "cannot tell": with two speakers a class, 4 to 16% of the answers on two detectors that
are equally good on all speakers are a wrong "yes" (`tests/benchmarks/benchmark_inference.py`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from authenticity import benchmarks, tables
from authenticity.estimates import points, points_between
from authenticity.evaluation import bootstrap, compare, results
from authenticity.evaluation.compare import POWER, Comparison, Mean, Scorer
from authenticity.evaluation.results import REPORTED, Tested
from authenticity.names import NO, OPEN, POINT, YES

MINIMUM_SEEDS = 3
"""With fewer, how much chance in training matters is not known well enough for any answer."""


def read(
    metrics: Iterable[str], records: Iterable[str], scores: Iterable[str], seeds: Iterable[str]
) -> dict[str, Scorer]:
    """Read what takes part in comparisons, by name; only some have scores by seed."""
    by_seed = {tables.metadata(path)["experiment"]: tables.read(path) for path in seeds}
    return {
        item.name: Scorer(item.name, tables.read(path), by_seed.get(item.name), item)
        for item, path in zip(results.read(metrics, records), scores, strict=True)
    }


def answers(difference: Mean) -> dict[str, Any]:
    """Answer whether a difference in ROC-AUC is `POINT` or more, and above zero.

    Returns:
        `at_least_one_point` and `better_at_all`, each `YES`, `NO` or `OPEN`, of the detectors in
        general; no difference at all is a "no". Both again in `on_these_speakers`, for other clips
        of the speakers at hand.
    """
    n_seeds = len(difference.each)

    def answer(above: bool, below: bool) -> str:
        if 0 < n_seeds < MINIMUM_SEEDS:  # none where training has no chance in it
            return OPEN
        return YES if above else NO if below else OPEN

    here = {
        "at_least_one_point": answer(difference.low >= POINT, difference.high < POINT),
        "better_at_all": answer(difference.low > 0.0, difference.high <= 0.0),
    }
    general = here if difference.n_speakers is not None else dict.fromkeys(here, OPEN)
    return {**general, "on_these_speakers": here}


def verdict(
    pairs: Sequence[Sequence[str]],
    sides: Mapping[str, Scorer],
    seed: int,
    rejected: Collection[str] = (),
) -> dict[str, Any]:
    """Judge pairs of experiments of one corpus; what `results/{corpus}/verdict.json` holds.

    A pair is a baseline and a candidate, names in `sides`. `seed` is the bootstrap's; sides may
    lack files that are `rejected`, set aside in some view.

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
        "split": REPORTED,
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
            judge(sides[baseline], sides[candidate], seed, rejected)
            for baseline, candidate in pairs
        ],
    }


def judge(
    baseline: Scorer, candidate: Scorer, seed: int, rejected: Collection[str] = ()
) -> dict[str, Any]:
    """Judge one pair; see `verdict`."""
    compared = compare.paired(baseline, candidate, seed, rejected)
    answered = answers(compared.roc_auc)
    doubts = [each for side in (baseline, candidate) for each in _doubts(side.item)]
    headline = (
        f"{candidate.name} at least one point better than {baseline.name}: "
        f"{_headline(compared, answered)}{''.join(f'; but {doubt}' for doubt, _ in doubts)}."
    )
    warnings = [f"{doubt}: {consequence}" for doubt, consequence in doubts]
    return {
        "baseline": baseline.name,
        "candidate": candidate.name,
        **answered,
        "headline": headline,
        "sentence": " ".join([headline, *_sentences(compared, answered), *warnings]),
        "warnings": warnings,
        **compared.as_json(),
    }


def ablations(
    sides: Mapping[str, Scorer],
    about: Mapping[str, str],
    costs: Mapping[str, Mapping[str, Any] | None],
    reference: str,
    seed: int,
    rejected: Collection[str] = (),
) -> dict[str, Any]:
    """Compare every experiment of a grid with one of them, on the same resamples.

    Sides, what is varied in each (`about`, in words) and their costs (`cost`) are by name, in the
    order of the table. The others are held against the `reference`; for the rest see `verdict`.

    Returns:
        Metrics are fractions, means over seeds; differences are the row minus the reference::

            {split, reference, n_bonafide, n_spoof, n_left_out, interval: as in `verdict.verdict`,
             rows: [{name, about, control, leaks, orientation, seeds: [...],
                     dev_roc_auc: of the first seed, on the trials that choices are made on,
                     roc_auc, eer: {value, low, high, trial_error, seed_error, spread},
                     difference: null of the reference itself, else
                         {at_least_one_point, better_at_all, on_these_speakers, roc_auc, eer,
                          seeds, relative_reduction, detectable}, as in `verdict.verdict`,
                     cost: {seconds, peak_mib, cpu_seconds, parameters} | null}]}

    Raises:
        UserError: the rows were tested on different trials, or share no seed with the reference.
    """
    draws = compare.resample(list(sides.values()), seed, rejected)
    rows = []
    for name, side in sides.items():
        on_dev = side.item.on("dev").get("roc_auc")
        row = {
            "name": name,
            "about": about[name],
            "control": side.item.control,
            "leaks": side.item.leaks,
            "orientation": side.item.orientation(),
            "seeds": side.seed_names,
            "dev_roc_auc": on_dev and on_dev.value,
            **{metric: draws.metric(metric, side).as_json() for metric in compare.METRICS},
            "difference": None,
            "cost": costs[name],
        }
        if name != reference:
            compared = compare.between(draws, sides[reference], side)
            data = compared.as_json()
            kept = ("roc_auc", "eer", "seeds", "relative_reduction", "detectable")
            row["difference"] = answers(compared.roc_auc) | {key: data[key] for key in kept}
        rows.append(row)
    about_all = {"split": REPORTED, "reference": reference, **draws.counts}
    return {**about_all, "interval": draws.resampler.how, "rows": rows}


def cost(folder: Path, experiment: str, model: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the jobs of one experiment alone spent, all its seeds together; None without any.

    Jobs whose results other experiments use too, such as the encoder's, are the same for all rows
    and not counted. For `folder` and the units see `benchmarks.spent`. `parameters` is how many the
    first seed trains by `model`, the experiment's JSON: None for logistic regression.
    """
    jobs = benchmarks.spent(folder, experiment)
    if not jobs:
        return None
    seeds = model["rounds"][0].get("seeds")
    return {
        "seconds": sum(each.wall_seconds for each in jobs),
        "peak_mib": max(each.peak_mib for each in jobs),
        "cpu_seconds": sum(each.cpu_seconds for each in jobs),
        "parameters": next(iter(seeds.values()))["parameters"] if seeds else None,
    }


def _headline(compared: Comparison, given: Mapping[str, Any]) -> str:
    """Say the answer, what it covers, and how many trials were compared."""
    bonafide, spoof = (compared.interval[f"n_{name}_speakers"] for name in ("bonafide", "spoof"))
    speakers = f"{bonafide:,} bona fide and {spoof:,} spoof speakers"
    here = given["on_these_speakers"]["at_least_one_point"]
    if compared.roc_auc.n_speakers is not None:
        answer = f"{here}, for new speakers too ({speakers})"
    else:
        known = bonafide and spoof
        whose = f"these {speakers}" if known else "the speakers of these clips, not all known:"
        answer = f"on {whose} {here}, in general {OPEN} ({compared.interval['rule']})"
    n_bonafide, n_spoof, n_left_out = compared.counts.values()
    left_out = f"; {n_left_out:,} set aside on a side" if n_left_out else ""
    counts = f"{n_bonafide:,} bona fide, {n_spoof:,} spoof{left_out}"
    return f"{answer}; n = {n_bonafide + n_spoof:,} ({counts})"


def _sentences(compared: Comparison, given: Mapping[str, Any]) -> Iterator[str]:
    """Say all that belongs to the answer beside the headline."""
    yield _difference(compared)
    here, general = given["on_these_speakers"]["better_at_all"], given["better_at_all"]
    if general == here:
        yield f"Better at all: {here}."
    else:
        yield f"Better at all: on these speakers {here}, in general {general}."
    if compared.seeds:
        yield _seeds(compared)
    if share := compared.relative:
        value, low, high = (round(100 * each) for each in (share.value, share.low, share.high))
        if value < 0:
            yield f"It adds {-value}% to the baseline's 1 - AUC ({-high} to {-low})."
        else:
            yield f"Of the baseline's 1 - AUC it removes {value}% ({low} to {high})."
    eer = compared.eer
    yield f"EER changes by {points(eer.value)} points ({points_between(eer.low, eer.high)})."
    vary = ", if seeds vary as these did" if len(compared.seeds) > 1 else ""
    yield (
        "With intervals made so, a true difference of "
        f"{100 * compared.roc_auc.detectable:.2f} points is found (told from none) with "
        f"{POWER:.0%} power{vary}."
    )
    values = [test.p for test in compared.delong.values() if test]
    if values:
        low, high = ("< 0.001" if p < 0.001 else f"= {p:.3f}" for p in (min(values), max(values)))
        over = f"p {low}" if low == high else f"p {low} to p {high} over the seeds"
        yield f"DeLong's test, which takes trials for independent: {over}."


def _difference(compared: Comparison) -> str:
    old, new = compared.baseline["roc_auc"], compared.candidate["roc_auc"]
    change = compared.roc_auc
    words = (
        f"ROC-AUC goes from {old:.4f} to {new:.4f}: {points(change.value)} points (95% interval "
        f"{points_between(change.low, change.high)}; {compared.interval['method']})."
    )
    if change.n_speakers is None:
        words += " The interval covers other clips of the same speakers, not other speakers."
    if 1.0 - old < POINT:
        words += f" Only {100 * (1.0 - old):.2f} points were left to gain: a whole one cannot be."
    return words


def _seeds(compared: Comparison) -> str:
    n_seeds, spread = len(compared.seeds), compared.roc_auc.spread
    if n_seeds < MINIMUM_SEEDS:
        count = "one seed" if n_seeds == 1 else f"{n_seeds} seeds"
        return (
            f"No answer is given for {count}: another seed may change it, so {MINIMUM_SEEDS} or "
            "more are needed."
        )
    ends = points_between(spread["low"], spread["high"])
    deviation = f"standard deviation {100 * spread['deviation']:.2f}"
    return f"Over {n_seeds} seeds it is {ends} ({deviation}), which the interval allows for."


def _doubts(item: Tested) -> Iterator[tuple[str, str]]:
    """Say in a few words why an answer means less than it says, and what follows."""
    if item.leaks:
        yield (
            f"{item.name} leaks",
            "speakers or duplicate clips are on both sides of its protocol, so its results are "
            "too good, and a difference may be one in what leaks.",
        )
    if item.orientation() == "flipped":
        yield (
            f"{item.name} is flipped",
            "its scores point the wrong way, so a difference from it says nothing of how well "
            "the other one detects.",
        )
