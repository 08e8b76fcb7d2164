"""Write an experiment's model card, draw its scores, and show how its candidates did."""

from importlib.metadata import version
from pathlib import Path

from authenticity import benchmarks, card, files, plots, report, tables, trust
from authenticity.evaluation import results
from authenticity.jobs import job
from authenticity.names import CLEAN

PACKAGES = ("numpy", "scikit-learn", "torch", "transformers")

with job(snakemake) as log:
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    own, *elsewhere = results.read(inputs.metrics, inputs.records)
    audit, verified = files.read_json(inputs.audit), files.read_json(inputs.verified)
    evidence = [trust.Evidence(own, audit, verified)] if own.reported else []
    judged = trust.judge_all(snakemake.wildcards.corpus, evidence)
    files.write_json(outputs.trust, judged)
    shared = ["extract", "verify", "verify_view", "audit"]
    shared += ["sample", "embed"] if inputs.encoder else []
    facts = card.Facts(
        item=own,
        verified=verified,
        judged=next(iter(judged["experiments"]), None),
        model=files.read_json(inputs.model),
        elsewhere=elsewhere,
        encoder=files.read_json(inputs.encoder) if inputs.encoder else None,
        sample=files.read_json(inputs.sample) if inputs.sample else None,
        versions=params.versions | {name: version(name) for name in PACKAGES},
        spent=benchmarks.spent(
            Path("benchmarks", snakemake.wildcards.corpus),
            snakemake.wildcards.experiment,
            shared,
            {CLEAN, *own.views, *own.train_views},
        ),
    )
    page, markdown = card.pages(facts)
    files.write_text(outputs.card, page)
    files.write_text(outputs.card_markdown, markdown)
    scores = tables.read(inputs.scores)
    plots.save(plots.score_histograms(scores, own), outputs.scores)
    plots.save(plots.calibration(scores, own), outputs.calibration)
    if outputs.get("candidates"):
        candidates = report.candidates(own, facts.model)
        plots.save(plots.candidates(candidates, own), outputs.candidates)
        files.write_text(outputs.selection, report.selection(own, facts.model))
