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


# That every trial that a view needs is in its tables exactly once. A job for each view: if one job
# verified all, a view that is added would run again what reads others.
use rule verify as verify_view with:
    input:
        manifest="results/{corpus}/manifest.parquet",
        spectral=lambda wildcards: shard_paths(wildcards.corpus, "spectral", [wildcards.view]),
        rejected=lambda wildcards: shard_paths(wildcards.corpus, "rejected", [wildcards.view]),
    output:
        verified="results/{corpus}/verified/{view}.json",
    log:
        "logs/{corpus}/verify_view/{view}.log",
    wildcard_constraints:
        view=one_of(VIEWS),
    params:
        max_rejected=CONFIG.audio.max_rejected,
        splits=lambda wildcards: PLAN.view_splits[wildcards.corpus][wildcards.view],
        version=verification.VERSION,
