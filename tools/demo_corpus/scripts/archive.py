"""Put all clips into one archive."""

from authenticity import tables
from authenticity.jobs import job
from demo_corpus import produce

with job(snakemake):
    produce.archive(
        snakemake.output.archive,
        tables.read(snakemake.input.plan),
        tables.read_many(snakemake.input.clips),
    )
