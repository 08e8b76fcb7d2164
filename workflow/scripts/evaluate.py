"""Compute an experiment's metrics on a corpus, in every view that it was scored in."""

import json
from dataclasses import asdict

from authenticity import files, tables
from authenticity.evaluation import measure, results, score_files
from authenticity.jobs import job

with job(snakemake) as log:
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    model, about = files.read_json(inputs.model), tables.metadata(inputs.scores[0])
    names = {name: about[name] for name in ("experiment", "corpus", "target")}
    seed, threshold = model["seed"], measure.Threshold.of(tables.read(inputs.own))
    for path in inputs.scores:
        tables.require_finite(path, ["score", "p_spoof"])
    views = {name: part for path in inputs.scores for name, part in tables.scores(path).items()}
    scored = next(iter(views))
    known_attacks = measure.attacks_of(tables.read(inputs.trials), params.trained_on)
    measured, rows = {}, []
    for view, scores in views.items():
        log.info("view %s", view)
        if view != scored:
            scores = tables.where(scores, split="eval")
        measured[view] = measure.view(
            scores,
            about["target"],
            threshold,
            tables.read(inputs.asv),
            seed,
            log.info,
            params.partitions,
            known_attacks,
        )
        of_view = [*measured[view].rows]
        if view != scored:
            of_view += measure.change(views[scored], scores, seed)
        elif inputs.get("candidates"):
            of_view += measure.candidates(tables.read(inputs.candidates), seed, log.info)
        rows += [row | names | {"view": view} for row in of_view]
    tables.write(outputs.metrics, results.table(rows), results.RESULTS)
    tables.write(outputs.bands, measured[scored].bands, measure.BAND)
    record = names | {
        "view": scored,
        "protocol": about["protocol"],
        "seed": seed,
        "control": params.control,
        "train_views": model["features"]["train_views"],
        "chosen": json.loads(about["chosen"]),
        "leak": json.loads(about["leak"]) if "leak" in about else model["leak"],
        "partitions": {split: params.partitions[split] for split in measured[scored].why},
        "known_attacks": known_attacks,
        "threshold": threshold and asdict(threshold),
        "why": measured[scored].why,
        "not_conditions": measured[scored].not_conditions,
    }
    files.write_json(outputs.record, record)
    for form in score_files.FORMS:
        score_files.write(views[scored], form, outputs[form])
