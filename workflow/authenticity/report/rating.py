"""The page that says which results to trust, and why; its content comes from `trust`."""

from collections import Counter
from collections.abc import Sequence

from authenticity import wording
from authenticity.html import render
from authenticity.names import labelled
from authenticity.report.cells import Cell, Rows, Words
from authenticity.wording import Json

_COLOURS = {"trust": "good", "caution": "doubt", "do not trust": "bad"}


def counted(ratings: Sequence[str]) -> str:
    """Say how many experiments have which rating, the best first."""
    counts = Counter(ratings)
    return wording.listed([f"“{name}” ({counts[name]})" for name in _COLOURS if counts[name]])


def coloured(rating: str) -> Cell:
    """Return a rating in its colour."""
    return [Words(rating, _COLOURS.get(rating, "quiet"))]


def rating(ratings: Json) -> str:
    """Return the page of `trust.judge_all`: per experiment its rating, then each check."""
    experiments = ratings["experiments"]
    labels = [labelled(item["name"], item["control"]) for item in experiments]
    checks = [
        [[each["name"], coloured(each["status"]), each["sentence"]] for each in item["checks"]]
        for item in experiments
    ]
    return render(
        "rating.html.j2",
        corpus=ratings["corpus"],
        split=ratings["split"],
        titles=["Kinds of metric, then checks", *labels],
        overview=_overview(experiments),
        kinds=range(len(experiments[0]["ratings"])),
        experiments=zip(labels, experiments, checks, strict=True),
        thresholds=[[f"{item['value']:g}", item["reason"]] for item in ratings["thresholds"]],
    )


def _overview(experiments: Sequence[Json]) -> Rows:
    """One row per kind of metric, then one per check; one column per experiment."""
    columns = [
        item["ratings"] | {check["name"]: check["status"] for check in item["checks"]}
        for item in experiments
    ]
    names = dict.fromkeys(name for column in columns for name in column)
    return [
        [name, *(coloured(column[name]) if name in column else None for column in columns)]
        for name in names
    ]
