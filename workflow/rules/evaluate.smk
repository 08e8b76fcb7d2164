# Raised when authenticity/evaluation changes what it writes, so that older figures are made anew.
EVALUATION_VERSION = 1


rule evaluate_experiment:
    """ROC-AUC, EER and average precision of an experiment's scores, with intervals."""
    input:
        scores="results/{corpus}/scores/{experiment}.parquet",
        model="results/{corpus}/models/{experiment}.json",
    output:
        metrics="results/{corpus}/metrics/{experiment}.json",
        bands="results/{corpus}/bands/{experiment}.parquet",
    log:
        "logs/{corpus}/evaluate_experiment/{experiment}.log",
    benchmark:
        "benchmarks/{corpus}/evaluate_experiment/{experiment}.tsv"
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=EVALUATION_VERSION,
    script:
        "../scripts/evaluate_experiment.py"


rule evaluate_candidates:
    """ROC-AUC of every candidate of an experiment on every split, with intervals."""
    input:
        candidates=lambda wildcards: expand(
            "results/{corpus}/candidates/{experiment}/{candidate}.parquet",
            corpus=wildcards.corpus,
            experiment=wildcards.experiment,
            candidate=candidates(wildcards.experiment),
        ),
        model="results/{corpus}/models/{experiment}.json",
    output:
        selection="results/{corpus}/selection/{experiment}.json",
    log:
        "logs/{corpus}/evaluate_candidates/{experiment}.log",
    benchmark:
        "benchmarks/{corpus}/evaluate_candidates/{experiment}.tsv"
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=EVALUATION_VERSION,
    script:
        "../scripts/evaluate_candidates.py"


rule audit:
    """What duration, level, silence and the like score by themselves."""
    input:
        manifest=ancient("results/{corpus}/manifest.parquet"),
        spectral=lambda wildcards: shard_paths(wildcards.corpus, "spectral"),
    output:
        audit="results/{corpus}/audit.json",
    log:
        "logs/{corpus}/audit.log",
    benchmark:
        "benchmarks/{corpus}/audit.tsv"
    conda:
        "../../envs/authenticity.yaml"
    params:
        seed=1,
        digest=lambda wildcards: PLAN.corpora[wildcards.corpus].digest,
        version=EVALUATION_VERSION,
    script:
        "../scripts/evaluate_audit.py"
