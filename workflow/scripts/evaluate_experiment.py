"""Compute the metrics of scores with their intervals, and the bands of their ROC curves."""

from authenticity import files, tables
from authenticity.evaluation import figures
from authenticity.jobs import job

with job(snakemake) as log:
    model = files.read_json(snakemake.input.model)
    metrics, bands = figures.experiment_metrics(
        snakemake.input.scores,
        snakemake.input.get("dev_scores"),
        model,
        snakemake.input.asv,
        model["seed"],
        log.info,
        snakemake.params.partitions,
    )
    metrics["control"] = snakemake.params.control
    if reference := snakemake.input.get("reference"):
        metrics["change"] = figures.change(reference, snakemake.input.scores, model["seed"])
    tables.write(snakemake.output.bands, bands, figures.BAND)
    files.write_json(snakemake.output.metrics, metrics)
