"""Judge pairs of experiments, and show the differences."""

from authenticity import files, plots, report, tables
from authenticity.evaluation import verdict
from authenticity.jobs import job

with job(snakemake) as log:
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    sides = verdict.read(inputs.metrics, inputs.records, inputs.scores, inputs.get("seeds", []))
    items = [side.item for side in sides.values()]
    rejected = set(tables.read_many(inputs.rejected, ["file"])["file"].to_pylist())
    found = verdict.verdict(params.pairs, sides, params.seed, rejected)
    files.write_json(outputs.verdict, found)
    files.write_text(outputs.page, report.comparison(found, items))
    drawn = []
    for pair in found["pairs"]:
        log.info(pair["sentence"])
        leaks = any(sides[pair[side]].item.leaks for side in ("baseline", "candidate"))
        drawn.append((report.pair_name(pair, items), leaks, pair))
    plots.save(plots.differences(drawn, snakemake.wildcards.corpus), outputs.figure)
