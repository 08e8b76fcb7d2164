"""How long every figure of ASVspoof 2019 LA takes: `python tests/benchmarks/benchmark_scoring.py FOLDER`.

The folder holds the challenge's protocols and ASV scores. A tree of the corpus is built from them,
without audio; its manifest is made as the workflow makes it; dev and eval get scores drawn at
random, which go into the three official forms and through all metrics.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from authenticity import estimates, manifest, tables
from authenticity.config import Corpus
from authenticity.evaluation import calibration, measure, results, score_files
from authenticity.models.scores import final_scores

FOLDERS = {"cm": "ASVspoof2019_LA_cm_protocols", "asv": "ASVspoof2019_LA_asv_scores"}


def build_tree(published: Path, root: Path) -> None:
    """Lay the protocols and ASV scores out as the corpus has them, with empty audio folders."""
    for kind, folder in FOLDERS.items():
        (root / folder).mkdir(parents=True)
        for path in published.glob(f"*.{kind}.*.txt"):
            (root / folder / path.name).symlink_to(path.resolve())
    for split in ("train", "dev", "eval"):
        (root / f"ASVspoof2019_LA_{split}" / "flac").mkdir(parents=True)


def random_scores(listed: pa.Table, seed: int) -> pa.Table:
    """Score dev and eval at random, calibrated on dev as any experiment's scores are."""
    split = np.asarray(listed["split"].to_pylist())
    trials = listed.filter(pa.array(split != "train")).rename_columns({"key": "file"})
    trials = trials.append_column("round", pa.array(["all"] * len(trials)))
    values = np.random.default_rng(seed).standard_normal(len(trials))
    dev = split[split != "train"] == "dev"
    fitted = calibration.fit(values[dev], trials["label"].to_numpy()[dev])
    return final_scores(trials, values, fitted, pooled=False)


def main(published: Path) -> None:
    """Time each step, and print the figures: a random scorer's are .5 and 50%."""
    with tempfile.TemporaryDirectory() as folder:
        root, made = Path(folder, "LA"), Path(folder, "results")
        build_tree(published, root)
        made.mkdir()
        begun = time.perf_counter()
        settings = Corpus(format="asvspoof2019_la", root=str(root))
        print(manifest.refresh(made / "manifest.parquet", "la", settings))
        listed = time.perf_counter()
        about = {"experiment": "random", "corpus": "la", "target": "la", "view": "clean"}
        about |= {"protocol": "official", "chosen": "[]"}
        scores = random_scores(tables.read(made / "manifest.parquet"), seed=1)
        tables.write(made / "scores.parquet", scores, scores.schema, about)
        for form in score_files.FORMS:
            score_files.write(scores, form, made / f"{form}.txt")
        scored = time.perf_counter()
        asv = made / "asv_scores.parquet"
        threshold = measure.Threshold.of(scores)
        found = measure.view(scores, "la", threshold, asv, 1, print)
        ended = time.perf_counter()
    values = results.Results(results.table(found.rows)).where(split="eval", group="all")
    for name in ("roc_auc", "eer", "min_tdcf_legacy", "min_dcf", "cllr", "min_cllr"):
        print(name, estimates.whole(values[name]))
    auc = values["roc_auc"]
    print(f"eval: {auc.n_bonafide} bona fide + {auc.n_spoof} spoof trials")
    print(f"manifest {listed - begun:.1f} s, scoring {scored - listed:.1f} s,", end=" ")
    print(f"metrics {ended - scored:.1f} s, all {ended - begun:.1f} s", end=" ")
    print(f"and {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB at most")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
