"""Put the seeds of a fine-tuned encoder together, as a candidate like any other."""

from authenticity import tables
from authenticity.files import read_arrays, read_json, write_arrays, write_json
from authenticity.jobs import job
from authenticity.models import finetuned

with job(snakemake) as log:
    given, wildcards = snakemake.input, snakemake.wildcards
    outcome = finetuned.together(
        snakemake.params.seeds,
        [tables.read(path) for path in given.scores],
        [read_json(path) for path in given.summaries],
        read_arrays(given.heads[0]),
    )
    about = {"candidate": wildcards.candidate, "experiment": wildcards.experiment}
    tables.write(snakemake.output.scores, outcome.scores, outcome.scores.schema, about)
    write_json(snakemake.output.summary, outcome.summary)
    write_arrays(snakemake.output.models, outcome.arrays())
    for line in outcome.lines():
        log.info("%s, %s, %s", wildcards.experiment, wildcards.candidate, line)
