"""What happens while the workflow is parsed: configuration, left-over locks, manifests, shards."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import jsonschema
import pyarrow as pa
import yaml

from authenticity import manifest, shards, tables
from authenticity.audio import Limits
from authenticity.errors import UserError, in_one_line
from authenticity.evaluation import splits
from authenticity.features import matrix
from authenticity.features.encoder import EncoderSource

_held_lock: TextIO | None = None  # for the life of the process
_PATIENCE_SECONDS = 5.0


def let_scripts_import(house: Path) -> None:
    """Put the folder of this library on the path of every Python that this process starts."""
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([str(house), *filter(None, others)]))


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process on a user's mistake with its one line and status 1, without a traceback."""
    try:
        yield
    except (UserError, OSError) as error:
        print(f"error: {in_one_line(error)}", file=sys.stderr)
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
    for name, experiment in config["experiments"].items():
        if experiment["features"]["spectral"] == experiment["features"]["layers"] == "none":
            raise UserError(
                f"configuration, experiments.{name}.features: expected `spectral` or `layers` or "
                "both; config/README.md explains them"
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


def only_looks(arguments: Sequence[str]) -> bool:
    """Tell from Snakemake's arguments whether it will plan or report without running any job.

    Snakemake itself does not know yet while it parses.
    """
    return any(
        argument.startswith(("--dry", "--report", "--lint", "--summary", "--detailed-summary"))
        or (argument.startswith("-n") and not argument.startswith("--"))
        for argument in arguments
    )


@contextlib.contextmanager
def folder_taken(directory: Path, only_look: bool) -> Iterator[bool]:
    """Make sure that no other run works here, and remove the locks of one that was killed.

    Snakemake's locks name files, not processes, so they outlive a crash and then refuse the very
    command that would resume. A run holds an operating-system lock for the life of its process:
    where it is granted, no other run is alive and any Snakemake lock is left over.

    Args:
        directory: where Snakemake works.
        only_look: the command runs no job; it may go on beside a live run, and gives the lock back
            when the block ends.

    Yields:
        Whether manifests may be refreshed: not under the feet of a live run.

    Raises:
        UserError: another run works here, and this command would run jobs.
    """
    global _held_lock
    state = directory / ".snakemake"
    state.mkdir(exist_ok=True)
    lock = (state / "run.flock").open("w")
    taken = _locked(lock, patience_seconds=0 if only_look else _PATIENCE_SECONDS)
    if only_look:
        with lock:
            yield taken
        return
    if not taken:
        raise UserError(
            f"{directory}: locked, another run works in this folder; wait for it or end it"
        )
    _held_lock = lock
    shutil.rmtree(state / "locks", ignore_errors=True)
    yield True


def _locked(lock: TextIO, patience_seconds: float) -> bool:
    """Try to lock a file; patience outlasts a plan that holds it for a moment."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.2)


@dataclass(frozen=True)
class CorpusPlan:
    """One corpus as it is at this moment.

    Attributes:
        shards: the digest of each shard, by name.
        digest: of everything in the manifest.
    """

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
            n_shards = _n_shards(path.parent, settings.get("n_shards"), len(table))
            corpora[name] = _corpus_plan(table, n_shards)
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
            Limits(
                audio["min_seconds"],
                audio["silence_dbfs"],
                audio["max_megabytes"],
                audio["max_seconds"],
            ),
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


def _n_shards(folder: Path, configured: int | None, n_trials: int) -> int:
    """Return the number of shards: the one of the tables that are there, once there are any.

    Another one would compute everything again and leave each trial in two tables.
    """
    there = {int(path.stem.rpartition("-")[2]) for path in folder.glob("spectral/*-of-*.parquet")}
    wanted = configured or next(iter(there), shards.suitable_number(n_trials))
    if there - {wanted}:
        raise UserError(
            f"{folder}: its tables are in {min(there)} shards, the configuration says {wanted}; "
            f"set `n_shards` back, or delete {folder} to compute everything again"
        )
    return wanted


def _require_both_classes(
    corpus: str, table: pa.Table, experiments: Mapping[str, Mapping[str, Any]]
) -> None:
    """Find out before a night of extraction that an experiment cannot be fitted or reported."""
    own_splits, labels = table["split"].to_pylist(), table["label"].to_numpy()
    for experiment in experiments.values():
        protocol = experiment["protocol"]
        parts = splits.assign(own_splits, protocol, experiment["seed"])
        splits.require_both_classes(corpus, parts, labels, protocol)


def _corpus_plan(table: pa.Table, n_shards: int) -> CorpusPlan:
    digests = shards.digests(table, n_shards)
    whole = hashlib.sha256("".join(digests.values()).encode())
    # What the shards' tables do not depend on, but everything after them does.
    for column in ("split", "attack", "speaker"):
        whole.update("\0".join(table[column].to_pylist()).encode())
    return CorpusPlan(digests, whole.hexdigest()[:16])
