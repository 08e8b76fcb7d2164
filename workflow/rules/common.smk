import os
import sys
from pathlib import Path

HOUSE = Path(str(workflow.current_basedir)).parent

# Scripts and this file import the library from where it lies; nothing needs to be installed.
sys.path.insert(0, str(HOUSE))
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(HOUSE), *filter(None, [os.environ.get("PYTHONPATH")])]
)

from authenticity import planning
from authenticity.features import matrix
from authenticity.features.extraction import embedding_version, spectral_version

with planning.one_line_errors():
    planning.validate(config, HOUSE / "schemas" / "config.schema.yaml")
    if workflow.is_main_process:
        planning.clear_stale_locks(Path.cwd(), executes=not workflow.dryrun)
    PLAN = planning.Plan.make(config, refresh=workflow.is_main_process)

CORPORA = list(PLAN.corpora)
EXPERIMENTS = list(PLAN.experiments)
ENCODER = PLAN.encoder.name


wildcard_constraints:
    corpus="|".join(CORPORA) or "none",
    experiment="|".join(EXPERIMENTS) or "none",
    shard=r"\d+-of-\d+",
    candidate=r"[a-z0-9_+]+",


def candidates(experiment):
    return PLAN.candidates(experiment)


def shard_paths(corpus, table):
    """All shards of one of a corpus's tables: spectral, rejected, or embeddings."""
    folder = f"embeddings/{ENCODER}/clean" if table == "embeddings" else table
    return [f"results/{corpus}/{folder}/{shard}.parquet" for shard in PLAN.corpora[corpus].shards]


def get_final_output():
    """What the configuration asks for, from verified tables to the report's figures."""
    per_corpus = expand(
        [
            "results/{corpus}/figures/roc.svg",
            "results/{corpus}/figures/det.svg",
            "results/{corpus}/figures/attacks.svg",
            "results/{corpus}/tables/headline.html",
            "results/{corpus}/verified.json",
        ],
        corpus=CORPORA,
    )
    per_experiment = expand(
        [
            "results/{corpus}/metrics/{experiment}.json",
            "results/{corpus}/figures/scores/{experiment}.svg",
            "results/{corpus}/figures/candidates/{experiment}.svg",
            "results/{corpus}/tables/selection/{experiment}.html",
        ],
        corpus=CORPORA,
        experiment=EXPERIMENTS,
    )
    return [*per_corpus, *per_experiment, "results/opening.html"]
