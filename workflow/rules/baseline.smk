rule candidate:
    """Fit and score one set of features of an experiment, with each pooling."""
    input:
        manifest=ancient("results/{corpus}/manifest.parquet"),
        verified="results/{corpus}/verified.json",
        encoder=f"results/encoders/{ENCODER}.json",
        spectral=lambda wildcards: shard_paths(wildcards.corpus, "spectral"),
        embeddings=lambda wildcards: shard_paths(wildcards.corpus, "embeddings"),
    output:
        scores="results/{corpus}/candidates/{experiment}/{candidate}.parquet",
        summary="results/{corpus}/candidates/{experiment}/{candidate}.json",
        models="results/{corpus}/candidates/{experiment}/{candidate}.safetensors",
    log:
        "logs/{corpus}/candidate/{experiment}/{candidate}.log",
    benchmark:
        "benchmarks/{corpus}/candidate/{experiment}/{candidate}.tsv"
    conda:
        "../../envs/authenticity.yaml"
    resources:
        mem_mb=4000,
    params:
        digest=lambda wildcards: PLAN.corpora[wildcards.corpus].digest,
        version=model_candidates.VERSION,
        experiment=lambda wildcards: PLAN.experiments[wildcards.experiment],
    script:
        "../scripts/candidate.py"


rule choose:
    """Choose an experiment's candidate and pooling on dev; its model and scores are the result."""
    input:
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
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=model_candidates.VERSION,
        experiment=lambda wildcards: PLAN.experiments[wildcards.experiment],
        candidates=lambda wildcards: candidates(wildcards.experiment),
    script:
        "../scripts/choose.py"
