"""What runs where: which experiments are fitted and tested on which corpora, in which shards."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from authenticity import manifest, shards, tables
from authenticity.config import Config, Corpus, Experiment, Run
from authenticity.corpora import FORMATS
from authenticity.errors import UserError
from authenticity.evaluation import splits
from authenticity.features import matrix, views
from authenticity.features.encoder import EncoderSource
from authenticity.features.published import DetectorSource, sign
from authenticity.files import read_json, sha256, write_json
from authenticity.names import LOGITS, printable


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
                target: others_parts
                for target, others in present.items()
                if target != corpus
                and experiments[name].model.kind != "finetune"
                and (others_parts := splits.reported_elsewhere(experiments[name].protocol, others))
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
        candidates: the names of each experiment's sets of features.
        encoder: where it comes from.
        detectors: likewise of the published detectors, by experiment.
    """

    shards: Mapping[str, list[str]]
    candidates: Mapping[str, list[str]]
    encoder: EncoderSource
    detectors: Mapping[str, DetectorSource]

    @classmethod
    def make(cls, config: Config, refresh: bool) -> "Plan":
        """Plan a run, and `refresh` the manifests and the lists of trials first.

        Only the main process does; a job reads what it left in each corpus's `plan.json`.
        """
        corpora = config.run.corpora
        if refresh:
            manifests = {name: _manifest(name, config.corpora[name]) for name in corpora}
            present = {name: _splits(table) for name, table in manifests.items()}
        else:
            plans = {name: _left_plan(_folder(name) / "plan.json") for name in corpora}
            present = {name: plan["splits"] for name, plan in plans.items()}
        scope = Scope.of(config, {name: set(found) for name, found in present.items()})
        detectors = _detectors(config)
        encoder = EncoderSource(
            config.encoder.model, config.encoder.revision, config.encoder.layers
        )
        candidates = {
            name: _candidates(encoder, name, item) for name, item in scope.experiments.items()
        }
        if refresh:
            _require_trials(manifests, config, scope)
            for view in sorted({view for needed in scope.view_splits.values() for view in needed}):
                views.check(view, config.views[view])
            plans = {
                name: _plan(name, table, config.corpora[name].n_shards, scope.view_splits[name])
                for name, table in manifests.items()
            }
        return cls(
            **vars(scope),
            shards={name: shards.names(plan["n_shards"]) for name, plan in plans.items()},
            candidates=candidates,
            encoder=encoder,
            detectors=detectors,
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


def _splits(trials: pa.Table) -> list[str]:
    return sorted(trials["split"].unique().to_pylist())


def _manifest(corpus: str, settings: Corpus) -> pa.Table:
    path = _folder(corpus) / "manifest.parquet"
    if news := manifest.refresh(path, corpus, settings):
        print(printable(news), file=sys.stderr)
    return tables.read(path, ["key", "split", "label", "attack", "speaker"])


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
    sources = {}
    for name in config.run.experiments:
        model = config.experiments[name].model
        if model.kind == "published":
            sources[name] = DetectorSource(model.id, model.revision)
            try:
                sources[name].files()
                sign(sources[name].labels, model.spoof)
            except UserError as error:
                raise UserError(f"experiment {name}: {error}") from error
    return sources


def _candidates(encoder: EncoderSource, name: str, experiment: Experiment) -> list[str]:
    features = experiment.features
    if experiment.model.kind == "published":
        return [LOGITS]
    if features.layers == "none":
        return matrix.candidates(features, n_layers=0)
    encoder.files()  # a folder that lacks one is found out here
    if isinstance(features.layers, tuple) and max(features.layers) >= encoder.n_layers:
        raise UserError(
            f"configuration, experiments.{name}.features.layers: {encoder.model} has the layers 0 "
            f"to {encoder.n_layers - 1}, found {max(features.layers)}"
        )
    return matrix.candidates(features, encoder.n_layers)


def _plan(
    corpus: str,
    trials: pa.Table,
    configured_shards: int | None,
    view_splits: Mapping[str, list[str]],
) -> dict[str, Any]:
    """Bring a corpus's lists of trials and its `plan.json` up to date.

    The lists are looked at only if the manifest, the number of shards or the views have changed.
    """
    folder = _folder(corpus)
    made = shards.made(folder)
    n_shards = configured_shards or next(iter(made), shards.suitable_number(len(trials)))
    if made - {n_shards}:
        print(f"corpus {corpus}: dealing its tables to {n_shards} shards", file=sys.stderr)
        shards.deal_again(folder, n_shards)
    plan = {
        "n_shards": n_shards,
        "splits": _splits(trials),
        "view_splits": dict(view_splits),
        "manifest": sha256(folder / "manifest.parquet"),
    }
    wanted = {"clean": None, **view_splits}
    names = shards.names(n_shards)
    lists = [folder / "lists" / view / f"{name}.parquet" for view in wanted for name in names]
    path = folder / "plan.json"
    if not path.exists() or read_json(path) != plan or not all(map(Path.exists, lists)):
        listed = tables.read(folder / "manifest.parquet", shards.LIST.names)
        shards.write_lists(folder / "lists", listed, n_shards, wanted)
        write_json(path, plan)
    return plan
