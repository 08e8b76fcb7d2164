"""The headline: the table of all experiments and splits, and plain rows for others."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from authenticity import wording
from authenticity.estimates import Estimate
from authenticity.evaluation import bootstrap
from authenticity.evaluation.results import ATTACKS, REPORTED, Results, Tested
from authenticity.html import render
from authenticity.report.cells import Cell, Rows, estimate, marked, quietly

Column = Callable[[Results], Cell]
"""Gives a column's cell, or None, from the results over all trials of one split."""


def headline(items: Sequence[Tested]) -> str:
    """Return the page of headline results: every experiment on every split."""
    methods = dict.fromkeys(
        f"{split}: {item.on(split)['roc_auc'].method} ({item.why[split]})."
        for item in items
        for split in item.splits
    )
    return render(
        "headline.html.j2",
        warnings=wording.warnings(items),
        tables=[
            ("Errors", *_table(_ERRORS, items)),
            ("Calibration and costs", *_table(_COSTS, items)),
        ],
        chosen=[[marked(item), wording.chosen(item), wording.audio(item)] for item in items],
        level=bootstrap.LEVEL,
        n_resamples=bootstrap.N_RESAMPLES,
        methods=methods,
        no_width=wording.NO_WIDTH,
    )


def _table(
    columns: Mapping[str, Column], items: Sequence[Tested]
) -> tuple[list[str], Rows, list[int]]:
    """Return columns, a row per experiment and split, and which rows are of the reported split.

    What no experiment here has, for lack of a dev split or of ASV scores, gets no column.
    """
    places = [(item, split) for item in items for split in item.splits]
    results = [item.on(split) for item, split in places]
    cells = {title: [cell(each) for each in results] for title, cell in columns.items()}
    cells = {title: column for title, column in cells.items() if any(column)}
    rows = [
        [marked(item), split, *(column[index] for column in cells.values())]
        for index, (item, split) in enumerate(places)
    ]
    reported = [index for index, (_, split) in enumerate(places) if split == REPORTED]
    return ["Experiment", "Split", *cells], rows, reported


def _value(metric: str, percent: bool = False) -> Column:
    return lambda results: estimate(results.get(metric), percent)


def _cllr(results: Results) -> Cell:
    if not results.get("cllr"):
        return None
    return [*estimate(results["cllr"]), "min", *estimate(results["min_cllr"])]


def _ece(results: Results) -> Cell:
    before = quietly(wording.ece(results, "_before_calibration"))
    if wording.stage(results):
        return before
    value, chance = quietly(wording.ece(results, ""))
    return [*before, f"→ {value}", chance]


def _trials(label: str) -> Column:
    def cell(results: Results) -> Cell:
        n_speakers = int(results[f"n_speakers_{label}"].value)
        return f"{getattr(results['roc_auc'], f'n_{label}'):,} ({n_speakers:,})"

    return cell


_ERRORS: Mapping[str, Column] = {
    "ROC-AUC": _value("roc_auc"),
    "EER": _value("eer", percent=True),
    "HTER at the threshold of dev": _value("hter", percent=True),
    "Average precision": _value("average_precision"),
    "Bona fide clips (speakers)": _trials("bonafide"),
    "Spoof clips (speakers)": _trials("spoof"),
}
_COSTS: Mapping[str, Column] = {
    "Cllr (its minimum)": _cllr,
    "ECE (by chance), before → after calibration": _ece,
    "Min DCF": _value("min_dcf"),
    "Act DCF": _value("act_dcf"),
    "Min t-DCF, legacy": _value("min_tdcf_legacy"),
    "Min t-DCF, revised": _value("min_tdcf_revised"),
}


def headline_rows(
    items: Sequence[Tested], ratings: Mapping[tuple[str, str], str]
) -> list[dict[str, Any]]:
    """Return the headline on the reported split as plain rows, for `summary`.

    `ratings` has the overall rating of `trust` by corpus and name.
    """
    return [
        {
            "name": item.name,
            "experiment": item.experiment,
            "protocol": item.protocol,
            "corpus": item.target,
            "trained_on": item.corpus,
            "control": item.control,
            "split": REPORTED,
            "method": auc.method,
            "n_bonafide": auc.n_bonafide,
            "n_spoof": auc.n_spoof,
            "roc_auc": _plain(auc),
            "eer": _plain(item.reported["eer"]),
            "by_novelty": {
                name: _plain(each) | {"n_spoof": each.n_spoof}
                for name, each in item.on(REPORTED, ATTACKS).each("roc_auc").items()
            },
            "orientation": item.orientation(),
            "turned": bool(wording.turned(item)),
            "leak": wording.shared(item.leak) if item.leaks else None,
            "trust": ratings[item.target, item.name],
        }
        for item in items
        for auc in [item.reported["roc_auc"]]
    ]


def _plain(item: Estimate) -> dict[str, float | None]:
    return {name: getattr(item, name) for name in ("value", "low", "high")}
