"""Put together all that scoring needs of a trained experiment."""

from pathlib import Path

from authenticity import tables
from authenticity.audio import Limits
from authenticity.features import matrix
from authenticity.files import read_arrays, read_json
from authenticity.jobs import job
from authenticity.scoring import assemble
from authenticity.scoring.bundle import Bundle

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    experiment = assemble.Experiment(
        model=read_json(given.model),
        weights=read_arrays(given.weights),
        encoder=read_json(given.encoder) if given.encoder else None,
        limits=Limits(**params.limits),
        window_seconds=params.window_seconds,
        demonstration=params.demonstration,
        trust=read_json(given.trust) if given.trust else None,
    )
    clips = assemble.gather(
        experiment,
        scores=tables.read(given.scores),
        trials=tables.read(given.trials),
        partitions=params.partitions,
        features=matrix.Tables(given.spectral, given.embeddings),
        views={view: table for path in given.views for view, table in tables.scores(path).items()},
    )
    folder = Path(snakemake.output.bundle).parent
    assemble.write(experiment, clips, Path(given.card), folder)
    log.info("%s: %s", folder, Bundle.load(folder).about["statement"])
