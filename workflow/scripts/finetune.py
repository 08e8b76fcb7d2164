"""Fine-tune the last layers of an encoder's first ones, with one seed."""

from pathlib import Path

from authenticity import tables
from authenticity.config import Experiment
from authenticity.features import matrix
from authenticity.features.encoder import Encoder
from authenticity.features.frames import Frames
from authenticity.files import read_json, write_arrays, write_json
from authenticity.jobs import job
from authenticity.models import finetune

with job(snakemake) as log:
    params, wildcards, out = snakemake.params, snakemake.wildcards, snakemake.output
    identity = read_json(snakemake.input.encoder)
    tables.require_encoder(snakemake.input.indices, identity)
    experiment = Experiment.model_validate(params.experiment)
    (layers,) = matrix.layers_of(wildcards.candidate, identity["n_layers"])
    scores, summary, model = finetune.fit_trials(
        tables.read(snakemake.input.trials),
        Frames.load(snakemake.input.frames),
        Encoder.load(params.model, "float32", params.window_seconds, identity["revision"]),
        experiment,
        finetune.Settings(experiment.model, layers, identity["precision"], int(wildcards.seed)),
        Path(params.state),
    )
    tables.write(out.scores, scores, scores.schema)
    write_json(out.summary, summary)
    write_arrays(out.head, model.head.arrays("head"))
    model.export(Path(out.folder[0]).parent)
    Path(params.state).unlink(missing_ok=True)
