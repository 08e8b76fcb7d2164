# What the rules of report.smk read, and which pages a run has.


def shown(path, caption, category, result):
    """An output that the report shows, in a folder for its corpus.

    What is about all experiments has no label for the experiment: a label that splits a folder's
    results into two equal halves becomes a switch in the report's menu, which fails unless both have
    them all.
    """
    labels = {"Experiment": "{experiment}"} if "{experiment}" in path else {}
    return report(
        path,
        caption=f"../report/{caption}.rst",
        category=category,
        subcategory="{corpus}" if "{corpus}" in path else "across corpora",
        labels={"Result": result, **labels},
    )


def on_corpus(kind):
    """Input function: metrics, records or bands of all that is tested on the rule's corpus."""
    return lambda wildcards: [
        result(kind, *pair, wildcards.corpus) for pair in tested_on(wildcards.corpus)
    ]


def of_experiment(kind):
    """Input function: metrics or records of an experiment on its own corpus, then on others."""

    def paths(wildcards):
        pair = (wildcards.corpus, wildcards.experiment)
        targets = [target for target in PLAN.targets[pair] if target not in PLAN.unlabelled]
        return [result(kind, *pair, target) for target in [pair[0], *targets]]

    return paths


def of_run(kind):
    """Metrics or records of all that is tested, and of what is fitted and tested elsewhere only."""
    tested = [(*pair, corpus) for corpus in CORPORA for pair in tested_on(corpus)]
    fitted = [(corpus, name, corpus) for corpus, name in TRAINED]
    return [result(kind, *each) for each in dict.fromkeys([*tested, *fitted])]


def audits_of(wildcards):
    """Audits of the rule's corpus: of its clips as they are, and in each view that is scored."""
    views = dict.fromkeys(
        ["clean", *(scored_view(name) for _, name in tested_on(wildcards.corpus))]
    )
    return [f"results/{wildcards.corpus}/audit/{view}.json" for view in views]


def own_audit(wildcards):
    """The audit of an experiment's own corpus in the view that it scores."""
    return f"results/{wildcards.corpus}/audit/{scored_view(wildcards.experiment)}.json"


REPORTED_CORPORA = [corpus for corpus in CORPORA if tested_on(corpus)]


def pairs_on(corpus):
    """The pairs of experiments to compare on a corpus: those that are both reported on it."""
    own = PLAN.reported[corpus]
    pairs = [list(pair) for pair in CONFIG.run.comparisons if set(pair) <= set(own)]
    return controls_last(pairs, lambda pair: pair)


def side_by_side(corpus, names):
    """What a comparison of a corpus's experiments reads."""
    views = dict.fromkeys(scored_view(name) for name in names)
    return {
        "scores": [f"results/{corpus}/scores/{name}.parquet" for name in names],
        "seeds": [f"results/{corpus}/seeds/{name}.parquet" for name in names if name in SEEDED],
        "metrics": [result("metrics", corpus, name, corpus) for name in names],
        "records": [result("records", corpus, name, corpus) for name in names],
        "models": [f"results/{corpus}/models/{name}.json" for name in names],
        "rejected": [path for view in views for path in shard_paths(corpus, "rejected", view)],
    }


def compared_on(wildcards):
    """What the comparison of pairs reads."""
    pairs = pairs_on(wildcards.corpus)
    return side_by_side(wildcards.corpus, dict.fromkeys(name for pair in pairs for name in pair))


def ablated_on(wildcards):
    """What the table of ablations reads."""
    rows = controls_last(CONFIG.run.ablations.rows, lambda name: [name])
    return side_by_side(wildcards.corpus, rows)


COMPARED_CORPORA = [corpus for corpus in CORPORA if pairs_on(corpus)]


def get_report_output():
    """The report's pages: of each corpus its data, and the results of what is reported on it."""
    pages = expand(
        "results/{corpus}/tables/{page}.html", corpus=CORPORA, page=["audit", "rejected"]
    )
    for corpus in REPORTED_CORPORA:
        pages += expand(
            ["results/{corpus}/figures/{figure}.svg", "results/{corpus}/tables/{page}.html"],
            corpus=corpus,
            figure=["roc", "det", "attacks"],
            page=["trust", "headline", "attacks", "conditions", "speakers"],
        )
        if CONFIG.run.views:
            pages += expand(
                ["results/{corpus}/figures/views.svg", "results/{corpus}/tables/views.html"],
                corpus=corpus,
            )
    for corpus, experiment in TRAINED:
        patterns = [
            "results/{corpus}/cards/{experiment}.html",
            "results/{corpus}/figures/scores/{experiment}.svg",
            "results/{corpus}/figures/calibration/{experiment}.svg",
        ]
        # Where there was a choice, how it was made.
        if len(PLAN.candidates[experiment]) > 1:
            patterns += [
                "results/{corpus}/figures/candidates/{experiment}.svg",
                "results/{corpus}/tables/selection/{experiment}.html",
            ]
        pages += expand(patterns, corpus=corpus, experiment=experiment)
    pages += [
        f"results/{corpus}/tables/splices/{name}.html"
        for corpus, name in BUNDLES
        if name in PLAN.reported[corpus]
    ]
    pages += expand("results/{corpus}/verdict.json", corpus=COMPARED_CORPORA)
    if CONFIG.run.ablations:
        rows = set(CONFIG.run.ablations.rows)
        whole = [corpus for corpus in CORPORA if rows <= set(PLAN.reported[corpus])]
        pages += expand("results/{corpus}/ablations.json", corpus=whole)
    crossed = {
        experiment: None
        for (_, experiment), targets in PLAN.targets.items()
        if targets.keys() - PLAN.unlabelled
    }
    pages += expand("results/figures/matrix/{experiment}.svg", experiment=crossed)
    return [*pages, "results/opening.html"]
