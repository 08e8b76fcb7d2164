# Raised when authenticity/plots.py, html.py or report.py changes what it writes.
REPORT_VERSION = 1
# The split whose figures are the headline: models were fitted and chosen without it.
REPORTED_SPLIT = "eval"


rule plot_curves:
    """ROC and DET curves of all experiments of a corpus."""
    input:
        scores=expand("results/{{corpus}}/scores/{experiment}.parquet", experiment=EXPERIMENTS),
        bands=expand("results/{{corpus}}/bands/{experiment}.parquet", experiment=EXPERIMENTS),
        metrics=expand("results/{{corpus}}/metrics/{experiment}.json", experiment=EXPERIMENTS),
    output:
        roc=report(
            "results/{corpus}/figures/roc.svg",
            caption="../report/roc.rst",
            category="1 Results",
            subcategory="{corpus}",
            labels={"Result": "2 ROC curves", "Experiment": "all"},
        ),
        det=report(
            "results/{corpus}/figures/det.svg",
            caption="../report/det.rst",
            category="1 Results",
            subcategory="{corpus}",
            labels={"Result": "3 DET curves", "Experiment": "all"},
        ),
    log:
        "logs/{corpus}/plot_curves.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        split=REPORTED_SPLIT,
        version=REPORT_VERSION,
    script:
        "../scripts/plot_curves.py"


rule plot_scores:
    """Score histograms of an experiment, per class and split."""
    input:
        scores="results/{corpus}/scores/{experiment}.parquet",
    output:
        figure=report(
            "results/{corpus}/figures/scores/{experiment}.svg",
            caption="../report/scores.rst",
            category="1 Results",
            subcategory="{corpus}",
            labels={"Result": "4 Score histograms", "Experiment": "{experiment}"},
        ),
    log:
        "logs/{corpus}/plot_scores/{experiment}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=REPORT_VERSION,
    script:
        "../scripts/plot_scores.py"


rule plot_attacks:
    """ROC-AUC of all experiments of a corpus on each attack."""
    input:
        metrics=expand("results/{{corpus}}/metrics/{experiment}.json", experiment=EXPERIMENTS),
    output:
        figure=report(
            "results/{corpus}/figures/attacks.svg",
            caption="../report/attacks.rst",
            category="2 Attacks",
            subcategory="{corpus}",
            labels={"Result": "1 AUC per attack", "Experiment": "all"},
        ),
    log:
        "logs/{corpus}/plot_attacks.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        split=REPORTED_SPLIT,
        version=REPORT_VERSION,
    script:
        "../scripts/plot_attacks.py"


rule plot_candidates:
    """ROC-AUC of an experiment's candidates, layer by layer, with the choice marked."""
    input:
        selection="results/{corpus}/selection/{experiment}.json",
    output:
        figure=report(
            "results/{corpus}/figures/candidates/{experiment}.svg",
            caption="../report/candidates.rst",
            category="3 Layers and features",
            subcategory="{corpus}",
            labels={"Result": "1 AUC per layer", "Experiment": "{experiment}"},
        ),
    log:
        "logs/{corpus}/plot_candidates/{experiment}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=REPORT_VERSION,
    script:
        "../scripts/plot_candidates.py"


rule report_selection:
    """Table of an experiment's candidates, with the choice marked."""
    input:
        selection="results/{corpus}/selection/{experiment}.json",
    output:
        table=report(
            "results/{corpus}/tables/selection/{experiment}.html",
            caption="../report/selection.rst",
            category="3 Layers and features",
            subcategory="{corpus}",
            labels={"Result": "2 Table of candidates", "Experiment": "{experiment}"},
        ),
    log:
        "logs/{corpus}/report_selection/{experiment}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=REPORT_VERSION,
    script:
        "../scripts/report_selection.py"


rule report_tables:
    """Tables of a corpus: headline figures, attacks, rejected clips, audit."""
    input:
        metrics=expand("results/{{corpus}}/metrics/{experiment}.json", experiment=EXPERIMENTS),
        verified="results/{corpus}/verified.json",
        audit="results/{corpus}/audit.json",
    output:
        headline=report(
            "results/{corpus}/tables/headline.html",
            caption="../report/headline.rst",
            category="1 Results",
            subcategory="{corpus}",
            labels={"Result": "1 Headline figures", "Experiment": "all"},
        ),
        attacks=report(
            "results/{corpus}/tables/attacks.html",
            caption="../report/attacks.rst",
            category="2 Attacks",
            subcategory="{corpus}",
            labels={"Result": "2 Table per attack", "Experiment": "all"},
        ),
        audit=report(
            "results/{corpus}/tables/audit.html",
            caption="../report/audit.rst",
            category="4 Data",
            subcategory="{corpus}",
            labels={"Result": "1 What single properties give away"},
        ),
        rejected=report(
            "results/{corpus}/tables/rejected.html",
            caption="../report/rejected.rst",
            category="4 Data",
            subcategory="{corpus}",
            labels={"Result": "2 Clips set aside"},
        ),
    log:
        "logs/{corpus}/report_tables.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=REPORT_VERSION,
    script:
        "../scripts/report_tables.py"


rule report_opening:
    """The report's opening page, and the headline figures of the whole run."""
    input:
        metrics=expand(
            "results/{corpus}/metrics/{experiment}.json",
            corpus=CORPORA,
            experiment=EXPERIMENTS,
        ),
        verified=expand("results/{corpus}/verified.json", corpus=CORPORA),
        figure=expand("results/{corpus}/figures/roc.svg", corpus=CORPORA),
    output:
        page="results/opening.html",
        headline="results/headline.json",
    log:
        "logs/report_opening.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=REPORT_VERSION,
    script:
        "../scripts/report_opening.py"
