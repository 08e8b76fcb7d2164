"""Score a view of an experiment's corpus with its fine-tuned encoder."""

from pathlib import Path

from authenticity import tables
from authenticity.features.encoder import Encoder
from authenticity.features.frames import Frames
from authenticity.files import read_arrays, read_json
from authenticity.jobs import job
from authenticity.models import application, top_layers

with job(snakemake) as log:
    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    tables.require_encoder(given.indices, read_json(given.encoder))
    model = read_json(given.model)

    def features(*_):
        """Go on from the frames with the encoder that the experiment chose."""
        encoder = Encoder.load(Path(given.trained[0]).parent)
        first = len(encoder.network.encoder.layers) - params.unfrozen
        return top_layers.applied(Frames.load(given.frames, first), encoder, params.unfrozen)

    scores = application.apply_views(
        application.own_trials(tables.read(given.scores), "eval"),
        tables.read(given.trials),
        model,
        read_arrays(given.weights),
        {wildcards.view: features},
    )
    application.publish(scores, given.scores, wildcards, model["leak"], snakemake.output.scores)
