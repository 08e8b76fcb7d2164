"""Write what a corpus is like as HTML pages."""

from authenticity import files, report
from authenticity.jobs import job

with job(snakemake) as log:
    metrics = [files.read_json(path) for path in snakemake.input.metrics]
    applied = [files.read_json(path) for path in snakemake.input.applied]
    verified = files.read_json(snakemake.input.verified)
    audited = files.read_json(snakemake.input.audit)
    files.write_text(snakemake.output.rejected, report.rejected(verified))
    files.write_text(snakemake.output.audit, report.audit(audited, metrics, applied))
