"""Hold a grid of experiments against one of them."""

from pathlib import Path

from authenticity import files, plots, report, tables
from authenticity.evaluation import ablations, compare, results
from authenticity.jobs import job
from authenticity.names import labelled

with job(snakemake) as log:
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    items = results.read(inputs.metrics, inputs.records)
    models = [files.read_json(path) for path in inputs.models]
    by_seed = {tables.metadata(path)["experiment"]: path for path in inputs.get("seeds", [])}
    rows = []
    for item, model, path in zip(items, models, inputs.scores, strict=True):
        name = item.experiment
        seeds = tables.read(by_seed[name]) if name in by_seed else None
        cost = ablations.cost(
            Path("benchmarks", snakemake.wildcards.corpus),
            name,
            [other for other in params.experiments if other != name],
            model,
        )
        scorer = compare.Scorer(item.name, tables.read(path), seeds)
        rows.append(ablations.Row(scorer, params.about[name], item, cost))
    rejected = set(tables.read_many(inputs.rejected, ["file"])["file"].to_pylist())
    grid = ablations.ablations(rows, params.reference, params.seed, rejected)
    files.write_json(outputs.ablations, grid)
    files.write_text(outputs.page, report.ablations(grid, items))
    drawn = [
        (labelled(row["name"], row["control"]), row["leaks"], row["difference"])
        for row in grid["rows"]
        if row["difference"]
    ]
    title = f"{snakemake.wildcards.corpus}, against {params.reference}"
    plots.save(plots.differences(drawn, title), outputs.figure)
