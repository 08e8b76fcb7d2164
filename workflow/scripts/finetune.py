"""Fine-tune an experiment's candidates, choose among them, and publish what was chosen."""

import shutil
from pathlib import Path

from authenticity import tables
from authenticity.config import Experiment
from authenticity.features import matrix
from authenticity.features.encoder import Encoder
from authenticity.features.frames import Frames
from authenticity.files import atomic, read_json
from authenticity.jobs import job
from authenticity.models import candidates, finetune, fitting
from threadpoolctl import threadpool_limits

# The rule's threads are seeds. A matrix product split over threads would be rounded otherwise.
with job(snakemake), threadpool_limits(1):
    given, params = snakemake.input, snakemake.params
    settings, identity = Experiment.model_validate(params.experiment), read_json(given.encoder)
    tables.require_encoder(given.indices, identity)
    trials, n_layers = tables.read(given.trials), identity["n_layers"]
    data, unfinished = fitting.Trials(trials, settings), Path(params.unfinished)

    def fit(name, _):
        """Fine-tune one candidate with every seed, and keep the first one's encoder."""
        (layers,) = matrix.layers_of(name, n_layers)
        tuning = finetune.Settings(settings.model, layers, identity["precision"])
        candidate, first = finetune.fit_trials(
            data,
            Frames.load(given.frames, tuning.first_trained),
            Encoder.load(params.model, "float32", params.window_seconds, identity["revision"]),
            tuning,
            unfinished / f"{name}.pt",
            snakemake.threads,
        )
        first.export(unfinished / name)
        return candidate

    # The mean over time, of the last trained layer.
    keys = [(name, "mean") for name in matrix.candidates(settings.features, n_layers)]
    origin = candidates.origin_of(given, params.version, params.experiment)
    fitted = candidates.fit_all(keys, fit, unfinished, origin)
    about = settings, snakemake.wildcards, snakemake.output
    choice = candidates.publish(trials, fitted, data.rounds, *about)
    chosen = unfinished / choice.model["rounds"][0]["candidate"]
    for path in map(Path, snakemake.output.encoder):
        with atomic(path) as temporary:
            shutil.copyfile(chosen / path.name, temporary)
    candidates.forget(unfinished)
