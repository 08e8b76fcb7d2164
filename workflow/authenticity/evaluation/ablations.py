"""A grid of experiments on the same trials: metrics, differences from one of them, and cost."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from authenticity import benchmarks
from authenticity.evaluation import compare
from authenticity.evaluation.compare import Scorer
from authenticity.evaluation.results import REPORTED, Tested
from authenticity.evaluation.verdict import Side, answers


def cost(
    folder: Path, experiment: str, others: Collection[str], model: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return what the jobs of one experiment alone spent, all its seeds together, if there are any.

    Jobs whose results other experiments use as well, such as the encoder's, are not counted: they
    are the same for all rows. For `folder` and `others` see `benchmarks.spent`.

    Returns:
        The sum of the jobs' durations in `seconds`; the most memory of any one job, `peak_mib`, in
        units of 2^20 bytes; `cpu_seconds`, of all their processors; and how many `parameters` the
        first seed trains by `model`, the experiment's JSON: None of logistic regression.
    """
    jobs = [each for each in benchmarks.spent(folder, experiment, others) if not each.shared]
    if not jobs:
        return None
    seeds = model["rounds"][0].get("seeds")
    return {
        "seconds": sum(each.wall_seconds for each in jobs),
        "peak_mib": max(each.peak_mib for each in jobs),
        "cpu_seconds": sum(each.cpu_seconds for each in jobs),
        "parameters": next(iter(seeds.values()))["parameters"] if seeds else None,
    }


def ablations(
    sides: Mapping[str, Side],
    about: Mapping[str, str],
    costs: Mapping[str, Mapping[str, Any] | None],
    reference: str,
    seed: int,
    rejected: Collection[str] = (),
) -> dict[str, Any]:
    """Compare every experiment of a grid with one of them, on the same resamples.

    Args:
        sides: by name, in the order of the table.
        about: what is varied in each, in words.
        costs: of each; see `cost`.
        reference: name of the one that the others are held against.
        seed: of the bootstrap.
        rejected: files that were set aside in some view, and may lack in a row.

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
        UserError: the rows were tested on different trials, or have no seed in common with the
            reference.
    """
    scorers = {name: side.scorer() for name, side in sides.items()}
    draws = compare.resample(list(scorers.values()), REPORTED, seed, rejected)
    rows = [
        {
            "name": name,
            "about": about[name],
            **_figures(draws, side.item, scorers[name], seed),
            "difference": None
            if name == reference
            else _difference(draws, scorers[reference], scorers[name], seed),
            "cost": costs[name],
        }
        for name, side in sides.items()
    ]
    interval = {"interval": draws.interval}
    return {"split": REPORTED, "reference": reference, **draws.counts, **interval, "rows": rows}


def _figures(draws: compare.Draws, item: Tested, scorer: Scorer, seed: int) -> dict[str, Any]:
    on_dev = item.on("dev").get("roc_auc")
    return {
        "control": item.control,
        "leaks": item.leaks,
        "orientation": item.orientation(),
        "seeds": scorer.seed_names,
        "dev_roc_auc": on_dev and on_dev.value,
        **{name: draws.metric(name, scorer, seed).as_json() for name in compare.METRICS},
    }


def _difference(
    draws: compare.Draws, reference: Scorer, scorer: Scorer, seed: int
) -> dict[str, Any]:
    compared = compare.between(draws, reference, scorer, seed)
    kept = ("roc_auc", "eer", "seeds", "relative_reduction", "detectable")
    data = compared.as_json()
    return answers(compared.roc_auc) | {name: data[name] for name in kept}
