"""Find on a sample of a corpus's clips how many of an encoder's layers are needed."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from authenticity import tables
from authenticity.audio import Limits
from authenticity.config import Config, Experiment
from authenticity.features import extraction, matrix
from authenticity.features.clips import Reader
from authenticity.features.encoder import Encoder
from authenticity.features.spectral import SCHEMA
from authenticity.files import read_json, write_json
from authenticity.jobs import corpus_root, job
from authenticity.models import depth

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    identity, window = read_json(given.encoder), params.window_seconds
    precision, revision, n_layers = (identity[x] for x in ("precision", "revision", "n_layers"))
    load = cache(lambda: Encoder.load(params.model, precision, window, revision))
    experiments = {
        name: Experiment.model_validate(settings) for name, settings in params.experiments.items()
    }
    trials = depth.sample(tables.read(given.trials), [*experiments.values()])
    root = corpus_root(snakemake)
    # Not a parameter: other limits must not lead to another choice either.
    limits = Config.of(snakemake.config).audio.model_dump(exclude={"max_rejected"})
    clips, reader = depth.rows_of(trials, given.spectral), Reader(root, Limits(**limits))
    rows = trials.append_column("content", clips["content"]).to_pylist()
    with TemporaryDirectory(dir=Path(snakemake.output.layers).parent) as folder:
        described, embedded = (Path(folder, f"{kind}.parquet") for kind in ("spectral", "layers"))
        tables.write(described, clips, SCHEMA)
        extraction.embed_shard(rows, reader, identity, window, load, embedded)
        found = {
            name: depth.needed(trials, matrix.Tables([described], [embedded]), item, n_layers)
            for name, item in experiments.items()
        }
    kept = max(each["needed"] for each in found.values())
    about = {"clips": len(trials), "experiments": found, "seconds": depth.seconds(load(), kept)}
    write_json(snakemake.output.layers, {"needed": kept, **about})
    log.info("%d of %d layers are needed, by %d clips", kept, n_layers - 1, len(trials))
