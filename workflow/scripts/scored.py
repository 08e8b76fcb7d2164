"""List what every experiment says of a corpus without labels."""

import pyarrow as pa
from authenticity import tables
from authenticity.files import atomic
from authenticity.jobs import corpus_root, job
from authenticity.models import application
from authenticity.names import printable

with job(snakemake) as log:
    given, corpus = snakemake.input, snakemake.wildcards.corpus
    scores = []
    for path in given.scores:
        table, about = tables.read(path), tables.metadata(path)
        for name in ("corpus", "experiment"):
            table = table.append_column(name, pa.array([about[name]] * len(table)))
        scores.append(table)
    answers = application.answers(
        tables.read(given.manifest),
        tables.read_many(given.spectral, ["file", "duration"]),
        tables.read_many(given.rejected),
        scores,
    )
    root = corpus_root(snakemake).location
    answers["path"] = [f"{root}/{path}" for path in answers["path"]]
    for name in ("path", "reason"):
        answers[name] = answers[name].map(printable, na_action="ignore")
    with atomic(snakemake.output.answers) as temporary:
        answers.to_csv(temporary, index=False, float_format="%.6g")
    rejected = answers["reason"].notna().sum()
    log.info("%s: %d rows, %d recordings set aside", snakemake.output[0], len(answers), rejected)
