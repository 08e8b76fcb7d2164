"""Write a corpus's tables as HTML pages."""

from authenticity import files, report
from authenticity.jobs import job

with job(snakemake) as log:
    metrics = [files.read_json(path) for path in snakemake.input.metrics]
    verified = files.read_json(snakemake.input.verified)
    audit = files.read_json(snakemake.input.audit)
    files.write_text(snakemake.output.headline, report.headline(metrics))
    files.write_text(snakemake.output.attacks, report.per_attack(metrics))
    files.write_text(snakemake.output.rejected, report.rejected(verified))
    files.write_text(snakemake.output.audit, report.audit(audit))
