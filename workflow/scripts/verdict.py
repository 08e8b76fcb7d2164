"""Judge pairs of experiments, and show the differences."""

from authenticity import files, plots, report, tables
from authenticity.evaluation import results, verdict
from authenticity.jobs import job

with job(snakemake) as log:
    given = snakemake.input
    metrics, _ = results.read(given.metrics)
    names = [item["experiment"] for item in metrics]
    by_seed = given.get("seeds", [])
    seeds = {tables.metadata(path)["experiment"]: tables.read(path) for path in by_seed}
    sides = {
        name: verdict.Side(tables.read(path), seeds.get(name), item)
        for name, path, item in zip(names, given.scores, metrics, strict=True)
    }
    rejected = set(tables.read_many(given.rejected, ["file"])["file"].to_pylist())
    found = verdict.verdict(
        snakemake.params.pairs, sides, snakemake.params.split, snakemake.params.seed, rejected
    )
    for item in found["pairs"]:
        log.info(item["sentence"])
    files.write_json(snakemake.output.verdict, found)
    files.write_text(snakemake.output.page, report.comparison(found, metrics))
    leaking = {item["name"] for item in metrics if item["leak"]["leaks"]}
    controls = {item["name"] for item in metrics if item["control"]}
    drawn = [plots.Difference.of_pair(item, leaking, controls) for item in found["pairs"]]
    plots.save(plots.differences(drawn, snakemake.wildcards.corpus), snakemake.output.figure)
