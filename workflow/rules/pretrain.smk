# Optional: how the encoder that ships was made (`make pretrain`). Nothing of `all` asks for it.


from authenticity.pretraining import grid as pretraining_grid


wildcard_constraints:
    speech=r"[a-z_]+",
    steps=r"\d+",
    seed=r"\d+",
    trained=r"[a-z_]+-\d+-\d+",


rule pretrain:
    """The chosen encoder in resources/, and what it scores beside untrained ones."""
    input:
        "results/pretrain/shipped.json",
        "results/pretrain/evaluation.json",


rule pretrain_speech:
    """Decode one set of packages of human speech into a pool; speakers of eval are refused."""
    input:
        packages=lambda wildcards: expand(
            "results/demo-corpus/packages/{package}.deb",
            package=config["pretrain"]["speech"][wildcards.speech],
        ),
    output:
        speech="results/pretrain/speech/{speech}.safetensors",
    log:
        "logs/pretrain/speech/{speech}.log",
    conda:
        "../../envs/authenticity.yaml"
    script:
        "../scripts/pretrain_speech.py"


rule pretrain_clusters:
    """Cluster the cepstra of a pool: the units that the encoder learns to predict."""
    input:
        speech="results/pretrain/speech/{speech}.safetensors",
    output:
        centroids="results/pretrain/clusters/{speech}.safetensors",
    log:
        "logs/pretrain/clusters/{speech}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        n_clusters=100,
        seed=0,
    script:
        "../scripts/pretrain_clusters.py"


rule pretrain_encoder:
    """Train one encoder on one core; an interrupted job goes on from its last checkpoint."""
    input:
        speech="results/pretrain/speech/{speech}.safetensors",
        centroids="results/pretrain/clusters/{speech}.safetensors",
    output:
        multiext(
            "results/pretrain/encoders/{speech}-{steps}-{seed}/",
            config="config.json",
            preprocessor="preprocessor_config.json",
            weights="model.safetensors",
        ),
    log:
        "logs/pretrain/encoder/{speech}-{steps}-{seed}.log",
    benchmark:
        "benchmarks/pretrain/encoder/{speech}-{steps}-{seed}.tsv"
    conda:
        "../../envs/authenticity.yaml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        # Not a declared output: Snakemake would delete it before the job runs again.
        checkpoint="results/pretrain/unfinished/{speech}-{steps}-{seed}.pt",
    script:
        "../scripts/pretrain_encoder.py"


use rule encoder as pretrain_identify with:
    input:
        "results/pretrain/encoders/{trained}/config.json",
        "results/pretrain/encoders/{trained}/preprocessor_config.json",
        "results/pretrain/encoders/{trained}/model.safetensors",
    output:
        identity="results/pretrain/judged/{trained}/encoder.json",
    log:
        "logs/pretrain/identify/{trained}.log",
    params:
        model=lambda wildcards, input: str(Path(input[0]).parent),
        revision="main",
        precision=config["encoder"]["precision"],


use rule extract as pretrain_extract with:
    input:
        manifest=ancient("results/{corpus}/manifest.parquet"),
        encoder="results/pretrain/judged/{trained}/encoder.json",
    output:
        spectral=update("results/pretrain/judged/{trained}/{corpus}/spectral/{shard}.parquet"),
        embeddings=update("results/pretrain/judged/{trained}/{corpus}/embeddings/{shard}.parquet"),
        rejected=update("results/pretrain/judged/{trained}/{corpus}/rejected/{shard}.parquet"),
    log:
        "logs/pretrain/extract/{trained}/{corpus}/{shard}.log",
    benchmark:
        "benchmarks/pretrain/extract/{trained}/{corpus}/{shard}.tsv"
    params:
        digest=lambda wildcards: PLAN.corpora[wildcards.corpus].digest,
        versions=[spectral_version(), embedding_version("", PLAN.window)],
        limits=asdict(PLAN.limits),
        model="results/pretrain/encoders/{trained}",
        window_seconds=PLAN.window,


rule pretrain_judge:
    """Put an encoder through an experiment; its dev figures are all that the choice may see."""
    input:
        manifest=ancient("results/{corpus}/manifest.parquet"),
        encoder="results/pretrain/judged/{trained}/encoder.json",
        spectral="results/pretrain/judged/{trained}/{corpus}/spectral/1-of-1.parquet",
        embeddings="results/pretrain/judged/{trained}/{corpus}/embeddings/1-of-1.parquet",
    output:
        scores="results/pretrain/judged/{trained}/{corpus}/{experiment}.parquet",
        dev="results/pretrain/judged/{trained}/{corpus}/{experiment}.json",
    log:
        "logs/pretrain/judge/{trained}/{corpus}/{experiment}.log",
    benchmark:
        "benchmarks/pretrain/judge/{trained}/{corpus}/{experiment}.tsv"
    conda:
        "../../envs/authenticity.yaml"
    params:
        experiment=lambda wildcards: PLAN.experiments[wildcards.experiment],
        digest=lambda wildcards: PLAN.corpora[wildcards.corpus].digest,
    script:
        "../scripts/pretrain_judge.py"


rule pretrain_select:
    """Choose the encoder that scores best on dev."""
    input:
        dev=lambda wildcards: pretraining_grid.judged(
            config["pretrain"],
            pretraining_grid.trained(config["pretrain"]),
            "experiment",
            "json",
        ),
    output:
        selection="results/pretrain/selection.json",
    log:
        "logs/pretrain/select.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        names=lambda wildcards: pretraining_grid.trained(config["pretrain"]),
    script:
        "../scripts/pretrain_select.py"


rule pretrain_evaluate:
    """After the choice: eval for the chosen encoder, untrained ones and the spectral numbers."""
    input:
        selection="results/pretrain/selection.json",
        trained=lambda wildcards: pretraining_grid.judged(
            config["pretrain"],
            pretraining_grid.trained(config["pretrain"]),
            "experiment",
            "parquet",
        ),
        untrained=lambda wildcards: pretraining_grid.judged(
            config["pretrain"],
            pretraining_grid.untrained(config["pretrain"]),
            "experiment",
            "parquet",
        ),
        # The spectral numbers, which do not depend on the encoder.
        reference=lambda wildcards: pretraining_grid.judged(
            config["pretrain"],
            pretraining_grid.untrained(config["pretrain"])[:1],
            "reference",
            "parquet",
        ),
    output:
        report="results/pretrain/evaluation.json",
        table="results/pretrain/evaluation.md",
    log:
        "logs/pretrain/evaluate.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        trained=lambda wildcards: pretraining_grid.trained(config["pretrain"]),
        untrained=lambda wildcards: pretraining_grid.untrained(config["pretrain"]),
        reference=lambda wildcards: config["pretrain"]["reference"],
        seed=lambda wildcards: PLAN.experiments[config["pretrain"]["experiment"]]["seed"],
    script:
        "../scripts/pretrain_evaluate.py"


rule pretrain_ship:
    """Put the chosen encoder where the ordinary workflow finds it."""
    input:
        selection="results/pretrain/selection.json",
        encoders=lambda wildcards: expand(
            "results/pretrain/encoders/{trained}/model.safetensors",
            trained=pretraining_grid.trained(config["pretrain"]),
        ),
    output:
        shipped="results/pretrain/shipped.json",
    log:
        "logs/pretrain/ship.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        encoders="results/pretrain/encoders",
        # Not a declared output: an ordinary run would then want to train before it reads it.
        folder="resources/encoders/small",
    script:
        "../scripts/pretrain_ship.py"
