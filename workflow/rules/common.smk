import sys
from dataclasses import asdict
from pathlib import Path


include: "installed.smk"


from authenticity import planning, threads, verification
from authenticity.features import matrix
from authenticity.features.encoder import VERSION as ENCODER_VERSION
from authenticity.features.frames import version as frames_version
from authenticity.features.versions import embedding_version, spectral_version
from authenticity.models import candidates as model_candidates
from authenticity.scoring import bundle as bundles
from authenticity.scoring.batch import VERSION as SCORE_VERSION

# Of authenticity/models/finetune.py, whose torch the parsing of a workflow need not wait for.
FINETUNE_VERSION = "2"

threads.one_each()
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
# Where training has chance in it, every seed's scores are kept.
SEEDED = [name for name, item in PLAN.experiments.items() if item["model"]["kind"] != "logistic"]
FINETUNED = [name for name, item in PLAN.experiments.items() if item["model"]["kind"] == "finetune"]
# Those that hear spectra alone: their bundles need no encoder.
UNENCODED = [
    name for name, item in PLAN.experiments.items() if item["features"]["layers"] == "none"
]
UNSEEDED = [name for name in PLAN.experiments if name not in SEEDED]
BUNDLES = [(corpus, name) for corpus, name in TRAINED if name in config["run"]["bundles"]]
VIEWS = sorted({view for corpus in PLAN.corpora.values() for view in corpus.view_splits})


wildcard_constraints:
    corpus="|".join(CORPORA) or "none",
    target="|".join(CORPORA) or "none",
    experiment="|".join(PLAN.experiments) or "none",
    view="|".join(["clean", *VIEWS]),
    shard=r"\d+-of-\d+",
    candidate=r"[a-z0-9_+]+",
    layer=r"\d+",
    seed=r"\d+",


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


def scored_view(experiment):
    """The view in which an experiment's dev and eval are scored."""
    return PLAN.experiments[experiment]["features"]["view"]


def views_of(experiment):
    """The views that an experiment is fitted and scored on."""
    features = PLAN.experiments[experiment]["features"]
    return list(dict.fromkeys([*features["train_views"], scored_view(experiment)]))


def view_tables(wildcards, table):
    """One of the feature tables that an experiment reads, view after view."""
    views = views_of(wildcards.experiment)
    return [path for view in views for path in shard_paths(wildcards.corpus, table, view)]


def verified(corpus, views):
    """What says that the tables of these views are whole."""
    return [
        (
            f"results/{corpus}/verified.json"
            if view == "clean"
            else f"results/{corpus}/verified/{view}.json"
        )
        for view in views
    ]


def controls_last(items, experiments):
    """Put controls, and what has one among its `experiments`, below all else: in every table."""
    return sorted(items, key=lambda item: bool(PLAN.controls & set(experiments(item))))


def tested_on(corpus):
    """What is reported on a corpus: the corpora and experiments that were fitted, its own first."""
    own = [(corpus, experiment) for experiment in PLAN.reported[corpus]]
    others = [pair for pair, targets in PLAN.targets.items() if corpus in targets]
    return controls_last([*own, *others], lambda pair: pair[1:])


def finetuned_on(wildcards):
    """The frames that an encoder is fine-tuned on."""
    (kept,) = matrix.layers_of(wildcards.candidate, PLAN.encoder.n_layers)
    first = kept - PLAN.experiments[wildcards.experiment]["model"]["unfrozen"]
    folder = f"results/{wildcards.corpus}/frames/{ENCODER}/{first}"
    shards = PLAN.corpora[wildcards.corpus].shards
    return {
        "frames": [f"{folder}/{shard}.npy" for shard in shards],
        "indices": [f"{folder}/{shard}.parquet" for shard in shards],
    }


def exported(wildcards):
    """The first seed's encoder of each candidate of a fine-tuned experiment."""
    corpus, name = wildcards.corpus, wildcards.experiment
    seed = PLAN.experiments[name]["model"]["seeds"][0]
    return [
        f"results/{corpus}/finetuned/{name}/{candidate}-{seed}/{file}"
        for candidate in candidates(name)
        for file in ("config.json", "preprocessor_config.json", "model.safetensors")
    ]


def seeds_of(wildcards, suffix):
    """What was fine-tuned with each seed."""
    folder = f"results/{wildcards.corpus}/finetuned/{wildcards.experiment}"
    seeds = PLAN.experiments[wildcards.experiment]["model"]["seeds"]
    return [f"{folder}/{wildcards.candidate}-{seed}.{suffix}" for seed in seeds]


def result(kind, fitted, experiment, target):
    """The scores, metrics or bands of an experiment on a corpus, in the view that it scores."""
    if fitted == target:
        suffix = "json" if kind == "metrics" else "parquet"
        return f"results/{fitted}/{kind}/{experiment}.{suffix}"
    suffix = {"scores": "parquet", "metrics": "json", "bands": "bands.parquet"}[kind]
    return f"results/{fitted}/applied/{experiment}/{target}/{scored_view(experiment)}.{suffix}"


def reference(corpus, experiment, target, view):
    """The scores that those of another view are held against; none for the view that is scored."""
    if view == scored_view(experiment):
        return []
    return result("scores", corpus, experiment, target)


def reported_partitions(fitted, experiment, target):
    """Which partitions of a corpus are reported on, by part."""
    if fitted == target:
        return PLAN.partitions[fitted, experiment]
    return {"eval": PLAN.targets[fitted, experiment][target]}


def applied_metrics(fitted, experiment, target):
    """The metrics of an experiment on a corpus in the other views that are tested."""
    own = scored_view(experiment)
    heard = config["run"]["finetuned_views"] if experiment in FINETUNED else config["run"]["views"]
    return [
        f"results/{fitted}/applied/{experiment}/{target}/{view}.json"
        for view in ["clean", *config["run"]["views"]]
        if view != own and (view in heard or view == "clean")
    ]


def own_view_scores(corpus, experiment):
    """The scores of an experiment on its own corpus's eval in the other views that are tested."""
    if experiment not in PLAN.reported[corpus]:
        return []
    metrics = applied_metrics(corpus, experiment, corpus)
    return [f"{path.removesuffix('.json')}.parquet" for path in metrics]


def own_trust(corpus, experiment):
    """What the checks say of a corpus's experiments, if this one is among them."""
    reported = experiment in PLAN.reported[corpus]
    return f"results/{corpus}/tables/trust.json" if reported else []


def cross_metrics(experiment):
    """The metrics of an experiment on all corpora, for each corpus that it is fitted on."""
    return [
        result("metrics", fitted, name, target)
        for target in CORPORA
        for fitted, name in tested_on(target)
        if name == experiment
    ]


def get_bundles():
    """What says that a bundle is whole, for each corpus that its experiment is fitted on."""
    return [f"results/{corpus}/bundles/{name}/bundle.json" for corpus, name in BUNDLES]


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
    models = [
        path.format(corpus=corpus, experiment=experiment)
        for corpus, experiment in TRAINED
        for path in [
            "results/{corpus}/models/{experiment}.json",
            "results/{corpus}/scores/{experiment}.parquet",
            "results/{corpus}/metrics/{experiment}.json",
        ]
    ]
    tested = [(*pair, corpus) for corpus in CORPORA for pair in tested_on(corpus)]
    applied = [path for one in tested for path in [result("metrics", *one), *applied_metrics(*one)]]
    score_files = [
        f"{result('scores', *one).removesuffix('.parquet')}.{form}"
        for one in tested
        for form in ("asvspoof2019.txt", "asvspoof2021.txt", "asvspoof5.tsv")
    ]
    return [
        *shards,
        *checked,
        *models,
        *applied,
        *score_files,
        *get_bundles(),
        *get_report_output(),
    ]
