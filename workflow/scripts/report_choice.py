"""Show how an experiment's candidates did, and which one was chosen."""

from authenticity import files, plots, report
from authenticity.evaluation import results
from authenticity.jobs import job
from authenticity.plots import from_metrics

with job(snakemake) as log:
    (metrics,), _ = results.read([snakemake.input.metrics])
    plots.save(from_metrics.of_candidates(metrics), snakemake.output.figure)
    page = report.selection(metrics, metrics["selection"])
    files.write_text(snakemake.output.table, page)
