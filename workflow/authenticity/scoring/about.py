"""`bundle.json`: what a bundle says of itself, read and checked without anything large.

The command reads it before it loads a library, to say what a model is worth before what it finds.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from authenticity.errors import UserError
from authenticity.files import read_json

SCHEMA_VERSION = 3
"""Raise it when `bundle.json` changes in a way that older programs cannot read."""

ABOUT = "bundle.json"

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


def read(folder: Path) -> dict[str, Any]:
    """Read what a bundle says of itself.

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
    counted |= {f"views.{view}": found for view, found in decision["views"].items()}
    for name, found in counted.items():
        if found is not None:
            _require(found, _OUTCOMES, path, f"decision.{name}.")
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


def _require(found: Mapping[str, Any], shape: Mapping[str, Any], path: Path, within: str) -> None:
    for name, kind in shape.items():
        value, nested = found.get(name), isinstance(kind, dict)
        if name not in found or not isinstance(value, dict if nested else kind):
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
