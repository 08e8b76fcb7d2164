"""Verify the tables of every view of a corpus."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from authenticity import tables
from authenticity.files import write_json
from authenticity.jobs import job
from authenticity.verification import lines, verify

with job(snakemake) as log:
    inputs, corpus = snakemake.input, snakemake.wildcards.corpus
    manifest = tables.read(inputs.manifest)
    reports = {}
    for view, splits in snakemake.params.splits.items():
        reports[view] = verify(
            corpus,
            manifest.filter(pc.is_in(manifest["split"], value_set=pa.array(splits))),
            [path for path in inputs.spectral if Path(path).parent.name == view],
            [path for path in inputs.rejected if Path(path).parent.name == view],
            snakemake.params.max_rejected,
        )
        for line in lines(reports[view]):
            log.info("view %s, %s", view, line)
    write_json(snakemake.output.verified, reports)
