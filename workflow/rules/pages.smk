# What the rules of report.smk read, and which pages a run has.


def own(pattern):
    """Input function: a pattern over the experiments fitted and reported on the rule's corpus."""
    return lambda wildcards: expand(
        pattern, corpus=wildcards.corpus, experiment=PLAN.reported[wildcards.corpus]
    )


def own_views(wildcards):
    """Metrics of the corpus's experiments on its own clips, in other views."""
    return [
        path
        for experiment in PLAN.reported[wildcards.corpus]
        for path in applied_metrics(wildcards.corpus, experiment)
    ]


def elsewhere(wildcards):
    """Metrics of one experiment, trained on one corpus, on the other corpora."""
    folder = f"results/{wildcards.corpus}/applied/"
    return [path for path in cross_metrics(wildcards.experiment) if path.startswith(folder)]


own_metrics = own("results/{corpus}/metrics/{experiment}.json")
REPORTED_CORPORA = [corpus for corpus in CORPORA if PLAN.reported[corpus]]


def get_report_output():
    """The report's pages: of each corpus its data, and the figures of what is reported on it."""
    pages = expand(
        "results/{corpus}/tables/{page}.html", corpus=CORPORA, page=["audit", "rejected"]
    )
    for corpus in REPORTED_CORPORA:
        experiments = PLAN.reported[corpus]
        pages += expand(
            ["results/{corpus}/figures/{figure}.svg", "results/{corpus}/tables/{page}.html"],
            corpus=corpus,
            figure=["roc", "det", "attacks"],
            page=["trust", "headline", "attacks", "conditions", "speakers"],
        )
        pages += expand(
            [
                "results/{corpus}/cards/{experiment}.html",
                "results/{corpus}/figures/scores/{experiment}.svg",
                "results/{corpus}/figures/calibration/{experiment}.svg",
            ],
            corpus=corpus,
            experiment=experiments,
        )
        if any(applied_metrics(corpus, experiment) for experiment in experiments):
            pages += expand(
                ["results/{corpus}/figures/views.svg", "results/{corpus}/tables/views.html"],
                corpus=corpus,
            )
        # Where there was a choice, how it was made.
        pages += expand(
            [
                "results/{corpus}/figures/candidates/{experiment}.svg",
                "results/{corpus}/tables/selection/{experiment}.html",
            ],
            corpus=corpus,
            experiment=[name for name in experiments if len(candidates(name)) > 1],
        )
    if len(CORPORA) > 1:
        crossed = [name for name in PLAN.experiments if len(cross_metrics(name)) > 1]
        pages += expand("results/figures/matrix/{experiment}.svg", experiment=crossed)
    return [*pages, "results/opening.html"]
