"""Choose an experiment's candidates, and publish its model and scores."""

from authenticity import tables
from authenticity.files import read_arrays, read_json, write_arrays, write_json
from authenticity.jobs import job
from authenticity.models import candidates

with job(snakemake) as log:
    experiment, names = snakemake.params.experiment, snakemake.params.candidates
    given = snakemake.input
    choice = candidates.conclude(
        tables.read(given.trials),
        dict(zip(names, map(read_json, given.summaries), strict=True)),
        lambda name: tables.read(given.scores[names.index(name)]),
        lambda name: read_arrays(given.models[names.index(name)]),
    )
    about = {
        "experiment": snakemake.wildcards.experiment,
        "corpus": snakemake.wildcards.corpus,
        "protocol": experiment["protocol_name"],
    }
    settings = {"seed": experiment["seed"], "features": experiment["features"]}
    settings["kind"] = experiment["model"]["kind"]
    write_json(snakemake.output.model, {**about, **settings, **choice.model})
    write_arrays(snakemake.output.weights, choice.arrays)
    tables.write(
        snakemake.output.scores,
        choice.scores,
        choice.scores.schema,
        {
            **about,
            "target": about["corpus"],
            "view": experiment["features"]["view"],
            "chosen": choice.chosen(),
        },
    )
    if snakemake.output.get("seeds"):
        tables.write(snakemake.output.seeds, choice.seeds, choice.seeds.schema, about)
    for row in choice.model["rounds"]:
        found = (row[name] for name in ("round", "candidate", "pooling", "C"))
        log.info("%s, round %s: chosen %s, pooling %s, C %g", about["experiment"], *found)
