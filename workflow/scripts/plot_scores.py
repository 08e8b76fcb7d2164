"""Draw the score histograms of an experiment."""

from authenticity import plots, tables
from authenticity.evaluation.figures import ordered_splits
from authenticity.jobs import job

with job(snakemake) as log:
    trials = tables.read(snakemake.input.scores, ["split", "label", "score"]).to_pandas()
    splits = []
    for split in ordered_splits(trials["split"]):
        chosen = trials[trials["split"] == split]
        splits.append(
            plots.ScoredSplit(split, chosen["label"].to_numpy(), chosen["score"].to_numpy())
        )
    figure = plots.score_histograms(splits, snakemake.wildcards.experiment)
    plots.save(figure, snakemake.output.figure)
