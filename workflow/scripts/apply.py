"""Score another view of an experiment's corpus, or another corpus, with its models."""

import functools
import json

from authenticity import tables
from authenticity.evaluation import splits
from authenticity.features import fingerprints, matrix
from authenticity.files import read_arrays, read_json
from authenticity.jobs import job
from authenticity.models import application, candidates

with job(snakemake) as log:
    given, wildcards = snakemake.input, snakemake.wildcards
    experiment = snakemake.params.experiment
    model, target = read_json(given.model), tables.read(given.target)
    leak = model["leak"]
    if wildcards.target == wildcards.corpus:
        trials = application.own_trials(tables.read(given.scores))
    else:
        trials = application.other_trials(target, experiment["protocol"])
        fitted = tables.read(given.trials)
        rounds = splits.rounds(fitted, experiment["protocol"], experiment["seed"])
        clips = [tables.read(path) for path in given.fingerprints]
        fitted, reported = fingerprints.grouped_together([fitted, target], clips)
        leak = splits.leaks_between(fitted, rounds, application.rows_of(reported, trials))
    features = matrix.Tables(given.spectral, given.embeddings)
    n_layers = read_json(given.encoder)["n_layers"]
    which = experiment["features"]["spectral"]
    load = functools.lru_cache(1)(
        lambda *chosen: features.load(chosen[0], which, chosen[1], n_layers)
    )
    scores = application.apply(trials, model, read_arrays(given.weights), load)
    scores = candidates.join_conditions(scores, target)
    about = {name: tables.metadata(given.scores)[name] for name in ("chosen", "protocol")}
    about |= {name: wildcards[name] for name in ("experiment", "corpus", "target", "view")}
    about["leak"] = json.dumps(leak)
    tables.write(snakemake.output.scores, scores, scores.schema, about)
    log.info("%s: %d of %d trials scored", snakemake.output.scores, len(scores), len(trials))
