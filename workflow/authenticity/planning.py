"""What runs where: which experiments are fitted and tested on which corpora, in which shards."""

import sys
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from authenticity import manifest, shards, tables
from authenticity.config import Config, Corpus, Experiment
from authenticity.corpora import FORMATS
from authenticity.errors import UserError
from authenticity.evaluation import splits
from authenticity.features import matrix, views
from authenticity.features.encoder import EncoderSource
from authenticity.features.published import DetectorSource, sign
from authenticity.files import read_json, sha256, write_json
from authenticity.names import LOGITS, printable

Parts = dict[str, list[str]]
"""Lists of a corpus's partitions, by the part of a protocol, by view, or by another corpus."""


@dataclass(frozen=True)
class Plan:
    """What the rules need to know of the configuration and the corpora.

    Attributes:
        config: the whole configuration.
        present: the partitions that each corpus of the run has.
    """

    config: Config
    present: Mapping[str, Collection[str]]

    @classmethod
    def make(cls, config: Config, refresh: bool) -> "Plan":
        """Plan a run; the main process has the manifests and the lists of trials `refresh`ed.

        A job reads what it left in each corpus's `plan.json`.
        """
        manifests, present = {}, {}
        for name in config.run.corpora:
            if refresh:
                manifests[name] = _manifest(name, config.corpora[name])
                present[name] = _splits(manifests[name])
            else:
                present[name] = _left_plan(name)["splits"]
        plan = cls(config, present)
        for name in plan.experiments:
            plan._require_source(name)
        if refresh:
            plan._require_trials(manifests)
        for corpus, table in manifests.items():
            plan._bring_up_to_date(corpus, table)
        return plan

    @cached_property
    def experiments(self) -> dict[str, Experiment]:
        """The experiments of the run, by name."""
        return {name: self.config.experiment(name) for name in self.config.run.experiments}

    @cached_property
    def unlabelled(self) -> frozenset[str]:
        """The corpora without labels, which are only scored."""
        formats = {name: FORMATS[self.config.corpora[name].format] for name in self.present}
        return frozenset(name for name, found in formats.items() if not found.labelled)

    @cached_property
    def shards(self) -> Parts:
        """The names of each corpus's shards."""
        return {name: shards.names(_left_plan(name)["n_shards"]) for name in self.present}

    @cached_property
    def encoder(self) -> EncoderSource:
        """Where the encoder comes from."""
        settings = self.config.encoder
        return EncoderSource(settings.model, settings.revision, settings.layers)

    @cached_property
    def detectors(self) -> dict[str, DetectorSource]:
        """Where the published detectors come from, by experiment."""
        models = {name: item.model for name, item in self.experiments.items()}
        return {
            name: DetectorSource(model.id, model.revision)
            for name, model in models.items()
            if model.kind == "published"
        }

    @cached_property
    def candidates(self) -> Parts:
        """The names of each experiment's sets of features."""
        found = {}
        for name, item in self.experiments.items():
            if name in self.detectors:
                found[name] = [LOGITS]
            else:
                n_layers = 0 if item.features.layers == "none" else self.encoder.n_layers
                found[name] = matrix.candidates(item.features, n_layers)
        return found

    @cached_property
    def first_trained(self) -> dict[str, list[int]]:
        """The layers, from 0, that each fine-tuned experiment's candidates train first; rising."""
        return {
            name: sorted(
                matrix.layers_of(each, self.encoder.n_layers)[0] - item.model.unfrozen
                for each in self.candidates[name]
            )
            for name, item in self.experiments.items()
            if item.model.kind == "finetune"
        }

    @cached_property
    def partitions(self) -> dict[tuple[str, str], Parts]:
        """By corpus and experiment, the partitions that each part of the protocol is made of."""
        return {
            (corpus, name): splits.partitions(item.protocol, own)
            for corpus, own in self.present.items()
            for name, item in self.experiments.items()
        }

    def _has_parts(self, corpus: str, name: str, *parts: str) -> bool:
        """Whether a corpus has the partitions of these parts of an experiment's protocol."""
        used, own = self.partitions[corpus, name], self.present[corpus]
        return all(set(used[part]) & set(own) for part in parts if part in used)

    @cached_property
    def trained(self) -> Parts:
        """The experiments that are fitted on each corpus."""
        return {
            corpus: [
                name
                for name in self.experiments
                if self._has_parts(corpus, name, "train", "dev")
                and corpus in (self.config.experiments[name].corpora or [corpus])
                and corpus not in self.unlabelled
            ]
            for corpus in self.present
        }

    @cached_property
    def reported(self) -> Parts:
        """The experiments fitted on each corpus that are tested on the corpus itself too."""
        return {
            corpus: [name for name in names if self._has_parts(corpus, name, "eval")]
            for corpus, names in self.trained.items()
        }

    @cached_property
    def targets(self) -> dict[tuple[str, str], Parts]:
        """By corpus and experiment, the partitions of the other corpora that it is tested on."""
        found = {}
        for corpus, names in self.trained.items():
            for name in names:
                model, protocol = self.experiments[name].model, self.experiments[name].protocol
                others = {
                    target: splits.reported_elsewhere(protocol, own)
                    for target, own in self.present.items()
                    if target != corpus and model.kind != "finetune"
                }
                found[corpus, name] = {target: parts for target, parts in others.items() if parts}
        return found

    @cached_property
    def view_splits(self) -> dict[str, Parts]:
        """By corpus and view, the partitions that are needed."""
        return self._views(self.experiments)

    @cached_property
    def embedded_splits(self) -> dict[str, Parts]:
        """By corpus and view, the partitions that an experiment with an encoder needs."""
        items = self.experiments.items()
        return self._views([name for name, item in items if item.features.layers != "none"])

    def _views(self, experiments: Collection[str]) -> dict[str, Parts]:
        """Return the partitions that some experiments need in each view of each corpus.

        Every experiment is tested on all of `run.views`, and a bundle's thresholds are set on dev
        in them. An experiment may also be fitted on views, and scored on one, everywhere.
        """
        run = self.config.run
        needed: dict[str, dict[str, set[str]]] = {corpus: {} for corpus in self.present}

        def need(corpus: str, view: str, names: Sequence[str]) -> None:
            found = set(names).intersection(self.present[corpus])
            if view != "clean" and found:
                needed[corpus].setdefault(view, set()).update(found)

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
            corpus: {view: sorted(names) for view, names in views.items()}
            for corpus, views in needed.items()
        }

    def _require_trials(self, manifests: Mapping[str, pa.Table]) -> None:
        """Find out before a night of extraction that something cannot be fitted or reported.

        Raises:
            UserError: an experiment that no corpus can be fitted on, a corpus that nothing is done
                with, a part without both classes, a comparison of experiments that are reported on
                different trials, or a view that this machine cannot make.
        """
        held_out = {}
        for name, experiment in self.experiments.items():
            corpora = [corpus for corpus, names in self.trained.items() if name in names]
            if not corpora:
                self._refuse_unfitted(name)
            for corpus in corpora:
                table, protocol = manifests[corpus], experiment.protocol
                try:
                    rounds = splits.rounds(table, protocol, experiment.seed)
                except UserError as error:
                    raise UserError(f"corpus {corpus}, experiment {name}: {error}") from error
                splits.require_both_classes(corpus, table, protocol, rounds)
                held_out[corpus, name] = tuple(
                    (item.name, zlib.crc32(item.parts == "eval")) for item in rounds
                )
        run = self.config.run
        for compared in [*run.comparisons, run.ablations.rows if run.ablations else ()]:
            for corpus, names in self.reported.items():
                both = compared if set(compared) <= set(names) else ()
                if len({held_out[corpus, name] for name in both}) > 1:
                    raise UserError(
                        f"corpus {corpus}: {' and '.join(compared)} are reported on different "
                        "trials and cannot be compared; give them the same protocol and seed, or "
                        "take them out of `run.comparisons` and `run.ablations`"
                    )
        targets = [target for each in self.targets.values() for target in each.items()]
        for corpus in manifests:
            if not self.trained[corpus] and corpus not in dict(targets):
                raise UserError(
                    f"corpus {corpus}: no experiment can be fitted on its splits, nor tested on "
                    "them; take it out of `run.corpora`, or run an experiment with another protocol"
                )
        for target, parts in sorted({(target, tuple(parts)) for target, parts in targets}):
            if target not in self.unlabelled:
                used = pc.is_in(manifests[target]["split"], value_set=pa.array(parts))
                labels = manifests[target]["label"].filter(used)
                splits.require_labels(target, " + ".join(parts), labels)
        for view in sorted({view for needed in self.view_splits.values() for view in needed}):
            views.check(view, self.config.views[view])

    def _require_source(self, name: str) -> None:
        """Check that the encoder or the published detector of an experiment can be used."""
        model, layers = self.experiments[name].model, self.experiments[name].features.layers
        if source := self.detectors.get(name):
            try:
                source.files()
                sign(source.labels, model.spoof)
            except UserError as error:
                raise UserError(f"experiment {name}: {error}") from error
        elif layers != "none":
            self.encoder.files()  # a folder that lacks one is found out here
            last = self.encoder.n_layers - 1
            if isinstance(layers, tuple) and max(layers) > last:
                raise UserError(
                    f"configuration, experiments.{name}.features.layers: {self.encoder.model} has "
                    f"the layers 0 to {last}, found {max(layers)}"
                )
            first = min(self.first_trained.get(name, [0]))
            if first < 0:
                raise UserError(
                    f"experiment {name}: the last {model.unfrozen} of the first "
                    f"{first + model.unfrozen} layers cannot be fine-tuned; correct `unfrozen` and "
                    "`layers` in the configuration"
                )

    def _refuse_unfitted(self, name: str) -> NoReturn:
        """Say why an experiment can be fitted on none of the corpora of a run."""
        experiment, corpora = self.experiments[name], [*self.present]
        allowed = self.config.experiments[name].corpora or corpora
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

    def _bring_up_to_date(self, corpus: str, trials: pa.Table) -> None:
        """Bring a corpus's lists of trials and its `plan.json` up to date.

        The lists are read only if the manifest, the number of shards or the views have changed.
        """
        folder, view_splits = _folder(corpus), self.view_splits[corpus]
        made, configured = shards.made(folder), self.config.corpora[corpus].n_shards
        n_shards = configured or next(iter(made), shards.suitable_number(len(trials)))
        if made - {n_shards}:
            print(f"corpus {corpus}: dealing its tables to {n_shards} shards", file=sys.stderr)
            shards.deal_again(folder, n_shards)
        plan = {
            "n_shards": n_shards,
            "splits": _splits(trials),
            "view_splits": view_splits,
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


def _left_plan(corpus: str) -> Any:
    """Read what the main process left."""
    path = _folder(corpus) / "plan.json"
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
