"""Fit and score one candidate."""

from authenticity import tables
from authenticity.features import matrix
from authenticity.files import read_json, write_arrays, write_json
from authenticity.jobs import job
from authenticity.models import candidates

with job(snakemake) as log:
    experiment, name = snakemake.params.experiment, snakemake.wildcards.candidate
    layers = matrix.layers_of(name, read_json(snakemake.input.encoder)["n_layers"])
    spectral = matrix.spectral_columns(experiment["features"]["spectral"])
    outcome = candidates.fit(
        tables.read(snakemake.input.manifest),
        lambda pooling: matrix.load(
            snakemake.input.spectral, snakemake.input.embeddings, spectral, layers, pooling
        ),
        experiment["features"]["pooling"] if layers else [matrix.NO_POOLING],
        experiment["model"],
        experiment["protocol"],
        experiment["seed"],
    )
    tables.write(
        snakemake.output.scores,
        outcome.scores,
        candidates.scores_schema(list(outcome.models)),
        {"candidate": name, "experiment": snakemake.wildcards.experiment},
    )
    write_json(snakemake.output.summary, outcome.summary)
    write_arrays(snakemake.output.models, outcome.arrays())
    for line in outcome.lines():
        log.info("%s, %s, %s", snakemake.wildcards.experiment, name, line)
