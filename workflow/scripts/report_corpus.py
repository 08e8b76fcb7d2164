"""Show the figures of all that is tested on a corpus, and which of them to trust."""

from authenticity import files, plots, report, tables, trust
from authenticity.evaluation import figures, results
from authenticity.jobs import job
from authenticity.plots import from_metrics

with job(snakemake) as log:
    given, out, split = snakemake.input, snakemake.output, snakemake.params.split
    metrics, others = results.read(given.metrics)
    audits = {item["view"]: item for item in map(files.read_json, given.audits)}
    evidence = trust.gather(metrics, others, audits, files.read_json(given.verified))
    ratings = trust.judge_all(snakemake.wildcards.corpus, evidence)
    for item in ratings["experiments"]:
        log.info("%s: %s", item["name"], item["overall"]["sentence"])
    files.write_json(out.trust, ratings)
    pages = {
        "trust_page": report.rating(ratings),
        "headline": report.headline(metrics),
        "attacks": report.per_attack(metrics),
        "conditions": report.conditions(metrics),
        "speakers": report.speakers(metrics),
    }
    curves = [
        figures.curve(next(iter(tables.scores(scores).values())), tables.read(bands), item, split)
        for scores, bands, item in zip(given.scores, given.bands, metrics, strict=True)
    ]
    leaking = from_metrics.leaking(metrics)
    pictures = {
        "roc": plots.roc(curves, split, leaking),
        "det": plots.det(curves, split, leaking),
        "attacks_figure": from_metrics.of_attacks(metrics, split),
    }
    if out.get("views"):
        pages["views"] = report.views(metrics, others)
        pictures["views_figure"] = from_metrics.of_views(metrics, others, split)
    for name, page in pages.items():
        files.write_text(out[name], page)
    for name, picture in pictures.items():
        plots.save(picture, out[name])
