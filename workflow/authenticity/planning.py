"""What happens while the workflow is parsed: configuration, left-over locks, manifests, shards."""

import contextlib
import fcntl
import hashlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import jsonschema
import pyarrow as pa
import yaml

from authenticity import manifest, shards, tables
from authenticity.audio import Limits
from authenticity.errors import UserError
from authenticity.evaluation import splits
from authenticity.features import matrix
from authenticity.features.encoder import EncoderSource

_held_lock: TextIO | None = None


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process on a `UserError` with its one line and status 1, without a traceback."""
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def validate(config: dict[str, Any], schema_path: Path) -> None:
    """Check the configuration against its schema and fill in the schema's defaults, in place.

    Raises:
        UserError: one line on the mistake that explains most, naming the key.
    """
    schema = yaml.safe_load(schema_path.read_text(encoding="utf-8"))
    validator = _filling_defaults(jsonschema.Draft202012Validator)(schema)
    mistakes = list(validator.iter_errors(config))
    if mistakes:
        mistake = jsonschema.exceptions.best_match(mistakes)
        key = ".".join(str(part) for part in mistake.absolute_path) or "the top level"
        raise UserError(
            f"configuration, {key}: {mistake.message}; config/README.md explains every key"
        )
    for kind, chosen in config["run"].items():
        for name in chosen:
            if name not in config[kind]:
                raise UserError(
                    f"configuration, run.{kind}: {name} is not defined; expected one of "
                    f"{', '.join(config[kind])}, or a new entry under `{kind}`"
                )
    for name in config["run"]["experiments"]:
        protocol = config["experiments"][name]["protocol"]
        if protocol not in config["protocols"]:
            raise UserError(
                f"configuration, experiments.{name}.protocol: {protocol} is not defined; expected "
                f"one of {', '.join(config['protocols'])}"
            )


def _filling_defaults(validator_class: type) -> type:
    """Extend a validator so that checking an object first gives it its schema's defaults."""
    check_properties = validator_class.VALIDATORS["properties"]

    def fill_and_check(validator, properties, instance, schema):
        if isinstance(instance, dict):
            for name, subschema in properties.items():
                if isinstance(subschema, dict) and "default" in subschema:
                    instance.setdefault(name, subschema["default"])
        yield from check_properties(validator, properties, instance, schema)

    return jsonschema.validators.extend(validator_class, {"properties": fill_and_check})


def clear_stale_locks(directory: Path, executes: bool) -> None:
    """Remove the locks of a run that was killed, and only those.

    Snakemake's locks name files, not processes, so they outlive a crash and then refuse the very
    command that would resume. A run that executes jobs holds an operating-system lock for the life
    of its process: where it is granted, no other run is alive and any Snakemake lock is left over;
    where it is refused, a run is alive and Snakemake's own lock will say so.

    Args:
        directory: where Snakemake works.
        executes: false for a dry run, which locks nothing and may go on beside a live run.
    """
    global _held_lock
    if not executes or _held_lock is not None:
        return
    state = directory / ".snakemake"
    state.mkdir(exist_ok=True)
    lock = (state / "run.flock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return
    _held_lock = lock
    shutil.rmtree(state / "locks", ignore_errors=True)


@dataclass(frozen=True)
class CorpusPlan:
    """One corpus as it is at this moment.

    Attributes:
        settings: its entry in the configuration.
        shards: the digest of each shard, by name.
        digest: of everything in the manifest.
    """

    settings: Mapping[str, Any]
    shards: Mapping[str, str]
    digest: str


@dataclass(frozen=True)
class Plan:
    """What the rules need to know of the configuration and the corpora.

    Attributes:
        corpora: by name.
        experiments: their entries in the configuration, each with its protocol spelt out.
        candidates: the names of each experiment's sets of features.
        encoder: where it comes from.
        limits: what a clip must meet.
        window: longest stretch embedded at once, seconds.
    """

    corpora: Mapping[str, CorpusPlan]
    experiments: Mapping[str, Mapping[str, Any]]
    candidates: Mapping[str, list[str]]
    encoder: EncoderSource
    limits: Limits
    window: float

    @classmethod
    def make(cls, config: Mapping[str, Any], refresh: bool) -> "Plan":
        """Plan a run.

        Args:
            config: validated.
            refresh: whether to bring the manifests up to date first; only the main process does.
        """
        experiments = {
            name: {
                **config["experiments"][name],
                "protocol_name": config["experiments"][name]["protocol"],
                "protocol": config["protocols"][config["experiments"][name]["protocol"]],
            }
            for name in config["run"]["experiments"]
        }
        corpora = {}
        for name in config["run"]["corpora"]:
            settings = config["corpora"][name]
            path = Path("results", name, "manifest.parquet")
            if refresh and (news := manifest.refresh(path, name, settings)):
                print(news, file=sys.stderr)
            table = tables.read(path)
            if refresh:
                _require_both_classes(name, table, experiments)
            corpora[name] = _corpus_plan(settings, table)
        audio = config["audio"]
        encoder = EncoderSource(config["encoder"]["model"], config["encoder"]["revision"])
        encoder.files()  # a folder that lacks one is found out here
        return cls(
            corpora,
            experiments,
            {
                name: _candidates(encoder, name, experiment["features"])
                for name, experiment in experiments.items()
            },
            encoder,
            Limits(audio["min_seconds"], audio["silence_dbfs"], audio["max_megabytes"]),
            config["encoder"]["window_seconds"],
        )


def _candidates(encoder: EncoderSource, name: str, features: Mapping[str, Any]) -> list[str]:
    if features["layers"] == "none":
        return matrix.candidates(features, n_layers=0)
    if isinstance(features["layers"], list) and max(features["layers"]) >= encoder.n_layers:
        raise UserError(
            f"configuration, experiments.{name}.features.layers: {encoder.model} has the layers 0 "
            f"to {encoder.n_layers - 1}, found {max(features['layers'])}"
        )
    return matrix.candidates(features, encoder.n_layers)


def _require_both_classes(
    corpus: str, table: pa.Table, experiments: Mapping[str, Mapping[str, Any]]
) -> None:
    """Find out before a night of extraction that an experiment cannot be fitted or reported."""
    own_splits, labels = table["split"].to_pylist(), table["label"].to_numpy()
    for experiment in experiments.values():
        protocol = experiment["protocol"]
        parts = splits.assign(own_splits, protocol, experiment["seed"])
        splits.require_both_classes(corpus, parts, labels, protocol)


def _corpus_plan(settings: Mapping[str, Any], table: pa.Table) -> CorpusPlan:
    digests = shards.digests(table, settings["n_shards"])
    whole = hashlib.sha256("".join(digests.values()).encode())
    # What the shards' tables do not depend on, but everything after them does.
    for column in ("split", "attack", "speaker"):
        whole.update("\0".join(table[column].to_pylist()).encode())
    return CorpusPlan(settings, digests, whole.hexdigest()[:16])
