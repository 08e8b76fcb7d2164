"""Candidates, each a set of features under an experiment, and the choice among them.

In every round of the protocol, the choice among candidates and poolings, and the calibration of the
chosen one's scores, are made on the round's `dev` trials (the choice by cross-validation where a
protocol has no dev); never on `eval`. `fitting` makes candidates. Those that are done are kept
beside the result until it is there, so that a run that was killed goes on with the next one.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from authenticity import tables
from authenticity.config import Experiment
from authenticity.evaluation import calibration, splits
from authenticity.files import read_arrays, write_arrays, write_json
from authenticity.models.application import final_scores, join_conditions

VERSION = "5"
"""Raise it when a change to features.matrix, splits, calibration or models changes any score."""

_logger = logging.getLogger("authenticity")


Key = tuple[str, str]
"""The name of a candidate, and its pooling over time."""


@dataclass(frozen=True)
class Candidate:
    """The outcome of one candidate with one pooling.

    Attributes:
        scores: each round's dev and eval trials, `tables.TRIAL_COLUMNS` and `score`; where training
            has chance in it, also a column for each seed, named by it, `score` being the first's.
        arrays: the models of the first seed: `{number of the round}.weight` and so on.
        rounds: plain data on how it was fitted in each `round`: `counts` (folds, trials of each
            class) and `figures` (C and AUC figures).
    """

    scores: pa.Table
    arrays: dict[str, NDArray]
    rounds: list[dict[str, Any]]


def fit_all(
    keys: Iterable[Key], fit: Callable[[str, str], Candidate], unfinished: Path, origin: str
) -> dict[Key, Candidate]:
    """Fit every candidate of an experiment that an interrupted run has not fitted already.

    Args:
        keys: of the candidates, in the order in which ties are decided.
        fit: fits the candidate of a name with a pooling.
        unfinished: the folder that keeps those that are done; the caller removes it once the
            result is safe.
        origin: what the candidates depend on, see `origin_of`: those kept from another are fitted
            again.
    """
    fitted = {}
    for key in keys:
        path = unfinished / f"{tables.candidate_column(*key)}.parquet"
        candidate = _read(path, origin)
        if candidate is None:
            candidate = fit(*key)
            _write(path, candidate, origin)
        for item in candidate.rounds:
            row = item["figures"]
            figures = {"cross-validated": row["cv_roc_auc"], "on dev": row["dev_roc_auc"]}
            known = [f"{auc:.4f} {how}" for how, auc in figures.items() if auc is not None]
            _logger.info(
                "%s, round %s, pooling %s: C %s, ROC-AUC %s",
                *(key[0], item["round"], key[1], _said_C(row["C"]), " and ".join(known)),
            )
        fitted[key] = candidate
    return fitted


def origin_of(paths: Iterable[str | Path], *settings: Any) -> str:
    """Return a digest of files, by their size and time, and of settings."""
    stats = {str(path): Path(path).stat() for path in paths}
    files = [[path, stat.st_size, stat.st_mtime_ns] for path, stat in stats.items()]
    return hashlib.sha256(json.dumps([files, settings], sort_keys=True).encode()).hexdigest()


def forget(unfinished: Path) -> None:
    """Remove the candidates of `fit_all`: first what says that they are complete."""
    for path in unfinished.glob("*.parquet"):
        path.unlink()
    shutil.rmtree(unfinished)


def _write(path: Path, candidate: Candidate, origin: str) -> None:
    about = {"origin": origin, "rounds": json.dumps(candidate.rounds)}
    write_arrays(path.with_suffix(".safetensors"), candidate.arrays)
    tables.write(path, candidate.scores, candidate.scores.schema, about)


def _read(path: Path, origin: str) -> Candidate | None:
    if not path.exists():  # it is written last
        return None
    about = tables.metadata(path)
    if about["origin"] != origin:
        path.unlink()  # before other files of this candidate are replaced
        return None
    _logger.info("%s: taken over from the run that was interrupted", path.stem)
    arrays = read_arrays(path.with_suffix(".safetensors"))
    return Candidate(tables.read(path), arrays, json.loads(about["rounds"]))


def _said_C(C: float | None) -> str:  # noqa: N802 - it is called so
    """Say which inverse strength of regularisation it is, if anything was fitted."""
    return "none" if C is None else f"{C:g}"


def choose(fitted: Mapping[Key, Sequence[Mapping[str, Any]]]) -> list[list[dict[str, Any]]]:
    """Rank candidates and poolings by ROC-AUC on dev, or by cross-validation without dev.

    Each round makes its own choice. Ties go to the first: the lower layer. `fitted` has the rounds
    of each candidate. The list has, for each round, all that were compared, in the order of the
    candidates, each with `chosen`.
    """

    def merit(row: Mapping[str, Any]) -> float:
        return row["cv_roc_auc"] if row["dev_roc_auc"] is None else row["dev_roc_auc"]

    compared = []
    for items in zip(*fitted.values(), strict=True):
        rows = [
            {"round": item["round"], "candidate": name, "pooling": pooling, **item["figures"]}
            for (name, pooling), item in zip(fitted, items, strict=True)
        ]
        best = max(rows, key=merit)
        compared.append([{**row, "chosen": row is best} for row in rows])
    return compared


@dataclass(frozen=True)
class Choice:
    """What an experiment comes to: its scores, and its models with how they were chosen.

    Attributes:
        scores: `tables.SCORES` with the corpus's conditions.
        candidates: `tables.TRIAL_COLUMNS` and what each candidate scores with each pooling, in
            columns named by `tables.candidate_column`.
        seeds: `tables.TRIAL_COLUMNS` and a column of scores for each seed, named by it and
            comparable as `score` is; no such column where training has no chance in it.
        model: plain data: `rounds` (candidate, pooling, C, calibration, counts), `selection`.
        arrays: the chosen models: `{number of the round}.weight` and so on.
    """

    scores: pa.Table
    candidates: pa.Table
    seeds: pa.Table
    model: dict[str, Any]
    arrays: dict[str, NDArray]


def conclude(trials: pa.Table, fitted: Mapping[Key, Candidate]) -> Choice:
    """Choose in every round, calibrate on its dev, and put the rounds together.

    `trials` are the corpus's, `tables.TRIALS`; `fitted` has every candidate.
    """
    compared = choose({key: candidate.rounds for key, candidate in fitted.items()})
    pooled = len(compared) > 1
    rows, blocks, seeds, weights = [], [], [], {}
    for index, items in enumerate(compared):
        best = next(row for row in items if row["chosen"])
        chosen = fitted[best["candidate"], best["pooling"]]
        table = tables.where(chosen.scores, round=best["round"])
        calibrated, scored = _calibrated(table, "score", pooled)
        blocks.append(scored)
        of_seeds = table.select(tables.TRIAL_COLUMNS)
        for seed in best.get("seeds", ()):
            score = _calibrated(table, seed, pooled)[1]["score"]
            of_seeds = of_seeds.append_column(seed, score)
        seeds.append(of_seeds)
        own = f"{index}."
        weights |= {name: each for name, each in chosen.arrays.items() if name.startswith(own)}
        named = ("round", "candidate", "pooling", "C", "seeds")
        rows.append(
            {
                **{name: best[name] for name in named if name in best},
                **chosen.rounds[index]["counts"],
                "calibration": vars(calibrated) if calibrated else None,
            }
        )
    model = {"rounds": rows, "selection": [row for items in compared for row in items]}
    scored = join_conditions(pa.concat_tables(blocks), trials)
    return Choice(scored, _side_by_side(fitted), pa.concat_tables(seeds), model, weights)


def _calibrated(
    table: pa.Table, column: str, pooled: bool
) -> tuple[calibration.Calibration | None, pa.Table]:
    """Calibrate a column of scores on dev, if there is one; return its final scores, too."""
    dev = tables.where(table, split="dev")
    fitted = calibration.fit(dev[column].to_numpy(), dev["label"].to_numpy()) if len(dev) else None
    return fitted, final_scores(table, table[column].to_numpy(), fitted, pooled)


def _side_by_side(fitted: Mapping[Key, Candidate]) -> pa.Table:
    """Return the scores of all candidates with each pooling as columns of one table."""
    table = next(iter(fitted.values())).scores.select(tables.TRIAL_COLUMNS)
    for key, candidate in fitted.items():
        column = tables.candidate_column(*key)
        table = table.append_column(column, candidate.scores["score"])
    return table


def publish(
    trials: pa.Table,
    fitted: Mapping[Key, Candidate],
    rounds: Sequence[splits.Round],
    experiment: Experiment,
    wildcards: Mapping[str, str],
    paths: Mapping[str, str],
) -> Choice:
    """Choose, and write an experiment's `model`, `weights`, `scores`, `candidates` and `seeds`.

    `rounds` are of its protocol. `wildcards` name the `experiment`, and the `corpus` that it was
    fitted on.
    """
    choice, leak = conclude(trials, fitted), splits.leaks(trials, rounds)
    name, corpus = wildcards["experiment"], wildcards["corpus"]
    about = {"experiment": name, "corpus": corpus, "protocol": experiment.protocol_name}
    settings = {"seed": experiment.seed, "features": experiment.features.plain()}
    settings["kind"] = experiment.model.kind
    write_json(paths["model"], {**about, **settings, **choice.model, "leak": leak})
    write_arrays(paths["weights"], choice.arrays)
    tables.write(paths["candidates"], choice.candidates, choice.candidates.schema, about)
    tables.write(paths["seeds"], choice.seeds, choice.seeds.schema, about)
    names = ("round", "candidate", "pooling", "C", "calibration")
    chosen = [{each: row[each] for each in names} for row in choice.model["rounds"]]
    scored = {"target": corpus, "view": experiment.features.view}
    scored["chosen"] = json.dumps(chosen, sort_keys=True)
    tables.write(paths["scores"], choice.scores, choice.scores.schema, about | scored)
    for row in chosen:
        _logger.info(
            "%s, round %s: chosen %s, pooling %s, C %s",
            *(name, row["round"], row["candidate"], row["pooling"], _said_C(row["C"])),
        )
    return choice
