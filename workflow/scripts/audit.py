"""Audit a corpus in a view: what single properties of a clip score by themselves."""

from authenticity import estimates, files
from authenticity.evaluation import audit
from authenticity.jobs import job

with job(snakemake) as log:
    found = audit.audit(snakemake.input.trials, snakemake.input.spectral, snakemake.params.seed)
    for split, properties in found["splits"].items():
        names, auc = audit.strongest([properties], known_voices=True)
        log.info("%s: %s, ROC-AUC %s", split, " and ".join(names), estimates.whole(auc))
    files.write_json(snakemake.output.audit, {"view": snakemake.wildcards.view, **found})
