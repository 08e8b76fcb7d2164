"""Draw an experiment's results over every pair of a training and a test corpus."""

from authenticity import plots
from authenticity.evaluation import results
from authenticity.jobs import job

with job(snakemake) as log:
    items = results.read(snakemake.input.metrics, snakemake.input.records)
    plots.save(plots.matrix(items), snakemake.output.figure)
