"""Train one encoder, going on where an earlier, interrupted job of this rule stopped."""

from pathlib import Path

import torch
from authenticity.jobs import job
from pretrain import speech, targets
from pretrain.export import export
from pretrain.training import Recipe, pretrain

with job(snakemake) as log:
    # One thread whatever the machine has: sums in a fixed order give the same weights.
    torch.set_num_threads(1)
    checkpoint = Path(snakemake.params.checkpoint)
    encoder = pretrain(
        speech.read(snakemake.input.speech),
        targets.read_centroids(snakemake.input.centroids),
        Recipe(steps=int(snakemake.wildcards.steps), seed=int(snakemake.wildcards.seed)),
        checkpoint,
    )
    export(encoder, Path(snakemake.output.weights).parent)
    checkpoint.unlink(missing_ok=True)
