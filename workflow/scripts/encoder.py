"""Identify the encoder, or a published detector."""

from authenticity.features import published
from authenticity.features.encoder import identify
from authenticity.features.sources import EncoderSource
from authenticity.files import read_json, write_json
from authenticity.jobs import job

with job(snakemake) as log:
    params = snakemake.params
    if params.get("published"):
        identity = published.identify(published.DetectorSource(params.model, params.revision))
    else:
        samples = [read_json(path) for path in snakemake.input.get("samples", [])]
        layers = max((found["needed"] for found in samples), default=params.get("layers"))
        source = EncoderSource(params.model, params.revision, layers)
        identity = identify(source, params.precision, device=params.device)
    log.info("encoder %(model)s: %(n_layers)s layers of %(dimension)s, %(precision)s", identity)
    write_json(snakemake.output.identity, identity)
