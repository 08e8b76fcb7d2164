"""Put together all that scoring needs of a trained experiment."""

from pathlib import Path

from authenticity import tables
from authenticity.audio import Limits
from authenticity.features import matrix
from authenticity.files import read_arrays, read_json
from authenticity.jobs import job
from authenticity.scoring import bundle
from authenticity.scoring.bundle import Trained

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    model, encoder = read_json(given.model), read_json(given.encoder)
    trained = Trained.gather(
        model,
        read_arrays(given.weights),
        tables.read(given.scores),
        tables.read(given.trials),
        params.partitions,
        matrix.Tables(given.spectral, given.embeddings),
        encoder,
        Limits(**params.limits),
        params.window_seconds,
        params.demonstration,
        {view: table for path in given.views for view, table in tables.scores(path).items()},
        read_json(given.trust) if given.trust else None,
    )
    folder = Path(snakemake.output.bundle).parent
    bundle.write(trained, Path(given.card), folder)
    log.info("%s: %s", folder, bundle.Bundle.load(folder).about["statement"])
