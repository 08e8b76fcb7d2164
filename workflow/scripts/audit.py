"""Audit a corpus in a view: what single properties of a clip score by themselves."""

from authenticity import files
from authenticity.evaluation import audit
from authenticity.jobs import job

with job(snakemake) as log:
    found = audit.audit(snakemake.input.trials, snakemake.input.spectral, snakemake.params.seed)
    log.info("single properties:\n%s", audit.markdown(found))
    files.write_json(snakemake.output.audit, {"view": snakemake.wildcards.view, **found})
