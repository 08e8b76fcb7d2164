"""A bundle: all that scoring needs of a trained experiment, in a folder that can be moved.

`bundle.json` (plain data; paths are relative to the folder), `model.safetensors`, `card.md`, and
`encoder/` where the encoder is a local folder; an encoder from the model hub stays a reference,
with its commit. Types, checksums and versions are checked before anything is used.

`assemble` makes a bundle of what a run of the workflow leaves.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import NoneType
from typing import Any, Literal, TypedDict, get_args, get_origin, get_type_hints, is_typeddict

import numpy as np
from numpy.typing import NDArray

from authenticity.audio import Limits
from authenticity.errors import UserError
from authenticity.evaluation.calibration import Calibration
from authenticity.features import matrix, spectral
from authenticity.features.encoder import EncoderSource
from authenticity.features.extraction import embedding_version, spectral_version
from authenticity.files import read_arrays, read_json, sha256
from authenticity.models.projection import Model, model_class
from authenticity.names import printable
from authenticity.scoring.cautions import Domain
from authenticity.scoring.decision import PROBABILITIES, Band, Decision, IntervalMethod

VERSION = "6"
"""Raise it when a change here, in `assemble`, `decision` or `cautions` alters any bundle."""

SCHEMA_VERSION = 4
"""Raise it when `bundle.json` changes in a way that older programs cannot read."""

ABOUT, WEIGHTS, CARD, ENCODER = "bundle.json", "model.safetensors", "card.md", "encoder"
MODEL, REPLICATES = "model", "calibration.replicates"
"""Of the arrays: what the names of the model's begin with, and the refits of the calibration."""

_LARGEST = 1e12  # of a model's numbers: products of a few are finite
_LARGEST_OF = {float: _LARGEST, int: 2**63 - 1}  # numbers in `bundle.json`
_MISSING = object()
_LICENCES = ("LICEN[CS]E*", "LICEN[CS]E*/*")
_STATISTICS = {"mean": "mean over time", "std": "deviation over time"}

Part = tuple[str, int]
"""A part of the features: a name in words, and how many features it has."""


class Features(TypedDict):
    """Which features the model sees, and the versions of the code that computes them."""

    spectral: Literal["none", "standard", "prototype", "full", "dynamics"]
    layers: list[int]
    spectral_version: str
    embedding_version: str


class EncoderFacts(TypedDict):
    """The encoder; see `encoder.identify`. `folder` is in the bundle, None for a hub's model."""

    model: str
    revision: str
    files: dict[str, str]
    precision: str
    dimension: int
    identity: str
    folder: str | None
    window_seconds: float


class Refits(IntervalMethod):
    """How many refits of the calibration to resamples of dev, for an interval."""

    n: int
    seed: int


class CalibrationFacts(TypedDict):
    """The line from scores to likelihood ratios, and what its interval covers."""

    slope: float
    offset: float
    prior_spoof: float
    replicates: Refits
    covers: str


class Check(TypedDict):
    """A check that speaks against a kind of figure."""

    name: str
    sentence: str


class Rating(TypedDict):
    """What the run's checks say of a kind of figure, and which checks say it."""

    status: str
    checks: list[Check]


class Window(TypedDict):
    """Length and distance of the windows that a recording is scored in, seconds."""

    seconds: float
    hop: float


class About(TypedDict):
    """The content of `bundle.json`.

    Attributes:
        corpus, experiment, protocol, candidate: names of what was trained.
        limits: what a recording must meet.
        trust: by kind of figure; None where the run was not checked.
        domain: the limits beyond which a recording is unlike the training data.
        demonstration: whether the corpus only shows how things work.
        statement: says what verdicts are worth.
        files: SHA-256 by name.
        identity: of all other content.
    """

    schema: int
    corpus: str
    experiment: str
    protocol: str
    kind: Literal["logistic", "contrastive", "published"]
    candidate: str
    pooling: Literal["mean", "std", "mean_std", "none"]
    features: Features
    encoder: EncoderFacts | None
    limits: Limits
    calibration: CalibrationFacts
    decision: Decision
    trust: dict[str, Rating] | None
    domain: Domain
    window: Window
    demonstration: bool
    statement: str
    files: dict[str, str]
    identity: str


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
    about: About
    model: Model
    replicates: NDArray[np.float64]

    @classmethod
    def load(cls, folder: str | Path) -> "Bundle":
        """Load a bundle, and check that it is whole and that this program computes the same.

        An encoder of the hub is checked once it is used; see `encoder`.

        Raises:
            UserError: it is not; in one line.
        """
        folder = Path(folder)
        about = read(folder / ABOUT)
        _require_files(folder, {WEIGHTS: "", **about["files"]})
        _require_versions(folder / ABOUT, about)
        arrays, fits = read_arrays(folder / WEIGHTS), False
        with contextlib.suppress(KeyError, ValueError, IndexError, TypeError):
            model = model_class(about["kind"]).of(arrays, MODEL)
            bundle = cls(folder, about, model, arrays[REPLICATES])
            fits = bundle._arrays_fit(arrays)
        if not fits:
            raise _unfit(folder / WEIGHTS, "expected finite numbers of the model's shapes")
        if about["encoder"] and about["encoder"]["folder"]:
            _ = bundle.encoder
        return bundle

    @cached_property
    def encoder(self) -> Path | None:
        """The folder of the encoder, fetched from the hub if need be; None without an encoder.

        Raises:
            UserError: what is there is not what the bundle was made with.
        """
        about, encoder = self.about, self.about["encoder"]
        if encoder is None:
            return None
        if encoder["folder"]:
            folder = self.folder / encoder["folder"]
            _require_files(folder, {"config.json": "", **encoder["files"]})
            source = EncoderSource(str(folder))
            # A file that is read without a checksum could be anything.
            unchecked = {path.name for path in source.files()} - encoder["files"].keys()
            _require_files(folder, dict.fromkeys(unchecked, ""))
        else:
            source = EncoderSource(encoder["model"], encoder["revision"])
            folder = source.fetch()
            _require_files(folder, encoder["files"])
        last = 0 if about["kind"] == "published" else source.n_layers - 1
        if (found := max(about["features"]["layers"], default=0)) > last:
            why = f"expected `features.layers` up to the encoder's {last}, found {found}"
            raise _unfit(self.folder / ABOUT, why)
        return folder

    def _arrays_fit(self, arrays: Mapping[str, NDArray]) -> bool:
        """Whether all numbers are finite, and the model takes as many features as there are."""
        width, model = sum(width for _, width in self.parts), self.model
        is_finite = all((np.abs(array) <= _LARGEST).all() for array in arrays.values())
        is_wide = {model.mean.shape, model.scale.shape} == {(width,)}
        if not is_finite or not is_wide or model.scale.min(initial=1) < 1 / _LARGEST:
            return False
        with np.errstate(all="ignore"):
            scores = model.scores(np.zeros((1, width)))
        has_pairs = self.replicates.size > 0 and self.replicates.shape[1:] == (2,)
        return scores.shape == (1,) and bool(np.isfinite(scores).all()) and has_pairs

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

    @cached_property
    def parts(self) -> list[Part]:
        """What the features consist of, in their order."""
        if self.about["kind"] == "published":
            return [("difference of the logits", 1)]
        features, encoder = self.about["features"], self.about["encoder"]
        columns = matrix.spectral_columns(features["spectral"])
        embedded = [
            (f"layer {layer}, {_STATISTICS[statistic]}", encoder["dimension"])
            for layer in features["layers"]
            for statistic in self.statistics
        ]
        return [*((name, spectral.width(name)) for name in columns), *embedded]


def encoder_files(source: EncoderSource) -> list[str]:
    """Return the files of an encoder that a bundle has a copy of, relative to its folder."""
    if not source.is_folder:
        return []
    # Whoever hands a bundle on hands the encoder's licences on with it.
    folder = Path(source.model)
    licences = {path for pattern in _LICENCES for path in folder.glob(pattern) if path.is_file()}
    return [path.relative_to(folder).as_posix() for path in [*source.files(), *sorted(licences)]]


def identity(about: Mapping[str, Any]) -> str:
    """Identify the content of `bundle.json`."""
    content = {name: value for name, value in about.items() if name != "identity"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _unfit(path: Path, why: str) -> UserError:
    return UserError(f"{path}: {why}; make the bundle anew with this version of the workflow")


def read(path: Path) -> About:
    """Read and check `bundle.json`; nothing large is loaded.

    Raises:
        UserError: there is none, or none that this program can read; in one line.
    """
    if not path.is_file():
        raise UserError(
            f"{path.parent}: expected a bundle there, a folder with {ABOUT}; run the workflow "
            "(`make run`), which makes one, or name another"
        )
    about = read_json(path, "copy the whole bundle again, or make it anew")
    if not isinstance(about, dict) or about.get("schema") != SCHEMA_VERSION:
        raise _unfit(path, f"expected a bundle of schema {SCHEMA_VERSION}")
    if place := misfit(about, About):
        raise _unfit(path, f"`{place}` is missing or not what was expected")
    try:
        shown, computed = _shown(about), identity(about)
    except RecursionError:
        raise _unfit(path, "expected values that are nested less deeply") from None
    if about["identity"] != computed:
        raise _unfit(path, "it was changed after it was made")
    for expected, is_so in _expectations(about).items():
        if not is_so:
            raise _unfit(path, f"expected {expected}")
    return shown


def misfit(value: Any, kind: Any, place: str = "") -> str | None:
    """Return where plain JSON is not of its type, as `decision.lower`; None where all of it is.

    Args:
        value: as JSON gives it.
        kind: a `TypedDict` or a dataclass, whose keys a dictionary must have; `list[X]`,
            `dict[str, X]`, `Literal`, `X | None`; `float`, a number up to 1e12; or a plain type.
        place: of the value.
    """
    if NoneType in get_args(kind):
        (kind,) = [option for option in get_args(kind) if option is not NoneType]
        if value is None:
            return None
    holds, parts = get_origin(kind), get_args(kind)
    is_record = is_typeddict(kind) or is_dataclass(kind)
    if holds is Literal:
        fits = isinstance(value, str) and value in parts
    elif kind in (int, float):
        is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
        fits = is_number and abs(value) <= _LARGEST_OF[kind]  # no integer is too large to compare
    else:
        fits = isinstance(value, dict if is_record else holds or kind)
    if not fits:
        return place
    items = []
    if is_record:
        hints = get_type_hints(kind).items()
        items = [(name, value.get(name, _MISSING), item_kind) for name, item_kind in hints]
    elif holds is dict:
        items = [(name, item, parts[1]) for name, item in value.items()]
    elif holds is list:
        items = [(str(index), item, parts[0]) for index, item in enumerate(value)]
    for name, item, item_kind in items:
        inner = f"{place}.{name}" if place else name
        misfitting = inner if item is _MISSING else misfit(item, item_kind, inner)
        if misfitting is not None:
            return misfitting
    return None


def _expectations(about: About) -> dict[str, bool]:
    """Return what values have to be beside their types, and whether they are."""
    decision, calibration, window = about["decision"], about["calibration"], about["window"]
    layers, encoder, trust = about["features"]["layers"], about["encoder"], about["trust"]
    limits, folder = about["limits"], encoder["folder"] if encoder else None
    path = PurePosixPath(folder or "")
    climbs = path.is_absolute() or ".." in path.parts or "\\" in str(path)
    return {
        "`decision.lower` no greater than `decision.upper`": decision["lower"] <= decision["upper"],
        "`calibration.prior_spoof` between 0 and 1": 0 < calibration["prior_spoof"] < 1,
        "a level between 0 and 1": 0 < calibration["replicates"]["level"] < 1,
        "`window.hop` of 0.1 or more, up to `window.seconds`, which is 3600 at most": (
            0.1 <= window["hop"] <= window["seconds"] <= 3600
        ),
        "`limits.min_seconds` of 0.1 or more, up to `limits.max_seconds`": (
            0.1 <= limits["min_seconds"] <= limits["max_seconds"]
        ),
        f"`trust.{PROBABILITIES}`": trust is None or PROBABILITIES in trust,
        "an encoder where layers are used": encoder is not None or not layers,
        "`features.layers` of 0 or more": min(layers, default=0) >= 0,
        "`encoder.window_seconds` from 1 to 3600": (
            encoder is None or 1 <= encoder["window_seconds"] <= 3600
        ),
        # Whoever hands on a bundle must not choose what else is read.
        f"`encoder.folder` within the bundle, found {folder}": (
            folder is None or (path.parts != () and not climbs)
        ),
    }


def _shown(value: Any) -> Any:
    """Return plain data whose names and texts show as they are, on a terminal and on the page."""
    if isinstance(value, dict):
        return {printable(name): _shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return printable(value) if isinstance(value, str) else value


def _require_files(folder: Path, checksums: Mapping[str, str]) -> None:
    """Require files as they were."""
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


def _require_versions(path: Path, about: About) -> None:
    features, encoder = about["features"], about["encoder"]
    expected = {"spectral_version": spectral_version()}
    if encoder:
        expected["embedding_version"] = embedding_version(
            encoder["identity"], encoder["window_seconds"]
        )
    for name, here in expected.items():
        if (made := features[name]) != here:
            why = f"made where features were of version “{made}”, and here they are of “{here}”"
            raise _unfit(path, why)
