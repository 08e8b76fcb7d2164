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
EXPERIMENTS = list(PLAN.experiments)
ENCODER = PLAN.encoder.name


wildcard_constraints:
    corpus="|".join(CORPORA) or "none",
    experiment="|".join(EXPERIMENTS) or "none",
    shard=r"\d+-of-\d+",
    candidate=r"[a-z0-9_+]+",


def candidates(experiment):
    return PLAN.candidates[experiment]


def shard_paths(corpus, table):
    """All shards of one of a corpus's tables: spectral, rejected, or embeddings."""
    folder = f"embeddings/{ENCODER}/clean" if table == "embeddings" else table
    return [f"results/{corpus}/{folder}/{shard}.parquet" for shard in PLAN.corpora[corpus].shards]


def get_final_output():
    """What the configuration asks for: every table of the contract, and the report's pages.

    Tables are listed although later steps need them, so that one deleted by hand comes back.
    """
    shards = [
        path
        for corpus in CORPORA
        for table in ("spectral", "embeddings", "rejected")
        for path in shard_paths(corpus, table)
    ]
    per_corpus = expand(
        [
            "results/{corpus}/verified.json",
            "results/{corpus}/figures/roc.svg",
            "results/{corpus}/figures/attacks.svg",
            "results/{corpus}/tables/headline.html",
        ],
        corpus=CORPORA,
    )
    per_experiment = expand(
        [
            "results/{corpus}/models/{experiment}.json",
            "results/{corpus}/scores/{experiment}.parquet",
            "results/{corpus}/metrics/{experiment}.json",
            "results/{corpus}/figures/scores/{experiment}.svg",
        ],
        corpus=CORPORA,
        experiment=EXPERIMENTS,
    )
    # Where there was a choice, how it was made.
    per_choice = expand(
        [
            "results/{corpus}/figures/candidates/{experiment}.svg",
            "results/{corpus}/tables/selection/{experiment}.html",
        ],
        corpus=CORPORA,
        experiment=[name for name in EXPERIMENTS if len(candidates(name)) > 1],
    )
    return [*shards, *per_corpus, *per_experiment, *per_choice, "results/opening.html"]
