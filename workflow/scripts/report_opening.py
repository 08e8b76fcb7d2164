"""Write the report's opening page, and the figures of the whole run as a table."""

from pathlib import Path

from authenticity import files, report, tables
from authenticity.evaluation import results
from authenticity.jobs import job

with job(snakemake) as log:
    metrics, others = results.read(snakemake.input.metrics)
    judged = {item["corpus"]: item for item in map(files.read_json, snakemake.input.trust)}
    figures = dict(zip(judged, map(Path, snakemake.input.figure), strict=True))
    ratings = {
        (corpus, item["name"]): item["overall"]["status"]
        for corpus, found in judged.items()
        for item in found["experiments"]
    }
    found = [files.read_json(path) for path in snakemake.input.get("compared", [])]
    compared = dict(zip(snakemake.params.compared, found, strict=True))
    corpora = []
    for verified in map(files.read_json, snakemake.input.verified):
        name = verified["corpus"]
        own = [item for item in metrics if item["target"] == name]
        of = {item["name"]: ratings[name, item["name"]] for item in own}
        corpora.append(report.Corpus(verified, own, of, figures.get(name), compared.get(name)))
    files.write_text(snakemake.output.page, report.opening(corpora))
    files.write_json(snakemake.output.headline, report.headline_rows(metrics, ratings))
    figures_of_run = results.tidy([*metrics, *others])
    tables.write(snakemake.output.results, figures_of_run, results.RESULTS)
