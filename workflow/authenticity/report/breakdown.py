"""Where results come from: per attack, condition, speaker, and view of the audio."""

from collections.abc import Iterator, Sequence

from authenticity import estimates, wording
from authenticity.estimates import Estimate
from authenticity.evaluation.results import (
    ATTACK,
    ATTACKS,
    REPORTED,
    SPEAKER,
    Results,
    Tested,
)
from authenticity.html import render
from authenticity.names import ordered_splits, ordered_values, view_name
from authenticity.report.cells import Cell, Rows, Words, estimate, marked, number, quietly

WORST_SPEAKERS = 50
"""So many speakers a person reads through; a corpus may have thousands."""


def _reported_first(items: Sequence[Tested]) -> list[str]:
    splits = ordered_splits(name for item in items for name in item.splits)
    return sorted(splits, key=lambda split: split != REPORTED)


def _grouped(
    items: Sequence[Tested], split: str, group: str
) -> Iterator[tuple[str, Tested, Results]]:
    """Yield each value of a group with the experiments' results, the controls' last."""
    results = [(item, item.on(split, group).by_value()) for item in items]
    for value in ordered_values(name for _, by_value in results for name in by_value):
        for item, by_value in sorted(results, key=lambda each: each[0].control):
            if value in by_value:
                yield value, item, by_value[value]


def per_attack(items: Sequence[Tested]) -> str:
    """Return the page of results per attack, one table per split."""
    known = dict.fromkeys(
        f"Protocol {item.protocol}, trained on {item.corpus}: {REPORTED} has "
        f"{wording.attacks(item.on(REPORTED, ATTACK).names('group_value'))}, and shares "
        f"{wording.counted(item.leak['attacks']['train_eval'], 'known attack')} with train."
        for item in items
    )
    return render(
        "attacks.html.j2",
        warnings=wording.warnings(items),
        tables=[(split, *_attack_table(items, split)) for split in _reported_first(items)],
        known=known,
        no_width=wording.NO_WIDTH,
    )


def _attack_table(items: Sequence[Tested], split: str) -> tuple[list[str], Rows]:
    columns = ["Attack", "Experiment", "Spoof clips", "ROC-AUC", "EER"]
    rows = [
        [
            f"{attack} (known)" if attack in item.known_attacks else attack,
            marked(item),
            results["roc_auc"].n_spoof,
            *_auc_and_eer(results),
            estimate(results.get("miss"), percent=True),
        ]
        for group in (ATTACKS, ATTACK)
        for attack, item, results in _grouped(items, split, group)
    ]
    if any(row[-1] for row in rows):
        return [*columns, "Missed at the threshold of dev"], rows
    return columns, [row[:-1] for row in rows]


def _auc_and_eer(results: Results) -> list[Cell]:
    return [estimate(results.get("roc_auc")), estimate(results.get("eer"), percent=True)]


def conditions(items: Sequence[Tested]) -> str:
    """Return the page of results per condition: a table per split and condition column."""
    return render(
        "conditions.html.j2",
        warnings=wording.warnings(items),
        tables=[
            (f"{split}, {name.replace('_', ' ')}", _condition_table(items, split, name))
            for split in _reported_first(items)
            for name in dict.fromkeys(name for item in items for name in item.conditions(split))
        ],
        left_out=sorted({name for item in items for name in item.not_conditions}),
    )


def _condition_table(items: Sequence[Tested], split: str, name: str) -> Rows:
    rows = []
    for value, item, results in _grouped(items, split, name):
        clips = results["n_clips"]
        against = clips.n_bonafide or "against all"
        rows.append([value, marked(item), against, clips.n_spoof, *_auc_and_eer(results)])
    return rows


def speakers(items: Sequence[Tested]) -> str:
    """Return the page of the speakers on whom each experiment errs most."""
    tables = []
    for item in items:
        by_speaker = item.on(REPORTED, SPEAKER).by_value()
        worst = sorted(by_speaker.items(), key=lambda each: (-_error(each[1]), each[0]))
        rows = [[name, *_speaker(results)] for name, results in worst[:WORST_SPEAKERS]]
        caption = f"{item.label}, {REPORTED}: {wording.counted(len(worst), 'speaker')}"
        if len(worst) > WORST_SPEAKERS:
            caption += f", the {WORST_SPEAKERS} worst"
        caption += " (leaks)" if item.leaks else ""
        tables.append((caption, rows))
    return render("speakers.html.j2", warnings=wording.warnings(items), tables=tables)


def _error(speaker: Results) -> float:
    """The share that is wrong at the threshold; without one, what ROC-AUC lacks."""
    if wrong := speaker.get("wrong"):
        return wrong.value
    auc = speaker.get("roc_auc")
    return 1 - auc.value if auc else -1.0


def _speaker(results: Results) -> list[Cell]:
    clips = results["n_clips"]
    alarm, miss, wrong = (
        number(results.get(name), percent=True) for name in ("false_alarm", "miss", "wrong")
    )
    auc = number(results.get("roc_auc"))
    return [clips.n_bonafide, alarm, clips.n_spoof, miss, wrong, auc]


def views(items: Sequence[Tested]) -> str:
    """Return the page of results on degraded audio, each experiment's own view first."""
    rows, scored = [], []
    for item in items:
        scored.append(len(rows))
        for view in [item.view, *item.others]:
            results = item.on(REPORTED, view=view)
            before = item.reported if view != item.view else None
            rows.append([marked(item), view_name(view), *_view_row(results, before)])
    return render(
        "views.html.j2", warnings=wording.warnings(items), split=REPORTED, rows=rows, chosen=scored
    )


def _view_row(results: Results, before: Results | None) -> list[Cell]:
    """A view's values; with `before`, the results in the experiment's own view, their changes."""
    suffix = wording.stage(results)
    ece = _changed(quietly(wording.ece(results, suffix)), f"ece{suffix}", results, before)
    cells = [
        _changed(estimate(results.get(name), name != "roc_auc"), name, results, before)
        for name in ("roc_auc", "eer", "hter")
    ]
    auc = results["roc_auc"]
    return [*cells, ece, auc.n_bonafide + auc.n_spoof]


def _changed(cell: Cell, name: str, results: Results, before: Results | None) -> Cell:
    now, then = results.get(name), before and before.get(name)
    if not (now and then):
        return cell
    change = results.get(f"{name}_change") or Estimate(now.value - then.value, None, None)
    percent = name != "roc_auc"
    interval = "" if change.low is None else f" {estimates.interval(change, percent)}"
    return [*cell, Words(f"{estimates.change(change.value, percent)}{interval}", "change")]
