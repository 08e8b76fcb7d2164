"""Fit an experiment's candidates, choose among them, and publish the model and its scores."""

import shutil
from pathlib import Path

from authenticity import tables
from authenticity.config import Experiment
from authenticity.features import matrix
from authenticity.files import read_json
from authenticity.jobs import job
from authenticity.models import candidates, experiment, fitting

with job(snakemake) as log:
    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    settings = Experiment.model_validate(params.experiment)
    trials = tables.read(given.trials)
    features = matrix.Tables.by_view(params.views, given.spectral, given.embeddings)
    n_layers = read_json(given.encoder)["n_layers"]
    which = settings.features.spectral

    def fit(name):
        """Fit one candidate, with each pooling, in every round."""
        return fitting.fit(
            trials,
            lambda pooling, view: features[view].load(name, which, pooling, n_layers),
            settings,
            matrix.n_spectral(which),
            len(matrix.layers_of(name, n_layers)),
        )

    kind = settings.model.kind
    origin = experiment.origin_of(given, params.version, params.experiment)
    unfinished = Path(params.unfinished)
    fitted = experiment.fit_all(params.candidates, fit, kind, unfinished, origin)
    choice = candidates.conclude(trials, fitted)
    experiment.publish(
        choice, settings, wildcards.experiment, wildcards.corpus, dict(snakemake.output.items())
    )
    shutil.rmtree(unfinished)
