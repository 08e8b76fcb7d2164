"""Draw the ROC and the DET curves of a corpus's experiments."""

from authenticity import files, plots
from authenticity.evaluation import figures
from authenticity.jobs import job
from authenticity.report.wording import label

with job(snakemake) as log:
    split = snakemake.params.split
    paths = zip(snakemake.input.scores, snakemake.input.bands, snakemake.input.metrics, strict=True)
    curves = [figures.curve(*each, split) for each in paths]
    metrics = map(files.read_json, snakemake.input.metrics)
    leaking = [label(item) for item in metrics if item["leak"]["leaks"]]
    plots.save(plots.roc(curves, split, leaking), snakemake.output.roc)
    plots.save(plots.det(curves, split, leaking), snakemake.output.det)
