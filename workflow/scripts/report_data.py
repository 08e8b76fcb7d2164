"""Write what a corpus is like as HTML pages."""

from authenticity import files, report
from authenticity.evaluation import results
from authenticity.jobs import job

with job(snakemake) as log:
    items = results.read(snakemake.input.metrics, snakemake.input.records)
    verified = files.read_json(snakemake.input.verified)
    audits = {audit["view"]: audit for audit in map(files.read_json, snakemake.input.audits)}
    files.write_text(snakemake.output.rejected, report.rejected(verified))
    files.write_text(snakemake.output.audit, report.audit(audits, items))
