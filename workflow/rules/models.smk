rule fit:
    """Fit every candidate of an experiment, choose one on dev, and calibrate it."""
    input:
        trials="results/{corpus}/trials.parquet",
        verified=lambda wildcards: verified(wildcards.corpus, views_of(wildcards.experiment)),
        encoder=encoder_of,
        spectral=lambda wildcards: view_tables("spectral", **wildcards),
        embeddings=lambda wildcards: view_tables("embeddings", **wildcards),
    output:
        **MODEL_FILES,
    log:
        "logs/{corpus}/fit/{experiment}.log",
    wildcard_constraints:
        experiment=one_of(set(PLAN.experiments) - set(FINETUNED)),
    conda:
        "../../envs/authenticity.yaml"
    resources:
        mem_mb=4000,
    params:
        # Not a declared output: Snakemake would delete it before the job runs again.
        unfinished="results/{corpus}/unfinished/{experiment}",
        version=model_candidates.VERSION,
        experiment=lambda wildcards: PLAN.experiments[wildcards.experiment].plain(),
        splits=lambda wildcards: embedded_splits(wildcards.corpus, views_of(wildcards.experiment)),
    script:
        "../scripts/fit.py"


rule apply:
    """Score other views of an experiment's corpus, or another corpus, with its models."""
    input:
        model="results/{corpus}/models/{experiment}.json",
        weights="results/{corpus}/models/{experiment}.safetensors",
        scores="results/{corpus}/scores/{experiment}.parquet",
        trials="results/{corpus}/trials.parquet",
        target="results/{target}/trials.parquet",
        fingerprints=[
            "results/{corpus}/fingerprints.parquet",
            "results/{target}/fingerprints.parquet",
        ],
        verified=lambda wildcards: verified(wildcards.target, applied_views(**wildcards)),
        encoder=encoder_of,
        spectral=lambda wildcards: applied_tables("spectral", **wildcards),
        embeddings=lambda wildcards: applied_tables("embeddings", **wildcards),
    output:
        scores="results/{corpus}/applied/{experiment}/{target}.parquet",
    log:
        "logs/{corpus}/apply/{experiment}/{target}.log",
    wildcard_constraints:
        experiment=one_of(set(PLAN.experiments) - set(FINETUNED)),
    conda:
        "../../envs/authenticity.yaml"
    resources:
        mem_mb=4000,
    params:
        version=model_candidates.VERSION,
        experiment=lambda wildcards: PLAN.experiments[wildcards.experiment].plain(),
        splits=lambda wildcards: embedded_splits(wildcards.target, applied_views(**wildcards)),
    script:
        "../scripts/apply.py"
