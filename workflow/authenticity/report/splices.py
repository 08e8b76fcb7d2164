"""The page that says how well a detector finds where in a recording synthetic speech is."""

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
    number, window = found["n_recordings"], found["window"]
    rows = [
        ["ROC-AUC of windows, over all recordings", html.estimate(found["roc_auc"])],
        ["ROC-AUC of windows, within each recording", html.estimate(found["within"])],
        [
            "Recordings whose highest window touches the stretch",
            f"{found['found']:.0%}; by chance {found['by_chance']:.0%}",
        ],
        ["Windows of human speech alone", found["n_human"]],
        ["Windows at least half synthetic", found["n_synthetic"]],
        ["Windows less than half synthetic, left out", found["n_between"]],
        ["Windows of silence, left out", found["n_silent"]],
    ]
    by_attack = [
        [name, item["n_recordings"], f"{item['roc_auc']:.4f}"]
        for name, item in found["attacks"].items()
    ]
    how = (
        f"{wording.counted(number, 'recording')}, made of clips of {found['split']} alone: a "
        "minute of one person with ten seconds of one attack at a random joint between clips, all "
        f"at one level, every joint faded alike. Windows of {window['seconds']:g} s every "
        f"{window['hop']:g} s are scored as those of any recording are."
    )
    parts = [
        html.paragraph(how),
        html.table(f"{found['experiment']}, 95% intervals in brackets", ["", "Figure"], rows),
        html.paragraph(
            f"Intervals: {found['interval']}. They do not cover attacks and people that the corpus "
            "does not hold."
        ),
        html.heading("The first recording"),
        _example(found["example"], picture),
        html.table(
            "Each attack", ["Attack", "Recordings", "ROC-AUC of windows, no interval"], by_attack
        ),
    ]
    return html.page("Where in time: a synthetic stretch in a human recording", parts)


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
    figure = f'<div class="scroll"><div class="picture">{bracket}\n{image}</div></div>\n'
    return html.Markup(html.paragraph(words) + figure)
