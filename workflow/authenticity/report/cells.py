"""What the cells of a page's tables hold: texts, and words with a style."""

from collections.abc import Sequence
from typing import NamedTuple

from authenticity import estimates
from authenticity.estimates import Estimate
from authenticity.evaluation.results import Tested


class Words(NamedTuple):
    """Words in a table's cell, in a style: `quiet`, `change`, `good`, `doubt` or `bad`."""

    text: str
    style: str


Cell = Sequence[str | Words] | str | int | None
"""What a cell of a table holds; texts and words that stand in a row are set apart by spaces."""
Rows = Sequence[Sequence[Cell]]


def quietly(words: str) -> list[str | Words]:
    """Return "value (more)" with what stands in brackets set back."""
    value, bracket, more = words.partition(" (")
    return [value, *([Words(f"({more}", "quiet")] if bracket else [])]


def estimate(item: Estimate | None, percent: bool = False) -> Cell:
    """Return an estimate with its interval set back, if there is an estimate."""
    return quietly(estimates.whole(item, percent)) if item else None


def number(item: Estimate | None, percent: bool = False) -> Cell:
    """Return a value that never has an interval, if there is a value."""
    if item is None:
        return None
    return f"{100 * item.value:.1f}%" if percent else f"{item.value:.4f}"


def marked(item: Tested) -> Cell:
    """Return an experiment's name, marked where it is a control or its protocol leaks."""
    return [*quietly(item.label), *([Words("leaks", "bad")] if item.leaks else [])]
