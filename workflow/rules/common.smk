import sys
from dataclasses import asdict
from pathlib import Path

HOUSE = Path(str(workflow.current_basedir)).parent

# The library is imported from where it lies; nothing needs to be installed.
sys.path.insert(0, str(HOUSE))

from authenticity import planning, verification
from authenticity.features.encoder import VERSION as ENCODER_VERSION
from authenticity.features.extraction import embedding_version, spectral_version
from authenticity.models import candidates as model_candidates

planning.let_scripts_import(HOUSE)
with planning.one_line_errors():
    planning.validate(config, HOUSE / "schemas" / "config.schema.yaml")
    if workflow.is_main_process:
        with planning.folder_taken(Path.cwd(), planning.only_looks(sys.argv[1:])) as alone:
            PLAN = planning.Plan.make(config, refresh=alone)
    else:
        PLAN = planning.Plan.make(config, refresh=False)

CORPORA = list(PLAN.corpora)
ENCODER = PLAN.encoder.name
# What is fitted: a corpus and an experiment.
TRAINED = [(corpus, name) for corpus, names in PLAN.trained.items() for name in names]
VIEWS = sorted({view for corpus in PLAN.corpora.values() for view in corpus.view_splits})


wildcard_constraints:
    corpus="|".join(CORPORA) or "none",
    target="|".join(CORPORA) or "none",
    experiment="|".join(PLAN.experiments) or "none",
    view="|".join(["clean", *VIEWS]),
    shard=r"\d+-of-\d+",
    candidate=r"[a-z0-9_+]+",


def candidates(experiment):
    return PLAN.candidates[experiment]


def experiments_of(corpus):
    """The experiments that are fitted on a corpus."""
    return PLAN.trained[corpus]


def shard_paths(corpus, table, view="clean"):
    """All shards of one of a corpus's tables: spectral, rejected, or embeddings."""
    folder = f"embeddings/{ENCODER}" if table == "embeddings" else table
    if table == "embeddings" or view != "clean":
        folder = f"{folder}/{view}"
    return [f"results/{corpus}/{folder}/{shard}.parquet" for shard in PLAN.corpora[corpus].shards]


def views_of(experiment):
    """The views that an experiment is fitted and scored on."""
    features = PLAN.experiments[experiment]["features"]
    return list(dict.fromkeys([*features["train_views"], features["view"]]))


def view_tables(wildcards, table):
    """One of the feature tables that an experiment reads, view after view."""
    views = views_of(wildcards.experiment)
    return [path for view in views for path in shard_paths(wildcards.corpus, table, view)]


def verified(corpus, views):
    """What says that the tables of these views are whole."""
    return [
        f"results/{corpus}/verified{'' if view == 'clean' else '/' + view}.json" for view in views
    ]


def tested_views(corpus, experiment):
    """The views that an experiment is tested on beside the one that it is scored on."""
    if experiment not in PLAN.reported[corpus]:
        return []
    own = PLAN.experiments[experiment]["features"]["view"]
    return [view for view in ["clean", *config["run"]["views"]] if view != own]


def applied_metrics(corpus, experiment):
    """The metrics of an experiment on the other views of its corpus."""
    return expand(
        "results/{corpus}/applied/{experiment}/{corpus}/{view}.json",
        corpus=corpus,
        experiment=experiment,
        view=tested_views(corpus, experiment),
    )


def cross_metrics(experiment):
    """The metrics of an experiment on its own and on other corpora, for each that it is fitted on."""
    view = PLAN.experiments[experiment]["features"]["view"]
    own = [f"results/{corpus}/metrics/{experiment}.json" for corpus, e in TRAINED if e == experiment]
    return own + [
        f"results/{corpus}/applied/{experiment}/{target}/{view}.json"
        for (corpus, name), targets in PLAN.targets.items()
        for target in targets
        if name == experiment
    ]


def get_final_output():
    """What the configuration asks for: every table of the contract, and the report's pages.

    Tables are listed although later steps need them, so that one deleted by hand comes back.
    """
    shards = [
        path
        for corpus in CORPORA
        for view in ["clean", *PLAN.corpora[corpus].view_splits]
        for table in ("spectral", "embeddings", "rejected")
        for path in shard_paths(corpus, table, view)
    ]
    checked = [
        path
        for corpus in CORPORA
        for path in verified(corpus, ["clean", *PLAN.corpora[corpus].view_splits])
    ]
    metrics = [
        path
        for corpus, experiment in TRAINED
        for path in applied_metrics(corpus, experiment) + cross_metrics(experiment)
    ]
    per_experiment = [
        path.format(corpus=corpus, experiment=experiment)
        for corpus, experiment in TRAINED
        for path in [
            "results/{corpus}/models/{experiment}.json",
            "results/{corpus}/scores/{experiment}.parquet",
        ]
    ]
    score_files = [
        f"results/{corpus}/score_files/{experiment}/asvspoof2019.txt"
        for corpus, experiments in PLAN.reported.items()
        for experiment in experiments
    ] + [
        path.replace("/applied/", "/score_files/").replace(".json", "/asvspoof2019.txt")
        for _, experiment in TRAINED
        for path in cross_metrics(experiment)
        if "/applied/" in path
    ]
    return [*shards, *checked, *metrics, *per_experiment, *score_files, *get_report_output()]
