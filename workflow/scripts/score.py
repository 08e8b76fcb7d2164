"""Bring what is said of a shard's recordings up to date."""

from pathlib import Path

from authenticity.jobs import job
from authenticity.scoring import batch
from authenticity.scoring.bundle import Bundle
from authenticity.scoring.display import line
from authenticity.scoring.inputs import paths_of

if __name__ == "__main__":  # the processes that score import this script
    with job(snakemake) as log:
        given, params, shard = snakemake.input, snakemake.params, snakemake.wildcards.shard
        bundle = Bundle.load(Path(given.bundle).parent)
        settings = batch.Settings.of(bundle, params.prior, params.pictures)
        answers = batch.Answers(Path(snakemake.output.answers), Path(given.files).parent)
        paths = paths_of(given.files, shard)
        computed = 0
        for answer, reused in batch.score(paths, answers, settings, snakemake.threads):
            computed += not reused
            if not reused:
                log.info("%s", line(answer))
        log.info("shard %s: %d recordings, %d computed", shard, len(paths), computed)
