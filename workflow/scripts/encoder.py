"""Identify the encoder."""

from authenticity.features.encoder import EncoderSource, identify
from authenticity.files import write_json
from authenticity.jobs import job

with job(snakemake) as log:
    params = snakemake.params
    identity = identify(
        EncoderSource(params.model, params.revision, params.layers), params.precision
    )
    log.info("encoder %(model)s: %(n_layers)s layers of %(dimension)s, %(precision)s", identity)
    write_json(snakemake.output.identity, identity)
