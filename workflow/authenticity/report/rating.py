"""The page that says which figures to trust, and why; its content comes from `trust`."""

from collections.abc import Sequence

from authenticity import html
from authenticity.report import wording
from authenticity.report.wording import REPORTED, Json

_COLOURS = {"trust": "good", "caution": "doubt", "do not trust": "bad"}


def coloured(status: str) -> html.Markup:
    """Return a rating in its colour."""
    return html.coloured(status, _COLOURS.get(status, "quiet"))


def rating(found: Json) -> str:
    """Return the page of `trust.judge_all`: per experiment its rating, then each check."""
    parts = [html.paragraph(_OPENING), _overview(found["experiments"])]
    for item in found["experiments"]:
        title = f"{wording.label(item)}: {item['overall']['status']}"
        rows = [
            [check["name"], coloured(check["status"]), check["sentence"]]
            for check in item["checks"]
        ]
        parts += [
            html.heading(title),
            html.paragraph(item["overall"]["sentence"]),
            html.paragraph(item["claim"]),
            html.table(
                f"Checks on {REPORTED}",
                ["Check", "Rating", "What the run shows"],
                rows,
                kind="sentences",
            ),
        ]
    rows = [[f"{item['value']:g}", item["reason"]] for item in found["thresholds"]]
    parts.append(html.heading("What the checks hold figures against"))
    parts.append(html.table("None is a law; each has a reason", ["Threshold", "Reason"], rows))
    return html.page(f"Which figures to trust: corpus {found['corpus']}", parts)


_OPENING = (
    "Every check reads the run's own numbers. “Trust” means that nothing was found against a "
    "figure, on clips like those of this corpus; “caution” that it says less than it seems to; “do "
    "not trust” that it does not say what it is usually taken to say. The worst check decides."
)


def _overview(experiments: Sequence[Json]) -> str:
    """One row per kind of figure, then one per check; one column per experiment."""
    columns = [
        item["figures"] | {check["name"]: check["status"] for check in item["checks"]}
        for item in experiments
    ]
    names = dict.fromkeys([*columns[0], *(name for column in columns for name in column)])
    rows = [
        [name, *(coloured(column[name]) if name in column else None for column in columns)]
        for name in names
    ]
    titles = ["Figures, then checks", *(wording.label(item) for item in experiments)]
    kinds = range(len(experiments[0]["figures"]))
    return html.table("Ratings at a glance", titles, rows, kinds)
