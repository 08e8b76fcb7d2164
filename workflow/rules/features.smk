rule encoder:
    """Say exactly which encoder this is, fetching it from the model hub where it comes from there."""
    input:
        # By content, not by time: a checkout touches files, and every table depends on this one.
        lambda wildcards: ancient(PLAN.encoder.files()),
    output:
        identity=f"results/encoders/{WHOLE}.json",
    log:
        f"logs/encoders/{WHOLE}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        model=lambda wildcards: PLAN.encoder.model,
        revision=PLAN.encoder.revision,
        layers=None if SAMPLED else PLAN.encoder.layers,
        precision=CONFIG.encoder.precision,
        device=CONFIG.encoder.device,
        digest=lambda wildcards: PLAN.encoder.digest,
        version=ENCODER_VERSION,
        # Of `embed` and `sample`. Where what makes an ancient input of theirs runs again, Snakemake
        # overlooks that their own parameters have changed.
        window_seconds=CONFIG.encoder.window_seconds,
        sampled=[SAMPLED, model_candidates.VERSION] if SAMPLED else [],
    script:
        "../scripts/encoder.py"


rule sample:
    """Find on a sample of a corpus's clips how many of the encoder's layers are needed."""
    input:
        # Once: a clip more must not lead to another choice, and cost a night of embedding anew.
        trials=ancient("results/{corpus}/trials.parquet"),
        spectral=lambda wildcards: ancient(shard_paths(wildcards.corpus, "spectral")),
        encoder=f"results/encoders/{WHOLE}.json",
    output:
        layers="results/{corpus}/layers.json",
    log:
        "logs/{corpus}/sample.log",
    conda:
        "../../envs/authenticity.yaml"
    resources:
        mem_mb=1400,
    params:
        experiments=lambda wildcards: SAMPLED[wildcards.corpus],
        model=PLAN.encoder.model,
        window_seconds=CONFIG.encoder.window_seconds,
        version=[model_candidates.VERSION, ENCODER_VERSION],
    script:
        "../scripts/sample.py"


use rule encoder as cut_encoder with:
    input:
        samples=expand("results/{corpus}/layers.json", corpus=SAMPLED),
    output:
        identity=f"results/encoders/{WHOLE}--auto-layers.json",
    log:
        f"logs/encoders/{WHOLE}--auto-layers.log",


use rule encoder as detector with:
    input:
        lambda wildcards: ancient(PLAN.detectors[wildcards.experiment].files()),
    output:
        identity="results/detectors/{experiment}.json",
    log:
        "logs/detectors/{experiment}.log",
    params:
        published=True,
        model=lambda wildcards: PLAN.detectors[wildcards.experiment].model,
        revision=lambda wildcards: PLAN.detectors[wildcards.experiment].revision,
        digest=lambda wildcards: PLAN.detectors[wildcards.experiment].digest,
        version=ENCODER_VERSION,
        window_seconds=CONFIG.encoder.window_seconds,


rule extract:
    """Compute spectral numbers of a shard's clips, as they are or through a view; set bad ones aside."""
    input:
        # A view's clips are read after the clean ones: bad clips are found, and counted, first.
        ordered_after_clean,
        trials="results/{corpus}/lists/{view}/{shard}.parquet",
    output:
        spectral=update("results/{corpus}/spectral/{view}/{shard}.parquet"),
        rejected=update("results/{corpus}/rejected/{view}/{shard}.parquet"),
    log:
        "logs/{corpus}/extract/{view}/{shard}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        steps=steps_of,
        version=lambda wildcards: spectral_version(STEPS[wildcards.view]),
        limits=LIMITS,
    script:
        "../scripts/extract.py"


# What an encoder or a published detector hears, and how.
CLIPS = {
    # Those that were set aside are left out, and too many of them end the run before this.
    "verified": ancient("results/{corpus}/verified/{view}.json"),
    "spectral": "results/{corpus}/spectral/{view}/{shard}.parquet",
    "trials": "results/{corpus}/lists/{view}/{shard}.parquet",
}
HEARD = {
    "steps": steps_of,
    "version": lambda wildcards: embedding_version(
        "", CONFIG.encoder.window_seconds, STEPS[wildcards.view]
    ),
    "splits": lambda wildcards: embedded_splits(wildcards.corpus, [wildcards.view])[wildcards.view],
    "limits": LIMITS,
    "window_seconds": CONFIG.encoder.window_seconds,
}


rule embed:
    """Embed a shard's clips, as they are or through a view."""
    input:
        **CLIPS,
        encoder=f"results/encoders/{ENCODER}.json",
    output:
        table=update(f"results/{{corpus}}/embeddings/{ENCODER}/{{view}}/{{shard}}.parquet"),
    log:
        "logs/{corpus}/embed/{view}/{shard}.log",
    # After what needs no encoder, whose results are there in minutes.
    priority: -1
    conda:
        "../../envs/authenticity.yaml"
    resources:
        mem_mb=1400,
    params:
        **HEARD,
        frames_version=frames.VERSION,
        model=PLAN.encoder.model,
    script:
        "../scripts/embed.py"


ruleorder: embed_with_frames > embed


use rule embed as embed_with_frames with:
    input:
        **CLIPS,
        encoder=f"results/encoders/{ENCODER}.json",
        # All clips' durations say how large the frames will be.
        durations=lambda wildcards: ancient(
            shard_paths(wildcards.corpus, "spectral", [wildcards.view])
        ),
    output:
        table=update(f"results/{{corpus}}/embeddings/{ENCODER}/{{view}}/{{shard}}.parquet"),
        frames=[update(path) for path in frame_paths("npy")],
        indices=[update(path) for path in frame_paths("parquet")],
    wildcard_constraints:
        corpus=one_of({corpus for corpus, name in TRAINED if name in FINETUNED}),
        view=one_of(["clean", *CONFIG.run.finetuned_views]),
    # Before what needs no encoder: fine-tuning that comes last leaves the other cores idle.
    priority: 1


use rule embed as published with:
    input:
        **CLIPS,
        encoder="results/detectors/{experiment}.json",
    output:
        table=update("results/{corpus}/logits/{experiment}/{view}/{shard}.parquet"),
    log:
        "logs/{corpus}/published/{experiment}/{view}/{shard}.log",
    wildcard_constraints:
        experiment=one_of(PLAN.detectors),
    resources:
        mem_mb=4000,
    params:
        **HEARD,
        published=True,
        model=lambda wildcards: PLAN.detectors[wildcards.experiment].model,
