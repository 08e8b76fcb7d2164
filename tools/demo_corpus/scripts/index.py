"""Read which Debian packages there are."""

from authenticity.jobs import job
from demo_corpus import debian

with job(snakemake):
    debian.read_index(snakemake.output.index)
