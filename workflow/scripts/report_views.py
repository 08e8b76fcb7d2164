"""Write the figures on degraded audio as an HTML page."""

from authenticity import files, report
from authenticity.jobs import job

with job(snakemake) as log:
    metrics = [files.read_json(path) for path in snakemake.input.metrics]
    applied = [files.read_json(path) for path in snakemake.input.applied]
    files.write_text(snakemake.output.views, report.views(metrics, applied))
