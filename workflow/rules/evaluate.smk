# Raised when authenticity/evaluation changes what it writes, so that older figures are made anew.
EVALUATION_VERSION = 3


rule evaluate_experiment:
    """All figures of an experiment's scores, with intervals."""
    input:
        scores="results/{corpus}/scores/{experiment}.parquet",
        model="results/{corpus}/models/{experiment}.json",
        asv=ancient("results/{corpus}/asv_scores.parquet"),
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
        control=lambda wildcards: wildcards.experiment in PLAN.controls,
        asv=lambda wildcards: PLAN.corpora[wildcards.corpus].asv_digest,
        partitions=lambda wildcards: PLAN.partitions[wildcards.corpus, wildcards.experiment],
        version=EVALUATION_VERSION,
    script:
        "../scripts/evaluate_experiment.py"


rule evaluate_applied:
    """All figures of an experiment on another view or corpus; the threshold stays its own."""
    input:
        scores="results/{corpus}/applied/{experiment}/{target}/{view}.parquet",
        dev_scores="results/{corpus}/scores/{experiment}.parquet",
        model="results/{corpus}/models/{experiment}.json",
        asv=ancient("results/{target}/asv_scores.parquet"),
        # The same clips in the view that the experiment is made for, to tell what this view costs.
        reference=lambda wildcards: reference(**wildcards),
    output:
        metrics="results/{corpus}/applied/{experiment}/{target}/{view}.json",
        bands="results/{corpus}/applied/{experiment}/{target}/{view}.bands.parquet",
    log:
        "logs/{corpus}/evaluate_applied/{experiment}/{target}/{view}.log",
    benchmark:
        "benchmarks/{corpus}/evaluate_applied/{experiment}/{target}/{view}.tsv"
    conda:
        "../../envs/authenticity.yaml"
    params:
        control=lambda wildcards: wildcards.experiment in PLAN.controls,
        asv=lambda wildcards: PLAN.corpora[wildcards.target].asv_digest,
        partitions=lambda wildcards: reported_partitions(
            wildcards.corpus, wildcards.experiment, wildcards.target
        ),
        version=EVALUATION_VERSION,
    script:
        "../scripts/evaluate_experiment.py"


rule score_files:
    """The scores in the formats that the challenges' own tools read."""
    input:
        scores="results/{corpus}/scores/{experiment}.parquet",
    output:
        asvspoof2019="results/{corpus}/scores/{experiment}.asvspoof2019.txt",
        asvspoof2021="results/{corpus}/scores/{experiment}.asvspoof2021.txt",
        asvspoof5="results/{corpus}/scores/{experiment}.asvspoof5.tsv",
    log:
        "logs/{corpus}/score_files/{experiment}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=EVALUATION_VERSION,
    script:
        "../scripts/score_files.py"


use rule score_files as score_files_applied with:
    input:
        scores="results/{corpus}/applied/{experiment}/{target}/{view}.parquet",
    output:
        asvspoof2019="results/{corpus}/applied/{experiment}/{target}/{view}.asvspoof2019.txt",
        asvspoof2021="results/{corpus}/applied/{experiment}/{target}/{view}.asvspoof2021.txt",
        asvspoof5="results/{corpus}/applied/{experiment}/{target}/{view}.asvspoof5.tsv",
    log:
        "logs/{corpus}/score_files/{experiment}/{target}/{view}.log",


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
    """What duration, level, silence, speaker and the like score by themselves, in a view."""
    input:
        trials="results/{corpus}/trials.parquet",
        verified=lambda wildcards: verified(wildcards.corpus, [wildcards.view]),
        spectral=lambda wildcards: shard_paths(wildcards.corpus, "spectral", wildcards.view),
    output:
        audit="results/{corpus}/audit/{view}.json",
    log:
        "logs/{corpus}/audit/{view}.log",
    benchmark:
        "benchmarks/{corpus}/audit/{view}.tsv"
    conda:
        "../../envs/authenticity.yaml"
    params:
        seed=1,
        version=EVALUATION_VERSION,
    script:
        "../scripts/evaluate_audit.py"
