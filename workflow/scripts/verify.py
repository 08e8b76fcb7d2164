"""Verify the tables of a corpus, and say which of its trials are used."""

from authenticity import tables
from authenticity.features import fingerprints
from authenticity.files import write_json
from authenticity.jobs import job
from authenticity.verification import lines, used_trials, verify, with_near_duplicates

with job(snakemake) as log:
    manifest = tables.read(snakemake.input.manifest)
    report = verify(
        snakemake.wildcards.corpus,
        manifest,
        snakemake.input.spectral,
        snakemake.input.rejected,
        snakemake.params.max_rejected,
    )
    trials, report["duplicates"] = used_trials(
        manifest, snakemake.input.spectral, snakemake.params.duplicates
    )
    clips = fingerprints.of_trials(trials, snakemake.input.spectral)
    trials, report["near_duplicates"] = with_near_duplicates(trials, clips)
    for line in lines(report):
        log.info(line)
    schema = tables.with_conditions(tables.TRIALS, trials.column_names)
    tables.write(snakemake.output.trials, trials, schema)
    tables.write(snakemake.output.fingerprints, clips, fingerprints.SCHEMA)
    write_json(snakemake.output.verified, report)
