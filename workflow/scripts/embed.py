"""Bring the embeddings of one shard and view up to date, and the frames that are kept of them."""

from pathlib import Path

from authenticity import config, tables
from authenticity.audio import Limits
from authenticity.features import extraction, frames
from authenticity.features.clips import Reader
from authenticity.features.encoder import Encoder
from authenticity.features.published import Published
from authenticity.features.sources import CONFIG, EncoderSource
from authenticity.files import read_json
from authenticity.jobs import corpus_root, job

with job(snakemake) as log:
    given, params, path = snakemake.input, snakemake.params, snakemake.output.table
    identity, view = read_json(given.encoder), snakemake.wildcards.view
    described = tables.read(given.spectral, ["file", "content"]).to_pydict()
    contents = dict(zip(*described.values(), strict=True))
    rows = [
        {**row, "content": contents[row["key"]]}
        for row in tables.read(given.trials).to_pylist()
        if row["key"] in contents and (params.splits is None or row["split"] in params.splits)
    ]
    caches = {int(Path(path).parts[-3]): Path(path) for path in snakemake.output.get("frames", [])}
    if caches:
        durations = tables.read_many(given.durations, ["duration"])["duration"].to_pylist()
        shape = read_json(EncoderSource(params.model, identity["revision"]).json(CONFIG))
        folders = [cache.parent for cache in caches.values()]
        frames.require_room(folders, durations, shape, params.window_seconds)
    kind = Published if params.get("published") else Encoder
    counts = extraction.embed_shard(
        rows,
        Reader(corpus_root(snakemake), Limits(**params.limits), view, config.view(params.steps)),
        identity,
        params.window_seconds,
        lambda: kind.load(
            params.model,
            identity["precision"],
            params.window_seconds,
            identity["revision"],
            identity["n_layers"] - 1,
        ),
        Path(path),
        caches,
    )
    log.info("%s: %d clips, %d computed", path, counts["clips"], counts["computed"])
