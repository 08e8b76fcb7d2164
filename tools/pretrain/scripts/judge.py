"""Score the clips of the probe by one encoder, in the half that chooses and in the other one."""

from pathlib import Path

from authenticity import tables
from authenticity.features.encoder import Encoder
from authenticity.jobs import job
from pretrain import choice
from probe import corpus, ranking

with job(snakemake) as log:
    encoder = Encoder.load(Path(snakemake.input.encoder[0]).parent)
    clips = corpus.clips(**snakemake.params.probe)
    described = ranking.Described.of(clips, {snakemake.wildcards.encoder: encoder})
    for half, scores in choice.judge(described, snakemake.params.probe["seed"]).items():
        tables.write(snakemake.output[half], scores, scores.schema)
