"""Gather what is said of all recordings into tables and a page."""

from pathlib import Path

from authenticity.jobs import job
from authenticity.scoring import batch, outputs
from authenticity.scoring.listing import paths_of

with job(snakemake) as log:
    params = snakemake.params
    settings = batch.Settings.of(Path(params.bundle), params.prior, params.pictures)
    answers = batch.in_order(
        paths_of(snakemake.input.files), batch.read(map(Path, snakemake.input.shards))
    )
    found = outputs.write(Path(params.folder), answers, settings)
    log.info(
        "%s: %d files, %d scored, %d set aside",
        params.folder,
        found["files"],
        found["scored"],
        found["rejected"],
    )
