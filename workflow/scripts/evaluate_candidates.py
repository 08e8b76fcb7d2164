"""Compute the ROC-AUC of an experiment's candidates on every split, with intervals."""

from authenticity import files
from authenticity.evaluation import figures
from authenticity.jobs import job

with job(snakemake) as log:
    model = files.read_json(snakemake.input.model)
    found = figures.candidate_metrics(snakemake.input.candidates, model, model["seed"], log.info)
    files.write_json(snakemake.output.selection, found)
