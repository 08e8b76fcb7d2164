# What the rules of report.smk read, and which pages a run has.


# The report's categories, in order.
TRUST = "0 Which results to trust"
RESULTS = "1 Results"
ATTACKS = "2 Attacks and conditions"
LAYERS = "3 Layers and features"
DATA = "4 Data"

TABLES, FIGURES = "results/{corpus}/tables", "results/{corpus}/figures"


def shown(path, category, result):
    """An output that the report shows, in a folder for its corpus.

    Its caption is named like the file, or like the folder of one file for each experiment. What is
    about all experiments has no label for the experiment: a label that splits a folder's results
    into two equal halves becomes a switch in the report's menu, which fails unless both have them
    all.
    """
    named = Path(path).with_suffix("")
    return report(
        path,
        caption=f"../report/{(named.parent if named.name == '{experiment}' else named).name}.rst",
        category=category,
        subcategory="{corpus}" if "{corpus}" in path else "across corpora",
        labels={"Result": result}
        | ({"Experiment": "{experiment}"} if "{experiment}" in path else {}),
    )


# What is tested: the corpus that it is fitted on, the experiment, the corpus that it is tested on.
TESTED = [(*pair, target) for target in CORPORA for pair in tested_on(target)]


def on_corpus(kind):
    """Input function: metrics, records or bands of all that is tested on the rule's corpus."""
    return lambda wildcards: [result(kind, *each) for each in TESTED if each[2] == wildcards.corpus]


def across(kind):
    """Input function: metrics or records of an experiment on all corpora, whatever it is fitted on."""
    return lambda wildcards: [
        result(kind, *each) for each in TESTED if each[1] == wildcards.experiment
    ]


def of_experiment(kind):
    """Input function: metrics or records of an experiment on its own corpus, then on others."""

    def paths(wildcards):
        pair = (wildcards.corpus, wildcards.experiment)
        targets = [each[2] for each in TESTED if each[:2] == pair and each[2] != pair[0]]
        return [result(kind, *pair, target) for target in [pair[0], *targets]]

    return paths


def of_run(kind):
    """Metrics or records of all that is tested, and of what is fitted and tested elsewhere only."""
    fitted = [(corpus, name, corpus) for corpus, name in TRAINED]
    return [result(kind, *each) for each in dict.fromkeys([*TESTED, *fitted])]


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
        "rejected": shard_paths(corpus, "rejected", views),
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
    pages = ["results/opening.html"]
    pages += expand("results/{corpus}/verdict.json", corpus=COMPARED_CORPORA)
    pages += expand([*map(str, DATA_PAGES.values())], corpus=CORPORA)
    pages += expand([*map(str, RESULT_PAGES.values())], corpus=REPORTED_CORPORA)
    for corpus, experiment in TRAINED:
        own = [*EXPERIMENT_PAGES.values()]
        if experiment in CHOSEN:
            own += CHOICE_PAGES.values()
        if (corpus, experiment) in BUNDLES and experiment in PLAN.reported[corpus]:
            own.append(f"{TABLES}/splices/{{experiment}}.html")
        pages += expand([*map(str, own)], corpus=corpus, experiment=experiment)
    if CONFIG.run.ablations:
        rows = set(CONFIG.run.ablations.rows)
        whole = [corpus for corpus in CORPORA if rows <= set(PLAN.reported[corpus])]
        pages += expand("results/{corpus}/ablations.json", corpus=whole)
    crossed = sorted({name for fitted, name, target in TESTED if fitted != target})
    return [*pages, *expand("results/figures/matrix/{name}.svg", name=crossed)]
