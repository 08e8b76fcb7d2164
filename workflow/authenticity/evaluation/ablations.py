"""A grid of experiments on the same trials: metrics, differences from one of them, and cost."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from authenticity import benchmarks
from authenticity.evaluation import compare
from authenticity.evaluation.results import REPORTED
from authenticity.evaluation.verdict import Side, answers


def cost(
    folder: Path, experiment: str, others: Collection[str], model: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return what the jobs of one experiment alone spent, all its seeds together; None without any.

    Jobs whose results other experiments use too, such as the encoder's, are the same for all rows
    and not counted. For `folder` and `others` see `benchmarks.spent`.

    Returns:
        The sum of the jobs' durations in `seconds`; the most memory of any one job, `peak_mib`, in
        units of 2^20 bytes; `cpu_seconds`, of all their processors; and how many `parameters` the
        first seed trains by `model`, the experiment's JSON: None for logistic regression.
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
            **{metric: draws.metric(metric, side, seed).as_json() for metric in compare.METRICS},
            "difference": None,
            "cost": costs[name],
        }
        if name != reference:
            compared = compare.between(draws, sides[reference], side, seed)
            data = compared.as_json()
            kept = ("roc_auc", "eer", "seeds", "relative_reduction", "detectable")
            row["difference"] = answers(compared.roc_auc) | {key: data[key] for key in kept}
        rows.append(row)
    about_all = {"split": REPORTED, "reference": reference, **draws.counts}
    return {**about_all, "interval": draws.resampler.how, "rows": rows}
