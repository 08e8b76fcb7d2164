"""Unpack the speech synthesisers of Debian into a folder."""

from authenticity.demo import debian
from authenticity.jobs import job

with job(snakemake) as log:
    for package in snakemake.input.packages:
        log.info("unpacking %s", package)
        debian.unpack(package, snakemake.output.programs)
