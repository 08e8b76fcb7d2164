"""Where figures come from: per attack, condition, speaker, and view of the audio."""

from collections.abc import Iterator, Sequence
from typing import Any

from authenticity import html
from authenticity.names import ordered_splits, ordered_values, ordered_views, view_name
from authenticity.report import wording
from authenticity.report.wording import REPORTED, Json

WORST_SPEAKERS = 50
"""So many speakers a person reads through; a corpus may have thousands."""


def _reported_first(metrics: Sequence[Json]) -> list[str]:
    splits = ordered_splits(name for item in metrics for name in item["splits"])
    return sorted(splits, key=lambda split: split != REPORTED)


def per_attack(metrics: Sequence[Json]) -> str:
    """Return the page of figures per attack, one table per split."""
    parts = [wording.warnings(metrics)]
    for split in _reported_first(metrics):
        found = [
            (attack, item, figures)
            for item in metrics
            for attack, figures in item["splits"]
            .get(split, {"per_attack": {}})["per_attack"]
            .items()
        ]
        order = ordered_values(attack for attack, *_ in found)
        found.sort(key=lambda each: (order.index(each[0]), each[1]["control"], each[1]["name"]))
        columns = ["Attack", "Experiment", "Spoof clips", "ROC-AUC", "EER"]
        with_threshold = any(figures.get("miss") for *_, figures in found)
        rows = [
            [attack, wording.marked(item), figures["n_spoof"], *_figures(figures)]
            + ([_percent(figures.get("miss"))] if with_threshold else [])
            for attack, item, figures in found
        ]
        columns += ["Missed at the threshold of dev"] if with_threshold else []
        parts.append(html.table(f"{split}, each attack against all bona fide", columns, rows))
    parts += [html.paragraph(words) for words in _known_attacks(metrics)]
    return html.page("Figures per attack", [*parts, html.paragraph(wording.NO_WIDTH)])


def _known_attacks(metrics: Sequence[Json]) -> list[str]:
    said = [
        f"Protocol {item['protocol']}, trained on {item['corpus']}: eval has "
        f"{wording.attacks(item['splits'][REPORTED])}, and shares "
        f"{wording.counted(item['leak']['attacks']['train_eval'], 'known attack')} with train."
        for item in metrics
    ]
    return list(dict.fromkeys(said))


def _figures(found: Json) -> list[html.Markup | None]:
    auc, eer = found["roc_auc"], found["eer"]
    return [html.estimate(auc) if auc else None, _percent(eer)]


def _percent(found: Json | None) -> html.Markup | None:
    return html.estimate(found, percent=True) if found else None


def conditions(metrics: Sequence[Json]) -> str:
    """Return the page of figures per condition: a table per split and condition column."""
    parts = [wording.warnings(metrics)]
    tables = [
        table for split in _reported_first(metrics) for table in _condition_tables(metrics, split)
    ]
    if tables:
        parts += [*tables, html.paragraph(_ONE_CLASS)]
    else:
        words = "The corpus has no column of conditions, such as codec, transmission or language."
        parts.append(html.paragraph(words))
    found = [found for item in metrics for found in item["splits"].values()]
    if names := sorted({name for each in found for name in each["not_conditions"]}):
        words = f"Left out, for they have more values than a condition has: {', '.join(names)}."
        parts.append(html.paragraph(words))
    return html.page("Figures per condition", parts)


_ONE_CLASS = (
    "Within a condition, its spoof clips stand against its bona fide clips. Where it has spoof "
    "only, as a vocoder has, they stand against all bona fide clips of the split; where it has "
    "bona fide only, there is no figure. Clips without a value are a row of their own, “not "
    "given”, unless no clip of their class has a value."
)


def _condition_tables(metrics: Sequence[Json], split: str) -> Iterator[str]:
    within = [(item, item["splits"][split]) for item in metrics if split in item["splits"]]
    names = dict.fromkeys(name for _, found in within for name in found["per_condition"])
    columns = ["Value", "Experiment", "Bona fide clips", "Spoof clips", "ROC-AUC", "EER"]
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
        yield html.table(f"{split}, {name.replace('_', ' ')}", columns, rows)


def _bonafide(part: Json) -> int | str:
    return "against all" if "against" in part else part["n_bonafide"]


def speakers(metrics: Sequence[Json]) -> str:
    """Return the page of the speakers on whom each experiment errs most."""
    parts = [wording.warnings(metrics)]
    for item in metrics:
        found = item["splits"][REPORTED]["per_speaker"]
        worst = sorted(found, key=lambda speaker: (-_error(found[speaker]), speaker))
        rows = [[speaker, *_speaker(found[speaker])] for speaker in worst[:WORST_SPEAKERS]]
        caption = f"{wording.label(item)}, {REPORTED}: {wording.counted(len(found), 'speaker')}"
        if len(found) > WORST_SPEAKERS:
            caption += f", the {WORST_SPEAKERS} worst"
        caption += " (leaks)" if item["leak"]["leaks"] else ""
        parts.append(html.table(caption, _SPEAKER_COLUMNS, rows))
    return html.page("Figures per speaker", [*parts, html.paragraph(_PER_SPEAKER)])


_SPEAKER_COLUMNS = ["Speaker", "Bona fide clips", "Called spoof", "Spoof clips", "Missed"]
_SPEAKER_COLUMNS += ["Wrong in all", "ROC-AUC within the speaker"]
_PER_SPEAKER = (
    "Called spoof, missed and wrong in all: shares at the threshold of dev, the worst speaker on "
    "top; without a threshold, the lowest ROC-AUC. A speaker with clips of one class only has no "
    "ROC-AUC. Few clips make extreme shares: these figures point to voices to listen to, and carry "
    "no intervals."
)


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


def _speaker(found: Json) -> list[Any]:
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
    columns = [
        "Experiment",
        "View",
        "ROC-AUC",
        "EER",
        "HTER at the threshold of dev",
        "ECE (by chance)",
    ]
    columns += ["Clips"]
    caption = f"{REPORTED}; 95% intervals in brackets, then the change from the marked row"
    parts = [wording.warnings(metrics), html.table(caption, columns, rows, own, kind="wide")]
    return html.page("The same clips in every view", [*parts, html.paragraph(_VIEWS)])


_VIEWS = (
    "The model, its threshold and its calibration are those of the marked row; only the clips it "
    "is tested on are changed. Changes of ROC-AUC and EER are paired: both views of a clip are "
    "drawn together, so that an interval without 0 is beyond the chance of which clips were drawn. "
    "Clips that a view leaves too short or silent are set aside, so that a view may hold fewer."
)


def _view_figures(item: Json, before: Json | None = None) -> list[Any]:
    found, paired = item["splits"][REPORTED], item.get("change") or {}

    def of(figures: Json | None, name: str) -> Json | None:
        if not figures:
            return None
        if name == "hter":
            return (figures["at_threshold"] or {}).get("hter")
        if name == "ece":
            return figures["ece"][wording.stage(figures)]
        return figures[name]

    cells = []
    for name, percent in (("roc_auc", False), ("eer", True), ("hter", True), ("ece", True)):
        now, then = of(found, name), of(before, name)
        cell = html.estimate(now, percent) if now and name != "ece" else None
        if name == "ece":
            cell = html.quietly(wording.ece(found, wording.stage(found)))
        if now and then:
            difference = paired.get(name, {"value": now["value"] - then["value"], "low": None})
            cell = html.Markup(f"{cell}{_change(difference, percent)}")
        cells.append(cell)
    return [*cells, found["n_bonafide"] + found["n_spoof"]]


def _change(found: Json, percent: bool) -> str:
    interval = "" if found["low"] is None else f" {html.interval_text(found, percent)}"
    return f'<span class="change">{html.change(found["value"], percent)}{interval}</span>'
