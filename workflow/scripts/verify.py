"""Verify the tables of a corpus, as it is or in a view; and say which of its trials are used."""

from authenticity import tables
from authenticity.features import fingerprints
from authenticity.files import write_json
from authenticity.jobs import job
from authenticity.verification import lines, used_trials, verify, with_near_duplicates

with job(snakemake) as log:
    given, out, params = snakemake.input, snakemake.output, snakemake.params
    manifest, view = tables.read(given.manifest), snakemake.wildcards.get("view")
    if view:
        manifest = tables.where(manifest, split=params.splits)
    report = verify(
        snakemake.wildcards.corpus, manifest, given.spectral, given.rejected, params.max_rejected
    )
    if view:
        report["view"] = view
    else:
        trials, report["duplicates"] = used_trials(manifest, given.spectral, params.duplicates)
        clips = fingerprints.of_trials(trials, given.spectral)
        trials, report["near_duplicates"] = with_near_duplicates(trials, clips)
        tables.write(out.trials, trials, trials.schema)
        tables.write(out.fingerprints, clips, fingerprints.SCHEMA)
    for line in lines(report):
        log.info("%s%s", f"view {view}, " if view else "", line)
    write_json(out.verified, report)
