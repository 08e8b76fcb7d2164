"""What happens while the workflow is parsed: left-over locks, manifests, what runs where."""

import contextlib
import fcntl
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, TextIO

import pyarrow as pa
import pyarrow.compute as pc

from authenticity import manifest, shards, tables
from authenticity.audio import Limits
from authenticity.config import Config, Corpus, Experiment, Features, Run
from authenticity.corpora import FORMATS
from authenticity.errors import MORE_MEMORY, UserError, in_one_line
from authenticity.evaluation import splits
from authenticity.features import matrix, views
from authenticity.features.encoder import EncoderSource
from authenticity.features.published import DetectorSource, sign
from authenticity.files import read_json, remove_left_over, sha256, write_json
from authenticity.names import printable

_held_lock: TextIO | None = None  # for the life of the process
_PATIENCE_SECONDS = 5.0
_CONTROLLER_SECONDS = 30.0  # a cluster's has answered by then, or is down
_ENDING_SECONDS = 300.0  # Slurm gives jobs 30 s to end before it kills them
# Options of Snakemake that run no job and change nothing.
_LOOKS = (
    *("dryrun", "report", "lint", "dag", "rulegraph", "filegraph", "d3dag", "list_rules"),
    *("list_target_rules", "summary", "detailed_summary", "list_changes", "list_input_changes"),
    *("list_params_changes", "list_untracked", "list_conda_envs", "print_compilation"),
    "containerize",
)


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process on a user's mistake with its one line and status 1, without a traceback."""
    try:
        yield
    except (UserError, OSError) as error:
        print(f"error: {printable(in_one_line(error))}", file=sys.stderr)
        raise SystemExit(1) from None


def only_looks(arguments: Sequence[str]) -> bool:
    """Tell from Snakemake's arguments whether it will plan or report without running any job.

    A workflow is not told while Snakemake parses it, so they are read again.
    """
    from snakemake.cli import get_argument_parser

    options, _ = get_argument_parser().parse_known_args(arguments)
    return any(getattr(options, name) for name in _LOOKS)


@contextlib.contextmanager
def folder_taken(directory: Path, only_look: bool) -> Iterator[bool]:
    """Make sure that no other run works here, and remove the locks of one that was killed.

    Snakemake's locks name files, not processes, so they outlive a crash and then refuse the very
    command that would resume. A run holds an operating-system lock for the life of its process:
    where it is granted, no other run is alive and any Snakemake lock is left over. So is any job of
    it on a cluster.

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
    if taken:
        _back_from_the_future(directory / "results")
    if only_look:
        logging.getLogger("snakemake.logging").addFilter(_without_error)
        with lock:
            yield taken
        return
    if not taken:
        raise UserError(
            f"{directory}: locked, another run works in this folder; wait for it or end it"
        )
    _held_lock = lock
    logging.getLogger("snakemake.logging").addFilter(_with_deaths)
    _cancel_left_jobs(directory)
    remove_left_over(directory / "results")
    shutil.rmtree(state / "locks", ignore_errors=True)
    yield True


def _cancel_left_jobs(directory: Path) -> None:
    """End what a killed run has left on a Slurm cluster, and wait until it has ended.

    Snakemake knows nothing of those jobs any more: it would submit them once more, and two jobs
    would write the same files.

    Raises:
        UserError: they do not end.
    """
    if shutil.which("squeue") is None:
        return

    def left() -> list[str]:
        # The user may have other jobs in this folder. Snakemake's have a rule as their comment.
        listed = subprocess.run(
            ("squeue", "--me", "--noheader", "--format=%i|%.5k|%Z"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="surrogateescape",  # as in paths
            check=False,  # a machine may have the command and no cluster
            timeout=_CONTROLLER_SECONDS,
        )
        jobs = (line.partition("|") for line in listed.stdout.splitlines())
        return [number for number, _, where in jobs if where == f"rule_|{directory}"]

    try:
        if jobs := left():
            print(
                f"jobs that a killed run left on the cluster: {len(jobs)}, cancelled",
                file=sys.stderr,
            )
            subprocess.run(("scancel", *jobs), check=False, timeout=_CONTROLLER_SECONDS)
        deadline = time.monotonic() + _ENDING_SECONDS
        while jobs := left():
            if time.monotonic() >= deadline:
                raise UserError(
                    f"{directory}: jobs that a killed run left on the cluster do not end: "
                    f"{', '.join(jobs)}; end them, and run the same command again"
                )
            time.sleep(1)
    except subprocess.TimeoutExpired as silent:
        print(
            f"{silent.cmd[0]}: no answer from the cluster in {silent.timeout:g} s, so jobs that "
            "an earlier run may have left could not be looked for; if there are any, end them",
            file=sys.stderr,
        )


def _back_from_the_future(results: Path) -> None:
    """Make all files older, by as much, if one is newer than now: a clock has been set back.

    What is made now would seem older than what it is made from, and Snakemake would delete it.
    """
    times = {path: path.stat().st_mtime_ns for path in results.rglob("*")}
    ahead = max(times.values(), default=0) - time.time_ns()
    if ahead > 0:
        for path, made in times.items():
            os.utime(path, ns=(made - ahead, made - ahead))


def _without_error(record: logging.LogRecord) -> bool:
    """Say in other words what Snakemake calls an error, though its plan goes on."""
    if "Another Snakemake instance is running" in str(record.msg):
        record.msg = "another run works in this folder: this is what it has left to do"
    return True


def _with_deaths(record: logging.LogRecord) -> bool:
    """Say in one line that a job was killed, which Snakemake tells as a command's exception.

    It logs that a job has failed while it handles the exception.
    """
    rule, reason = getattr(record, "rule_name", None), str(sys.exc_info()[1])
    # C++ aborts where an error of memory is not caught.
    if rule and ("died with <Signals.SIGKILL" in reason or "died with <Signals.SIGABRT" in reason):
        made = record.output[0].partition(" (")[0]
        print(
            f"error: {made}: its job of rule {rule} was killed, as happens when memory runs out; "
            f"{MORE_MEMORY}",
            file=sys.stderr,
        )
    return True


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
class Scope:
    """Which experiments are fitted and tested on which corpora.

    Attributes:
        experiments: those of the run, by name.
        partitions: by corpus and experiment, which of the corpus's partitions each part of the
            experiment's protocol is made of.
        trained: the experiments that are fitted on a corpus, by corpus.
        reported: those that are tested on the corpus itself too, by corpus.
        targets: by corpus and experiment, the other corpora that it is tested on, and which of
            their partitions.
        view_splits: by corpus and view, the partitions that are needed.
        embedded_splits: those of them that an experiment with an encoder needs.
        unlabelled: the corpora without labels, which are only scored.
    """

    experiments: Mapping[str, Experiment]
    partitions: Mapping[tuple[str, str], Mapping[str, list[str]]]
    trained: Mapping[str, list[str]]
    reported: Mapping[str, list[str]]
    targets: Mapping[tuple[str, str], Mapping[str, list[str]]]
    view_splits: Mapping[str, Mapping[str, list[str]]]
    embedded_splits: Mapping[str, Mapping[str, list[str]]]
    unlabelled: frozenset[str]

    @classmethod
    def of(cls, config: Config, present: Mapping[str, set[str]]) -> "Scope":
        """Follow the configuration, given the partitions that each corpus has."""
        experiments = {name: config.experiment(name) for name in config.run.experiments}
        unlabelled = frozenset(
            name for name in present if not FORMATS[config.corpora[name].format].labelled
        )
        partitions = {
            (corpus, name): splits.partitions(item.protocol, own)
            for corpus, own in present.items()
            for name, item in experiments.items()
        }

        def with_parts(corpus: str, names: Iterable[str], *parts: str) -> list[str]:
            """Return the experiments that find the partitions of these parts in a corpus."""
            used = {name: partitions[corpus, name] for name in names}
            return [
                name
                for name, item in used.items()
                if all(present[corpus] & set(item[part]) for part in parts if part in item)
            ]

        trained = {
            corpus: [
                name
                for name in with_parts(corpus, experiments, "train", "dev")
                if corpus in (config.experiments[name].corpora or [corpus])
                and corpus not in unlabelled
            ]
            for corpus in present
        }
        targets = {
            (corpus, name): {
                target: found
                for target, others in present.items()
                if target != corpus
                and experiments[name].model.kind != "finetune"
                and (found := splits.reported_elsewhere(experiments[name].protocol, others))
            }
            for corpus, names in trained.items()
            for name in names
        }
        reported = {corpus: with_parts(corpus, names, "eval") for corpus, names in trained.items()}
        scope = cls(experiments, partitions, trained, reported, targets, {}, {}, unlabelled)
        encoded = [name for name, item in experiments.items() if item.features.layers != "none"]
        return replace(
            scope,
            view_splits=scope._views(config.run, present, experiments),
            embedded_splits=scope._views(config.run, present, encoded),
        )

    def _views(
        self, run: Run, present: Mapping[str, set[str]], experiments: Collection[str]
    ) -> dict[str, dict[str, list[str]]]:
        """Return the partitions that some experiments need in each view of each corpus.

        Every experiment is tested on all views to test, and a bundle's thresholds are set on dev in
        them; an experiment may also be fitted on views, and scored on one, everywhere.
        """
        needed: dict[str, dict[str, set[str]]] = {corpus: {} for corpus in present}

        def need(corpus: str, view: str, names: Sequence[str]) -> None:
            if view != "clean":
                needed[corpus].setdefault(view, set()).update(names)

        for corpus, names in self.trained.items():
            for name in [name for name in names if name in experiments]:
                features, used = self.experiments[name].features, self.partitions[corpus, name]
                for view in run.views:
                    need(corpus, view, used["eval"])
                    if name in run.bundles:
                        need(corpus, view, used.get("dev", []))
                for view in features.train_views:
                    need(corpus, view, used["train"])
                need(corpus, features.view, [*used.get("dev", []), *used["eval"]])
                for target, reported in self.targets[corpus, name].items():
                    heard = [] if target in self.unlabelled else run.views
                    for view in [*heard, features.view]:
                        need(target, view, reported)
        return {
            corpus: {
                view: sorted(names & present[corpus])
                for view, names in views.items()
                if names & present[corpus]
            }
            for corpus, views in needed.items()
        }


@dataclass(frozen=True)
class Plan(Scope):
    """What the rules need to know of the configuration and the corpora.

    Attributes:
        shards: the names of each corpus's shards.
        controls: the experiments that are there to hold others against.
        candidates: the names of each experiment's sets of features.
        encoder: where it comes from.
        detectors: likewise of the published detectors, by experiment.
        limits: what a clip must meet.
        window: longest stretch embedded at once, seconds.
    """

    shards: Mapping[str, list[str]]
    controls: frozenset[str]
    candidates: Mapping[str, list[str]]
    encoder: EncoderSource
    detectors: Mapping[str, DetectorSource]
    limits: Limits
    window: float

    @classmethod
    def make(cls, config: Config, refresh: bool) -> "Plan":
        """Plan a run.

        Args:
            config: the configuration.
            refresh: whether to bring manifests and shards up to date first. Only the main process
                does; a job reads what it left in each corpus's `plan.json`, whatever their size.
        """
        encoder = EncoderSource(
            config.encoder.model, config.encoder.revision, config.encoder.layers
        )
        detectors = _detectors(config)
        manifests = {}
        if refresh:
            manifests = {name: _manifest(name, config.corpora[name]) for name in config.run.corpora}
            present = {
                name: set(table["split"].unique().to_pylist()) for name, table in manifests.items()
            }
        else:
            plans = {name: _left_plan(_folder(name) / "plan.json") for name in config.run.corpora}
            present = {name: set(plan["splits"]) for name, plan in plans.items()}
        scope = Scope.of(config, present)
        if any(
            item.features.layers != "none" and name not in detectors
            for name, item in scope.experiments.items()
        ):
            encoder.files()  # a folder that lacks one is found out here
        if refresh:
            _require_trials(manifests, config, scope)
            for view in sorted({view for needed in scope.view_splits.values() for view in needed}):
                views.check(view, config.views[view])
            plans = {
                name: _plan(name, table, config.corpora[name].n_shards, scope.view_splits[name])
                for name, table in manifests.items()
            }
        audio = config.audio
        return cls(
            **vars(scope),
            shards={name: shards.names(plan["n_shards"]) for name, plan in plans.items()},
            controls=frozenset(
                name for name in scope.experiments if config.experiments[name].is_control
            ),
            candidates={
                name: (
                    [matrix.LOGITS]
                    if name in detectors
                    else _candidates(encoder, name, item.features)
                )
                for name, item in scope.experiments.items()
            },
            encoder=encoder,
            detectors=detectors,
            limits=Limits(
                audio.min_seconds, audio.silence_dbfs, audio.max_megabytes, audio.max_seconds
            ),
            window=config.encoder.window_seconds,
        )


def _left_plan(path: Path) -> Any:
    """Read what the main process left."""
    if not path.exists():
        raise UserError(
            f"{path}: not there yet, and another run works in this folder; wait for that run"
        )
    return read_json(path)


def _folder(corpus: str) -> Path:
    return Path("results", corpus)


def _manifest(corpus: str, settings: Corpus) -> pa.Table:
    path = _folder(corpus) / "manifest.parquet"
    if news := manifest.refresh(path, corpus, settings):
        print(printable(news), file=sys.stderr)
    return tables.read(path)


def _require_trials(manifests: Mapping[str, pa.Table], config: Config, scope: Scope) -> None:
    """Find out before a night of extraction that something cannot be fitted or reported.

    Raises:
        UserError: an experiment that no corpus can be fitted on, or a part without both classes.
    """
    for name, experiment in scope.experiments.items():
        corpora = [corpus for corpus, names in scope.trained.items() if name in names]
        if not corpora:
            _refuse_unfitted(name, experiment, config.experiments[name].corpora, list(manifests))
        for corpus in corpora:
            table, protocol = manifests[corpus], experiment.protocol
            try:
                rounds = splits.rounds(table, protocol, experiment.seed)
            except UserError as error:
                raise UserError(f"corpus {corpus}, experiment {name}: {error}") from error
            splits.require_both_classes(corpus, table, protocol, rounds)
    targets = [target for each in scope.targets.values() for target in each.items()]
    for corpus in manifests:
        if not scope.trained[corpus] and corpus not in dict(targets):
            raise UserError(
                f"corpus {corpus}: no experiment can be fitted on its splits, nor tested on them; "
                "take it out of `run.corpora`, or run an experiment with another protocol"
            )
    for target, parts in sorted({(target, tuple(parts)) for target, parts in targets}):
        if target not in scope.unlabelled:
            _require_labels(target, manifests[target], parts)


def _refuse_unfitted(
    name: str, experiment: Experiment, allowed: Sequence[str] | None, corpora: Sequence[str]
) -> NoReturn:
    """Say why an experiment can be fitted on none of the corpora of a run."""
    allowed = allowed or corpora
    if not set(allowed) & set(corpora):
        raise UserError(
            f"experiment {name}: it may be fitted on {', '.join(allowed)} alone, of which "
            "none is in `run.corpora`; add one there"
        )
    used = splits.partitions(experiment.protocol, [])
    needed = dict.fromkeys([*used["train"], *used.get("dev", [])])
    raise UserError(
        f"experiment {name}: its protocol {experiment.protocol_name} fits and chooses "
        f"on the splits {' and '.join(needed)}, and none of the corpora "
        f"{', '.join(corpora)} has them all; add one that has to `run.corpora`, or run "
        "an experiment with another protocol"
    )


def _require_labels(corpus: str, trials: pa.Table, parts: Sequence[str]) -> None:
    used = pc.is_in(trials["split"], value_set=pa.array(parts))
    labels = trials.filter(used)["label"].unique().to_pylist()
    if len(labels) < 2:
        missing = "bona fide" if 1 in labels else "spoof"
        raise UserError(
            f"corpus {corpus}, split {' + '.join(parts)}: it has no {missing} trials, so "
            f"nothing can be tested on it; add {missing} clips to it, or take it out of "
            "`run.corpora`"
        )


def _detectors(config: Config) -> dict[str, DetectorSource]:
    """Return where the published detectors come from; what cannot be used is found out here."""
    found = {}
    for name in config.run.experiments:
        model = config.experiments[name].model
        if model.kind == "published":
            found[name] = DetectorSource(model.id, model.revision)
            try:
                found[name].files()
                sign(found[name].labels, model.spoof)
            except UserError as error:
                raise UserError(f"experiment {name}: {error}") from error
    return found


def _candidates(encoder: EncoderSource, name: str, features: Features) -> list[str]:
    if features.layers == "none":
        return matrix.candidates(features, n_layers=0)
    if isinstance(features.layers, tuple) and max(features.layers) >= encoder.n_layers:
        raise UserError(
            f"configuration, experiments.{name}.features.layers: {encoder.model} has the layers 0 "
            f"to {encoder.n_layers - 1}, found {max(features.layers)}"
        )
    return matrix.candidates(features, encoder.n_layers)


def _plan(
    corpus: str,
    table: pa.Table,
    configured_shards: int | None,
    view_splits: Mapping[str, list[str]],
) -> dict[str, Any]:
    """Bring a corpus's lists of trials and its `plan.json` up to date.

    The lists are looked at only if the manifest, the number of shards or the views have changed.
    """
    folder = _folder(corpus)
    made = shards.made(folder)
    n_shards = configured_shards or next(iter(made), shards.suitable_number(len(table)))
    if made - {n_shards}:
        print(f"corpus {corpus}: dealing its tables to {n_shards} shards", file=sys.stderr)
        shards.deal_again(folder, n_shards)
    plan = {
        "n_shards": n_shards,
        "splits": sorted(table["split"].unique().to_pylist()),
        "view_splits": dict(view_splits),
        "manifest": sha256(folder / "manifest.parquet"),
    }
    wanted = {"clean": None, **view_splits}
    lists = [
        folder / "lists" / view / f"{shard}.parquet"
        for view in wanted
        for shard in shards.names(plan["n_shards"])
    ]
    path = folder / "plan.json"
    if not path.exists() or read_json(path) != plan or not all(map(Path.exists, lists)):
        shards.write_lists(folder / "lists", table, plan["n_shards"], wanted)
        write_json(path, plan)
    return plan
