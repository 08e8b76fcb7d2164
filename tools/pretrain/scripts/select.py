"""Choose the encoder that ships, on dev."""

from authenticity.files import read_json, write_json
from authenticity.jobs import job
from pretrain import selection

with job(snakemake) as log:
    judged = dict(zip(snakemake.params.names, map(read_json, snakemake.input.dev), strict=True))
    chosen = selection.select(judged)
    write_json(snakemake.output.selection, chosen)
    for name, outcome in sorted(chosen["encoders"].items()):
        auc = outcome["dev"]["roc_auc"]
        log.info(
            "%-20s %-10s %-8s dev ROC-AUC %.3f (%.3f to %.3f)",
            name,
            outcome["candidate"],
            outcome["pooling"],
            auc["value"],
            auc["low"],
            auc["high"],
        )
    log.info("chosen: %s", chosen["chosen"])
