"""Draw the ROC-AUC of an experiment's candidates, layer by layer."""

from authenticity import files, plots
from authenticity.evaluation.figures import estimate
from authenticity.jobs import job

with job(snakemake) as log:
    found = [
        plots.Candidate(
            name=item["candidate"],
            pooling=item["pooling"],
            chosen=item["chosen"],
            roc_auc={split: estimate(figure) for split, figure in item["splits"].items()},
        )
        for item in files.read_json(snakemake.input.selection)["candidates"]
    ]
    figure = plots.candidates(found, snakemake.wildcards.experiment)
    plots.save(figure, snakemake.output.figure)
