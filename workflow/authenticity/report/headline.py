"""The headline figures: the table of all experiments and splits, and plain rows for others."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from authenticity.html import render
from authenticity.names import ordered_splits
from authenticity.report import wording
from authenticity.report.wording import REPORTED, Cell, Json, Rows, estimate

Column = Callable[[Json], Cell]
"""Gives a column's cell, or None, from the figures of one split."""


def headline(metrics: Sequence[Json]) -> str:
    """Return the page of headline figures: every experiment on every split."""
    return render(
        "headline.html.j2",
        warnings=wording.warnings(metrics),
        tables=[
            ("Errors", *_table(_ERRORS, metrics)),
            ("Calibration and costs", *_table(_COSTS, metrics)),
        ],
        chosen=[
            [wording.marked(item), wording.chosen(item), wording.audio(item)] for item in metrics
        ],
        settings=metrics[0]["interval"],
        methods=how_intervals(metrics),
        no_width=wording.NO_WIDTH,
    )


def _table(
    columns: Mapping[str, Column], metrics: Sequence[Json]
) -> tuple[list[str], Rows, list[int]]:
    """Return columns, a row per experiment and split, and which rows are of the reported split.

    Figures that no experiment here has, for lack of a dev part or of ASV scores, get no column.
    """
    places = [(item, split) for item in metrics for split in ordered_splits(item["splits"])]
    cells = {
        title: [cell(item["splits"][split]) for item, split in places]
        for title, cell in columns.items()
    }
    cells = {title: column for title, column in cells.items() if any(column)}
    rows = [
        [wording.marked(item), split, *(column[index] for column in cells.values())]
        for index, (item, split) in enumerate(places)
    ]
    reported = [index for index, (_, split) in enumerate(places) if split == REPORTED]
    return ["Experiment", "Split", *cells], rows, reported


def _figure(name: str, percent: bool = False) -> Column:
    return lambda found: estimate(found.get(name), percent)


def _cllr(found: Json) -> Cell:
    if not found["cllr"]:
        return None
    return [*estimate(found["cllr"]), "min", *estimate(found["min_cllr"])]


def _ece(found: Json) -> Cell:
    before, *after = [
        wording.quietly(wording.ece(found, when))
        for when in ("before", "after")
        if found["ece"][when]
    ]
    return [*before, *(part for value, chance in after for part in (f"→ {value}", chance))]


def _trials(label: str) -> Column:
    return lambda found: f"{found[f'n_{label}']:,} ({found[f'n_speakers_{label}']:,})"


_ERRORS: Mapping[str, Column] = {
    "ROC-AUC": _figure("roc_auc"),
    "EER": _figure("eer", percent=True),
    "HTER at the threshold of dev": lambda found: estimate(
        (found["at_threshold"] or {}).get("hter"), True
    ),
    "Average precision": _figure("average_precision"),
    "Bona fide clips (speakers)": _trials("bonafide"),
    "Spoof clips (speakers)": _trials("spoof"),
}
_COSTS: Mapping[str, Column] = {
    "Cllr (its minimum)": _cllr,
    "ECE (by chance), before → after calibration": _ece,
    "Min DCF": _figure("min_dcf"),
    "Act DCF": _figure("act_dcf"),
    "Min t-DCF, legacy": _figure("min_tdcf_legacy"),
    "Min t-DCF, revised": _figure("min_tdcf_revised"),
}


def how_intervals(metrics: Sequence[Json]) -> list[str]:
    """Say once per split how its intervals were made; protocols may differ between experiments."""
    found = [each for item in metrics for each in item["splits"].items()]
    intervals = [(split, each["interval"]) for split, each in found]
    said = [f"{split}: {how['method']} ({how['why']})." for split, how in intervals]
    return list(dict.fromkeys(said))


def headline_rows(
    metrics: Sequence[Json], ratings: Mapping[tuple[str, str], str]
) -> list[dict[str, Any]]:
    """Return the headline figures on the reported split as plain rows, for `summary`.

    `ratings` has the overall rating of `trust` by corpus and name.
    """
    rows = []
    for item in metrics:
        found = item["splits"][REPORTED]
        counts = {name: found[name] for name in ("n_bonafide", "n_spoof")}
        figures = {name: found[name] for name in ("roc_auc", "eer", "orientation")}
        names = {name: item[name] for name in ("name", "experiment", "protocol")}
        names |= {"corpus": item["target"], "trained_on": item["corpus"]}
        names |= {"control": item["control"]}
        method = {"split": REPORTED, "method": found["interval"]["method"]}
        figures["turned"] = bool(wording.turned(item))
        leak = {"leak": wording.shared(item["leak"]) if item["leak"]["leaks"] else None}
        trust = {"trust": ratings[item["target"], item["name"]]}
        rows.append(names | method | counts | figures | leak | trust)
    return rows
