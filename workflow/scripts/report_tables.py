"""Write the figures of a corpus's experiments as HTML pages."""

from authenticity import files, report
from authenticity.jobs import job

with job(snakemake) as log:
    metrics = [files.read_json(path) for path in snakemake.input.metrics]
    files.write_text(snakemake.output.headline, report.headline(metrics))
    files.write_text(snakemake.output.attacks, report.per_attack(metrics))
    files.write_text(snakemake.output.conditions, report.conditions(metrics))
    files.write_text(snakemake.output.speakers, report.speakers(metrics))
