"""Fine-tune the last layers of an encoder's first ones, with one seed."""

from pathlib import Path

from authenticity import tables
from authenticity.config import Experiment
from authenticity.features import matrix
from authenticity.features.encoder import Encoder
from authenticity.features.frames import Frames
from authenticity.files import read_json, write_arrays, write_json
from authenticity.jobs import job
from authenticity.models import finetuned
from authenticity.models.finetune import Settings

with job(snakemake) as log:
    params, wildcards, out = snakemake.params, snakemake.wildcards, snakemake.output
    identity = read_json(snakemake.input.encoder)
    tables.require_encoder(snakemake.input.indices, identity)
    experiment = Experiment.model_validate(params.experiment)
    (layers,) = matrix.layers_of(wildcards.candidate, identity["n_layers"])
    outcome = finetuned.fit(
        tables.read(snakemake.input.trials),
        Frames.load(snakemake.input.frames),
        Encoder.load(params.model, "float32", params.window_seconds, identity["revision"]),
        experiment,
        Settings(experiment.model, layers, identity["precision"], int(wildcards.seed)),
        Path(params.state),
    )
    tables.write(out.scores, outcome.scores, outcome.scores.schema)
    write_json(out.summary, outcome.summary)
    write_arrays(out.head, outcome.model.head.arrays("head"))
    outcome.model.export(Path(out.folder[0]).parent)
    Path(params.state).unlink(missing_ok=True)
