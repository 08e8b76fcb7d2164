rule encoder:
    """Say exactly which encoder this is, fetching it from the model hub where it comes from there."""
    input:
        # By content, not by time: a checkout touches files, and every table depends on this one.
        ancient(PLAN.encoder.files()),
    output:
        identity=f"results/encoders/{ENCODER}.json",
    log:
        f"logs/encoders/{ENCODER}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        model=lambda wildcards: PLAN.encoder.model,
        revision=PLAN.encoder.revision,
        precision=CONFIG.encoder.precision,
        digest=PLAN.encoder.digest,
        version=ENCODER_VERSION,
    script:
        "../scripts/encoder.py"


rule extract:
    """Decode each clip of a shard once: spectral numbers, and every layer of the encoder."""
    input:
        manifest=ancient("results/{corpus}/manifest.parquet"),
        encoder=f"results/encoders/{ENCODER}.json",
    output:
        spectral=update("results/{corpus}/spectral/{shard}.parquet"),
        embeddings=update(f"results/{{corpus}}/embeddings/{ENCODER}/clean/{{shard}}.parquet"),
        rejected=update("results/{corpus}/rejected/{shard}.parquet"),
    log:
        "logs/{corpus}/extract/{shard}.log",
    benchmark:
        "benchmarks/{corpus}/extract/{shard}.tsv"
    conda:
        "../../envs/authenticity.yaml"
    resources:
        mem_mb=1400,
    params:
        digest=lambda wildcards: PLAN.corpora[wildcards.corpus].shards[wildcards.shard],
        versions=[spectral_version(), embedding_version("", PLAN.window)],
        limits=asdict(PLAN.limits),
        model=PLAN.encoder.model,
        window_seconds=PLAN.window,
    script:
        "../scripts/extract.py"


rule extract_view:
    """Hear each clip of a shard through a view, and compute the same numbers of it."""
    input:
        # Bad clips are found, and counted, before they are paid for several times.
        ancient("results/{corpus}/verified.json"),
        # Where what stands before an ancient input is to run again, Snakemake overlooks that this
        # rule's params have changed; what makes a shard run again makes the clean one run again.
        "results/{corpus}/rejected/{shard}.parquet",
        manifest=ancient("results/{corpus}/manifest.parquet"),
        encoder=f"results/encoders/{ENCODER}.json",
    output:
        spectral=update("results/{corpus}/spectral/{view}/{shard}.parquet"),
        embeddings=update(f"results/{{corpus}}/embeddings/{ENCODER}/{{view}}/{{shard}}.parquet"),
        rejected=update("results/{corpus}/rejected/{view}/{shard}.parquet"),
    log:
        "logs/{corpus}/extract/{view}/{shard}.log",
    benchmark:
        "benchmarks/{corpus}/extract/{view}/{shard}.tsv"
    wildcard_constraints:
        view="|".join(VIEWS) or "none",
    conda:
        "../../envs/authenticity.yaml"
    resources:
        mem_mb=1400,
    params:
        digest=lambda wildcards: PLAN.corpora[wildcards.corpus].view_shards[wildcards.view][
            wildcards.shard
        ],
        splits=lambda wildcards: PLAN.view_splits[wildcards.corpus][wildcards.view],
        steps=lambda wildcards: [step.plain() for step in CONFIG.views[wildcards.view]],
        versions=lambda wildcards: [
            spectral_version(CONFIG.views[wildcards.view]),
            embedding_version("", PLAN.window, CONFIG.views[wildcards.view]),
        ],
        limits=asdict(PLAN.limits),
        model=PLAN.encoder.model,
        window_seconds=PLAN.window,
    script:
        "../scripts/extract.py"
