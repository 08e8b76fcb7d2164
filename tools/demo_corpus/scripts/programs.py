"""Unpack the speech synthesisers of Debian into a folder."""

from authenticity.jobs import job
from demo_corpus import debian

with job(snakemake) as log:
    for package in snakemake.input.packages:
        log.info("unpacking %s", package)
        debian.unpack(package, snakemake.output.programs)
