"""The report's tables and its opening page, written from the run's own JSON files.

`metrics` are the contents of `results/{corpus}/metrics/{experiment}.json`, in the order in which
the configuration names the experiments.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from authenticity import html
from authenticity.evaluation.figures import ordered_splits
from authenticity.plots import POOLING_WORDS

REPORTED = "eval"
Json = Mapping[str, Any]

_NO_WIDTH = (
    "An interval of no width comes from perfect separation of the clips at hand: every resample is "
    "perfect too. It is not certainty, least of all with few clips."
)


def headline(metrics: Sequence[Json]) -> str:
    """Return the page of headline figures: every experiment on every split."""
    columns = ["Experiment", "Split", "ROC-AUC", "EER", "Average precision"]
    columns += ["Bona fide clips (speakers)", "Spoof clips (speakers)", "Features, pooling, C"]
    rows, reported = [], []
    for item in metrics:
        for split in ordered_splits(item["splits"]):
            if split == REPORTED:
                reported.append(len(rows))
            rows.append(_headline_row(item, split, item["splits"][split]))
    parts = [html.table("95% intervals in brackets", columns, rows, reported, wide=True)]
    parts += [html.paragraph(words) for words in _how_intervals(metrics)]
    parts += [html.paragraph(words) for words in _leaks(metrics)]
    return html.page("Headline figures", [*parts, html.paragraph(_NO_WIDTH)])


def _headline_row(item: Json, split: str, found: Json) -> list[Any]:
    chosen = item["chosen"]
    return [
        item["experiment"],
        split,
        html.estimate(found["roc_auc"]),
        html.estimate(found["eer"], percent=True),
        html.estimate(found["average_precision"]),
        f"{found['n_bonafide']:,} ({found['n_speakers_bonafide']:,})",
        f"{found['n_spoof']:,} ({found['n_speakers_spoof']:,})",
        f"{chosen['candidate']}, {chosen['pooling']}, {chosen['C']:g}",
    ]


def _how_intervals(metrics: Sequence[Json]) -> list[str]:
    """Say once per split how its intervals were made; protocols may differ between experiments."""
    said = {}
    for item in metrics:
        for split, found in item["splits"].items():
            how = found["interval"]
            said[f"{split}: {how['method']} ({how['why']})."] = None
    settings = metrics[0]["interval"]
    opening = f"Intervals: {100 * settings['level']:g}% of {settings['n_resamples']:,} resamples. "
    return [opening + " ".join(said)]


def _leaks(metrics: Sequence[Json]) -> list[str]:
    return [
        f"Careful with {item['experiment']}: {item['leak']['shared_speakers']} speakers are in "
        "training and test alike, so its figures are too good for speakers it has not met."
        for item in metrics
        if item["leak"]["shared_speakers"]
    ]


def per_attack(metrics: Sequence[Json]) -> str:
    """Return the page of figures per attack, one table per split."""
    parts = []
    for split in ordered_splits(name for item in metrics for name in item["splits"]):
        columns = ["Attack", "Experiment", "Spoof clips", "ROC-AUC", "EER"]
        rows = sorted(
            [attack, item["experiment"], found["n_spoof"], *_figures(found)]
            for item in metrics
            if split in item["splits"]
            for attack, found in item["splits"][split]["per_attack"].items()
        )
        parts.append(html.table(f"{split}, each attack against all bona fide", columns, rows))
    return html.page("Figures per attack", [*parts, html.paragraph(_NO_WIDTH)])


def _figures(found: Json) -> list[html.Markup]:
    return [html.estimate(found["roc_auc"]), html.estimate(found["eer"], percent=True)]


def selection(experiment: str, found: Json) -> str:
    """Return the page of one experiment's candidates; the chosen one is marked."""
    items = found["candidates"]
    splits = ordered_splits(split for item in items for split in item["splits"])
    columns = ["Candidate", "Pooling", "C", "Cross-validated AUC"]
    columns += [f"AUC on {split}" for split in splits] + ["Chosen"]
    rows, chosen = [], []
    for index, item in enumerate(items):
        if item["chosen"]:
            chosen.append(index)
        figures = [item["splits"].get(split) for split in splits]
        rows.append(
            [
                item["candidate"],
                POOLING_WORDS[item["pooling"]],
                f"{item['C']:g}",
                f"{item['cv_roc_auc']:.4f}",
                *(html.estimate(figure) if figure else None for figure in figures),
                "chosen" if item["chosen"] else "",
            ]
        )
    words = f"Folds of the cross-validation, which sets C: {found['folds']}."
    caption = "95% intervals in brackets"
    parts = [html.table(caption, columns, rows, chosen), html.paragraph(words)]
    return html.page(f"Candidates of {experiment}", parts)


def rejected(verified: Json) -> str:
    """Return the page of clips that were set aside, with their reasons."""
    words = (
        f"{verified['n_accepted']:,} of {verified['n_manifest']:,} clips were used, "
        f"{verified['n_rejected']:,} set aside."
    )
    classes = ("bona fide", "spoof")
    rows = [[item["file"], classes[item["label"]], item["reason"]] for item in verified["rejected"]]
    parts = [html.paragraph(words)]
    if rows:
        parts.append(html.table("Clips set aside", ["Clip", "Class", "Reason"], rows))
    else:
        parts.append(html.paragraph("Clips set aside: none."))
    return html.page("Clips set aside", parts)


def audit(found: Json) -> str:
    """Return the page of what single properties of a clip score."""
    columns = ["Property", "Unit", "ROC-AUC", "Spoof is", "Median, bona fide", "Median, spoof"]
    parts = []
    for split in ordered_splits(found["splits"]):
        figures = found["splits"][split]
        strongest_first = sorted(
            figures["properties"].values(), key=lambda item: -item["roc_auc"]["value"]
        )
        rows = [
            [
                item["name"],
                item["unit"],
                html.estimate(item["roc_auc"]),
                item["direction"],
                f"{item['median_bonafide']:.4g}",
                f"{item['median_spoof']:.4g}",
            ]
            for item in strongest_first
        ]
        count = f"{figures['n_bonafide']:,} bona fide, {figures['n_spoof']:,} spoof"
        parts.append(html.table(f"{split} ({count})", columns, rows))
        how = figures["interval"]
        parts.append(html.paragraph(f"95% intervals: {how['method']} ({how['why']})."))
    if not parts:
        parts.append(html.paragraph("No split holds both classes: nothing to audit."))
    return html.page("What single properties of a clip give away", parts)


def headline_rows(metrics: Sequence[Json]) -> list[dict[str, Any]]:
    """Return the headline figures on the reported split as plain rows, for `summary`."""
    rows = []
    for item in metrics:
        found = item["splits"][REPORTED]
        counts = {name: found[name] for name in ("n_bonafide", "n_spoof")}
        figures = {name: found[name] for name in ("roc_auc", "eer")}
        names = {name: item[name] for name in ("corpus", "experiment", "protocol")}
        method = {"split": REPORTED, "method": found["interval"]["method"]}
        rows.append(names | method | counts | figures)
    return rows


_OPENING_STYLE = """<style>
/* The report's page is narrow, and centres content higher than the window so that its top cannot
   be reached. */
.prose:has(#opening) { max-width: 62rem !important; }
.h-screen:has(#opening) { align-items: flex-start; }
#opening { padding: 0 1rem 2rem; }
#opening h1 { font-size: 1.6rem; margin: .2rem 0 .6rem; }
#opening h2 { font-size: 1.1rem; margin: 1.2rem 0 .3rem; }
#opening table { border-collapse: collapse; width: auto; margin: .6rem 0; }
#opening caption { text-align: left; font-weight: 600; padding: .3rem 0; }
#opening th, #opening td { padding: .25rem .9rem .25rem 0; text-align: left;
  border-bottom: 1px solid #d4d8dd; }
#opening img { width: 100%; max-width: 54rem; margin: .6rem 0; }
#opening .quiet { color: #586473; }
</style>
"""


def opening(corpora: Sequence[tuple[Sequence[Json], Json, Path]]) -> str:
    """Return the opening page's content: question, data, answer and one figure per corpus.

    Each corpus gives its experiments' metrics, its verification and the figure's path. The result
    is a fragment that the report puts into its page.
    """
    parts = [_QUESTION]
    for metrics, verified, figure in corpora:
        parts += [_data(metrics, verified), _answer(metrics)]
        parts.append(html.image(figure, f"ROC curves on {REPORTED} of {metrics[0]['corpus']}"))
    return f'<div id="opening">{_OPENING_STYLE}{"".join(parts)}{_READ_ON}</div>\n'


_QUESTION = (
    "<h1>Is this a person speaking, or a machine?</h1>\n"
    "<p>A countermeasure gives each clip of speech a score: the higher, the more likely a machine "
    "made it. This report says how well such scores tell bona fide from spoofed speech, on clips "
    "that played no part in making or choosing the models.</p>\n"
)
_READ_ON = (
    "<p>The menu on the left leads to figures and tables; the sign beside each says how to read "
    "it. The graph on this page is the workflow that made them: click a step for its code.</p>\n"
)


def _data(metrics: Sequence[Json], verified: Json) -> str:
    used = f"{verified['n_accepted']:,} clips were used"
    if verified["n_rejected"]:
        used += f", {verified['n_rejected']:,} set aside with reasons"
    protocols = {item["protocol"]: item for item in metrics}
    said = " ".join(_protocol(item) for item in protocols.values())
    heading = f"The data: corpus {metrics[0]['corpus']}"
    return f"<h2>{escape(heading)}</h2>\n{html.paragraph(f'{used}. {said}')}"


def _protocol(item: Json) -> str:
    found = item["splits"][REPORTED]
    counts = {name.removeprefix("shared_"): number for name, number in item["leak"].items()}
    shared = [
        f"{number or 'no'} {name.removesuffix('s') if number < 2 else name}"
        for name, number in counts.items()
    ]
    return (
        f"In the {item['protocol']} protocol, {REPORTED} has {found['n_bonafide']:,} bona fide and "
        f"{found['n_spoof']:,} spoof clips of {len(found['per_attack'])} attacks, and shares "
        f"{' and '.join(shared)} with training."
    )


def _answer(metrics: Sequence[Json]) -> str:
    rows = []
    for item in metrics:
        found = item["splits"][REPORTED]
        auc, eer = html.estimate(found["roc_auc"]), html.estimate(found["eer"], percent=True)
        rows.append([item["experiment"], auc, eer, item["protocol"]])
    columns = ["Experiment", "ROC-AUC", "EER", "Protocol"]
    caption = f"Figures on {REPORTED}, 95% intervals in brackets"
    parts = [html.paragraph(_in_words(metrics)), html.table(caption, columns, rows)]
    parts += [html.paragraph(words) for words in _leaks(metrics)]
    return f"<h2>The answer</h2>\n{''.join(parts)}"


def _in_words(metrics: Sequence[Json]) -> str:
    """Say in a reader's terms what the experiment that does best on dev reaches on eval.

    Naming the best on eval would be a choice made on eval, and so too good a figure.
    """
    chosen = max(metrics, key=_roc_auc_on_dev)
    found = chosen["splits"][REPORTED]
    pairs, wrong = 100 * found["roc_auc"]["value"], 100 * found["eer"]["value"]
    why = "" if _roc_auc_on_dev(chosen) < 0 else ", the best on dev,"
    return (
        f"{chosen['experiment']}{why} scores the spoof higher in {pairs:.1f} of 100 pairs of one "
        f"clip of each kind on {REPORTED} (ROC-AUC; guessing gives 50). With the threshold where "
        f"both kinds of error are equally frequent, it is wrong on {wrong:.1f}% of the clips (EER)."
    )


def _roc_auc_on_dev(metrics: Json) -> float:
    """Its value, or -1 where a protocol has no dev part."""
    return metrics["splits"].get("dev", {"roc_auc": {"value": -1.0}})["roc_auc"]["value"]
