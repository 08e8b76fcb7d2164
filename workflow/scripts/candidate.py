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
    write_arrays(
        snakemake.output.models,
        {k: v for pooling, model in outcome.models.items() for k, v in model.arrays(pooling).items()},
    )
    for pooling, figures in outcome.summary["poolings"].items():
        log.info("%s %s: C %g, ROC-AUC %.4f in cross-validation, %s on dev", name, pooling,
                 figures["C"], figures["cv_roc_auc"], figures["dev_roc_auc"])
