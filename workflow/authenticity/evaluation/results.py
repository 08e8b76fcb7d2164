"""All values of a run as one tidy table, and how everything downstream reads it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from authenticity import tables
from authenticity.estimates import Estimate
from authenticity.files import read_json
from authenticity.names import labelled, ordered_splits, ordered_values, ordered_views

REPORTED = "eval"
"""The split whose values are the headline: models were fitted and chosen without it."""

RESULTS = pa.schema(
    [
        *((name, pa.string()) for name in ("corpus", "experiment", "target", "view", "split")),
        *((name, pa.string()) for name in ("group", "group_value", "metric")),
        *((name, pa.float64()) for name in ("value", "low", "high")),
        *((name, pa.int64()) for name in ("n_bonafide", "n_spoof")),
        ("method", pa.string()),
    ]
)
"""A row is one value: of an experiment that was fitted on `corpus`, on a split of `target` in a
view, over all trials (`group` is "all") or those of one attack, speaker or value of a condition; or
of one of the experiment's candidates, whose `group_value` is a `tables.candidate_column`. Rates are
fractions. `low`, `high` and `method` (trials or speakers drawn) are of the 95% interval, and null
where a value has none."""

ALL, ATTACKS, ATTACK, SPEAKER, CANDIDATE = "all", "attacks", "attack", "speaker", "candidate"
GROUPS = (ALL, ATTACKS, ATTACK, SPEAKER, CANDIDATE)
"""The groups that are no conditions."""
KNOWN, UNKNOWN = "known attacks", "unknown attacks"
"""The values of the group `ATTACKS`: whether training had the attack. All bona fide is in both."""
_KEYS = [(name, "ascending") for name in RESULTS.names[:8]]


def table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows as a table of `RESULTS`, in a fixed order; what a row does not name is null."""
    return pa.Table.from_pylist(list(rows), RESULTS).sort_by(_KEYS)


def together(paths: Iterable[str | Path]) -> pa.Table:
    """Return the tables of a run as one, in a fixed order."""
    return tables.read_many(paths).sort_by(_KEYS)


@dataclass(frozen=True)
class Row(Estimate):
    """One value with its interval, the trials that it was computed on, and how."""

    n_bonafide: int
    n_spoof: int
    method: str | None


@dataclass(frozen=True)
class Results:
    """Rows of `RESULTS`, selected by their columns until each metric is there once."""

    table: pa.Table

    def where(self, **columns: str) -> "Results":
        """Select the rows whose columns have the given values."""
        return Results(tables.where(self.table, **columns))

    def names(self, column: str) -> list[str]:
        """Return the distinct values of a column, in the order in which pages show them."""
        return ordered_values(self.table[column].unique().to_pylist())

    def by_value(self) -> dict[str, "Results"]:
        """Return the rows of each attack, speaker or value of a condition."""
        return {name: self.where(group_value=name) for name in self.names("group_value")}

    def each(self, metric: str) -> dict[str, Row]:
        """Return a metric's value for each attack, speaker or value of a condition."""
        return {name: rows[metric] for name, rows in self.where(metric=metric).by_value().items()}

    @cached_property
    def _rows(self) -> dict[str, Row]:
        columns = ("metric", "value", "low", "high", "n_bonafide", "n_spoof", "method")
        rows = self.table.select(columns).to_pylist()
        by_metric = {row.pop("metric"): Row(**row) for row in rows}
        if len(by_metric) < len(rows):
            raise ValueError("metrics of several splits, views or groups: select one first")
        return by_metric

    def get(self, metric: str) -> Row | None:
        """Return a metric's value; None where there is none."""
        return self._rows.get(metric)

    def __getitem__(self, metric: str) -> Row:
        """Return a metric's value; a `KeyError` where there is none."""
        return self._rows[metric]

    def __bool__(self) -> bool:
        return len(self.table) > 0


@dataclass(frozen=True)
class Tested:
    """An experiment that was tested on a corpus: what it is, and its results.

    Attributes:
        experiment: its name.
        corpus: that it was fitted on.
        target: that it was tested on.
        view: of the audio, in which it scores.
        protocol: by name.
        seed: of the experiment, and of the bootstrap.
        control: whether it is there for others to be held against.
        train_views: that it was fitted on.
        chosen: for each round its `candidate`, `pooling`, `C` and `calibration`.
        leak: see `splits.leaks`.
        partitions: of the target, by split.
        known_attacks: attacks of the target that training had too; empty where the protocol does
            not keep training apart.
        threshold: `by_round`, and `n_bonafide` and `n_spoof` of the dev that it was chosen on; None
            where there is no dev.
        why: by split, the numbers of speakers that decide how its intervals are made.
        not_conditions: columns with too many values, or a name that is taken, to be conditions.
        results: in every view.
    """

    experiment: str
    corpus: str
    target: str
    view: str
    protocol: str
    seed: int
    control: bool
    train_views: list[str]
    chosen: list[dict[str, Any]]
    leak: dict[str, Any]
    partitions: dict[str, list[str]]
    known_attacks: list[str]
    threshold: dict[str, Any] | None
    why: dict[str, str]
    not_conditions: list[str]
    results: Results

    @property
    def name(self) -> str:
        """What it is called beside the others that are tested on a corpus."""
        if self.corpus == self.target:
            return self.experiment
        return f"{self.experiment}, from {self.corpus}"

    @property
    def label(self) -> str:
        """Its name, marked where it is a control."""
        return labelled(self.name, self.control)

    @property
    def leaks(self) -> bool:
        """Whether its protocol leaks."""
        return self.leak["leaks"]

    @property
    def splits(self) -> list[str]:
        """The splits that it was tested on."""
        return ordered_splits(self.why)

    @cached_property
    def views(self) -> list[str]:
        """The views that it was tested in."""
        return ordered_views([self.view, *self.results.names("view")])

    @property
    def others(self) -> dict[str, Results]:
        """The results on the reported split in each view beside the one in which it scores."""
        return {view: self.on(REPORTED, view=view) for view in self.views if view != self.view}

    @cached_property
    def reported(self) -> Results:
        """The results over all trials of the reported split, in the view in which it scores."""
        return self.on(REPORTED)

    def on(self, split: str, group: str = ALL, view: str | None = None) -> Results:
        """Return the results on a split, in the view in which it scores unless another is given."""
        return self.results.where(split=split, group=group, view=view or self.view)

    def orientation(self) -> str:
        """Say which way scores point on eval: "as expected", "flipped", or "undecided"."""
        auc = self.reported["roc_auc"]
        if auc.low > 0.5:
            return "as expected"
        return "flipped" if auc.high < 0.5 else "undecided"

    def conditions(self, split: str) -> list[str]:
        """Return the conditions that a split was divided by."""
        groups = self.results.where(split=split, view=self.view).names("group")
        return [name for name in groups if name not in GROUPS]


def read(metrics: Iterable[str | Path], records: Iterable[str | Path]) -> list[Tested]:
    """Read experiments' results with the records of what they are, a pair of files for each."""
    return [
        Tested(**read_json(record), results=Results(tables.read(path)))
        for path, record in zip(metrics, records, strict=True)
    ]
