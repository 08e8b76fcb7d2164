"""Download one Debian package."""

from authenticity.jobs import job
from demo_corpus import debian

with job(snakemake):
    debian.download(snakemake.wildcards.package, snakemake.input.index, snakemake.output.package)
