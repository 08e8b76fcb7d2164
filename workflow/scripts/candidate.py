"""Fit and score one candidate."""

from authenticity import tables
from authenticity.features import matrix
from authenticity.files import read_json, write_arrays, write_json
from authenticity.jobs import job
from authenticity.models import candidates

with job(snakemake) as log:
    experiment, name = snakemake.params.experiment, snakemake.wildcards.candidate
    features = matrix.Tables.by_view(
        snakemake.params.views, snakemake.input.spectral, snakemake.input.embeddings
    )
    n_layers = read_json(snakemake.input.encoder)["n_layers"]
    which = experiment["features"]["spectral"]
    outcome = candidates.fit(
        tables.read(snakemake.input.trials),
        lambda pooling, view: features[view].load(name, which, pooling, n_layers),
        experiment,
        matrix.n_spectral(which),
        len(matrix.layers_of(name, n_layers)),
    )
    tables.write(
        snakemake.output.scores,
        outcome.scores,
        outcome.scores.schema,
        {"candidate": name, "experiment": snakemake.wildcards.experiment},
    )
    write_json(snakemake.output.summary, outcome.summary)
    write_arrays(snakemake.output.models, outcome.arrays())
    for line in outcome.lines():
        log.info("%s, %s, %s", snakemake.wildcards.experiment, name, line)
