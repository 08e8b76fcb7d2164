"""Draw the ROC-AUC of a corpus's experiments in every view of its audio."""

from authenticity import files, plots
from authenticity.evaluation.figures import estimate
from authenticity.jobs import job
from authenticity.names import ordered_views, view_name
from authenticity.report.wording import label

with job(snakemake) as log:
    split = snakemake.params.split
    metrics = [files.read_json(path) for path in snakemake.input.metrics]
    seen = [*metrics, *map(files.read_json, snakemake.input.applied)]
    order = ordered_views(item["view"] for item in seen)
    rows = []
    for item in sorted(seen, key=lambda item: order.index(item["view"])):
        found, name = item["splits"][split], view_name(item["view"])
        auc = estimate(found["roc_auc"])
        rows.append(plots.Row(label(item), name, found["n_spoof"], auc))
    made_for = {label(item): view_name(item["view"]) for item in metrics}
    leaking = [label(item) for item in metrics if item["leak"]["leaks"]]
    plots.save(plots.views(rows, made_for, split, leaking), snakemake.output.figure)
