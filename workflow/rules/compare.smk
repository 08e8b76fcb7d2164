rule verdict:
    """Is one experiment better than another, and by a point? Paired, over trials and seeds."""
    input:
        unpack(compared_on),
    output:
        verdict="results/{corpus}/verdict.json",
        page=report(
            "results/{corpus}/tables/verdict.html",
            caption="../report/comparison.rst",
            category="0 Which figures to trust",
            subcategory="{corpus}",
            labels={"Result": "3 Is it better, and by a point?"},
        ),
        figure=report(
            "results/{corpus}/figures/verdict.svg",
            caption="../report/comparison.rst",
            category="0 Which figures to trust",
            subcategory="{corpus}",
            labels={"Result": "4 Differences in ROC-AUC"},
        ),
    log:
        "logs/{corpus}/verdict.log",
    benchmark:
        "benchmarks/{corpus}/verdict.tsv"
    conda:
        "../../envs/authenticity.yaml"
    params:
        pairs=lambda wildcards: pairs_on(wildcards.corpus),
        seed=1,
        split=REPORTED_SPLIT,
        version=[EVALUATION_VERSION, REPORT_VERSION],
    script:
        "../scripts/verdict.py"


rule ablations:
    """A grid of experiments held against one of them, with what each cost."""
    input:
        unpack(ablated_on),
    output:
        ablations="results/{corpus}/ablations.json",
        page=report(
            "results/{corpus}/tables/ablations.html",
            caption="../report/ablations.rst",
            category="3 Layers and features",
            subcategory="{corpus}",
            labels={"Result": "3 Ablations"},
        ),
        figure=report(
            "results/{corpus}/figures/ablations.svg",
            caption="../report/ablations.rst",
            category="3 Layers and features",
            subcategory="{corpus}",
            labels={"Result": "4 Differences by ablation"},
        ),
    log:
        "logs/{corpus}/ablations.log",
    benchmark:
        "benchmarks/{corpus}/ablations.tsv"
    conda:
        "../../envs/authenticity.yaml"
    params:
        about=lambda wildcards: CONFIG.run.ablations.rows,
        reference=lambda wildcards: CONFIG.run.ablations.reference,
        experiments=lambda wildcards: PLAN.trained[wildcards.corpus],
        watts_per_core=CONFIG.report.watts_per_core,
        seed=1,
        split=REPORTED_SPLIT,
        version=[EVALUATION_VERSION, REPORT_VERSION],
    script:
        "../scripts/ablations.py"
