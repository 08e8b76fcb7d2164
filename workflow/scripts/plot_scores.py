"""Draw the score histograms of an experiment."""

from authenticity import files, plots, tables
from authenticity.jobs import job
from authenticity.names import ordered_splits
from authenticity.report.wording import label

with job(snakemake) as log:
    trials = tables.read(snakemake.input.scores, ["split", "label", "score"]).to_pandas()
    splits = []
    for split in ordered_splits(trials["split"]):
        chosen = trials[trials["split"] == split]
        splits.append(
            plots.ScoredSplit(split, chosen["label"].to_numpy(), chosen["score"].to_numpy())
        )
    metrics = files.read_json(snakemake.input.metrics)
    figure = plots.score_histograms(splits, label(metrics), metrics["leak"]["leaks"])
    plots.save(figure, snakemake.output.figure)
