rule candidate:
    """Fit and score one set of features of an experiment, with each pooling, in every round."""
    input:
        trials="results/{corpus}/trials.parquet",
        verified=lambda wildcards: verified(wildcards.corpus, views_of(wildcards.experiment)),
        encoder=f"results/encoders/{ENCODER}.json",
        spectral=lambda wildcards: view_tables(wildcards, "spectral"),
        embeddings=lambda wildcards: view_tables(wildcards, "embeddings"),
    output:
        scores="results/{corpus}/candidates/{experiment}/{candidate}.parquet",
        summary="results/{corpus}/candidates/{experiment}/{candidate}.json",
        models="results/{corpus}/candidates/{experiment}/{candidate}.safetensors",
    log:
        "logs/{corpus}/candidate/{experiment}/{candidate}.log",
    benchmark:
        "benchmarks/{corpus}/candidate/{experiment}/{candidate}.tsv"
    wildcard_constraints:
        experiment="|".join(n for n in PLAN.experiments if n not in FINETUNED) or "none",
    conda:
        "../../envs/authenticity.yaml"
    resources:
        mem_mb=4000,
    params:
        digest=lambda wildcards: PLAN.corpora[wildcards.corpus].digest,
        version=model_candidates.VERSION,
        experiment=lambda wildcards: PLAN.experiments[wildcards.experiment],
        views=lambda wildcards: views_of(wildcards.experiment),
    script:
        "../scripts/candidate.py"


rule choose:
    """Choose candidate and pooling on dev, and calibrate: the experiment's model and scores."""
    input:
        trials="results/{corpus}/trials.parquet",
        summaries=lambda wildcards: expand(
            "results/{{corpus}}/candidates/{{experiment}}/{candidate}.json",
            candidate=candidates(wildcards.experiment),
        ),
        scores=lambda wildcards: expand(
            "results/{{corpus}}/candidates/{{experiment}}/{candidate}.parquet",
            candidate=candidates(wildcards.experiment),
        ),
        models=lambda wildcards: expand(
            "results/{{corpus}}/candidates/{{experiment}}/{candidate}.safetensors",
            candidate=candidates(wildcards.experiment),
        ),
    output:
        model="results/{corpus}/models/{experiment}.json",
        weights="results/{corpus}/models/{experiment}.safetensors",
        scores="results/{corpus}/scores/{experiment}.parquet",
    log:
        "logs/{corpus}/choose/{experiment}.log",
    wildcard_constraints:
        experiment="|".join(UNSEEDED) or "none",
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=model_candidates.VERSION,
        experiment=lambda wildcards: PLAN.experiments[wildcards.experiment],
        candidates=lambda wildcards: candidates(wildcards.experiment),
    script:
        "../scripts/choose.py"


use rule choose as choose_seeds with:
    output:
        model="results/{corpus}/models/{experiment}.json",
        weights="results/{corpus}/models/{experiment}.safetensors",
        scores="results/{corpus}/scores/{experiment}.parquet",
        seeds="results/{corpus}/seeds/{experiment}.parquet",
    wildcard_constraints:
        experiment="|".join(SEEDED) or "none",


rule apply:
    """Score another view of an experiment's corpus, or another corpus, with its models."""
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
        verified=lambda wildcards: verified(wildcards.target, [wildcards.view]),
        encoder=f"results/encoders/{ENCODER}.json",
        spectral=lambda wildcards: shard_paths(wildcards.target, "spectral", wildcards.view),
        embeddings=lambda wildcards: shard_paths(wildcards.target, "embeddings", wildcards.view),
    output:
        scores="results/{corpus}/applied/{experiment}/{target}/{view}.parquet",
    log:
        "logs/{corpus}/apply/{experiment}/{target}/{view}.log",
    benchmark:
        "benchmarks/{corpus}/apply/{experiment}/{target}/{view}.tsv"
    wildcard_constraints:
        experiment="|".join(n for n in PLAN.experiments if n not in FINETUNED) or "none",
    conda:
        "../../envs/authenticity.yaml"
    resources:
        mem_mb=4000,
    params:
        digest=lambda wildcards: PLAN.corpora[wildcards.target].digest,
        version=model_candidates.VERSION,
        experiment=lambda wildcards: PLAN.experiments[wildcards.experiment],
    script:
        "../scripts/apply.py"
