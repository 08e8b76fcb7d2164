"""Make the clips of one attack, or the bona fide ones, and send them through the channel."""

from pathlib import Path

from authenticity import tables
from authenticity.jobs import job
from demo_corpus import produce

with job(snakemake):
    attack = snakemake.wildcards.attack.replace("bonafide", "-")
    planned = tables.read(snakemake.input.plan).to_pylist()
    rows = [row for row in planned if row["attack"] == attack]
    clips = produce.make_clips(
        rows, attack, Path(snakemake.input.programs), snakemake.input.packages
    )
    encoded = produce.encode(clips, rows, snakemake.params.bit_rate)
    tables.write(snakemake.output.clips, encoded, produce.ENCODED)
