rule verdict:
    """Is one experiment better than another, and by a point? Paired, over trials and seeds."""
    input:
        unpack(compared_on),
    output:
        verdict="results/{corpus}/verdict.json",
        page=shown(f"{TABLES}/verdict.html", TRUST, "3 Is it better, and by a point?"),
        figure=shown(f"{FIGURES}/verdict.svg", TRUST, "4 Differences in ROC-AUC"),
    log:
        "logs/{corpus}/verdict.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        pairs=lambda wildcards: pairs_on(wildcards.corpus),
        seed=1,
        version=[EVALUATION_VERSION, REPORT_VERSION],
    script:
        "../scripts/verdict.py"


rule ablations:
    """A grid of experiments held against one of them, with what each cost."""
    input:
        unpack(ablated_on),
    output:
        ablations="results/{corpus}/ablations.json",
        page=shown(f"{TABLES}/ablations.html", LAYERS, "3 Ablations"),
        figure=shown(f"{FIGURES}/ablations.svg", LAYERS, "4 Differences by ablation"),
    log:
        "logs/{corpus}/ablations.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        about=lambda wildcards: CONFIG.run.ablations.rows,
        reference=lambda wildcards: CONFIG.run.ablations.reference,
        seed=1,
        version=[EVALUATION_VERSION, REPORT_VERSION],
    script:
        "../scripts/ablations.py"
