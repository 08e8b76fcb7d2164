"""Bring what is said of a shard's recordings up to date."""

from pathlib import Path

from authenticity.jobs import job
from authenticity.scoring import batch
from authenticity.scoring.bundle import Bundle
from authenticity.scoring.listing import paths_of

with job(snakemake) as log:
    params = snakemake.params
    settings = batch.Settings.of(Bundle.load(params.bundle), params.prior, params.pictures)
    answers = batch.Answers(Path(snakemake.output.answers), Path(params.folder))
    paths = paths_of(snakemake.input.files, snakemake.wildcards.shard)
    computed = rejected = 0
    for answer, reused in batch.score(paths, answers, settings, snakemake.threads):
        computed += not reused
        rejected += answer["status"] == "rejected"
        if not reused:
            log.info("%s: %s", answer["status"], answer["file"])
    log.info(
        "scored shard %s: %d files, %d computed, %d set aside",
        snakemake.wildcards.shard,
        len(paths),
        computed,
        rejected,
    )
