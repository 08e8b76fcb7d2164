"""Choose an encoder on the probe."""

from authenticity import tables
from authenticity.files import write_json, write_text
from authenticity.jobs import job
from pretrain import choice

with job(snakemake) as log:
    params, paths = snakemake.params, iter(snakemake.input)
    judged = {
        name: {half: tables.read(next(paths)) for half in ("choosing", "reporting")}
        for name in [*params.trained, *params.untrained]
    }
    found = choice.choose(
        *({name: judged[name] for name in names} for names in (params.trained, params.untrained)),
        params.heard,
        params.seed,
    )
    write_json(snakemake.output.choice, found)
    write_text(snakemake.output.table, choice.markdown(found) + "\n")
    for line in choice.markdown(found).splitlines():
        log.info("%s", line)
