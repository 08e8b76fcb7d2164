rule verify:
    """Check that every trial is in the tables exactly once, and count what was set aside."""
    input:
        manifest=ancient("results/{corpus}/manifest.parquet"),
        spectral=lambda wildcards: shard_paths(wildcards.corpus, "spectral"),
        embeddings=lambda wildcards: shard_paths(wildcards.corpus, "embeddings"),
        rejected=lambda wildcards: shard_paths(wildcards.corpus, "rejected"),
    output:
        verified="results/{corpus}/verified.json",
    log:
        "logs/{corpus}/verify.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        max_rejected=config["audio"]["max_rejected"],
        version=verification.VERSION,
        digest=lambda wildcards: PLAN.corpora[wildcards.corpus].digest,
    script:
        "../scripts/verify.py"
