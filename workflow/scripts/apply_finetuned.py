"""Score a view of an experiment's corpus with its fine-tuned encoder."""

from pathlib import Path

from authenticity import tables
from authenticity.features.encoder import Encoder
from authenticity.features.frames import Frames
from authenticity.files import read_arrays, read_json
from authenticity.jobs import job
from authenticity.models import application
from authenticity.models.top_layers import TopLayers

with job(snakemake) as log:
    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    tables.require_encoder(given.indices, read_json(given.encoder))
    model = read_json(given.model)

    def features(*_):
        """Go on from the frames with the trained layers of the encoder that was chosen."""
        network = Encoder.load(Path(given.trained[0]).parent).network
        last = len(network.encoder.layers)
        first = last - params.unfrozen
        frames, trained = Frames.load(given.frames, first), TopLayers(network, first, last)
        return frames.files, trained.pooled_alone(frames.clips)

    scores = application.apply_views(
        application.own_trials(tables.read(given.scores), "eval"),
        tables.read(given.trials),
        model,
        read_arrays(given.weights),
        {wildcards.view: features},
    )
    application.publish(scores, given.scores, wildcards, model["leak"], snakemake.output.scores)
