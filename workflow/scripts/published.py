"""Bring the table of what a published detector says of one shard and view up to date."""

import functools
from pathlib import Path

from authenticity import config, tables
from authenticity.audio import Limits
from authenticity.features import published
from authenticity.features.clips import Reader, View
from authenticity.files import read_json
from authenticity.jobs import corpus_root, job

with job(snakemake) as log:
    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    identity = read_json(given.detector)
    accepted = set(tables.read(given.spectral, ["file"])["file"].to_pylist())
    counts = published.write_shard(
        [row for row in tables.read(given.trials).to_pylist() if row["key"] in accepted],
        Reader(
            corpus_root(snakemake),
            Limits(**params.limits),
            View(wildcards.view, config.view(params.steps)),
        ),
        identity,
        params.window_seconds,
        functools.cache(
            lambda: published.Published.load(
                params.model, identity["precision"], params.window_seconds, identity["revision"]
            )
        ),
        Path(snakemake.output.logits),
    )
    log.info("%s: %s", snakemake.output.logits, counts)
