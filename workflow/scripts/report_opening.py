"""Write the report's opening page and the headline figures of the whole run."""

from pathlib import Path

from authenticity import files, report
from authenticity.jobs import job

with job(snakemake) as log:
    metrics = [files.read_json(path) for path in snakemake.input.metrics]
    corpora = []
    for verified_path, figure in zip(snakemake.input.verified, snakemake.input.figure, strict=True):
        verified = files.read_json(verified_path)
        chosen = [item for item in metrics if item["corpus"] == verified["corpus"]]
        corpora.append((chosen, verified, Path(figure)))
    files.write_text(snakemake.output.page, report.opening(corpora))
    files.write_json(snakemake.output.headline, report.headline_rows(metrics))
