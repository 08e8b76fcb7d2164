"""Make the clips of the probe that chooses."""

from authenticity.files import write_json
from authenticity.jobs import job
from probe import corpus

with job(snakemake) as log:
    n_clips = sum(1 for _ in corpus.clips(**snakemake.params.probe))
    log.info("%d clips", n_clips)
    write_json(snakemake.output.made, {"n_clips": n_clips})
