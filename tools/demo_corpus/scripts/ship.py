"""Put the archive and the notices of its sources into resources/."""

from authenticity import files
from authenticity.jobs import job
from demo_corpus import ship

with job(snakemake):
    shipped = ship.ship(snakemake.input.archive, snakemake.input.packages, snakemake.params.folder)
    files.write_json(snakemake.output.shipped, shipped)
