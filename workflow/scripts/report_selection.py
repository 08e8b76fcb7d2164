"""Write the table of an experiment's candidates as an HTML page."""

from authenticity import files, report
from authenticity.jobs import job

with job(snakemake) as log:
    found = files.read_json(snakemake.input.selection)
    page = report.selection(files.read_json(snakemake.input.metrics), found)
    files.write_text(snakemake.output.table, page)
