"""Draw an experiment's figures over every pair of a training and a test corpus."""

from authenticity import plots
from authenticity.evaluation import results
from authenticity.jobs import job
from authenticity.plots import from_metrics

with job(snakemake) as log:
    metrics, _ = results.read(snakemake.input.metrics)
    experiment, split = snakemake.wildcards.experiment, snakemake.params.split
    plots.save(from_metrics.of_corpora(metrics, experiment, split), snakemake.output.figure)
