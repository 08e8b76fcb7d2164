"""Bring the spectral and rejected tables of one shard and view up to date."""

from pathlib import Path

from authenticity import config, tables
from authenticity.audio import Limits
from authenticity.features import extraction
from authenticity.features.clips import Reader
from authenticity.jobs import corpus_root, job

with job(snakemake) as log:
    params, outputs = snakemake.params, snakemake.output
    view = snakemake.wildcards.view
    counts = extraction.describe_shard(
        tables.read(snakemake.input.trials).to_pylist(),
        Reader(corpus_root(snakemake), Limits(**params.limits), view, config.view(params.steps)),
        Path(outputs.spectral),
        Path(outputs.rejected),
    )
    log.info(
        "%s: %d clips, %d computed, %d set aside",
        outputs.spectral,
        counts["accepted"] + counts["rejected"],
        counts["computed"],
        counts["rejected"],
    )
