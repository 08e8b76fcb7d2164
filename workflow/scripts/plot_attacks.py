"""Draw the ROC-AUC of a corpus's experiments on each attack."""

from authenticity import files, plots
from authenticity.evaluation.figures import estimate
from authenticity.jobs import job
from authenticity.report.wording import label

with job(snakemake) as log:
    split = snakemake.params.split
    metrics = [files.read_json(path) for path in snakemake.input.metrics]
    found = [
        plots.Row(label(item), attack, figure["n_spoof"], estimate(figure["roc_auc"]))
        for item in metrics
        for attack, figure in item["splits"][split]["per_attack"].items()
    ]
    leaking = [label(item) for item in metrics if item["leak"]["leaks"]]
    plots.save(plots.attacks(found, split, leaking), snakemake.output.figure)
