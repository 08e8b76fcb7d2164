rule verify:
    """Check that every trial is in the tables exactly once; say which are used, and count the rest."""
    input:
        manifest="results/{corpus}/manifest.parquet",
        spectral=lambda wildcards: shard_paths(wildcards.corpus, "spectral"),
        rejected=lambda wildcards: shard_paths(wildcards.corpus, "rejected"),
    output:
        verified="results/{corpus}/verified/clean.json",
        trials="results/{corpus}/trials.parquet",
        fingerprints="results/{corpus}/fingerprints.parquet",
    log:
        "logs/{corpus}/verify.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        # Of own recordings any number may be set aside: the list of results gives the reasons.
        max_rejected=lambda wildcards: (
            1 if wildcards.corpus in PLAN.unlabelled else CONFIG.audio.max_rejected
        ),
        duplicates=lambda wildcards: manifest.duplicates_policy(CONFIG.corpora[wildcards.corpus]),
        version=verification.VERSION,
    script:
        "../scripts/verify.py"


rule verify_views:
    """Check that every trial that a view needs is in its tables exactly once, view after view."""
    input:
        manifest="results/{corpus}/manifest.parquet",
        spectral=lambda wildcards: shard_paths(
            wildcards.corpus, "spectral", PLAN.view_splits[wildcards.corpus]
        ),
        rejected=lambda wildcards: shard_paths(
            wildcards.corpus, "rejected", PLAN.view_splits[wildcards.corpus]
        ),
    output:
        verified="results/{corpus}/verified/views.json",
    log:
        "logs/{corpus}/verify_views.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        max_rejected=CONFIG.audio.max_rejected,
        splits=lambda wildcards: PLAN.view_splits[wildcards.corpus],
        version=verification.VERSION,
    script:
        "../scripts/verify_views.py"
