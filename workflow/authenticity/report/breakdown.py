"""Where figures come from: per attack, condition, speaker, and view of the audio."""

from collections.abc import Iterator, Sequence

from authenticity import estimates
from authenticity.html import render
from authenticity.names import ordered_splits, ordered_values, ordered_views, view_name
from authenticity.report import wording
from authenticity.report.wording import REPORTED, Cell, Json, Rows, Words, estimate

WORST_SPEAKERS = 50
"""So many speakers a person reads through; a corpus may have thousands."""


def _reported_first(metrics: Sequence[Json]) -> list[str]:
    splits = ordered_splits(name for item in metrics for name in item["splits"])
    return sorted(splits, key=lambda split: split != REPORTED)


def per_attack(metrics: Sequence[Json]) -> str:
    """Return the page of figures per attack, one table per split."""
    return render(
        "attacks.html.j2",
        warnings=wording.warnings(metrics),
        tables=[_attack_table(metrics, split) for split in _reported_first(metrics)],
        known=_known_attacks(metrics),
        no_width=wording.NO_WIDTH,
    )


def _attack_table(metrics: Sequence[Json], split: str) -> tuple[str, list[str], Rows]:
    found = [
        (attack, item, figures)
        for item in metrics
        if split in item["splits"]
        for attack, figures in item["splits"][split]["per_attack"].items()
    ]
    order = ordered_values(attack for attack, *_ in found)
    found.sort(key=lambda each: (order.index(each[0]), each[1]["control"], each[1]["name"]))
    columns = ["Attack", "Experiment", "Spoof clips", "ROC-AUC", "EER"]
    with_threshold = any(figures.get("miss") for *_, figures in found)
    columns += ["Missed at the threshold of dev"] if with_threshold else []
    rows = [
        [attack, wording.marked(item), figures["n_spoof"], *_figures(figures)]
        + ([estimate(figures.get("miss"), percent=True)] if with_threshold else [])
        for attack, item, figures in found
    ]
    return split, columns, rows


def _known_attacks(metrics: Sequence[Json]) -> list[str]:
    said = [
        f"Protocol {item['protocol']}, trained on {item['corpus']}: eval has "
        f"{wording.attacks(item['splits'][REPORTED])}, and shares "
        f"{wording.counted(item['leak']['attacks']['train_eval'], 'known attack')} with train."
        for item in metrics
    ]
    return list(dict.fromkeys(said))


def _figures(found: Json) -> list[Cell]:
    return [estimate(found["roc_auc"]), estimate(found["eer"], percent=True)]


def conditions(metrics: Sequence[Json]) -> str:
    """Return the page of figures per condition: a table per split and condition column."""
    splits = _reported_first(metrics)
    found = [found for item in metrics for found in item["splits"].values()]
    return render(
        "conditions.html.j2",
        warnings=wording.warnings(metrics),
        tables=[table for split in splits for table in _condition_tables(metrics, split)],
        left_out=sorted({name for each in found for name in each["not_conditions"]}),
    )


def _condition_tables(metrics: Sequence[Json], split: str) -> Iterator[tuple[str, Rows]]:
    within = [(item, item["splits"][split]) for item in metrics if split in item["splits"]]
    names = dict.fromkeys(name for _, found in within for name in found["per_condition"])
    for name in names:
        values = ordered_values(
            value for _, found in within for value in found["per_condition"][name]
        )
        rows = [
            [value, wording.marked(item), _bonafide(part), part["n_spoof"], *_figures(part)]
            for value in values
            for item, found in within
            if (part := found["per_condition"][name].get(value))
        ]
        yield f"{split}, {name.replace('_', ' ')}", rows


def _bonafide(part: Json) -> int | str:
    return "against all" if "against" in part else part["n_bonafide"]


def speakers(metrics: Sequence[Json]) -> str:
    """Return the page of the speakers on whom each experiment errs most."""
    tables = []
    for item in metrics:
        found = item["splits"][REPORTED]["per_speaker"]
        worst = sorted(found, key=lambda speaker: (-_error(found[speaker]), speaker))
        rows = [[speaker, *_speaker(found[speaker])] for speaker in worst[:WORST_SPEAKERS]]
        caption = f"{wording.label(item)}, {REPORTED}: {wording.counted(len(found), 'speaker')}"
        if len(found) > WORST_SPEAKERS:
            caption += f", the {WORST_SPEAKERS} worst"
        caption += " (leaks)" if item["leak"]["leaks"] else ""
        tables.append((caption, rows))
    return render("speakers.html.j2", warnings=wording.warnings(metrics), tables=tables)


def wrong_share(found: Json) -> float | None:
    """Return the share of a speaker's clips that are wrong at the threshold, if there is one."""
    wrong = [
        found[figure] * found[count]
        for figure, count in (("false_alarm", "n_bonafide"), ("miss", "n_spoof"))
        if found[figure] is not None
    ]
    return sum(wrong) / (found["n_bonafide"] + found["n_spoof"]) if wrong else None


def _error(found: Json) -> float:
    wrong = wrong_share(found)
    if wrong is not None:
        return wrong
    return -1.0 if found["roc_auc"] is None else 1 - found["roc_auc"]


def _speaker(found: Json) -> list[Cell]:
    shares = [found["false_alarm"], found["miss"], wrong_share(found)]
    alarm, miss, wrong = (None if share is None else f"{100 * share:.1f}%" for share in shares)
    auc = None if found["roc_auc"] is None else f"{found['roc_auc']:.4f}"
    return [found["n_bonafide"], alarm, found["n_spoof"], miss, wrong, auc]


def views(metrics: Sequence[Json], applied: Sequence[Json]) -> str:
    """Return the page of figures on degraded audio; `applied` has metrics of the views."""
    seen = wording.by_view(metrics, applied)
    rows, own = [], []
    for item in metrics:
        before = item["splits"][REPORTED]
        views_of = seen[item["name"]]
        own.append(len(rows))
        rows.append([wording.marked(item), view_name(item["view"]), *_view_figures(item)])
        for view in ordered_views(views_of):
            if view != item["view"]:
                figures = _view_figures(views_of[view], before)
                rows.append([wording.marked(item), view_name(view), *figures])
    return render(
        "views.html.j2", warnings=wording.warnings(metrics), split=REPORTED, rows=rows, own=own
    )


def _view_figures(item: Json, before: Json | None = None) -> list[Cell]:
    found, paired, cells = item["splits"][REPORTED], item.get("change") or {}, []
    then = _by_name(before) if before else {}
    for name, now in _by_name(found).items():
        percent = name != "roc_auc"
        if name == "ece":
            cell = wording.quietly(wording.ece(found, wording.stage(found)))
        else:
            cell = estimate(now, percent)
        if now and then.get(name):
            difference = {"value": now["value"] - then[name]["value"], "low": None}
            cell = [*cell, _change(paired.get(name, difference), percent)]
        cells.append(cell)
    return [*cells, found["n_bonafide"] + found["n_spoof"]]


def _by_name(found: Json) -> dict[str, Json | None]:
    hter = (found["at_threshold"] or {}).get("hter")
    ece = found["ece"][wording.stage(found)]
    return {"roc_auc": found["roc_auc"], "eer": found["eer"], "hter": hter, "ece": ece}


def _change(found: Json, percent: bool) -> Words:
    interval = "" if found["low"] is None else f" {estimates.interval(found, percent)}"
    return Words(f"{estimates.change(found['value'], percent)}{interval}", "change")
