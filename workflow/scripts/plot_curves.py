"""Draw the ROC and the DET curves of a corpus's experiments."""

from authenticity import plots
from authenticity.evaluation import figures
from authenticity.jobs import job

with job(snakemake) as log:
    paths = zip(snakemake.input.scores, snakemake.input.bands, snakemake.input.metrics, strict=True)
    curves = [figures.curve(*each, snakemake.params.split) for each in paths]
    plots.save(plots.roc(curves, snakemake.params.split), snakemake.output.roc)
    plots.save(plots.det(curves, snakemake.params.split), snakemake.output.det)
