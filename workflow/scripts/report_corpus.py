"""Show what a corpus is like, the results on it, and which of them to trust."""

from authenticity import files, plots, report, tables, trust
from authenticity.evaluation import results
from authenticity.jobs import job

with job(snakemake) as log:
    inputs, outputs = snakemake.input, snakemake.output
    items = results.read(inputs.metrics, inputs.records)
    audits = {audit["view"]: audit for audit in map(files.read_json, inputs.audits)}
    verified = files.read_json(inputs.verified)
    pages = {"audit": report.audit(audits, items), "rejected": report.rejected(verified)}
    pictures = {}
    if outputs.get("trust"):
        evidence = [trust.Evidence(item, audits[item.view], verified) for item in items]
        ratings = trust.judge_all(snakemake.wildcards.corpus, evidence)
        for rated in ratings["experiments"]:
            log.info("%s: %s", rated["name"], rated["overall"]["sentence"])
        files.write_json(outputs.trust, ratings)
        pages |= {
            "trust_page": report.rating(ratings),
            "headline": report.headline(items),
            "attacks": report.per_attack(items),
            "conditions": report.conditions(items),
            "speakers": report.speakers(items),
        }
        curves = [
            plots.Curve.of(item, tables.scores(scores)[item.view], tables.read(bands))
            for item, scores, bands in zip(items, inputs.scores, inputs.bands, strict=True)
        ]
        pictures |= {
            "roc": plots.roc(curves),
            "det": plots.det(curves),
            "attacks_figure": plots.attacks(items),
        }
    if outputs.get("views"):
        pages["views"] = report.views(items)
        pictures["views_figure"] = plots.views(items)
    for name, page in pages.items():
        files.write_text(outputs[name], page)
    for name, picture in pictures.items():
        plots.save(picture, outputs[name])
