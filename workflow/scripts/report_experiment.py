"""Write an experiment's model card, as a page and as Markdown, and draw its scores."""

from importlib.metadata import version
from pathlib import Path

from authenticity import card, document, energy, files, plots, tables, trust
from authenticity.evaluation import results
from authenticity.jobs import job
from authenticity.plots import from_metrics

PACKAGES = ("numpy", "scikit-learn", "torch", "transformers")

with job(snakemake) as log:
    given, out, params = snakemake.input, snakemake.output, snakemake.params
    (metrics,), others = results.read([given.metrics])
    audits = {metrics["view"]: files.read_json(given.audit)}
    (evidence,) = trust.gather([metrics], others, audits, files.read_json(given.verified))
    files.write_json(out.trust, trust.judge_all(snakemake.wildcards.corpus, [evidence]))
    elsewhere, _ = results.read(given.elsewhere)
    encoder = files.read_json(given.encoder)
    facts = card.Facts(
        evidence=evidence,
        model=files.read_json(given.model),
        elsewhere={item["target"]: item for item in elsewhere},
        encoder=encoder,
        licence=card.licence_of(encoder),
        versions=params.versions | {name: version(name) for name in PACKAGES},
        spent=energy.spent(
            Path("benchmarks", snakemake.wildcards.corpus),
            snakemake.wildcards.experiment,
            params.others,
        ),
        watts_per_core=params.watts_per_core,
    )
    title, blocks = card.title(facts), card.card(facts)
    files.write_text(out.card, document.as_html(title, blocks))
    files.write_text(out.card_markdown, document.as_markdown(title, blocks))
    plots.save(from_metrics.of_scores(tables.read(given.scores), metrics), out.scores)
    plots.save(from_metrics.of_calibration(metrics), out.calibration)
