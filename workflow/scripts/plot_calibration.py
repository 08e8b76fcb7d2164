"""Draw the reliability diagram of an experiment, before and after calibration."""

from authenticity import files, plots
from authenticity.jobs import job
from authenticity.names import ordered_splits
from authenticity.report.wording import label

with job(snakemake) as log:
    metrics = files.read_json(snakemake.input.metrics)
    splits = metrics["splits"]
    found = [
        plots.Reliability(
            split,
            stage == "after",
            [plots.Bin(**each) for each in splits[split]["reliability"][stage]],
            splits[split]["ece"][stage]["value"],
            splits[split]["ece"]["chance"][stage]["mean"],
        )
        for split in ordered_splits(splits)
        for stage in ("before", "after")
        if splits[split]["reliability"][stage]
    ]
    figure = plots.calibration(found, label(metrics), metrics["leak"]["leaks"])
    plots.save(figure, snakemake.output.figure)
