"""Verify the tables of a view of a corpus."""

import pyarrow as pa
import pyarrow.compute as pc
from authenticity import tables
from authenticity.files import write_json
from authenticity.jobs import job
from authenticity.verification import lines, verify

with job(snakemake) as log:
    manifest = tables.read(snakemake.input.manifest)
    needed = pc.is_in(manifest["split"], value_set=pa.array(snakemake.params.splits))
    report = verify(
        snakemake.wildcards.corpus,
        manifest.filter(needed),
        snakemake.input.spectral,
        snakemake.input.rejected,
        snakemake.params.max_rejected,
    )
    report["view"] = snakemake.wildcards.view
    for line in lines(report):
        log.info("view %s, %s", snakemake.wildcards.view, line)
    write_json(snakemake.output.verified, report)
