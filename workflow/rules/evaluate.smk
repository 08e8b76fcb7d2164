# Raised when authenticity/evaluation changes what it writes, so that older values are computed
# again.
EVALUATION_VERSION = 8


rule evaluate:
    """All metrics of an experiment on a corpus, in every view, with intervals."""
    input:
        scores=lambda wildcards: score_tables(**wildcards),
        # Thresholds are chosen on its dev.
        own="results/{corpus}/scores/{experiment}.parquet",
        model="results/{corpus}/models/{experiment}.json",
        trials="results/{corpus}/trials.parquet",
        asv="results/{target}/asv_scores.parquet",
        candidates=lambda wildcards: (
            "results/{corpus}/candidates/{experiment}.parquet"
            if wildcards.corpus == wildcards.target
            else []
        ),
    output:
        metrics="results/{corpus}/metrics/{experiment}/{target}.parquet",
        record="results/{corpus}/records/{experiment}/{target}.json",
        bands="results/{corpus}/bands/{experiment}/{target}.parquet",
        # The scores in the formats that the challenges' own tools read.
        asvspoof2019="results/{corpus}/score_files/{experiment}/{target}.asvspoof2019.txt",
        asvspoof2021="results/{corpus}/score_files/{experiment}/{target}.asvspoof2021.txt",
        asvspoof5="results/{corpus}/score_files/{experiment}/{target}.asvspoof5.tsv",
    log:
        "logs/{corpus}/evaluate/{experiment}/{target}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        control=lambda wildcards: wildcards.experiment in CONTROLS,
        partitions=lambda wildcards: reported_partitions(**wildcards),
        trained_on=lambda wildcards: trained_apart(**wildcards),
        version=EVALUATION_VERSION,
    script:
        "../scripts/evaluate.py"


rule audit:
    """What duration, level, silence, speaker and the like score by themselves, in a view."""
    input:
        trials="results/{corpus}/trials.parquet",
        verified=lambda wildcards: verified(wildcards.corpus, [wildcards.view]),
        spectral=lambda wildcards: shard_paths(wildcards.corpus, "spectral", [wildcards.view]),
    output:
        audit="results/{corpus}/audit/{view}.json",
    log:
        "logs/{corpus}/audit/{view}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        seed=1,
        version=EVALUATION_VERSION,
    script:
        "../scripts/audit.py"
