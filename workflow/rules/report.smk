# Raised when authenticity/plots, report, trust, card.py, document.py, energy.py, estimates.py or
# html.py changes what it writes.
REPORT_VERSION = 5
# The split whose figures are the headline: models were fitted and chosen without it.
REPORTED_SPLIT = "eval"


include: "pages.smk"


# What is about all experiments has no label for the experiment: a label that splits a folder's results
# into two equal halves becomes a switch in the report's menu, which fails unless both have them all.


# Where the run has views to test on, what comes of them.
VIEW_PAGES = {
    "views_figure": report(
        "results/{corpus}/figures/views.svg",
        caption="../report/views.rst",
        category="2 Attacks and conditions",
        subcategory="{corpus}",
        labels={"Result": "3 AUC per view of the audio"},
    ),
    "views": report(
        "results/{corpus}/tables/views.html",
        caption="../report/views.rst",
        category="2 Attacks and conditions",
        subcategory="{corpus}",
        labels={"Result": "4 Table per view of the audio"},
    ),
}


rule report_corpus:
    """The figures of all that is tested on a corpus, and which of them to trust."""
    input:
        scores=lambda wildcards: [
            score_tables(*pair, wildcards.corpus)[0] for pair in tested_on(wildcards.corpus)
        ],
        bands=on_corpus("bands"),
        metrics=on_corpus("metrics"),
        verified="results/{corpus}/verified/clean.json",
        audits=audits_of,
    output:
        **(VIEW_PAGES if CONFIG.run.views else {}),
        trust_page=report(
            "results/{corpus}/tables/trust.html",
            caption="../report/trust.rst",
            category="0 Which figures to trust",
            subcategory="{corpus}",
            labels={"Result": "1 Ratings and their reasons"},
        ),
        trust="results/{corpus}/tables/trust.json",
        roc=report(
            "results/{corpus}/figures/roc.svg",
            caption="../report/roc.rst",
            category="1 Results",
            subcategory="{corpus}",
            labels={"Result": "2 ROC curves"},
        ),
        det=report(
            "results/{corpus}/figures/det.svg",
            caption="../report/det.rst",
            category="1 Results",
            subcategory="{corpus}",
            labels={"Result": "3 DET curves"},
        ),
        attacks_figure=report(
            "results/{corpus}/figures/attacks.svg",
            caption="../report/attacks.rst",
            category="2 Attacks and conditions",
            subcategory="{corpus}",
            labels={"Result": "1 AUC per attack"},
        ),
        headline=report(
            "results/{corpus}/tables/headline.html",
            caption="../report/headline.rst",
            category="1 Results",
            subcategory="{corpus}",
            labels={"Result": "1 Headline figures"},
        ),
        attacks=report(
            "results/{corpus}/tables/attacks.html",
            caption="../report/attacks.rst",
            category="2 Attacks and conditions",
            subcategory="{corpus}",
            labels={"Result": "2 Table per attack"},
        ),
        conditions=report(
            "results/{corpus}/tables/conditions.html",
            caption="../report/conditions.rst",
            category="2 Attacks and conditions",
            subcategory="{corpus}",
            labels={"Result": "5 Table per condition"},
        ),
        speakers=report(
            "results/{corpus}/tables/speakers.html",
            caption="../report/speakers.rst",
            category="2 Attacks and conditions",
            subcategory="{corpus}",
            labels={"Result": "6 Table per speaker"},
        ),
    log:
        "logs/{corpus}/report_corpus.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        split=REPORTED_SPLIT,
        version=REPORT_VERSION,
    script:
        "../scripts/report_corpus.py"


rule report_experiment:
    """An experiment's model card, score histograms and calibration."""
    input:
        metrics="results/{corpus}/metrics/{experiment}/{corpus}.json",
        elsewhere=elsewhere,
        scores="results/{corpus}/scores/{experiment}.parquet",
        model="results/{corpus}/models/{experiment}.json",
        encoder=encoder_of,
        verified="results/{corpus}/verified/clean.json",
        audit=own_audit,
    output:
        card=report(
            "results/{corpus}/cards/{experiment}.html",
            caption="../report/card.rst",
            category="0 Which figures to trust",
            subcategory="{corpus}",
            labels={"Result": "2 Model card", "Experiment": "{experiment}"},
        ),
        card_markdown="results/{corpus}/cards/{experiment}.md",
        trust="results/{corpus}/trust/{experiment}.json",
        scores=report(
            "results/{corpus}/figures/scores/{experiment}.svg",
            caption="../report/scores.rst",
            category="1 Results",
            subcategory="{corpus}",
            labels={"Result": "4 Score histograms", "Experiment": "{experiment}"},
        ),
        calibration=report(
            "results/{corpus}/figures/calibration/{experiment}.svg",
            caption="../report/calibration.rst",
            category="1 Results",
            subcategory="{corpus}",
            labels={"Result": "5 Calibration", "Experiment": "{experiment}"},
        ),
    log:
        "logs/{corpus}/report_experiment/{experiment}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        others=lambda wildcards: [
            name for name in PLAN.trained[wildcards.corpus] if name != wildcards.experiment
        ],
        watts_per_core=CONFIG.report.watts_per_core,
        versions={
            "features": spectral_version(),
            "encoder": ENCODER_VERSION,
            "models": model_candidates.VERSION,
            "evaluation": str(EVALUATION_VERSION),
            "report": str(REPORT_VERSION),
        },
    script:
        "../scripts/report_experiment.py"


rule report_choice:
    """How an experiment's candidates did, layer by layer, and which one was chosen."""
    input:
        metrics="results/{corpus}/metrics/{experiment}/{corpus}.json",
    output:
        figure=report(
            "results/{corpus}/figures/candidates/{experiment}.svg",
            caption="../report/candidates.rst",
            category="3 Layers and features",
            subcategory="{corpus}",
            labels={"Result": "1 AUC per layer", "Experiment": "{experiment}"},
        ),
        table=report(
            "results/{corpus}/tables/selection/{experiment}.html",
            caption="../report/selection.rst",
            category="3 Layers and features",
            subcategory="{corpus}",
            labels={"Result": "2 Table of candidates", "Experiment": "{experiment}"},
        ),
    log:
        "logs/{corpus}/report_choice/{experiment}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=REPORT_VERSION,
    script:
        "../scripts/report_choice.py"


rule report_data:
    """What a corpus is like: its audit, clips set aside, duplicates."""
    input:
        metrics=on_corpus("metrics"),
        verified="results/{corpus}/verified/clean.json",
        audits=audits_of,
    output:
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
            labels={"Result": "2 Clips set aside, and duplicates"},
        ),
    log:
        "logs/{corpus}/report_data.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        version=REPORT_VERSION,
    script:
        "../scripts/report_data.py"


rule report_across:
    """Figures of an experiment over every pair of a training and a test corpus."""
    input:
        metrics=lambda wildcards: cross_metrics(wildcards.experiment),
    output:
        figure=report(
            "results/figures/matrix/{experiment}.svg",
            caption="../report/matrix.rst",
            category="1 Results",
            subcategory="across corpora",
            labels={"Result": "6 Trained here, tested there", "Experiment": "{experiment}"},
        ),
    log:
        "logs/report_across/{experiment}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        split=REPORTED_SPLIT,
        version=REPORT_VERSION,
    script:
        "../scripts/report_across.py"


rule report_opening:
    """The report's opening page, and the figures of the whole run as a table."""
    input:
        metrics=[
            result("metrics", *pair, corpus) for corpus in CORPORA for pair in tested_on(corpus)
        ],
        verified=expand("results/{corpus}/verified/clean.json", corpus=CORPORA),
        trust=expand("results/{corpus}/tables/trust.json", corpus=REPORTED_CORPORA),
        figure=expand("results/{corpus}/figures/roc.svg", corpus=REPORTED_CORPORA),
        compared=expand("results/{corpus}/verdict.json", corpus=COMPARED_CORPORA),
    output:
        page="results/opening.html",
        headline="results/headline.json",
        results="results/results.parquet",
    log:
        "logs/report_opening.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        compared=COMPARED_CORPORA,
        version=REPORT_VERSION,
    script:
        "../scripts/report_opening.py"
