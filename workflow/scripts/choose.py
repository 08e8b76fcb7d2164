"""Choose an experiment's candidate, and publish its model and scores."""

import json

from authenticity import tables
from authenticity.files import read_arrays, read_json, write_arrays, write_json
from authenticity.jobs import job
from authenticity.models import candidates

with job(snakemake) as log:
    experiment, names = snakemake.params.experiment, snakemake.params.candidates
    summaries = dict(zip(names, map(read_json, snakemake.input.summaries), strict=True))
    candidate, pooling, compared = candidates.choose(summaries)
    position = names.index(candidate)
    figures = summaries[candidate]["poolings"][pooling]
    chosen = {"candidate": candidate, "pooling": pooling, "C": figures["C"]}
    about = {
        "experiment": snakemake.wildcards.experiment,
        "corpus": snakemake.wildcards.corpus,
        "protocol": experiment["protocol_name"],
    }
    how_fitted = {key: value for key, value in summaries[candidate].items() if key != "poolings"}
    write_json(
        snakemake.output.model,
        {
            **about,
            **chosen,
            **how_fitted,
            "seed": experiment["seed"],
            "spectral": experiment["features"]["spectral"],
            "selection": compared,
        },
    )
    arrays = read_arrays(snakemake.input.models[position])
    prefix = f"{pooling}."
    write_arrays(
        snakemake.output.weights,
        {key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)},
    )
    tables.write(
        snakemake.output.scores,
        candidates.final_scores(tables.read(snakemake.input.scores[position]), pooling),
        tables.SCORES,
        {**about, "chosen": json.dumps(chosen, sort_keys=True)},
    )
    log.info("%s: chosen %s, pooling %s, C %g", about["experiment"], *chosen.values())
