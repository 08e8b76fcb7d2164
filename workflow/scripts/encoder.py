"""Identify the encoder."""

from authenticity.features.encoder import EncoderSource, identify
from authenticity.files import write_json
from authenticity.jobs import job

with job(snakemake) as log:
    source = EncoderSource(snakemake.params.model, snakemake.params.revision)
    identity = identify(source, snakemake.params.precision)
    log.info("encoder %(model)s: %(n_layers)s layers of %(dimension)s, %(precision)s", identity)
    write_json(snakemake.output.identity, identity)
