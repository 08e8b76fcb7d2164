"""Report eval, once, for the encoder that was chosen and for what it is held against."""

from authenticity.files import read_json, write_json, write_text
from authenticity.jobs import job
from pretrain import selection

with job(snakemake) as log:
    params, given = snakemake.params, snakemake.input
    names = [*params.trained, *params.untrained, params.reference]
    report = selection.evaluate(
        read_json(given.selection)["chosen"],
        [*params.untrained, params.reference],
        dict(zip(names, [*given.trained, *given.untrained, *given.reference], strict=True)),
        params.seed,
    )
    write_json(snakemake.output.report, report)
    write_text(snakemake.output.table, selection.markdown(report) + "\n")
    log.info("eval of %s\n%s", report["chosen"]["name"], selection.markdown(report))
