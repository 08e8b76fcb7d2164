"""The page that says how well a detector finds where in a recording synthetic speech is."""

from collections.abc import Callable
from pathlib import Path

from authenticity import html
from authenticity.report import wording
from authenticity.report.wording import Json


def splices(found: Json, picture: Path) -> str:
    """Return the page.

    Args:
        found: `splices.figures`, with `experiment`, `corpus`, `split`, the `window` in seconds, and
            the `example` that was drawn.
        picture: of it, PNG.
    """
    versions, window = found["polarity"], found["window"]
    first, number = versions["as recorded"], versions["as recorded"]["n_recordings"]

    def row(name: str, figure: Callable[[Json], object]) -> list:
        return [name, *(figure(item) for item in versions.values())]

    rows = [
        row("ROC-AUC of windows, over all recordings", lambda it: html.estimate(it["roc_auc"])),
        row("ROC-AUC of windows, within each recording", lambda it: html.estimate(it["within"])),
        row(
            "Recordings whose highest window touches the stretch",
            lambda it: f"{it['found']:.0%}; by chance {it['by_chance']:.0%}",
        ),
        row(
            "Recordings with a window in the stretch that reads “likely synthetic”",
            lambda it: f"{it['above']['recordings']:.0%}",
        ),
        row("Synthetic windows that read so", lambda it: f"{it['above']['synthetic']:.0%}"),
        row("Human windows that read so", lambda it: f"{it['above']['human']:.0%}"),
        row("Windows of human speech alone", lambda it: it["n_human"]),
        row("Windows at least half synthetic", lambda it: it["n_synthetic"]),
        row("Windows less than half synthetic, left out", lambda it: it["n_between"]),
        row("Windows of silence, left out", lambda it: it["n_silent"]),
    ]
    columns = ["", *(f"Polarity of the clips {name}" for name in versions)]
    by_attack = [
        [
            name,
            item["n_recordings"],
            *(f"{it['attacks'][name]['roc_auc']:.4f}" for it in versions.values()),
        ]
        for name, item in first["attacks"].items()
    ]
    how = (
        f"{wording.counted(number, 'recording')}, made of clips of {found['split']} alone: a "
        "minute of one person with ten seconds of one attack at a random joint between clips, all "
        f"at one level, every joint faded alike. Windows of {window['seconds']:g} s every "
        f"{window['hop']:g} s are scored as those of any recording are. In the second version "
        "every clip is upright or upside down by chance, which sounds the same: what is lost there "
        "was polarity, not speech."
    )
    parts = [
        html.paragraph(how),
        html.table(f"{found['experiment']}, 95% intervals in brackets", columns, rows),
        html.paragraph(
            f"Intervals: {first['interval']}. The human speech is of {_people(first['people'])}, "
            "whose clips recur. They do not cover other people and other attacks."
        ),
        html.heading("The first recording"),
        _example(found["example"], picture),
        html.table(
            "Each attack, ROC-AUC of windows, no interval",
            ["Attack", "Recordings", *versions],
            by_attack,
        ),
    ]
    return html.page("Where in time: a synthetic stretch in a human recording", parts)


def _people(number: int) -> str:
    if number < 2:
        return "one person" if number else "people who are not known"
    return f"{number} people"


def _example(example: Json, picture: Path) -> html.Markup:
    """Return the picture, with a bracket where the stretch is."""
    span = example["span"]
    scale = (span["right"] - span["left"]) / example["duration"]
    left, width = span["left"] + scale * example["start"], example["end"] - example["start"]
    words = (
        f"Synthetic from {example['start']:.1f} to {example['end']:.1f} s (attack "
        f"{example['attack']}, in speech of {example['speaker']}): the bracket above the picture."
    )
    bracket = (
        f'<div class="bracket" style="margin-left:{left:.3%};width:{scale * width:.3%}">synthetic'
        "</div>"
    )
    image = html.image(picture, f"Scores along the spectrogram of a recording. {words}")
    figure = f'<div class="scroll"><div class="bracketed">{bracket}\n{image}</div></div>\n'
    return html.Markup(html.paragraph(words) + figure)
