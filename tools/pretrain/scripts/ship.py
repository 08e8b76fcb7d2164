"""Copy the chosen encoder to the folder that the ordinary workflow reads, if it is worth that."""

from pathlib import Path

from authenticity.files import read_json, write_json
from authenticity.jobs import job
from pretrain import choice

with job(snakemake) as log:
    shipped = choice.ship(
        read_json(snakemake.input.choice),
        Path("results/pretrain/encoders"),
        Path(snakemake.params.folder),
    )
    write_json(snakemake.output.shipped, shipped)
