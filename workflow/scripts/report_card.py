"""Write an experiment's model card, as a page of the report and as Markdown."""

from importlib.metadata import version
from pathlib import Path

from authenticity import card, document, energy, files, trust
from authenticity.jobs import job

PACKAGES = ("numpy", "scikit-learn", "torch", "transformers")

with job(snakemake) as log:
    metrics = files.read_json(snakemake.input.metrics)
    (evidence,) = trust.gather(
        [metrics],
        [files.read_json(path) for path in snakemake.input.applied],
        {metrics["view"]: files.read_json(snakemake.input.audit)},
        files.read_json(snakemake.input.verified),
    )
    elsewhere = [files.read_json(path) for path in snakemake.input.elsewhere]
    encoder = files.read_json(snakemake.input.encoder)
    facts = card.Facts(
        evidence=evidence,
        model=files.read_json(snakemake.input.model),
        elsewhere={item["target"]: item for item in elsewhere},
        encoder=encoder,
        licence=card.licence_of(encoder),
        versions=snakemake.params.versions | {name: version(name) for name in PACKAGES},
        spent=energy.spent(
            Path("benchmarks", snakemake.wildcards.corpus),
            snakemake.wildcards.experiment,
            snakemake.params.others,
        ),
        watts_per_core=snakemake.params.watts_per_core,
    )
    title, blocks = card.title(facts), card.card(facts)
    files.write_text(snakemake.output.page, document.as_html(title, blocks))
    files.write_text(snakemake.output.markdown, document.as_markdown(title, blocks))
