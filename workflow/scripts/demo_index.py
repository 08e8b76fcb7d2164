"""Read which Debian packages there are."""

from authenticity.demo import debian
from authenticity.jobs import job

with job(snakemake):
    debian.read_index(snakemake.output.index)
