"""Write the report's opening page, and the results of the whole run as one table."""

from pathlib import Path

from authenticity import files, report, tables
from authenticity.evaluation import results
from authenticity.jobs import job

with job(snakemake) as log:
    inputs, outputs = snakemake.input, snakemake.output
    fitted = results.read(inputs.metrics, inputs.records)
    tested = [item for item in fitted if item.reported]
    ratings = {
        judged["corpus"]: {
            item["name"]: item["overall"]["status"] for item in judged["experiments"]
        }
        for judged in map(files.read_json, inputs.trust)
    }
    figures = dict(zip(ratings, map(Path, inputs.figure), strict=True))
    verdicts = map(files.read_json, inputs.get("compared", []))
    compared = dict(zip(snakemake.params.compared, verdicts, strict=True))
    on_dev = {
        (item.corpus, item.experiment): auc.value
        for item in fitted
        if item.corpus == item.target and (auc := item.on("dev").get("roc_auc"))
    }
    corpora = []
    for verified in map(files.read_json, inputs.verified):
        name = verified["corpus"]
        items = [item for item in tested if item.target == name]
        about = ratings.get(name, {}), figures.get(name), compared.get(name), on_dev
        corpora.append(report.Corpus(verified, items, *about))
    files.write_text(outputs.page, report.opening(corpora))
    files.write_json(outputs.headline, report.headline_rows(tested, ratings))
    tables.write(outputs.results, results.together(inputs.metrics), results.RESULTS)
