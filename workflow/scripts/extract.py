"""Bring the tables of one shard and view up to date."""

from pathlib import Path

from authenticity import config, tables
from authenticity.audio import Limits
from authenticity.features.clips import View
from authenticity.features.encoder import Encoder
from authenticity.features.extraction import Outputs, extract_shard
from authenticity.files import read_json
from authenticity.jobs import corpus_root, job

with job(snakemake) as log:
    params, wildcards = snakemake.params, snakemake.wildcards
    identity = read_json(snakemake.input.encoder)
    view = View(wildcards.view, config.view(params.steps))
    counts = extract_shard(
        tables.read(snakemake.input.trials).to_pylist(),
        corpus_root(snakemake),
        Limits(**params.limits),
        identity,
        params.window_seconds,
        lambda: Encoder.load(
            params.model,
            identity["precision"],
            params.window_seconds,
            identity["revision"],
            identity["n_layers"] - 1,
        ),
        Outputs(*(Path(path) for path in snakemake.output)),
        view,
    )
    log.info(
        "corpus %s, view %s, shard %s: %d clips, %d computed, %d set aside",
        wildcards.corpus,
        view.name,
        wildcards.get("shard", "1-of-1"),
        counts["accepted"] + counts["rejected"],
        max(counts["described"], counts["embedded"]),
        counts["rejected"],
    )
