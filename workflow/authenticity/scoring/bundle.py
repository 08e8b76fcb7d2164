"""A bundle: all that scoring needs of a trained experiment, in a folder that can be moved.

`bundle.json` (plain data; paths are relative to the folder), `model.safetensors`, `card.md`, and
`encoder/` where the encoder is a local folder; an encoder from the model hub stays a reference,
with its commit. What is loaded is what was made: checksums and versions are compared first.

`Trained.gather` collects what a run of the workflow leaves of an experiment, `write` makes a bundle
of it, `Bundle.load` reads one.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from authenticity import tables
from authenticity.audio import Limits
from authenticity.errors import UserError
from authenticity.evaluation.calibration import Calibration
from authenticity.features import matrix
from authenticity.features.encoder import EncoderSource
from authenticity.features.versions import embedding_version, spectral_version
from authenticity.files import atomic, read_arrays, read_json, sha256, write_arrays, write_json
from authenticity.models.projection import Model, model_class
from authenticity.names import NOT_GIVEN, NOT_KNOWN, ordered_values
from authenticity.scoring import cautions, decision
from authenticity.scoring.decision import Band

VERSION = "4"
"""Raise it when a change here, in `decision` or in `cautions` alters any bundle."""

SCHEMA_VERSION = 3
"""Raise it when `bundle.json` changes in a way that older programs cannot read."""

WINDOW_SECONDS, HOP_SECONDS = 4.0, 1.0
"""Of the windows that a recording is scored in."""

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
"""Of the training and dev clips, what a bundle sums up."""

ABOUT, WEIGHTS, CARD, ENCODER = "bundle.json", "model.safetensors", "card.md", "encoder"
_MODEL, _REPLICATES = "model", "calibration.replicates"
_TRUSTED = "trust"
_LICENCES = ("LICEN[CS]E*", "LICEN[CS]E*/*")
_COVERS = (
    "The interval says how much the calibration line depends on which clips dev happens to hold. "
    "It does not cover the choice of the training clips and of the layer, speakers, attacks, "
    "languages or channels unlike dev's, or an error in the labels."
)
_NUMBER = (int, float)
_SHAPE: dict[str, Any] = {
    **dict.fromkeys(("corpus", "experiment", "kind", "pooling", "statement", "identity"), str),
    "demonstration": bool,
    "features": {"spectral": str, "layers": list, "spectral_version": str},
    "limits": dict.fromkeys(
        ("min_seconds", "silence_dbfs", "max_megabytes", "max_seconds"), _NUMBER
    ),
    "calibration": {
        **dict.fromkeys(("slope", "offset", "prior_spoof"), _NUMBER),
        "replicates": {"level": _NUMBER},
        "covers": str,
    },
    "decision": {
        **dict.fromkeys(("lower", "upper", "target"), _NUMBER),
        **dict.fromkeys(("provenance", "unseen"), str),
        "issued": {"likely synthetic": bool, "likely genuine": bool},
        "dev": dict,
        "eval": (dict, type(None)),
        "views": dict,
    },
    "trust": (dict, type(None)),
    "domain": {
        **dict.fromkeys(("tail", "least_duration", "greatest_duration"), _NUMBER),
        **dict.fromkeys(("least_sound_share", "greatest_slope_skewness"), _NUMBER),
        **dict.fromkeys(("least_level_dbfs", "least_rolloff_95", "greatest_rolloff_95"), _NUMBER),
        "least_bit_rate": (*_NUMBER, type(None)),
        "greatest_distance": _NUMBER,
    },
    "window": {"seconds": _NUMBER, "hop": _NUMBER},
    "encoder": (dict, type(None)),
    "files": dict,
}
_SHARE = dict.fromkeys(("n", "value", "low", "high"), _NUMBER)
_COUNTED = {
    **dict.fromkeys(("n", "speakers"), int),
    **dict.fromkeys(("likely synthetic", "likely genuine", "cannot tell"), _SHARE),
}
_OUTCOMES: dict[str, Any] = {"bonafide": _COUNTED, "spoof": _COUNTED}
_TRUST = {"Probabilities": {"status": str, "checks": list}}
_ENCODER: dict[str, Any] = {
    **dict.fromkeys(("model", "revision", "identity", "precision"), str),
    **dict.fromkeys(("window_seconds", "dimension"), _NUMBER),
    "folder": (str, type(None)),
    "files": dict,
}


@dataclass(frozen=True)
class Trained:
    """What a run of the workflow leaves of an experiment of one round, of which a bundle is made.

    Attributes:
        model: the experiment's JSON; see `candidates.Choice`.
        weights: its arrays.
        dev, evaluated: of its scores, those of dev and those of eval: `label`, `speaker`, `attack`
            and `llr`, (n,); `score` of dev. `evaluated` may be empty.
        fitted: of the training and dev clips, in the same order, (n,): `SPECTRAL_NUMBERS`,
            `path`, `bytes`, `label`, `speaker`, `attack`, `part` (`train` or `dev`), and the
            corpus's conditions, which `conditions` names.
        conditions: see above.
        dev_features: of dev's clips, shape (n, features).
        encoder: what `encoder.identify` returned.
        limits: what a clip must meet.
        window_seconds: longest stretch that the encoder hears at once.
        demonstration: whether the corpus only serves to show how things work.
        views: by view that the experiment was tested in, of eval's clips as `evaluated`.
        trust: what `trust.judge_all` said of the corpus; None where nothing is reported on it.
    """

    model: Mapping[str, Any]
    weights: Mapping[str, NDArray]
    dev: Mapping[str, NDArray]
    evaluated: Mapping[str, NDArray]
    fitted: Mapping[str, NDArray]
    conditions: Sequence[str]
    dev_features: NDArray[np.float32]
    encoder: Mapping[str, Any]
    limits: Limits
    window_seconds: float
    demonstration: bool
    views: Mapping[str, Mapping[str, NDArray]]
    trust: Mapping[str, Any] | None

    @property
    def chosen(self) -> Mapping[str, Any]:
        """Its one round."""
        (only,) = self.model["rounds"]
        return only

    @property
    def layers(self) -> list[int]:
        """The encoder's layers that the model uses."""
        return matrix.layers_of(self.chosen["candidate"], self.encoder["n_layers"])

    @classmethod
    def gather(
        cls,
        model: Mapping[str, Any],
        weights: Mapping[str, NDArray],
        scores: pa.Table,
        trials: pa.Table,
        partitions: Mapping[str, Sequence[str]],
        features: matrix.Tables,
        encoder: Mapping[str, Any],
        limits: Limits,
        window_seconds: float,
        demonstration: bool,
        views: Mapping[str, pa.Table],
        trust: Mapping[str, Any] | None,
    ) -> "Trained":
        """Gather it from the workflow's tables; what is not named here is as of `Trained`.

        `scores` and `views` are `tables.SCORES` of the experiment, `trials` `tables.TRIALS` of the
        corpus, `partitions` its splits by part of the protocol, `features` those of clean clips.
        """
        by_part = {
            part: _arrays(scores.filter(pc.equal(scores["split"], part)))
            for part in ("dev", "eval")
        }
        (chosen,) = model["rounds"]
        files, matrix_of_all = features.load(
            chosen["candidate"],
            model["features"]["spectral"],
            chosen["pooling"],
            encoder["n_layers"],
        )
        dev_rows = np.searchsorted(files, by_part["dev"]["file"])
        parts = {name: part for part in ("train", "dev") for name in partitions[part]}
        used = trials.filter(pc.is_in(trials["split"], value_set=pa.array(list(parts))))
        numbers = tables.read_many(features.spectral, ["file", *SPECTRAL_NUMBERS])
        numbers = numbers.take(pc.index_in(used["key"], value_set=numbers["file"].combine_chunks()))
        fitted = _arrays(used) | _arrays(numbers)
        fitted["part"] = np.array([parts[split] for split in fitted["split"]])
        return cls(
            model=model,
            weights=weights,
            dev=by_part["dev"],
            evaluated=by_part["eval"],
            fitted=fitted,
            conditions=tables.conditions(trials.column_names),
            dev_features=matrix_of_all[dev_rows],
            encoder=encoder,
            limits=limits,
            window_seconds=window_seconds,
            demonstration=demonstration,
            views={
                view: _arrays(table.filter(pc.equal(table["split"], "eval")))
                for view, table in views.items()
            },
            trust=trust,
        )


def _arrays(table: pa.Table) -> dict[str, NDArray]:
    return {name: np.asarray(table[name].to_pylist()) for name in table.column_names}


def write(trained: Trained, card: Path, folder: Path) -> None:
    """Write a bundle; `bundle.json` last, so that a folder with it is whole.

    Args:
        trained: what it is made of.
        card: the experiment's model card, in Markdown.
        folder: where to.
    """
    model = model_class(trained.model["kind"]).of(trained.weights, "0")
    lines, how = _replicates(trained)
    write_arrays(folder / WEIGHTS, {**model.arrays(_MODEL), _REPLICATES: lines})
    _copy(card, folder / CARD)
    source = EncoderSource(trained.encoder["model"])
    if trained.layers and source.is_folder:
        for path in _encoder_files(source):
            _copy(path, folder / ENCODER / path.relative_to(source.model))
    about = {
        "schema": SCHEMA_VERSION,
        **{name: trained.model[name] for name in ("corpus", "experiment", "kind", "protocol")},
        "candidate": trained.chosen["candidate"],
        "pooling": trained.chosen["pooling"],
        "features": _features(trained),
        "encoder": _encoder(trained, source) if trained.layers else None,
        "limits": asdict(trained.limits),
        "calibration": {**trained.chosen["calibration"], "replicates": how, "covers": _COVERS},
        "decision": _decision(trained),
        "trust": _trust(trained.trust, trained.model["experiment"]),
        "domain": _domain(trained, model),
        "training": _training(trained),
        "window": {"seconds": WINDOW_SECONDS, "hop": HOP_SECONDS},
        "demonstration": trained.demonstration,
        "statement": _statement(trained),
        "files": {WEIGHTS: sha256(folder / WEIGHTS)},
    }
    write_json(folder / ABOUT, {**about, "identity": identity(about)})


def encoder_files(source: EncoderSource) -> list[str]:
    """Return the files of an encoder that a bundle has a copy of, relative to its folder."""
    if not source.is_folder:
        return []
    return [path.relative_to(source.model).as_posix() for path in _encoder_files(source)]


def _encoder_files(source: EncoderSource) -> list[Path]:
    # Whoever hands a bundle on hands the encoder's licences on with it.
    licences = [
        path for pattern in _LICENCES for path in Path(source.model).glob(pattern) if path.is_file()
    ]
    return [*source.files(), *sorted(licences)]


def _copy(source: Path, target: Path) -> None:
    with atomic(target) as temporary:
        shutil.copyfile(source, temporary)


def _features(trained: Trained) -> dict[str, Any]:
    return {
        "spectral": trained.model["features"]["spectral"],
        "layers": trained.layers,
        "spectral_version": spectral_version(),
        "embedding_version": embedding_version(trained.encoder["identity"], trained.window_seconds),
    }


def _encoder(trained: Trained, source: EncoderSource) -> dict[str, Any]:
    return {
        **trained.encoder,
        # Where it lay is no matter: the bundle may be elsewhere by now.
        "model": source.name if source.is_folder else source.model,
        "folder": ENCODER if source.is_folder else None,
        "window_seconds": trained.window_seconds,
    }


def _replicates(trained: Trained) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Refit the calibration to resamples of dev: slope and offset of the LLR, (replicates, 2)."""
    from scipy.special import logit

    from authenticity.evaluation import bootstrap, calibration

    scores, labels = trained.dev["score"], trained.dev["label"]
    resampler = bootstrap.Resampler(labels, trained.dev["speaker"], trained.model["seed"])
    lines = []
    for weights in resampler.blocks(N_REPLICATES):
        for row in weights:
            line = calibration.fit(np.repeat(scores, row), np.repeat(labels, row))
            lines.append((line.slope, line.offset - logit(line.prior_spoof)))
    how = {
        "n": N_REPLICATES,
        "level": bootstrap.LEVEL,
        "method": resampler.method,
        "why": resampler.why,
        "seed": trained.model["seed"],
    }
    return np.array(lines), how


def _decision(trained: Trained) -> dict[str, Any]:
    dev, evaluated, seed = trained.dev, trained.evaluated, trained.model["seed"]
    chosen = decision.band(dev["llr"], dev["label"])

    def outcomes(part: Mapping[str, NDArray]) -> dict[str, Any] | None:
        if len(np.unique(part["label"])) < 2:
            return None
        return decision.outcomes(chosen, part["llr"], part["label"], part["speaker"], seed)

    counts = [int(np.count_nonzero(dev["label"] == label)) for label in (0, 1)]
    on_eval = outcomes(evaluated)
    views = {
        view: counted for view, part in sorted(trained.views.items()) if (counted := outcomes(part))
    }
    return {
        "lower": chosen.lower,
        "upper": chosen.upper,
        "target": decision.TARGET_ERROR,
        "provenance": (
            f"set on dev of {trained.model['corpus']}, {counts[0]} bona fide and {counts[1]} spoof "
            f"clips, so that at most {100 * decision.TARGET_ERROR:g}% of either class is called "
            "what it is not"
        ),
        "dev": outcomes(dev),
        "eval": on_eval,
        "views": views,
        "issued": decision.issued(on_eval, views, decision.TARGET_ERROR),
        "unseen": _unseen(trained),
    }


def _unseen(trained: Trained) -> str:
    """Say of which clips the error rates on eval are."""
    leak = trained.model["leak"]
    met = {
        name: leak[name]["train_eval"] or leak[name]["dev_eval"] for name in ("speakers", "attacks")
    }
    fitted, reported = (
        set(part["attack"][part["label"] == 1].tolist())
        for part in (trained.fitted, trained.evaluated)
    )
    number = len(reported - {None})
    attacks = f"{number} attacks" if number != 1 else "one attack"
    if None in reported:
        attacks = f"{attacks} and unknown ones" if number else "unknown attacks"
    if met["speakers"]:
        return f"clips of eval, some of whose speakers it had met in training ({attacks})"
    if leak["unknown_speakers"]:
        return f"clips of eval, some of whose speakers it may have met in training ({attacks})"
    if met["attacks"]:
        return f"clips of speakers that it had never met, some of the {attacks} known to it"
    if None in fitted | reported:
        return f"clips of speakers that it had never met, some of the {attacks} perhaps known to it"
    return f"clips of speakers and {attacks} that it had never met"


def _trust(judged: Mapping[str, Any] | None, experiment: str) -> dict[str, Any] | None:
    """Return what the run's checks say of each kind of figure, and which checks say it."""
    if judged is None:
        return None
    (rating,) = [each for each in judged["experiments"] if each["name"] == experiment]
    return {
        kind: {
            "status": status,
            "checks": [
                {"name": check["name"], "sentence": check["sentence"]}
                for check in rating["checks"]
                if kind in check["concerns"] and check["status"] == status != _TRUSTED
            ],
        }
        for kind, status in rating["ratings"].items()
    }


def _domain(trained: Trained, model: Model) -> dict[str, Any]:
    distances = cautions.distances(trained.dev_features, model.mean, model.scale)
    fitted = trained.fitted
    return cautions.limits(fitted, fitted["path"].tolist(), fitted["bytes"], distances)


def _training(trained: Trained) -> dict[str, Any]:
    """Say what the model was fitted on and calibrated on."""
    fitted = trained.fitted
    numbers = ("duration", "level_dbfs", "rolloff_95", "pause_fraction", "slope_skewness")
    points = (0.01, 0.05, 0.5, 0.95, 0.99)

    def part(name: str) -> dict[str, Any]:
        rows_of_part = fitted["part"] == name
        counts = {}
        for label, class_name in enumerate(decision.CLASSES):
            rows = rows_of_part & (fitted["label"] == label)
            speakers = set(fitted["speaker"][rows].tolist()) - {None}
            counts[class_name] = {"clips": int(rows.sum()), "speakers": len(speakers)}
        return {
            **counts,
            "hours": float(fitted["duration"][rows_of_part].sum() / 3600),
            "attacks": _counts(fitted["attack"][rows_of_part & (fitted["label"] == 1)], NOT_KNOWN),
        }

    return {
        "train": part("train"),
        "dev": part("dev"),
        "quantiles": {
            name: {f"{point:g}": float(np.quantile(fitted[name], point)) for point in points}
            for name in numbers
        },
        "conditions": {name: _counts(fitted[name], NOT_GIVEN) for name in trained.conditions},
    }


def _counts(names: NDArray, nameless: str) -> dict[str, int]:
    """Count each name; `nameless` stands for None."""
    counts = Counter(nameless if name is None else name for name in names.tolist())
    return {name: counts[name] for name in ordered_values(counts)}


def _statement(trained: Trained) -> str:
    n_clips = int(np.count_nonzero(trained.fitted["part"] == "train"))
    if trained.demonstration:
        return (
            f"A demonstration: its model was trained on {n_clips} short clips of a small corpus. "
            "It shows how scoring works; no verdict of it is to be relied upon."
        )
    return (
        f"Trained on {n_clips:,} clips of the corpus {trained.model['corpus']}: a verdict holds "
        "for recordings like those, and proves nothing by itself."
    )


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle.

    Attributes:
        folder: where it lies.
        about: the content of `bundle.json`.
        model: what scores features.
        replicates: slope and offset of the log-likelihood ratio in resamples of dev, (n, 2).
    """

    folder: Path
    about: Mapping[str, Any]
    model: Model
    replicates: NDArray[np.float64]

    @classmethod
    def load(cls, folder: str | Path) -> "Bundle":
        """Load a bundle, and check that it is whole and that this program computes the same.

        Raises:
            UserError: it is not.
        """
        folder = Path(folder)
        about = read_about(folder)
        _check(folder, {WEIGHTS: "", **about["files"]})
        encoder = about["encoder"]
        if encoder and encoder["folder"]:
            inside = folder / encoder["folder"]
            source = EncoderSource(str(inside))
            needed = [path.name for path in source.files()] if inside.is_dir() else []
            _check(inside, {**dict.fromkeys(needed or ["config.json"], ""), **encoder["files"]})
        _check_versions(folder / ABOUT, about)
        arrays = read_arrays(folder / WEIGHTS)
        try:
            model = model_class(about["kind"]).of(arrays, _MODEL)
            return cls(folder, about, model, arrays[_REPLICATES])
        except KeyError as error:
            raise UserError(
                f"{folder / WEIGHTS}: lacks {error}; make the bundle anew with this version of "
                "the workflow"
            ) from error

    @property
    def band(self) -> Band:
        """Where nothing is decided."""
        return Band(self.about["decision"]["lower"], self.about["decision"]["upper"])

    @property
    def limits(self) -> Limits:
        """What a recording must meet."""
        return Limits(**self.about["limits"])

    @cached_property
    def calibration(self) -> Calibration:
        """From the model's score to likelihood ratios."""
        names = ("slope", "offset", "prior_spoof")
        return Calibration(*(self.about["calibration"][name] for name in names))

    @property
    def statistics(self) -> tuple[str, ...]:
        """Of each layer, what is used: `mean`, `std` or both."""
        return matrix.POOLINGS.get(self.about["pooling"], ())

    def encoder_folder(self) -> Path | None:
        """Return where the encoder is, fetched from the hub if need be; None without an encoder.

        Raises:
            UserError: what the hub gives is not what the bundle was made with.
        """
        encoder = self.about["encoder"]
        if encoder is None:
            return None
        if encoder["folder"]:
            return self.folder / encoder["folder"]
        folder = EncoderSource(encoder["model"], encoder["revision"]).fetch()
        _check(folder, encoder["files"])
        return folder

    @property
    def bytes(self) -> int:
        """The size of all its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def read_about(folder: Path) -> dict[str, Any]:
    """Read `bundle.json`, what a bundle says of itself, and check it; nothing large is loaded.

    Raises:
        UserError: there is none, or none that this program can read; in one line.
    """
    path = folder / ABOUT
    if not path.is_file():
        raise UserError(
            f"{folder}: expected a bundle there, a folder with {ABOUT}; run the workflow "
            "(`make run`), which makes one, or name another"
        )
    about = read_json(path, "copy the whole bundle again, or make it anew")
    if not isinstance(about, dict) or about.get("schema") != SCHEMA_VERSION:
        raise UserError(
            f"{path}: expected a bundle of schema {SCHEMA_VERSION}; make it anew with this "
            "version of the workflow"
        )
    _require(about, _SHAPE, path, "")
    if about["identity"] != identity(about):
        raise UserError(f"{path}: it was changed after it was made; make the bundle anew")
    if about["encoder"]:
        _require(about["encoder"], _ENCODER, path, "encoder.")
        _require(about["features"], {"embedding_version": str}, path, "features.")
        _require_within(about["encoder"]["folder"], path)
    decision = about["decision"]
    counted = {"dev": decision["dev"], "eval": decision["eval"]}
    counted |= {f"views.{view}": outcomes for view, outcomes in decision["views"].items()}
    for name, outcomes in counted.items():
        if outcomes is not None:
            _require(outcomes, _OUTCOMES, path, f"decision.{name}.")
    if about["trust"] is not None:
        _require(about["trust"], _TRUST, path, "trust.")
    if not decision["lower"] <= decision["upper"]:
        raise UserError(
            f"{path}: expected `decision.lower` no greater than `decision.upper`; make the "
            "bundle anew"
        )
    return about


def identity(about: Mapping[str, Any]) -> str:
    """Identify the content of `bundle.json`."""
    content = {name: value for name, value in about.items() if name != "identity"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _require(content: Mapping[str, Any], shape: Mapping[str, Any], path: Path, within: str) -> None:
    for name, kind in shape.items():
        value, nested = content.get(name), isinstance(kind, dict)
        if name not in content or not isinstance(value, dict if nested else kind):
            raise UserError(
                f"{path}: `{within}{name}` is missing or not what was expected; make the bundle "
                "anew with this version of the workflow"
            )
        if nested:
            _require(value, kind, path, f"{within}{name}.")


def _require_within(folder: str | None, path: Path) -> None:
    """Refuse an encoder elsewhere: whoever hands on a bundle must not choose what else is read."""
    if folder is None:
        return
    parts = PurePosixPath(folder)
    if not parts.parts or parts.is_absolute() or ".." in parts.parts or "\\" in folder:
        raise UserError(
            f"{path}: expected `encoder.folder` within the bundle, found {folder}; make the "
            "bundle anew"
        )


def _check(folder: Path, checksums: Mapping[str, str]) -> None:
    """Require files as they were; one without a checksum could be anything."""
    for name, checksum in checksums.items():
        if not (folder / name).is_file():
            raise UserError(
                f"{folder / name}: missing; copy the whole bundle again, or make it anew"
            )
        if sha256(folder / name) != checksum:
            raise UserError(
                f"{folder / name}: not the file that the bundle was made with (its checksum "
                "differs); copy the bundle again, or make it anew"
            )


def _check_versions(path: Path, about: Mapping[str, Any]) -> None:
    features, encoder = about["features"], about["encoder"]
    expected = {"spectral_version": spectral_version()}
    if encoder:
        expected["embedding_version"] = embedding_version(
            encoder["identity"], encoder["window_seconds"]
        )
    for name, version in expected.items():
        if features[name] != version:
            raise UserError(
                f"{path}: made where features were of version “{features[name]}”, and here they "
                f"are of “{version}”; make the bundle anew with this version of the workflow"
            )
