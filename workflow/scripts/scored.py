"""Gather what is said of all recordings into tables and a page."""

from pathlib import Path

from authenticity.jobs import job
from authenticity.scoring import batch, outputs
from authenticity.scoring.inputs import paths_of

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    settings = batch.Settings.of(Path(given.bundle).parent, params.prior, params.pictures)
    answers = batch.in_order(paths_of(given.files), batch.read(map(Path, given.shards)))
    folder = Path(given.files).parent
    found = outputs.write(folder, answers, settings)
    log.info(
        "%s: %d files, %d scored, %d set aside",
        folder,
        found["files"],
        found["scored"],
        found["rejected"],
    )
