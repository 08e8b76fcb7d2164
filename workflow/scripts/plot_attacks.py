"""Draw the ROC-AUC of a corpus's experiments on each attack."""

from authenticity import files, plots
from authenticity.evaluation.figures import estimate
from authenticity.jobs import job

with job(snakemake) as log:
    split = snakemake.params.split
    found = [
        plots.AttackFigure(
            item["experiment"], attack, figure["n_spoof"], estimate(figure["roc_auc"])
        )
        for item in map(files.read_json, snakemake.input.metrics)
        for attack, figure in item["splits"][split]["per_attack"].items()
    ]
    plots.save(plots.attacks(found, split), snakemake.output.figure)
