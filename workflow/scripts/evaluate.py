"""Compute an experiment's figures on a corpus, in every view that it was scored in."""

from authenticity import files, tables
from authenticity.evaluation import figures, score_files
from authenticity.jobs import job

with job(snakemake) as log:
    given, out, params = snakemake.input, snakemake.output, snakemake.params
    model = files.read_json(given.model)
    seed, own = model["seed"], tables.read(given.own)
    scored = [
        (table, tables.metadata(path) | {tables.VIEW: view}, None if path == given.own else own)
        for path in given.scores
        for view, table in tables.scores(path).items()
    ]
    reference, metrics, bands = scored[0][0], [], []
    for table, about, dev in scored:
        log.info("view %s", about[tables.VIEW])
        found, band = figures.experiment_metrics(
            table, about, dev, model, given.asv, seed, log.info, params.partitions
        )
        metrics.append(found | {"control": params.control})
        bands.append(band)
        if table is not reference:
            metrics[-1]["change"] = figures.change(reference, table, seed)
    if given.get("candidates"):
        candidates = tables.read(given.candidates)
        metrics[0]["selection"] = figures.candidate_metrics(candidates, model, seed, log.info)
    files.write_json(out.metrics, metrics)
    tables.write(out.bands, bands[0], figures.BAND)
    for form in score_files.FORMS:
        score_files.write(reference, form, out[form])
