"""Write the page on where in time a detector finds synthetic speech."""

from pathlib import Path

from authenticity import files, report
from authenticity.jobs import job

with job(snakemake) as log:
    given = snakemake.input
    page = report.splices(files.read_json(given.figures), Path(given.picture))
    files.write_text(snakemake.output.page, page)
