"""Plan every clip of the demo corpus."""

from authenticity import tables
from authenticity.jobs import job
from demo_corpus import plan, produce

with job(snakemake) as log:
    prompts = produce.speech_seconds(snakemake.input.packages)
    table = plan.make(
        prompts, plan.read_sentences(), snakemake.params.seconds, snakemake.params.seed
    )
    log.info("%d clips", table.num_rows)
    tables.write(snakemake.output.plan, table, plan.PLAN)
