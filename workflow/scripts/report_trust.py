"""Judge which figures of a corpus's experiments to trust."""

from authenticity import files, report, trust
from authenticity.jobs import job

with job(snakemake) as log:
    metrics = [files.read_json(path) for path in snakemake.input.metrics]
    applied = [files.read_json(path) for path in snakemake.input.applied]
    audits = {item["view"]: item for item in map(files.read_json, snakemake.input.audits)}
    verified = files.read_json(snakemake.input.verified)
    evidence = trust.gather(metrics, applied, audits, verified)
    found = trust.judge_all(snakemake.wildcards.corpus, evidence)
    for item in found["experiments"]:
        log.info("%s: %s", item["name"], item["overall"]["sentence"])
    files.write_json(snakemake.output.trust, found)
    files.write_text(snakemake.output.page, report.rating(found))
