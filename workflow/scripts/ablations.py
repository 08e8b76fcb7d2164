"""Hold a grid of experiments against one of them."""

from pathlib import Path

from authenticity import files, plots, report, tables
from authenticity.evaluation import ablations, compare, results
from authenticity.jobs import job

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    metrics, _ = results.read(given.metrics)
    models = [files.read_json(path) for path in given.models]
    by_seed = {tables.metadata(path)["experiment"]: path for path in given.get("seeds", [])}
    rows = []
    for item, model, path in zip(metrics, models, given.scores, strict=True):
        name = item["experiment"]
        seeds = tables.read(by_seed[name]) if name in by_seed else None
        cost = ablations.cost(
            Path("benchmarks", snakemake.wildcards.corpus),
            name,
            [other for other in params.experiments if other != name],
            params.watts_per_core,
            ablations.parameters(model),
        )
        scorer = compare.Scorer(item["name"], tables.read(path), seeds)
        rows.append(ablations.Row(scorer, params.about[name], item, cost))
    rejected = set(tables.read_many(given.rejected, ["file"])["file"].to_pylist())
    found = ablations.ablations(rows, params.reference, params.split, params.seed, rejected)
    files.write_json(snakemake.output.ablations, found)
    files.write_text(snakemake.output.page, report.ablations(found, metrics))
    drawn = [plots.Difference.of_row(row) for row in found["rows"] if row["difference"]]
    title = f"{snakemake.wildcards.corpus}, against {params.reference}"
    plots.save(plots.differences(drawn, title), snakemake.output.figure)
