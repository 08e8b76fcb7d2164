"""Fit an experiment's candidates, choose among them, and publish the model and its scores."""

from itertools import product
from pathlib import Path

from authenticity import tables
from authenticity.config import Experiment
from authenticity.features import matrix, published
from authenticity.files import read_json
from authenticity.jobs import job
from authenticity.models import candidates, fitting
from authenticity.names import LOGITS

with job(snakemake) as log:
    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    settings = Experiment.model_validate(params.experiment)
    trials = tables.read(given.trials)
    data = fitting.Trials(trials, settings)
    features = matrix.Tables.by_view(trials, params.splits, given.spectral, given.embeddings)
    identity = read_json(given.encoder) if given.encoder else {"n_layers": 0}
    tables.require_encoder(given.embeddings, identity)
    n_layers, kind = identity["n_layers"], settings.model.kind
    sign = published.sign(identity["labels"], settings.model.spoof) if kind == "published" else 1.0
    which = settings.features.spectral
    names = [LOGITS] if kind == "published" else matrix.candidates(settings.features, n_layers)

    def fit(name, pooling):
        """Fit one candidate in every round."""
        return fitting.fit(
            data,
            lambda view: features[view].load(name, which, pooling, n_layers),
            settings,
            matrix.n_spectral(which),
            len(matrix.layers_of(name, n_layers)),
            sign,
        )

    origin = candidates.origin_of(given, params.version, params.experiment)
    unfinished = Path(params.unfinished)
    keys = product(names, settings.features.pooling)
    fitted = candidates.fit_all(keys, fit, unfinished, origin)
    candidates.publish(trials, fitted, data.rounds, settings, wildcards, snakemake.output)
    candidates.forget(unfinished)
