"""Draw the score histograms of an experiment."""

from authenticity import files, plots, tables
from authenticity.jobs import job
from authenticity.names import ordered_splits

with job(snakemake) as log:
    trials = tables.read(snakemake.input.scores, ["split", "label", "score"]).to_pandas()
    splits = []
    for split in ordered_splits(trials["split"]):
        chosen = trials[trials["split"] == split]
        splits.append(
            plots.ScoredSplit(split, chosen["label"].to_numpy(), chosen["score"].to_numpy())
        )
    leaks = files.read_json(snakemake.input.metrics)["leak"]["leaks"]
    figure = plots.score_histograms(splits, snakemake.wildcards.experiment, leaks)
    plots.save(figure, snakemake.output.figure)
