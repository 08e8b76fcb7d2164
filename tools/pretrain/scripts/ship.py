"""Copy the chosen encoder to the folder that the ordinary workflow reads."""

from pathlib import Path

from authenticity.features.export import FILES
from authenticity.files import atomic, read_json, sha256, write_json
from authenticity.jobs import job

with job(snakemake) as log:
    name = read_json(snakemake.input.selection)["chosen"]
    weights = snakemake.input.encoders[snakemake.params.names.index(name)]
    source = Path(weights).parent
    target = Path(snakemake.params.folder)
    for file in FILES:
        with atomic(target / file) as temporary:
            temporary.write_bytes((source / file).read_bytes())
    digests = {file: sha256(target / file) for file in FILES}
    write_json(snakemake.output.shipped, {"encoder": name, "files": digests})
    log.info("%s is now %s; commit it, and bring its README.md up to date", target, name)
