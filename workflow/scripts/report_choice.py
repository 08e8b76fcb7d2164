"""Show how an experiment's candidates did, and which one was chosen."""

from authenticity import files, plots, report
from authenticity.evaluation import choice, results
from authenticity.jobs import job

with job(snakemake) as log:
    inputs = snakemake.input
    (item,) = results.read([inputs.metrics], [inputs.record])
    model = files.read_json(inputs.model)
    picture = plots.candidates(list(choice.candidates(item, model)), item.label, item.leaks)
    plots.save(picture, snakemake.output.figure)
    files.write_text(snakemake.output.table, report.selection(item, model))
