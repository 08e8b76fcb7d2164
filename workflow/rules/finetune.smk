rule finetune:
    """Train the last layers of an encoder's first ones, with one seed."""
    input:
        unpack(finetuned_on),
        trials="results/{corpus}/trials.parquet",
        encoder=f"results/encoders/{ENCODER}.json",
    output:
        scores="results/{corpus}/finetuned/{experiment}/{candidate}-{seed}.parquet",
        summary="results/{corpus}/finetuned/{experiment}/{candidate}-{seed}.json",
        head="results/{corpus}/finetuned/{experiment}/{candidate}-{seed}.safetensors",
        folder=multiext("results/{corpus}/finetuned/{experiment}/{candidate}-{seed}/", *EXPORTED),
    log:
        "logs/{corpus}/finetune/{experiment}/{candidate}-{seed}.log",
    priority: 1
    conda:
        "../../envs/authenticity.yaml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        # Not a declared output: Snakemake would delete it before the job runs again.
        state="results/{corpus}/unfinished/{experiment}/{candidate}-{seed}.pt",
        experiment=lambda wildcards: PLAN.experiments[wildcards.experiment].plain(),
        model=PLAN.encoder.model,
        window_seconds=CONFIG.encoder.window_seconds,
        version=[model_candidates.VERSION, FINETUNE_VERSION],
    script:
        "../scripts/finetune.py"


rule fit_finetuned:
    """Put the seeds of a fine-tuned encoder together, choose, and calibrate."""
    input:
        trials="results/{corpus}/trials.parquet",
        scores=lambda wildcards: finetuned(wildcards, ".parquet"),
        summaries=lambda wildcards: finetuned(wildcards, ".json"),
        heads=lambda wildcards: finetuned(wildcards, ".safetensors"),
    output:
        **MODEL_FILES,
    log:
        "logs/{corpus}/fit_finetuned/{experiment}.log",
    wildcard_constraints:
        experiment=one_of(FINETUNED),
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=model_candidates.VERSION,
        experiment=lambda wildcards: PLAN.experiments[wildcards.experiment].plain(),
        candidates=lambda wildcards: PLAN.candidates[wildcards.experiment],
    script:
        "../scripts/fit_finetuned.py"


rule apply_finetuned:
    """Score a view of the corpus with a fine-tuned encoder, its first seed's."""
    input:
        exported,
        unpack(scored_in_view),
        model="results/{corpus}/models/{experiment}.json",
        weights="results/{corpus}/models/{experiment}.safetensors",
        scores="results/{corpus}/scores/{experiment}.parquet",
        trials="results/{corpus}/trials.parquet",
        encoder=f"results/encoders/{ENCODER}.json",
    output:
        scores="results/{corpus}/applied/{experiment}/{target}/{view}.parquet",
    log:
        "logs/{corpus}/apply_finetuned/{experiment}/{target}/{view}.log",
    wildcard_constraints:
        experiment=one_of(FINETUNED),
    priority: 1
    conda:
        "../../envs/authenticity.yaml"
    resources:
        mem_mb=1400,
    params:
        version=[model_candidates.VERSION, FINETUNE_VERSION],
        first=lambda wildcards: {
            name: first_trained(wildcards.experiment, name)
            for name in PLAN.candidates[wildcards.experiment]
        },
        unfrozen=lambda wildcards: PLAN.experiments[wildcards.experiment].model.unfrozen,
        seed=lambda wildcards: PLAN.experiments[wildcards.experiment].model.seeds[0],
    script:
        "../scripts/apply_finetuned.py"
