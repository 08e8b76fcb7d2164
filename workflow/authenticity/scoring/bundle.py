"""A bundle: all that scoring needs of a trained experiment, in a folder that can be moved.

`bundle.json` (plain data; paths are relative to the folder), `model.safetensors`, `card.md`, and
`encoder/` where the encoder is a local folder; an encoder from the model hub stays a reference,
with its commit. What is loaded is what was made: checksums and versions are compared first.
"""

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from authenticity.audio import Limits
from authenticity.errors import UserError
from authenticity.evaluation.calibration import Calibration
from authenticity.features.encoder import EncoderSource
from authenticity.features.matrix import POOLINGS
from authenticity.features.versions import embedding_version, spectral_version
from authenticity.files import atomic, read_arrays, sha256, write_arrays, write_json
from authenticity.models.projection import Model, model_class
from authenticity.names import NOT_GIVEN, NOT_KNOWN, ordered_values
from authenticity.scoring import about as description
from authenticity.scoring import decision, domain
from authenticity.scoring.about import ABOUT, SCHEMA_VERSION
from authenticity.scoring.decision import Band
from authenticity.scoring.training import Trained

VERSION = "4"
"""Raise it when a change here, in `decision` or in `domain` alters any bundle."""

WINDOW_SECONDS, HOP_SECONDS = 4.0, 1.0
"""Of the windows that a recording is scored in."""

N_REPLICATES = 500
"""Refits of the calibration, whose spread is the interval."""

WEIGHTS, CARD, ENCODER = "model.safetensors", "card.md", "encoder"
_MODEL, _REPLICATES = "model", "calibration.replicates"
_TRUSTED = "trust"
_LICENCES = ("LICEN[CS]E*", "LICEN[CS]E*/*")
_COVERS = (
    "The interval says how much the calibration line depends on which clips dev happens to hold. "
    "It does not cover the choice of the training clips and of the layer, speakers, attacks, "
    "languages or channels unlike dev's, or an error in the labels."
)


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
    write_json(folder / ABOUT, {**about, "identity": description.identity(about)})


def encoder_files(source: EncoderSource) -> list[str]:
    """Return the files of an encoder that a bundle has a copy of, relative to its folder."""
    if not source.is_folder:
        return []
    return [path.relative_to(source.model).as_posix() for path in _encoder_files(source)]


def _encoder_files(source: EncoderSource) -> list[Path]:
    # Whoever hands a bundle on hands the encoder's licences on with it.
    found = [
        path for pattern in _LICENCES for path in Path(source.model).glob(pattern) if path.is_file()
    ]
    return [*source.files(), *sorted(found)]


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
            found = calibration.fit(np.repeat(scores, row), np.repeat(labels, row))
            lines.append((found.slope, found.offset - logit(found.prior_spoof)))
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


def _trust(found: Mapping[str, Any] | None, experiment: str) -> dict[str, Any] | None:
    """Return what the run's checks say of each kind of figure, and which checks say it."""
    if found is None:
        return None
    (own,) = [item for item in found["experiments"] if item["name"] == experiment]
    return {
        kind: {
            "status": status,
            "checks": [
                {"name": check["name"], "sentence": check["sentence"]}
                for check in own["checks"]
                if kind in check["concerns"] and check["status"] == status != _TRUSTED
            ],
        }
        for kind, status in own["figures"].items()
    }


def _domain(trained: Trained, model: Model) -> dict[str, Any]:
    found = domain.distances(trained.dev_features, model.mean, model.scale)
    fitted = trained.fitted
    return domain.limits(fitted, fitted["path"].tolist(), fitted["bytes"], found)


def _training(trained: Trained) -> dict[str, Any]:
    """Say what the model was fitted on and calibrated on."""
    fitted = trained.fitted
    numbers = ("duration", "level_dbfs", "rolloff_95", "pause_fraction", "slope_skewness")
    points = (0.01, 0.05, 0.5, 0.95, 0.99)

    def part(name: str) -> dict[str, Any]:
        own = fitted["part"] == name
        counts = {}
        for label, class_name in enumerate(decision.CLASSES):
            rows = own & (fitted["label"] == label)
            speakers = set(fitted["speaker"][rows].tolist()) - {None}
            counts[class_name] = {"clips": int(rows.sum()), "speakers": len(speakers)}
        return {
            **counts,
            "hours": float(fitted["duration"][own].sum() / 3600),
            "attacks": _counts(fitted["attack"][own & (fitted["label"] == 1)], NOT_KNOWN),
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
        about = description.read(folder)
        _check(folder, {WEIGHTS: "", **about["files"]})
        encoder = about["encoder"]
        if encoder and encoder["folder"]:
            own = folder / encoder["folder"]
            needed = [path.name for path in EncoderSource(str(own)).files()] if own.is_dir() else []
            _check(own, {**dict.fromkeys(needed or ["config.json"], ""), **encoder["files"]})
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
        return POOLINGS.get(self.about["pooling"], ())

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
