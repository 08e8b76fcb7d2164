"""Write scores in the forms that the challenges' own tools read."""

from authenticity.evaluation import score_files
from authenticity.jobs import job

with job(snakemake) as log:
    for form, path in snakemake.output.items():
        score_files.write(snakemake.input.scores, form, path)
