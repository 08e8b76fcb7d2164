import sys
from dataclasses import replace
from pathlib import Path


include: "installed.smk"


from authenticity import lean, manifest, planning, running, verification
from authenticity.config import Config
from authenticity.features import frames, sources
from authenticity.features.encoder import VERSION as ENCODER_VERSION
from authenticity.features.extraction import embedding_version, spectral_version
from authenticity.models import candidates as model_candidates
from authenticity.scoring import bundle as bundles

# VERSION of authenticity/models/finetune.py, which imports torch: too slow for parsing.
FINETUNE_VERSION = "5"

lean.start()
lean.one_thread_each()
lean.keep_freed_memory()
with running.one_line_errors():
    CONFIG = Config.of(config)
    if workflow.is_main_process:
        with running.folder_taken(Path.cwd(), running.only_looks(sys.argv[1:])) as alone:
            PLAN = planning.Plan.make(CONFIG, refresh=alone)
    else:
        PLAN = planning.Plan.make(CONFIG, refresh=False)

LIMITS = CONFIG.audio.model_dump(exclude={"max_rejected"})
# Control experiments, which others are compared with.
CONTROLS = {name for name in PLAN.experiments if CONFIG.experiments[name].is_control}
# Corpora without labels are only scored: nothing is fitted or tested on them.
ALL_CORPORA = list(PLAN.shards)
CORPORA = [corpus for corpus in ALL_CORPORA if corpus not in PLAN.unlabelled]
# Pairs of a corpus and an experiment that is fitted on it.
TRAINED = [(corpus, name) for corpus, names in PLAN.trained.items() for name in names]
# Experiments whose training is random: the scores of every seed are kept.
SEEDED = [name for name, item in PLAN.experiments.items() if hasattr(item.model, "seeds")]
FINETUNED = list(PLAN.first_trained)
# Experiments that choose among several sets of features: the report shows the choice.
CHOSEN = [name for name, candidates in PLAN.candidates.items() if len(candidates) > 1]
# Experiments without an encoder: a run of these alone loads none.
SPECTRAL = [name for name, item in PLAN.experiments.items() if item.features.layers == "none"]
# Experiments whose bundle rule lists no encoder files. Those of a published detector differ from one
# experiment to another, so only the checksums in `bundle.json` list them.
UNENCODED = [*SPECTRAL, *PLAN.detectors]
ENCODER = PLAN.encoder.name if set(PLAN.experiments) - set(UNENCODED) else "none"
# With `layers: auto`, the whole encoder embeds a sample first. SAMPLED: the experiments fitted on it.
WHOLE = ENCODER
SAMPLED = {}
if PLAN.encoder.layers == "auto" and ENCODER != "none":
    WHOLE = replace(PLAN.encoder, layers=None).name
    SAMPLED = {
        corpus: {name: PLAN.experiments[name].layer_by_layer().plain() for name in heard}
        for corpus, names in PLAN.trained.items()
        if (heard := [name for name in names if name not in UNENCODED])
    }
BUNDLES = [(corpus, name) for corpus, name in TRAINED if name in CONFIG.run.bundles]
VIEWS = sorted({view for found in PLAN.view_splits.values() for view in found})


def one_of(names):
    """The constraint of a wildcard to some names; there may be none."""
    return "|".join(sorted(names)) or "(?!)"


wildcard_constraints:
    corpus=one_of(ALL_CORPORA),
    target=one_of(ALL_CORPORA),
    experiment=one_of(PLAN.experiments),
    view=one_of(["clean", *VIEWS]),
    shard=r"\d+-of-\d+",
    layer=r"\d+",


# The files of a fitted experiment.
MODEL_FILES = {
    "model": "results/{corpus}/models/{experiment}.json",
    "weights": "results/{corpus}/models/{experiment}.safetensors",
    "scores": "results/{corpus}/scores/{experiment}.parquet",
    "candidates": "results/{corpus}/candidates/{experiment}.parquet",
    "seeds": "results/{corpus}/seeds/{experiment}.parquet",
}


def shard_paths(corpus, table, views=("clean",), experiment=None):
    """All shards of a corpus's spectral, rejected, or an experiment's embeddings, view after view."""
    folder = table
    if table == "embeddings":
        if experiment in SPECTRAL:
            return []
        detected = experiment in PLAN.detectors
        folder = f"logits/{experiment}" if detected else f"embeddings/{ENCODER}"
    shards = PLAN.shards[corpus]
    return [f"results/{corpus}/{folder}/{view}/{each}.parquet" for view in views for each in shards]


def encoder_of(wildcards):
    """The identity of the encoder or published detector of an experiment, if it has one."""
    if wildcards.experiment in SPECTRAL:
        return []
    if wildcards.experiment in PLAN.detectors:
        return f"results/detectors/{wildcards.experiment}.json"
    return f"results/encoders/{ENCODER}.json"


# What each view does to the audio.
STEPS = {"clean": [], **CONFIG.views}


def steps_of(wildcards):
    """The steps of the rule's view, as plain data."""
    return [step.plain() for step in STEPS[wildcards.view]]


def ordered_after_clean(wildcards):
    """The clean tables that a shard of a view waits for."""
    if wildcards.view == "clean":
        return []
    return [
        ancient("results/{corpus}/verified/clean.json"),
        # Snakemake overlooks other reasons to run a job if what makes an ancient input runs again.
        "results/{corpus}/rejected/clean/{shard}.parquet",
    ]


def scored_view(experiment):
    """The view in which an experiment's dev and eval are scored."""
    return PLAN.experiments[experiment].features.view


def views_of(experiment):
    """The views that an experiment is fitted and scored on."""
    features = PLAN.experiments[experiment].features
    return list(dict.fromkeys([*features.train_views, scored_view(experiment)]))


def view_tables(table, corpus, experiment):
    """One of the feature tables that an experiment is fitted on, view after view."""
    return shard_paths(corpus, table, views_of(experiment), experiment)


def embedded_splits(corpus, views):
    """The partitions of a corpus that are embedded in each view; all of them (None) as they are."""
    needed = {"clean": None, **PLAN.embedded_splits[corpus]}
    return {view: needed.get(view, []) for view in views}


def verified(corpus, views):
    """The files that say that the tables of these views are complete."""
    return [f"results/{corpus}/verified/{view}.json" for view in views]


def controls_last(items, experiments):
    """Sort items with a control among their `experiments` to the end, as every table shows them."""
    return sorted(items, key=lambda item: bool(CONTROLS & set(experiments(item))))


def tested_on(corpus):
    """The pairs of corpus and experiment that are tested on a corpus, its own first."""
    own = [(corpus, experiment) for experiment in PLAN.reported[corpus]]
    others = [pair for pair, targets in PLAN.targets.items() if corpus in targets]
    return controls_last([*own, *others], lambda pair: pair[1:])


# The layers that fine-tuning trains first; those below are frozen.
FROZEN = sorted({layer for layers in PLAN.first_trained.values() for layer in layers})


def frame_paths(suffix, layers=FROZEN, corpus="{corpus}", view="{view}", shards=("{shard}",)):
    """Frames below the first trained layers (npy), or their indices (parquet), in a view."""
    folder = f"results/{corpus}/frames/{ENCODER}"
    return [f"{folder}/{layer}/{view}/{shard}.{suffix}" for shard in shards for layer in layers]


def frames_of(wildcards, view):
    """The frames of a corpus in a view, below the first layers that an experiment trains."""
    layers, shards = PLAN.first_trained[wildcards.experiment], PLAN.shards[wildcards.corpus]
    place = (layers, wildcards.corpus, view, shards)
    return {"frames": frame_paths("npy", *place), "indices": frame_paths("parquet", *place)}


def seeds_at_once(wildcards):
    """How many seeds are fine-tuned side by side: the experiments share the cores."""
    seeds = PLAN.experiments[wildcards.experiment].model.seeds
    return min(len(seeds), max(1, (workflow.resource_settings.cores or 1) // len(FINETUNED)))


def finetuning_mb(wildcards, threads):
    """The memory that fine-tuning needs, in MB: 3 seeds of wav2vec2-base in 3 threads took 4.3 GB."""
    seeds = PLAN.experiments[wildcards.experiment].model.seeds
    return 1500 + 1500 * threads + 250 * len(seeds)


# The chosen candidate, trained with the first seed; `encoder.model` takes its folder.
FINETUNED_ENCODER = multiext("results/{corpus}/finetuned/{experiment}/", *sources.FILES)


def result(kind, fitted, experiment, target):
    """The metrics, records or bands of an experiment on a corpus."""
    suffix = "json" if kind == "records" else "parquet"
    return f"results/{fitted}/{kind}/{experiment}/{target}.{suffix}"


def applied_views(corpus, experiment, target):
    """The views of a corpus that an experiment is applied to, the one that it scores first.

    On its own corpus it has been scored in that view when it was fitted.
    """
    scored = scored_view(experiment)
    heard = CONFIG.run.finetuned_views if experiment in FINETUNED else CONFIG.run.views
    if target in PLAN.unlabelled:
        return [scored]
    tested = [view for view in ["clean", *CONFIG.run.views] if view in ["clean", *heard]]
    others = [view for view in tested if view != scored]
    if corpus != target:
        return [scored, *others]
    return others if experiment in PLAN.reported[corpus] else []


def applied_tables(table, corpus, experiment, target):
    """One of the feature tables of the views that an experiment is applied to, view after view."""
    return shard_paths(target, table, applied_views(corpus, experiment, target), experiment)


def applied(corpus, experiment, target):
    """The scores of an experiment in the views that it is applied to."""
    views = applied_views(corpus, experiment, target)
    path = f"results/{corpus}/applied/{experiment}/{target}"
    if experiment in FINETUNED:
        return [f"{path}/{view}.parquet" for view in views]
    return [f"{path}.parquet"] if views else []


def score_tables(corpus, experiment, target):
    """All scores of an experiment on a corpus, those of the view that it scores first."""
    own = [f"results/{corpus}/scores/{experiment}.parquet"] if corpus == target else []
    return [*own, *applied(corpus, experiment, target)]


def reported_partitions(corpus, experiment, target):
    """Which partitions of the target are reported on, by part."""
    if corpus == target:
        return PLAN.partitions[corpus, experiment]
    return {"eval": PLAN.targets[corpus, experiment][target]}


def trained_apart(corpus, experiment, target):
    """The partitions whose attacks are known to an experiment, where others are reported on."""
    kept_apart = PLAN.experiments[experiment].protocol.kind == "partitions"
    own = corpus == target and experiment not in PLAN.detectors
    return PLAN.partitions[corpus, experiment]["train"] if kept_apart and own else []


def own_trust(wildcards):
    """What the checks say of an experiment, if it is tested on its own corpus."""
    reported = wildcards.experiment in PLAN.reported[wildcards.corpus]
    return "results/{corpus}/trust/{experiment}.json" if reported else []


def get_final_output():
    """What the configuration asks for: every table of the contract, and the report's pages.

    Tables are listed although later steps need them, so that one deleted by hand comes back.
    """
    paths = [f"results/{corpus}/layers.json" for corpus in SAMPLED]
    for corpus in ALL_CORPORA:
        views = ["clean", *PLAN.view_splits[corpus]]
        paths += shard_paths(corpus, "spectral", views) + shard_paths(corpus, "rejected", views)
        paths += verified(corpus, views)
        for pair in tested_on(corpus):
            if pair[1] not in FINETUNED:
                paths += applied_tables("embeddings", *pair, corpus)
    for corpus, experiment in TRAINED:
        if experiment not in FINETUNED:
            paths += view_tables("embeddings", corpus, experiment)
        paths.append(f"results/{corpus}/models/{experiment}.json")
        paths.append(f"results/{corpus}/scores/{experiment}.parquet")
    paths += [f"results/{corpus}/scored.csv" for corpus in sorted(PLAN.unlabelled)]
    paths += [f"results/{corpus}/bundles/{name}/bundle.json" for corpus, name in BUNDLES]
    return [*paths, *of_run("metrics"), *get_report_output()]
