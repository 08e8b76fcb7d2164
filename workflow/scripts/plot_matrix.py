"""Draw an experiment's figures over every pair of a training and a test corpus."""

from authenticity import files, plots
from authenticity.evaluation.figures import estimate
from authenticity.jobs import job
from authenticity.names import labelled

with job(snakemake) as log:
    split = snakemake.params.split
    metrics = [files.read_json(path) for path in snakemake.input.metrics]
    cells = [
        plots.Cell(
            item["corpus"],
            item["target"],
            item["leak"]["leaks"],
            estimate(item["splits"][split]["roc_auc"]),
            estimate(item["splits"][split]["eer"]),
        )
        for item in metrics
        if split in item["splits"]  # a corpus may have no part of its own to report on
    ]
    name = labelled(snakemake.wildcards.experiment, metrics[0]["control"])
    plots.save(plots.matrix(cells, name), snakemake.output.figure)
