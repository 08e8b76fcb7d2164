"""How much the ROC-AUC of a control with shuffled classes varies between shuffles.

Run after make run: python tests/benchmarks/benchmark_shuffles.py

It fits the control `shuffled_layer` of config/ablations.yaml on the demonstration with many seeds,
each of which shuffles the classes of train and dev anew, and prints the ROC-AUC of the chosen
candidates on eval. The control's own interval is of trials, and does not cover this.
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np
import yaml
from authenticity import tables
from authenticity.config import Config
from authenticity.features import matrix
from authenticity.models import candidates, fitting
from sklearn.metrics import roc_auc_score
from snakemake.utils import update_config
from threadpoolctl import threadpool_limits

FOLDER = Path("results/demo")
SHUFFLES = 40


def main() -> int:
    """Print the value of each shuffle, then their mean and spread."""
    settings = yaml.safe_load(Path("config/config.yaml").read_text())
    update_config(settings, yaml.safe_load(Path("config/ablations.yaml").read_text()))
    config = Config.of(settings)
    control = config.experiments["shuffled_layer"]
    trials = tables.read(FOLDER / "trials.parquet")
    spectral = sorted(FOLDER.glob("spectral/clean/*.parquet"))
    embeddings = sorted(FOLDER.glob("embeddings/small/clean/*.parquet"))
    features = matrix.Tables.by_view(trials, {"clean": None}, spectral, embeddings)["clean"]
    schema = tables.read(embeddings[0]).schema
    n_layers = sum(name.startswith("mean_") for name in schema.names)
    names = matrix.candidates(control.features, n_layers)
    values = []
    for seed in range(SHUFFLES):
        protocol = config.protocols[control.protocol]
        shuffled = control.model_copy(update={"seed": seed, "protocol": protocol})
        data, fitted = fitting.Trials(trials, shuffled), {}
        for name, pooling in product(names, control.features.pooling):
            fitted[name, pooling] = fitting.fit(
                data,
                lambda _, name=name, pooling=pooling: features.load(
                    name, control.features.spectral, pooling, n_layers
                ),
                shuffled,
                n_spectral=0,
                n_layers=len(matrix.layers_of(name, n_layers)),
            )
        (rows,) = candidates.choose({key: each.rounds for key, each in fitted.items()})
        (chosen,) = [row for row in rows if row["chosen"]]
        scores = fitted[chosen["candidate"], chosen["pooling"]].scores
        reported = tables.where(scores, split="eval")
        values.append(roc_auc_score(reported["label"], reported["score"]))
        print(f"shuffle {seed}: {values[-1]:.3f}", flush=True)
    error = np.std(values, ddof=1) / np.sqrt(SHUFFLES)
    print(
        f"{SHUFFLES} shuffles: mean {np.mean(values):.3f} (standard error {error:.3f}), standard "
        f"deviation {np.std(values, ddof=1):.3f}, {min(values):.3f} to {max(values):.3f}"
    )
    return 0


if __name__ == "__main__":
    with threadpool_limits(1):
        sys.exit(main())
