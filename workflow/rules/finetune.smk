rule finetune:
    """Train the last layers of an encoder's first ones; choose among candidates, and calibrate."""
    input:
        unpack(lambda wildcards: frames_of(wildcards, "clean")),
        trials="results/{corpus}/trials.parquet",
        encoder=f"results/encoders/{ENCODER}.json",
    output:
        **MODEL_FILES,
        encoder=FINETUNED_ENCODER,
    log:
        "logs/{corpus}/finetune/{experiment}.log",
    wildcard_constraints:
        experiment=one_of(FINETUNED),
    priority: 1
    conda:
        "../../envs/authenticity.yaml"
    threads: seeds_at_once
    resources:
        mem_mb=finetuning_mb,
    params:
        # Not a declared output: Snakemake would delete it before the job runs again.
        unfinished="results/{corpus}/unfinished/{experiment}",
        experiment=lambda wildcards: PLAN.experiments[wildcards.experiment].plain(),
        model=PLAN.encoder.model,
        window_seconds=CONFIG.encoder.window_seconds,
        version=[model_candidates.VERSION, FINETUNE_VERSION],
    script:
        "../scripts/finetune.py"


rule apply_finetuned:
    """Score a view of the corpus with a fine-tuned encoder, its first seed's."""
    input:
        unpack(lambda wildcards: frames_of(wildcards, wildcards.view)),
        trained=FINETUNED_ENCODER,
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
        unfrozen=lambda wildcards: PLAN.experiments[wildcards.experiment].model.unfrozen,
    script:
        "../scripts/apply_finetuned.py"
