"""Verify the tables of a corpus."""

from authenticity import tables
from authenticity.files import write_json
from authenticity.jobs import job
from authenticity.verification import verify

with job(snakemake) as log:
    report = verify(
        snakemake.wildcards.corpus,
        tables.read(snakemake.input.manifest),
        snakemake.input.spectral,
        snakemake.input.embeddings,
        snakemake.input.rejected,
        snakemake.params.max_rejected,
    )
    log.info(
        "corpus %(corpus)s: %(n_accepted)d of %(n_manifest)d trials accepted, "
        "%(n_rejected)d set aside",
        report,
    )
    write_json(snakemake.output.verified, report)
