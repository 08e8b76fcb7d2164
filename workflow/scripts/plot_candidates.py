"""Draw the ROC-AUC of an experiment's candidates, layer by layer."""

from math import nan

from authenticity import files, plots
from authenticity.evaluation.bootstrap import Estimate
from authenticity.jobs import job
from authenticity.report.wording import label

with job(snakemake) as log:
    found = []
    for item in files.read_json(snakemake.input.selection)["candidates"]:
        roc_auc = {}
        for split, figure in item["splits"].items():
            # A mean over rounds has no interval.
            ends = [nan if figure[end] is None else figure[end] for end in ("low", "high")]
            roc_auc[split] = Estimate(figure["value"], *ends)
        found.append(plots.Candidate(item["candidate"], item["pooling"], item["chosen"], roc_auc))
    metrics = files.read_json(snakemake.input.metrics)
    figure = plots.candidates(found, label(metrics), metrics["leak"]["leaks"])
    plots.save(figure, snakemake.output.figure)
