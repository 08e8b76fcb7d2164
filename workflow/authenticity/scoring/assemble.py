"""Assemble a bundle: `gather` collects what a run leaves of an experiment, `write` writes it."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from authenticity import tables
from authenticity.audio import Limits
from authenticity.evaluation.splits import both_classes
from authenticity.features import matrix
from authenticity.features.encoder import EncoderSource
from authenticity.features.extraction import embedding_version, spectral_version
from authenticity.files import atomic, sha256, write_arrays, write_json
from authenticity.models.projection import model_class
from authenticity.names import ordered_views, view_name
from authenticity.scoring import bundle, cautions, decision
from authenticity.scoring.decision import Band, Decision

WINDOW: bundle.Window = {"seconds": 4.0, "hop": 1.0}

N_REPLICATES = 500
"""Refits of the calibration, whose spread is the interval."""

SPECTRAL_NUMBERS = (
    "duration",
    "level_dbfs",
    "leading_silence",
    "trailing_silence",
    "pause_fraction",
    "rolloff_95",
    "slope_skewness",
)
"""Of the training and dev clips, the columns that limits are set on."""

_COVERS = (
    "The interval says how much the calibration line depends on which clips dev happens to hold. "
    "It does not cover the choice of the training clips and of the layer, speakers, attacks, "
    "languages or channels unlike dev's, or an error in the labels."
)

Columns = Mapping[str, NDArray]


@dataclass(frozen=True)
class Experiment:
    """An experiment of one round, as the workflow describes it.

    Attributes:
        model: its JSON; see `candidates.Choice`.
        weights: its arrays.
        encoder: what `encoder.identify` returned; None where the model uses no layers.
        limits: what a clip must meet.
        window_seconds: longest stretch that the encoder hears at once.
        demonstration: whether the corpus only shows how things work.
        trust: what `trust.judge_all` said of the corpus; None where nothing is reported on it.
    """

    model: Mapping[str, Any]
    weights: Columns
    encoder: Mapping[str, Any] | None
    limits: Limits
    window_seconds: float
    demonstration: bool = False
    trust: Mapping[str, Any] | None = None

    @property
    def chosen(self) -> Mapping[str, Any]:
        """Its one round."""
        (only,) = self.model["rounds"]
        return only

    @property
    def n_layers(self) -> int:
        """How many layers its encoder has."""
        return self.encoder["n_layers"] if self.encoder else 0


@dataclass(frozen=True)
class Clips:
    """The clips that an experiment was fitted, calibrated and tested on, by column.

    Attributes:
        dev, evaluated: scores of dev and of eval: `label`, `speaker`, `attack` and `llr`, (n,);
            `score` of dev. `evaluated` may be empty.
        n_train: how many clips it was trained on.
        fitted: the training and dev clips, (n,): `SPECTRAL_NUMBERS`, `path`, `bytes`, `label`,
            `speaker` and `attack`.
        dev_features: of dev's clips, shape (n, features).
        views: as `evaluated`, by view that the experiment was tested in.
        dev_views: as `dev`, by view in which dev was heard.
    """

    dev: Columns
    evaluated: Columns
    n_train: int
    fitted: Columns
    dev_features: NDArray[np.float32]
    views: Mapping[str, Columns]
    dev_views: Mapping[str, Columns]


def gather(
    experiment: Experiment,
    scores: pa.Table,
    trials: pa.Table,
    partitions: Mapping[str, Sequence[str]],
    features: matrix.Tables,
    views: Mapping[str, pa.Table],
) -> Clips:
    """Gather the clips of an experiment from the workflow's tables.

    Args:
        experiment: the experiment.
        scores: `tables.SCORES` of it.
        trials: `tables.TRIALS` of the corpus.
        partitions: the corpus's splits by part of the protocol.
        features: the tables of clean clips.
        views: by view that it was tested in, `tables.SCORES` likewise.
    """
    dev, splits = _split(scores, "dev"), partitions["train"]
    n_train = sum(split in splits for split in trials["split"].to_pylist())
    files, matrix_of_all = features.load(
        experiment.chosen["candidate"],
        experiment.model["features"]["spectral"],
        experiment.chosen["pooling"],
        experiment.n_layers,
    )
    dev_views = {view: _split(table, "dev") for view, table in views.items()}
    dev_views = {view: each for view, each in dev_views.items() if both_classes(each["label"])}
    return Clips(
        dev=dev,
        evaluated=_split(scores, "eval"),
        n_train=n_train,
        fitted=_fitted(trials, [*splits, *partitions["dev"]], features.spectral),
        dev_features=matrix_of_all[np.searchsorted(files, dev["file"])],
        views={view: _split(table, "eval") for view, table in views.items()},
        dev_views=dev_views,
    )


def _split(scores: pa.Table, split: str) -> Columns:
    return _arrays(tables.where(scores, split=split))


def _fitted(trials: pa.Table, splits: Sequence[str], spectral: Sequence[str | Path]) -> Columns:
    used = tables.where(trials, split=splits)
    numbers = tables.read_many(spectral, ["file", *SPECTRAL_NUMBERS])
    numbers = numbers.take(pc.index_in(used["key"], value_set=numbers["file"].combine_chunks()))
    return _arrays(used) | _arrays(numbers)


def _arrays(table: pa.Table) -> dict[str, NDArray]:
    return {name: np.asarray(table[name].to_pylist()) for name in table.column_names}


def write(experiment: Experiment, clips: Clips, card: Path, folder: Path) -> None:
    """Write a bundle to a folder, with a model card; `bundle.json` last: it says all is there."""
    described, chosen = experiment.model, experiment.chosen
    model = model_class(described["kind"]).of(experiment.weights, "0")
    lines, refits = _replicates(clips, described["seed"])
    write_arrays(folder / bundle.WEIGHTS, {**model.arrays(bundle.MODEL), bundle.REPLICATES: lines})
    _copy(card, folder / bundle.CARD)
    encoder, version = None, ""
    if experiment.encoder:
        source = EncoderSource(experiment.encoder["model"])
        for name in bundle.encoder_files(source):
            _copy(Path(source.model, name), folder / bundle.ENCODER / name)
        version = embedding_version(experiment.encoder["identity"], experiment.window_seconds)
        encoder = {
            **experiment.encoder,
            # Where it lay does not matter: the bundle may be elsewhere by now.
            "model": source.name if source.is_folder else source.model,
            "folder": bundle.ENCODER if source.is_folder else None,
            "window_seconds": experiment.window_seconds,
        }
    is_published = described["kind"] == "published"
    distances = cautions.distances(clips.dev_features, model.mean, model.scale)
    about = {
        "schema": bundle.SCHEMA_VERSION,
        **{name: described[name] for name in ("corpus", "experiment", "kind", "protocol")},
        **{name: chosen[name] for name in ("candidate", "pooling")},
        "features": {
            "spectral": described["features"]["spectral"],
            "layers": matrix.layers_of(chosen["candidate"], experiment.n_layers),
            "spectral_version": spectral_version(),
            "embedding_version": version,
        },
        "encoder": encoder,
        "limits": asdict(experiment.limits),
        "calibration": {**chosen["calibration"], "replicates": refits, "covers": _COVERS},
        "decision": _decision(described, clips),
        "trust": _trust(experiment.trust, described["experiment"]),
        "domain": cautions.limits(clips.fitted, None if is_published else distances),
        "window": WINDOW,
        "demonstration": experiment.demonstration,
        "statement": _statement(experiment, clips),
        "files": {bundle.WEIGHTS: sha256(folder / bundle.WEIGHTS)},
    }
    write_json(folder / bundle.ABOUT, {**about, "identity": bundle.identity(about)})


def _copy(source: Path, target: Path) -> None:
    with atomic(target) as temporary:
        shutil.copyfile(source, temporary)


def _replicates(clips: Clips, seed: int) -> tuple[NDArray[np.float64], bundle.Refits]:
    """Refit the calibration to resamples of dev: slope and offset of the LLR, (replicates, 2)."""
    from scipy.special import logit

    from authenticity.evaluation import bootstrap, calibration

    scores, labels = clips.dev["score"], clips.dev["label"]
    resampler = bootstrap.Resampler(labels, clips.dev["speaker"], seed)
    lines = []
    for row in chain.from_iterable(resampler.blocks(N_REPLICATES)):
        line = calibration.fit(np.repeat(scores, row), np.repeat(labels, row))
        lines.append((line.slope, line.offset - logit(line.prior_spoof)))
    refits: bundle.Refits = {
        "n": N_REPLICATES,
        "level": bootstrap.LEVEL,
        "method": resampler.method,
        "why": resampler.why,
        "seed": seed,
    }
    return np.array(lines), refits


def _decision(model: Mapping[str, Any], clips: Clips) -> Decision:
    dev, target = clips.dev, decision.TARGET_ERROR
    bands = [decision.band(each["llr"], each["label"]) for each in (dev, *clips.dev_views.values())]
    # The widest leaves undecided whatever one of them does.
    chosen = Band(min(band.lower for band in bands), max(band.upper for band in bands))

    def outcomes(part: Columns) -> decision.Outcomes | None:
        if not both_classes(part["label"]):
            return None
        columns = (part["llr"], part["label"], part["speaker"])
        return decision.outcomes(chosen, *columns, model["seed"])

    n_bonafide, n_spoof = (int(np.count_nonzero(dev["label"] == label)) for label in (0, 1))
    heard = ", ".join(view_name(view) for view in ordered_views(clips.dev_views))
    on_eval = outcomes(clips.evaluated)
    views = {
        view: counted for view, part in sorted(clips.views.items()) if (counted := outcomes(part))
    }
    return {
        "lower": chosen.lower,
        "upper": chosen.upper,
        "target": target,
        "provenance": (
            f"set on dev of {model['corpus']}, {n_bonafide} bona fide and {n_spoof} spoof clips"
            f"{f', as they are and {heard}' if heard else ''}, so that at most {100 * target:g}% "
            "of either class is called what it is not"
        ),
        "dev": outcomes(dev),
        "eval": on_eval,
        "views": views,
        "issued": decision.issued(on_eval, views, target),
        "unseen": _unseen(model, clips),
    }


def _unseen(model: Mapping[str, Any], clips: Clips) -> str:
    """Say of which clips the error rates on eval are."""
    if model["kind"] == "published":
        return "clips of eval, which it may have met where it was trained"
    leak = model["leak"]
    has_met_speakers, has_met_attacks = (
        leak[name]["train_eval"] or leak[name]["dev_eval"] for name in ("speakers", "attacks")
    )
    fitted, reported = (
        set(part["attack"][part["label"] == 1].tolist()) for part in (clips.fitted, clips.evaluated)
    )
    number = len(reported - {None})
    attacks = f"{number} attacks" if number != 1 else "one attack"
    if None in reported:
        attacks = f"{attacks} and unknown ones" if number else "unknown attacks"
    if has_met_speakers or leak["unknown_speakers"]:
        had_met = "had met" if has_met_speakers else "may have met"
        return f"clips of eval, some of whose speakers it {had_met} in training ({attacks})"
    if has_met_attacks or None in fitted | reported:
        known = "known" if has_met_attacks else "perhaps known"
        return f"clips of speakers that it had never met, some of the {attacks} {known} to it"
    return f"clips of speakers and {attacks} that it had never met"


def _trust(judged: Mapping[str, Any] | None, experiment: str) -> dict[str, bundle.Rating] | None:
    if judged is None:
        return None
    (rated,) = [item for item in judged["experiments"] if item["name"] == experiment]
    return {
        kind: {
            "status": status,
            "checks": [
                {"name": check["name"], "sentence": check["sentence"]}
                for check in rated["checks"]
                if kind in check["concerns"] and check["status"] == status != "trust"
            ],
        }
        for kind, status in rated["ratings"].items()
    }


def _statement(experiment: Experiment, clips: Clips) -> str:
    made = f"Trained on {clips.n_train:,} clips"
    if experiment.model["kind"] == "published":
        shown = "A demonstration. " if experiment.demonstration else ""
        made = (
            f"{shown}A detector published by others, {experiment.encoder['model']}, calibrated on "
            f"{len(clips.dev['label']):,} clips"
        )
    elif experiment.demonstration:
        return (
            f"A demonstration: its model was trained on {clips.n_train} short clips of a small "
            "corpus. It shows how scoring works; do not rely on any verdict of it."
        )
    return (
        f"{made} of the corpus {experiment.model['corpus']}: a verdict holds for recordings like "
        "those, and proves nothing by itself."
    )
