"""The page that says how well a detector finds where in a recording synthetic speech is."""

from pathlib import Path

from authenticity import wording
from authenticity.estimates import Estimate
from authenticity.html import render
from authenticity.report.cells import Cell, Rows, estimate
from authenticity.wording import Json


def splices(found: Json, picture: Path) -> str:
    """Return the page.

    Args:
        found: `splices.figures`, with `experiment`, `corpus`, `split`, the `window` in seconds, and
            the `example` that was drawn.
        picture: of it, PNG.
    """
    versions = found["polarity"]
    first = versions["as recorded"]
    return render(
        "splices.html.j2",
        **found,
        recordings=wording.counted(first["n_recordings"], "recording"),
        columns=["", *(f"Polarity of the clips {name}" for name in versions)],
        # A row for each measure, a column for each version.
        rows=list(zip(_MEASURES, *map(_measures, versions.values()), strict=True)),
        interval=first["interval"],
        people=_people(first["people"]),
        bracket=_bracket(found["example"]),
        picture=picture,
        versions=list(versions),
        by_attack=_by_attack(versions),
    )


_MEASURES = (
    "ROC-AUC of windows, over all recordings",
    "ROC-AUC of windows, within each recording",
    "Recordings whose highest window touches the stretch",
    "Recordings with a window in the stretch that reads “likely synthetic”",
    "Synthetic windows that read so",
    "Human windows that read so",
    "Windows of human speech alone",
    "Windows at least half synthetic",
    "Windows less than half synthetic, left out",
    "Windows of silence, left out",
)


def _measures(version: Json) -> list[Cell]:
    above = version["above"]
    return [
        estimate(Estimate(**version["roc_auc"])),
        estimate(Estimate(**version["within"])),
        f"{version['found']:.0%}; by chance {version['by_chance']:.0%}",
        *(f"{above[name]:.0%}" for name in ("recordings", "synthetic", "human")),
        *(version[f"n_{name}"] for name in ("human", "synthetic", "between", "silent")),
    ]


def _by_attack(versions: Json) -> Rows:
    first = versions["as recorded"]["attacks"]
    return [
        [
            name,
            attack["n_recordings"],
            *(f"{version['attacks'][name]['roc_auc']:.4f}" for version in versions.values()),
        ]
        for name, attack in first.items()
    ]


def _bracket(example: Json) -> dict[str, str]:
    """Where the synthetic stretch lies below the picture, as shares of its width."""
    left, right = example["span"]["left"], example["span"]["right"]
    scale = (right - left) / example["duration"]
    return {
        "left": f"{left + scale * example['start']:.3%}",
        "width": f"{scale * (example['end'] - example['start']):.3%}",
    }


def _people(number: int) -> str:
    if number < 2:
        return "one person" if number else "people who are not known"
    return f"{number} people"
