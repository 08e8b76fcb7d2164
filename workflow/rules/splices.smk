from authenticity.scoring.splices import VERSION as SPLICES_VERSION


rule splices:
    """Where in time: recordings with a synthetic stretch, scored window by window."""
    input:
        bundle="results/{corpus}/bundles/{experiment}/bundle.json",
        scores="results/{corpus}/scores/{experiment}.parquet",
        trials="results/{corpus}/trials.parquet",
    output:
        figures="results/{corpus}/splices/{experiment}.json",
        windows="results/{corpus}/splices/{experiment}.parquet",
        picture="results/{corpus}/splices/{experiment}.png",
        page=shown(
            "results/{corpus}/tables/splices/{experiment}.html",
            "splices",
            "1 Results",
            "7 Where in time",
        ),
    log:
        "logs/{corpus}/splices/{experiment}.log",
    conda:
        "../../envs/authenticity.yaml"
    resources:
        mem_mb=1400,
    params:
        seed=lambda wildcards: PLAN.experiments[wildcards.experiment].seed,
        split="eval",
        version=[SPLICES_VERSION, REPORT_VERSION],
    script:
        "../scripts/splices.py"
