"""Judge which figures of a corpus's experiments to trust."""

from authenticity import files, report, trust
from authenticity.jobs import job

with job(snakemake) as log:
    metrics = [files.read_json(path) for path in snakemake.input.metrics]
    applied = [files.read_json(path) for path in snakemake.input.applied]
    audited = files.read_json(snakemake.input.audit)
    verified = files.read_json(snakemake.input.verified)
    evidence = trust.gather(metrics, applied, audited, verified)
    found = trust.judge_all(snakemake.wildcards.corpus, evidence)
    for item in found["experiments"]:
        log.info("%s: %s", item["name"], item["overall"]["sentence"])
    files.write_json(snakemake.output.trust, found)
    files.write_text(snakemake.output.page, report.verdict(found))
