# Raised when authenticity/plots, report, trust, card.py, benchmarks.py, estimates.py or
# html.py changes what it writes.
REPORT_VERSION = 12


include: "pages.smk"


# What every corpus is like, and the results on those that something is tested on.
DATA_PAGES = {
    "audit": shown(f"{TABLES}/audit.html", DATA, "1 What single properties give away"),
    "rejected": shown(f"{TABLES}/rejected.html", DATA, "2 Clips set aside, and duplicates"),
}
RESULT_PAGES = {
    "trust_page": shown(f"{TABLES}/trust.html", TRUST, "1 Ratings and their reasons"),
    "trust": "results/{corpus}/tables/trust.json",
    "roc": shown(f"{FIGURES}/roc.svg", RESULTS, "2 ROC curves"),
    "det": shown(f"{FIGURES}/det.svg", RESULTS, "3 DET curves"),
    "attacks_figure": shown(f"{FIGURES}/attacks.svg", ATTACKS, "1 AUC per attack"),
    "headline": shown(f"{TABLES}/headline.html", RESULTS, "1 Headline results"),
    "attacks": shown(f"{TABLES}/attacks.html", ATTACKS, "2 Table per attack"),
    "conditions": shown(f"{TABLES}/conditions.html", ATTACKS, "5 Table per condition"),
    "speakers": shown(f"{TABLES}/speakers.html", ATTACKS, "6 Table per speaker"),
}
if CONFIG.run.views:
    RESULT_PAGES |= {
        "views_figure": shown(f"{FIGURES}/views.svg", ATTACKS, "3 AUC per view of the audio"),
        "views": shown(f"{TABLES}/views.html", ATTACKS, "4 Table per view of the audio"),
    }


rule report_corpus:
    """What a corpus is like, the results of all that is tested on it, and which of them to trust."""
    input:
        scores=lambda wildcards: [
            score_tables(*pair, wildcards.corpus)[0] for pair in tested_on(wildcards.corpus)
        ],
        bands=on_corpus("bands"),
        metrics=on_corpus("metrics"),
        records=on_corpus("records"),
        verified="results/{corpus}/verified/clean.json",
        audits=audits_of,
    output:
        **DATA_PAGES,
        **RESULT_PAGES,
    log:
        "logs/{corpus}/report_corpus.log",
    wildcard_constraints:
        corpus=one_of(REPORTED_CORPORA),
    conda:
        "../../envs/authenticity.yaml"
    params:
        # Snakemake overlooks that inputs come in another order, which is that of a page's rows.
        order=lambda wildcards: tested_on(wildcards.corpus),
        version=REPORT_VERSION,
    script:
        "../scripts/report_corpus.py"


use rule report_corpus as report_untested_corpus with:
    output:
        **DATA_PAGES,
    wildcard_constraints:
        corpus=one_of(set(CORPORA) - set(REPORTED_CORPORA)),


# An experiment's pages, and those of its candidates where there was a choice.
EXPERIMENT_PAGES = {
    "card": shown("results/{corpus}/cards/{experiment}.html", TRUST, "2 Model card"),
    "card_markdown": "results/{corpus}/cards/{experiment}.md",
    "trust": "results/{corpus}/trust/{experiment}.json",
    "scores": shown(f"{FIGURES}/scores/{{experiment}}.svg", RESULTS, "4 Score histograms"),
    "calibration": shown(f"{FIGURES}/calibration/{{experiment}}.svg", RESULTS, "5 Calibration"),
}
CHOICE_PAGES = {
    "candidates": shown(f"{FIGURES}/candidates/{{experiment}}.svg", LAYERS, "1 AUC per layer"),
    "selection": shown(f"{TABLES}/selection/{{experiment}}.html", LAYERS, "2 Table of candidates"),
}


rule report_experiment:
    """An experiment's model card, score histograms and calibration."""
    input:
        metrics=of_experiment("metrics"),
        records=of_experiment("records"),
        scores="results/{corpus}/scores/{experiment}.parquet",
        model="results/{corpus}/models/{experiment}.json",
        encoder=encoder_of,
        sample=lambda wildcards: (
            "results/{corpus}/layers.json"
            if wildcards.experiment in SAMPLED.get(wildcards.corpus, ())
            else []
        ),
        verified="results/{corpus}/verified/clean.json",
        audit=own_audit,
    output:
        **EXPERIMENT_PAGES,
    log:
        "logs/{corpus}/report_experiment/{experiment}.log",
    wildcard_constraints:
        experiment=one_of(set(PLAN.experiments) - set(CHOSEN)),
    conda:
        "../../envs/authenticity.yaml"
    params:
        versions={
            "features": spectral_version(),
            "encoder": ENCODER_VERSION,
            "models": model_candidates.VERSION,
            "evaluation": str(EVALUATION_VERSION),
            "report": str(REPORT_VERSION),
        },
    script:
        "../scripts/report_experiment.py"


use rule report_experiment as report_chosen_experiment with:
    output:
        **EXPERIMENT_PAGES,
        **CHOICE_PAGES,
    wildcard_constraints:
        experiment=one_of(CHOSEN),


rule report_across:
    """Results of an experiment over every pair of a training and a test corpus."""
    input:
        metrics=across("metrics"),
        records=across("records"),
    output:
        figure=shown(
            "results/figures/matrix/{experiment}.svg", RESULTS, "7 Trained here, tested there"
        ),
    log:
        "logs/report_across/{experiment}.log",
    conda:
        "../../envs/authenticity.yaml"
    params:
        order=CORPORA,
        version=REPORT_VERSION,
    script:
        "../scripts/report_across.py"


rule report_opening:
    """The report's opening page, and the results of the whole run as a table."""
    input:
        metrics=of_run("metrics"),
        records=of_run("records"),
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
        order=TESTED,
        version=REPORT_VERSION,
    script:
        "../scripts/report_opening.py"
