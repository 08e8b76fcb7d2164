# Of authenticity/scoring/splices.py, for which the parsing of a workflow need not wait.
SPLICES_VERSION = "2"


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
        page=shown(f"{TABLES}/splices/{{experiment}}.html", RESULTS, "6 Where in time"),
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
