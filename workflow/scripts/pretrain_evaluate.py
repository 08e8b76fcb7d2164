"""Report eval, once, for the encoder that was chosen and for what it is held against."""

from authenticity.files import read_json, write_json, write_text
from authenticity.jobs import job
from authenticity.pretraining import selection

with job(snakemake) as log:
    names = snakemake.params.names
    report = selection.evaluate(
        read_json(snakemake.input.selection)["chosen"],
        snakemake.params.references,
        dict(zip(names, snakemake.input.scores, strict=True)),
        snakemake.params.seed,
    )
    write_json(snakemake.output.report, report)
    write_text(snakemake.output.table, selection.markdown(report) + "\n")
    log.info("eval of %s\n%s", report["chosen"]["name"], selection.markdown(report))
