"""Bring the tables of one shard up to date: of the clean clips, or of a view."""

from pathlib import Path

from authenticity import config, tables
from authenticity.audio import Limits
from authenticity.features.clips import View
from authenticity.features.encoder import Encoder
from authenticity.features.extraction import Outputs, extract_shard
from authenticity.files import read_json
from authenticity.jobs import job
from authenticity.manifest import root_of
from authenticity.roots import Root
from authenticity.shards import rows_of

with job(snakemake) as log:
    params, wildcards = snakemake.params, snakemake.wildcards
    identity = read_json(snakemake.input.encoder)
    rows = rows_of(tables.read(snakemake.input.manifest), wildcards.shard)
    view = View()
    if name := wildcards.get("view"):
        view = View(name, config.view(params.steps))
        rows = [row for row in rows if row["split"] in params.splits]
    counts = extract_shard(
        rows,
        Root(root_of(snakemake.input.manifest)),
        Limits(**params.limits),
        identity,
        params.window_seconds,
        lambda: Encoder.load(
            params.model, identity["precision"], params.window_seconds, identity["revision"]
        ),
        Outputs(*(Path(path) for path in snakemake.output)),
        view,
    )
    log.info(
        "corpus %s, view %s, shard %s: %d clips, %d computed, %d set aside",
        wildcards.corpus,
        view.name,
        wildcards.shard,
        counts["accepted"] + counts["rejected"],
        max(counts["described"], counts["embedded"]),
        counts["rejected"],
    )
