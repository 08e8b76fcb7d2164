"""Draw the reliability diagram of an experiment, before and after calibration."""

from authenticity import files, plots
from authenticity.evaluation.figures import estimate, ordered_splits
from authenticity.jobs import job

with job(snakemake) as log:
    metrics = files.read_json(snakemake.input.metrics)
    splits = metrics["splits"]
    found = [
        plots.Reliability(
            split,
            stage == "after",
            [plots.Bin(**each) for each in splits[split]["reliability"][stage]],
            estimate(splits[split]["ece"][stage]),
        )
        for split in ordered_splits(splits)
        for stage in ("before", "after")
        if splits[split]["reliability"][stage]
    ]
    figure = plots.calibration(found, metrics["name"], metrics["leak"]["leaks"])
    plots.save(figure, snakemake.output.figure)
