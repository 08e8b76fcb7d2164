"""Decode the speech of Debian packages into one pool."""

from authenticity.jobs import job
from pretrain import speech

with job(snakemake) as log:
    clips = speech.gather(snakemake.input.packages)
    log.info("in all: %s", speech.describe(clips))
    speech.write(snakemake.output.speech, clips)
