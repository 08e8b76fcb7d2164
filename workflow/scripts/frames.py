"""Bring one shard of an encoder's frames up to date."""

from pathlib import Path

from authenticity import tables
from authenticity.audio import Limits
from authenticity.features import frames
from authenticity.features.clips import Reader
from authenticity.features.encoder import Encoder, EncoderSource
from authenticity.files import read_json
from authenticity.jobs import corpus_root, job

with job(snakemake) as log:
    params, wildcards = snakemake.params, snakemake.wildcards
    identity = read_json(snakemake.input.encoder)
    config = read_json(EncoderSource(params.model, params.revision).fetch() / "config.json")
    durations = tables.read_many(snakemake.input.spectral, ["duration"])["duration"].to_pylist()
    folder = Path(snakemake.output.frames).parent
    frames.require_room(folder, durations, config, params.window_seconds)
    source = frames.Source(
        identity,
        params.window_seconds,
        int(wildcards.layer),
        lambda: Encoder.load(
            params.model, identity["precision"], params.window_seconds, identity["revision"]
        ),
    )
    counts = frames.write_shard(
        tables.read(snakemake.input.trials).to_pylist(),
        Reader(corpus_root(snakemake), Limits(**params.limits)),
        source,
        Path(snakemake.output.frames),
    )
    log.info("shard %s, layer %s: %s", wildcards.shard, wildcards.layer, counts)
