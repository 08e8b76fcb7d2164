"""Put the seeds of each fine-tuned candidate together, choose, and publish model and scores."""

from authenticity import tables
from authenticity.config import Experiment
from authenticity.files import read_arrays, read_json
from authenticity.jobs import job
from authenticity.models import candidates, fitting

with job(snakemake) as log:
    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    settings = Experiment.model_validate(params.experiment)
    seeds = settings.model.seeds
    fitted = {}
    for index, name in enumerate(params.candidates):
        own = slice(index * len(seeds), (index + 1) * len(seeds))
        fitted[name] = fitting.together(
            seeds,
            [tables.read(path) for path in given.scores[own]],
            [read_json(path) for path in given.summaries[own]],
            read_arrays(given.heads[own][0]),
        )
    choice = candidates.conclude(tables.read(given.trials), fitted)
    candidates.publish(choice, settings, wildcards, snakemake.output)
