"""What pages about experiments have in common, and what the cells of their tables hold."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from authenticity import estimates, wording
from authenticity.estimates import Estimate
from authenticity.evaluation.results import REPORTED, Tested
from authenticity.html import render
from authenticity.names import NO, OPEN, YES


class Words(NamedTuple):
    """Words in a table's cell, in a style: `quiet`, `change`, `good`, `doubt` or `bad`."""

    text: str
    style: str


Cell = Sequence[str | Words] | str | int | None
"""What a cell of a table holds; texts and words that stand in a row are set apart by spaces."""
Rows = Sequence[Sequence[Cell]]

RATINGS = {"trust": "good", "caution": "doubt", "do not trust": "bad"}
"""The ratings of results, the best first, with their styles."""
_STYLES = {**RATINGS, YES: "good", OPEN: "doubt", NO: "bad"}


def page(template: str, items: Sequence[Tested], **values: Any) -> str:
    """Return a page about experiments, with all that must be said beside their results."""
    common = {"split": REPORTED, "warnings": wording.warnings(items)}
    return render(template, **common | values)


def tabulated(rows: Sequence[Mapping[str, Cell]]) -> tuple[list[str], Rows]:
    """Return the columns and the rows of a table, without columns in which no row has a cell."""
    names = rows[0] if rows else ()
    columns = [name for name in names if any(row[name] is not None for row in rows)]
    return columns, [[row[name] for name in columns] for row in rows]


def quietly(words: str) -> list[str | Words]:
    """Return "value (more)" with the part in brackets set back."""
    value, bracket, more = words.partition(" (")
    return [value, *([Words(f"({more}", "quiet")] if bracket else [])]


def estimate(item: Estimate | None, percent: bool = False) -> Cell:
    """Return an estimate with its interval set back, if there is an estimate."""
    return quietly(estimates.whole(item, percent)) if item else None


def coloured(word: str) -> Cell:
    """Return a rating, or the answer to a question, in its colour."""
    return [Words(word, _STYLES.get(word, "quiet"))]


def marked(item: Tested) -> Cell:
    """Return an experiment's name, marked where it is a control or its protocol leaks."""
    return [*quietly(item.label), *([Words("leaks", "bad")] if item.leaks else [])]
