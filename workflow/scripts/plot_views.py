"""Draw the ROC-AUC of a corpus's experiments on clean audio and in every view."""

from authenticity import files, plots
from authenticity.evaluation.figures import estimate
from authenticity.jobs import job
from authenticity.report import wording

with job(snakemake) as log:
    split = snakemake.params.split
    metrics = [files.read_json(path) for path in snakemake.input.metrics]
    applied = [files.read_json(path) for path in snakemake.input.applied]
    rows = []
    for item in metrics:
        views = wording.by_view(metrics, applied)[item["experiment"]]
        shown = {"clean": item}
        shown |= {wording.view_name(view): views[view] for view in wording.ordered_views(views)}
        for name, seen in shown.items():
            found = seen["splits"][split]
            auc = estimate(found["roc_auc"])
            rows.append(plots.Row(item["experiment"], name, found["n_spoof"], auc))
    leaking = [item["experiment"] for item in metrics if item["leak"]["leaks"]]
    plots.save(plots.views(rows, split, leaking), snakemake.output.figure)
