"""The page that says how well a detector finds where in a recording synthetic speech is."""

from pathlib import Path

from authenticity import wording
from authenticity.estimates import Estimate
from authenticity.html import render
from authenticity.report.cells import Cell, estimate
from authenticity.wording import Json

_PEOPLE = {0: "people who are not known", 1: "one person"}
_POLARITIES = ["Polarity as recorded", "Polarity inverted at random"]


def splices(found: Json, picture: Path) -> str:
    """Return the page.

    Args:
        found: `splices.figures`, with `experiment`, `corpus`, `split`, the `window` in seconds, and
            the `example` that was drawn.
        picture: of the example, PNG.
    """
    versions, example = found["polarity"], found["example"]
    first, measured = versions["as recorded"], [*map(_measures, versions.values())]
    # The synthetic stretch above the picture, in shares of its width.
    left, right = example["span"]["left"], example["span"]["right"]
    scale = (right - left) / example["duration"]
    width = f"{scale * (example['end'] - example['start']):.3%}"
    return render(
        "splices.html.j2",
        **found,
        recordings=wording.counted(first["n_recordings"], "recording"),
        columns=["Measure", *_POLARITIES],
        rows=[[name, *(version[name] for version in measured)] for name in measured[0]],
        interval=first["interval"],
        people=_PEOPLE.get(first["people"], f"{first['people']} people"),
        bracket={"left": f"{left + scale * example['start']:.3%}", "width": width},
        picture=picture,
        versions=_POLARITIES,
        by_attack=[
            [
                name,
                attack["n_recordings"],
                *(f"{version['attacks'][name]['roc_auc']:.4f}" for version in versions.values()),
            ]
            for name, attack in first["attacks"].items()
        ],
    )


def _measures(version: Json) -> dict[str, Cell]:
    above, found = version["above"], f"{version['found']:.0%}; by chance {version['by_chance']:.0%}"
    reads = "Recordings with a window in the stretch that reads “likely synthetic”"
    return {
        "ROC-AUC of windows, over all recordings": estimate(Estimate(**version["roc_auc"])),
        "ROC-AUC of windows, within each recording": estimate(Estimate(**version["within"])),
        "Recordings whose highest window touches the stretch": found,
        reads: f"{above['recordings']:.0%}",
        "Synthetic windows that read so": f"{above['synthetic']:.0%}",
        "Human windows that read so": f"{above['human']:.0%}",
        "Windows of human speech alone": version["n_human"],
        "Windows at least half synthetic": version["n_synthetic"],
        "Windows less than half synthetic, left out": version["n_between"],
        "Windows of silence, left out": version["n_silent"],
    }
