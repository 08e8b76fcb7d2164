"""Say how large the frames will be, before any is computed."""

from pathlib import Path

from authenticity import tables
from authenticity.features import frames
from authenticity.features.encoder import EncoderSource
from authenticity.files import read_json, write_json
from authenticity.jobs import job

with job(snakemake) as log:
    encoder = EncoderSource(snakemake.params.model, snakemake.params.revision)
    config = read_json(encoder.fetch() / "config.json")
    durations = tables.read_many(snakemake.input.spectral, ["duration"])["duration"].to_pylist()
    folder = Path(snakemake.output.room).parent
    size = frames.require_room(folder, durations, config, snakemake.params.window_seconds)
    write_json(snakemake.output.room, {"bytes": size, "clips": len(durations)})
