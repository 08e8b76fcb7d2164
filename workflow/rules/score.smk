rule bundle:
    """Put together all that scoring needs of an experiment."""
    input:
        model="results/{corpus}/models/{experiment}.json",
        weights="results/{corpus}/models/{experiment}.safetensors",
        scores="results/{corpus}/scores/{experiment}.parquet",
        card="results/{corpus}/cards/{experiment}.md",
        trials="results/{corpus}/trials.parquet",
        verified=lambda wildcards: verified(wildcards.corpus, ["clean"]),
        encoder=encoder_of,
        spectral=lambda wildcards: shard_paths(wildcards.corpus, "spectral"),
        embeddings=lambda wildcards: shard_paths(
            wildcards.corpus, "embeddings", experiment=wildcards.experiment
        ),
        views=lambda wildcards: applied(wildcards.corpus, wildcards.experiment, wildcards.corpus),
        trust=own_trust,
    output:
        bundle="results/{corpus}/bundles/{experiment}/bundle.json",
        weights="results/{corpus}/bundles/{experiment}/model.safetensors",
        card="results/{corpus}/bundles/{experiment}/card.md",
    log:
        "logs/{corpus}/bundle/{experiment}.log",
    wildcard_constraints:
        experiment=one_of(UNENCODED),
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=bundles.VERSION,
        partitions=lambda wildcards: PLAN.partitions[wildcards.corpus, wildcards.experiment],
        limits=LIMITS,
        window_seconds=CONFIG.encoder.window_seconds,
        demonstration=lambda wildcards: CONFIG.corpora[wildcards.corpus].demonstration,
    script:
        "../scripts/bundle.py"


use rule bundle as bundle_with_encoder with:
    output:
        bundle="results/{corpus}/bundles/{experiment}/bundle.json",
        weights="results/{corpus}/bundles/{experiment}/model.safetensors",
        card="results/{corpus}/bundles/{experiment}/card.md",
        encoder=expand(
            "results/{{corpus}}/bundles/{{experiment}}/encoder/{file}",
            file=bundles.encoder_files(PLAN.encoder) if ENCODER != "none" else [],
        ),
    wildcard_constraints:
        experiment=one_of(set(PLAN.experiments) - set(UNENCODED)),


rule scored:
    """List what every experiment says of recordings without labels, and which were set aside."""
    input:
        manifest="results/{corpus}/manifest.parquet",
        spectral=lambda wildcards: shard_paths(wildcards.corpus, "spectral"),
        rejected=lambda wildcards: shard_paths(wildcards.corpus, "rejected"),
        scores=lambda wildcards: [
            path
            for fitted in tested_on(wildcards.corpus)
            for path in applied(*fitted, wildcards.corpus)
        ],
    output:
        answers="results/{corpus}/scored.csv",
    log:
        "logs/{corpus}/scored.log",
    conda:
        "../../envs/authenticity.yaml"
    script:
        "../scripts/scored.py"
