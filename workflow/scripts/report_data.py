"""Write what a corpus is like as HTML pages."""

from authenticity import files, report
from authenticity.evaluation import results
from authenticity.jobs import job

with job(snakemake) as log:
    metrics, others = results.read(snakemake.input.metrics)
    verified = files.read_json(snakemake.input.verified)
    audits = {item["view"]: item for item in map(files.read_json, snakemake.input.audits)}
    files.write_text(snakemake.output.rejected, report.rejected(verified))
    files.write_text(snakemake.output.audit, report.audit(audits, metrics, others))
