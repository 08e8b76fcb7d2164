"""Train one encoder, going on where an earlier, interrupted job of this rule stopped."""

from pathlib import Path

import torch
from authenticity.files import read_arrays
from authenticity.jobs import job
from pretrain import speech
from pretrain.export import export
from pretrain.training import Recipe, pretrain

with job(snakemake) as log:
    # One thread whatever the machine has: sums in a fixed order give the same weights.
    torch.set_num_threads(1)
    run, clusters = snakemake.wildcards, snakemake.input.centroids
    checkpoint = Path(snakemake.params.checkpoint)
    encoder = pretrain(
        speech.read(snakemake.input.speech),
        read_arrays(clusters)["centroids"] if clusters else None,
        Recipe(int(run.steps), int(run.seed), run.objective, bool(run.copies)),
        checkpoint,
    )
    export(encoder, Path(snakemake.output.weights).parent)
    checkpoint.unlink(missing_ok=True)
