"""Score a view of an experiment's corpus with its fine-tuned encoder."""

import functools
import json
from pathlib import Path

from authenticity import config, tables
from authenticity.audio import Limits
from authenticity.features.clips import Reader, View
from authenticity.features.encoder import Encoder
from authenticity.files import read_arrays, read_json
from authenticity.jobs import corpus_root, job
from authenticity.models import application, finetuned

with job(snakemake) as log:
    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    model, trials = read_json(given.model), tables.read(given.trials)
    scored = application.own_trials(tables.read(given.scores), "eval")
    rows = application.rows_of(trials, scored).to_pylist()
    view = View(wildcards.view, config.view(params.steps))
    reader = Reader(corpus_root(snakemake), Limits(**params.limits), view)
    folder = Path("results", wildcards.corpus, "finetuned", wildcards.experiment)

    @functools.lru_cache(1)
    def heard(candidate, pooling):
        """Embed the clips with the encoder that the experiment chose."""
        encoder = Encoder.load(
            folder / f"{candidate}-{params.seed}", "float32", params.window_seconds
        )
        return finetuned.heard(rows, reader, encoder)

    features = {wildcards.view: heard}
    scores = application.apply_views(scored, trials, model, read_arrays(given.weights), features)
    about = {name: tables.metadata(given.scores)[name] for name in ("chosen", "protocol")}
    about |= {name: wildcards[name] for name in ("experiment", "corpus", "target")}
    about["leak"] = json.dumps(model["leak"])
    tables.write(snakemake.output.scores, scores, scores.schema, about)
    log.info("%s: %d of %d trials scored", snakemake.output.scores, len(scores), len(scored))
