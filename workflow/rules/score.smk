rule bundle:
    """Put together all that scoring needs of a trained experiment that hears spectra alone."""
    input:
        model="results/{corpus}/models/{experiment}.json",
        weights="results/{corpus}/models/{experiment}.safetensors",
        scores="results/{corpus}/scores/{experiment}.parquet",
        card="results/{corpus}/cards/{experiment}.md",
        trials="results/{corpus}/trials.parquet",
        verified=lambda wildcards: verified(wildcards.corpus, ["clean"]),
        encoder=f"results/encoders/{ENCODER}.json",
        spectral=lambda wildcards: shard_paths(wildcards.corpus, "spectral"),
        embeddings=lambda wildcards: shard_paths(wildcards.corpus, "embeddings"),
        views=lambda wildcards: applied(wildcards.corpus, wildcards.experiment, wildcards.corpus),
        trust=lambda wildcards: own_trust(wildcards.corpus, wildcards.experiment),
    output:
        bundle="results/{corpus}/bundles/{experiment}/bundle.json",
        weights="results/{corpus}/bundles/{experiment}/model.safetensors",
        card="results/{corpus}/bundles/{experiment}/card.md",
    log:
        "logs/{corpus}/bundle/{experiment}.log",
    benchmark:
        "benchmarks/{corpus}/bundle/{experiment}.tsv"
    wildcard_constraints:
        experiment="|".join(UNENCODED) or "none",
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=bundles.VERSION,
        partitions=lambda wildcards: PLAN.partitions[wildcards.corpus, wildcards.experiment],
        limits=asdict(PLAN.limits),
        window_seconds=PLAN.window,
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
            file=bundles.encoder_files(PLAN.encoder),
        ),
    wildcard_constraints:
        experiment="|".join(n for n in PLAN.experiments if n not in UNENCODED) or "none",


if PLAN.scored:

    rule score:
        """Score the recordings of a shard that no earlier run has scored with this bundle."""
        input:
            bundle=PLAN.scored.bundle_file,
            files=ancient(PLAN.scored.files),
        output:
            answers=update(f"{PLAN.scored.folder}/shards/{{shard}}.jsonl"),
        log:
            "logs/score/{shard}.log",
        benchmark:
            "benchmarks/score/{shard}.tsv"
        conda:
            "../../envs/authenticity.yaml"
        resources:
            mem_mb=1400,
        params:
            digest=lambda wildcards: PLAN.scored.shards[wildcards.shard],
            prior=CONFIG.score.prior,
            pictures=CONFIG.score.pictures,
            version=SCORE_VERSION,
        script:
            "../scripts/score.py"

    rule scored:
        """Tables and a page of all recordings; made when it is asked for by name."""
        input:
            bundle=PLAN.scored.bundle_file,
            files=ancient(PLAN.scored.files),
            shards=expand(f"{PLAN.scored.folder}/shards/{{shard}}.jsonl", shard=PLAN.scored.shards),
        output:
            [f"{PLAN.scored.folder}/{name}" for name in PLAN.scored.results],
        log:
            "logs/scored.log",
        conda:
            "../../envs/authenticity.yaml"
        params:
            digest=list(PLAN.scored.shards.values()),
            prior=CONFIG.score.prior,
            pictures=CONFIG.score.pictures,
            version=SCORE_VERSION,
        script:
            "../scripts/scored.py"
