"""Gather what is said of all recordings into tables and a page."""

from pathlib import Path

from authenticity.jobs import job
from authenticity.scoring import batch, outputs
from authenticity.scoring.bundle import Bundle
from authenticity.scoring.inputs import paths_of

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    bundle = Bundle.load(Path(given.bundle).parent)
    settings = batch.Settings.of(bundle, params.prior, params.pictures)
    answers = batch.in_order(paths_of(given.files), batch.read(map(Path, given.shards)))
    folder = Path(given.files).parent
    counts = outputs.write(folder, answers, bundle, settings)
    log.info(
        "%s: %d files, %d scored, %d set aside",
        folder,
        counts["files"],
        counts["scored"],
        counts["rejected"],
    )
