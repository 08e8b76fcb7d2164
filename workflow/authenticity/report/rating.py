"""The page that says which figures to trust, and why; its content comes from `trust`."""

from collections import Counter
from collections.abc import Sequence

from authenticity.html import render
from authenticity.report import wording
from authenticity.report.wording import REPORTED, Cell, Json, Rows, Words

_COLOURS = {"trust": "good", "caution": "doubt", "do not trust": "bad"}


def counted(ratings: Sequence[str]) -> str:
    """Say how many experiments have which rating, the best first."""
    counts = Counter(ratings)
    return wording.listed([f"“{name}” ({counts[name]})" for name in _COLOURS if counts[name]])


def coloured(status: str) -> Cell:
    """Return a rating in its colour."""
    return [Words(status, _COLOURS.get(status, "quiet"))]


def rating(found: Json) -> str:
    """Return the page of `trust.judge_all`: per experiment its rating, then each check."""
    experiments = found["experiments"]
    return render(
        "rating.html.j2",
        corpus=found["corpus"],
        split=REPORTED,
        titles=["Figures, then checks", *map(wording.label, experiments)],
        overview=_overview(experiments),
        kinds=range(len(experiments[0]["figures"])),
        experiments=[(wording.label(item), item, _checks(item)) for item in experiments],
        thresholds=[[f"{item['value']:g}", item["reason"]] for item in found["thresholds"]],
    )


def _checks(item: Json) -> Rows:
    return [[each["name"], coloured(each["status"]), each["sentence"]] for each in item["checks"]]


def _overview(experiments: Sequence[Json]) -> Rows:
    """One row per kind of figure, then one per check; one column per experiment."""
    columns = [
        item["figures"] | {check["name"]: check["status"] for check in item["checks"]}
        for item in experiments
    ]
    names = dict.fromkeys([*columns[0], *(name for column in columns for name in column)])
    return [
        [name, *(coloured(column[name]) if name in column else None for column in columns)]
        for name in names
    ]
