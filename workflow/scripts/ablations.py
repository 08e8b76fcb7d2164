"""Hold a grid of experiments against one of them."""

from pathlib import Path

from authenticity import files, plots, report, tables
from authenticity.evaluation import verdict
from authenticity.jobs import job
from authenticity.names import labelled

with job(snakemake) as log:
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    sides = verdict.read(inputs.metrics, inputs.records, inputs.scores, inputs.get("seeds", []))
    folder, costs = Path("benchmarks", snakemake.wildcards.corpus), {}
    for name, model in zip(sides, map(files.read_json, inputs.models), strict=True):
        costs[name] = verdict.cost(folder, name, model)
    rejected = set(tables.read_many(inputs.rejected, ["file"])["file"].to_pylist())
    grid = verdict.ablations(sides, params.about, costs, params.reference, params.seed, rejected)
    files.write_json(outputs.ablations, grid)
    files.write_text(outputs.page, report.ablations(grid, [side.item for side in sides.values()]))
    drawn = [
        (labelled(row["name"], row["control"]), row["leaks"], row["difference"])
        for row in grid["rows"]
        if row["difference"]
    ]
    title = f"{snakemake.wildcards.corpus}, against {params.reference}"
    plots.save(plots.differences(drawn, title), outputs.figure)
