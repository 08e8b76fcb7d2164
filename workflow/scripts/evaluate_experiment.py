"""Compute an experiment's metrics with their intervals, and the bands of its ROC curves."""

from authenticity import files, tables
from authenticity.evaluation import figures
from authenticity.jobs import job

with job(snakemake) as log:
    model = files.read_json(snakemake.input.model)
    metrics, bands = figures.experiment_metrics(
        snakemake.input.scores, model, model["seed"], log.info
    )
    tables.write(snakemake.output.bands, bands, figures.BAND)
    files.write_json(snakemake.output.metrics, metrics)
