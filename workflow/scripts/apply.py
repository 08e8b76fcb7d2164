"""Score other views of an experiment's corpus, or another corpus, with its models."""

from authenticity import tables
from authenticity.config import Experiment
from authenticity.evaluation import splits
from authenticity.features import fingerprints, matrix
from authenticity.files import read_arrays, read_json
from authenticity.jobs import job
from authenticity.models import application

with job(snakemake) as log:
    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    experiment = Experiment.model_validate(params.experiment)
    model, target = read_json(given.model), tables.read(given.target)
    leak = model["leak"]
    if wildcards.target == wildcards.corpus:
        # Of dev only those have features that a bundle's thresholds are set on.
        trials = application.own_trials(tables.read(given.scores), "dev", "eval")
    else:
        trials = application.other_trials(target, experiment.protocol)
        fitted = tables.read(given.trials)
        rounds = splits.rounds(fitted, experiment.protocol, experiment.seed)
        clips = [tables.read(path) for path in given.fingerprints]
        fitted, reported = fingerprints.grouped_together([fitted, target], clips)
        reported = tables.where(reported, key=trials["file"].to_pylist())
        leak = splits.leaks(fitted, rounds, reported)
    identity = read_json(given.encoder) if given.encoder else {"n_layers": 0}
    tables.require_encoder(given.embeddings, identity)
    which, n_layers = experiment.features.spectral, identity["n_layers"]
    by_view = matrix.Tables.by_view(target, params.splits, given.spectral, given.embeddings)
    features = {
        name: lambda candidate, pooling, view=view: view.load(candidate, which, pooling, n_layers)
        for name, view in by_view.items()
    }
    scores = application.apply_views(trials, target, model, read_arrays(given.weights), features)
    application.publish(scores, given.scores, wildcards, leak, snakemake.output.scores)
