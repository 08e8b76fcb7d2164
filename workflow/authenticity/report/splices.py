"""The page that says how well a detector finds where in a recording synthetic speech is."""

from collections.abc import Callable
from pathlib import Path

from authenticity.html import render
from authenticity.report import wording
from authenticity.report.wording import Cell, Json, estimate


def splices(found: Json, picture: Path) -> str:
    """Return the page.

    Args:
        found: `splices.figures`, with `experiment`, `corpus`, `split`, the `window` in seconds, and
            the `example` that was drawn.
        picture: of it, PNG.
    """
    versions = found["polarity"]
    first = versions["as recorded"]

    def row(name: str, figure: Callable[[Json], Cell]) -> list[Cell]:
        return [name, *(figure(item) for item in versions.values())]

    rows = [
        row("ROC-AUC of windows, over all recordings", lambda it: estimate(it["roc_auc"])),
        row("ROC-AUC of windows, within each recording", lambda it: estimate(it["within"])),
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
    example = found["example"]
    span, seconds = example["span"], example["end"] - example["start"]
    scale = (span["right"] - span["left"]) / example["duration"]
    return render(
        "splices.html.j2",
        **found,
        recordings=wording.counted(first["n_recordings"], "recording"),
        columns=columns,
        rows=rows,
        interval=first["interval"],
        people=_people(first["people"]),
        left=f"{span['left'] + scale * example['start']:.3%}",
        width=f"{scale * seconds:.3%}",
        picture=picture,
        versions=list(versions),
        by_attack=by_attack,
    )


def _people(number: int) -> str:
    if number < 2:
        return "one person" if number else "people who are not known"
    return f"{number} people"
