"""Download one Debian package."""

from authenticity.demo import debian
from authenticity.jobs import job

with job(snakemake):
    debian.download(snakemake.wildcards.package, snakemake.input.index, snakemake.output.package)
