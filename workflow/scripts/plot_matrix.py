"""Draw an experiment's figures over every pair of a training and a test corpus."""

from authenticity import files, plots
from authenticity.evaluation.figures import estimate
from authenticity.jobs import job

with job(snakemake) as log:
    split = snakemake.params.split
    cells = [
        plots.Cell(
            item["corpus"],
            item["target"],
            item["leak"]["leaks"],
            estimate(item["splits"][split]["roc_auc"]),
            estimate(item["splits"][split]["eer"]),
        )
        for item in map(files.read_json, snakemake.input.metrics)
        if split in item["splits"]  # a corpus may have no part of its own to report on
    ]
    plots.save(plots.matrix(cells, snakemake.wildcards.experiment), snakemake.output.figure)
