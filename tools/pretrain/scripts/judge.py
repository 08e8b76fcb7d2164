"""Put one encoder through an experiment: fit on train, choose layer and pooling on dev."""

from authenticity import tables
from authenticity.config import Experiment
from authenticity.files import read_json, write_json
from authenticity.jobs import job
from pretrain import selection

with job(snakemake) as log:
    scores, chosen = selection.judge(
        tables.read(snakemake.input.manifest),
        snakemake.input.spectral,
        snakemake.input.embeddings,
        read_json(snakemake.input.encoder)["n_layers"],
        Experiment.model_validate(snakemake.params.experiment),
    )
    tables.write(snakemake.output.scores, scores, scores.schema)
    write_json(snakemake.output.dev, chosen)
    log.info(
        "%s: %s %s, ROC-AUC on dev %.4f",
        snakemake.wildcards.trained,
        chosen["candidate"],
        chosen["pooling"],
        chosen["dev"]["roc_auc"]["value"],
    )
