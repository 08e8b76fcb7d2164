"""What things are called in the report."""

import re
import unicodedata
from collections.abc import Iterable

POOLING_WORDS = {
    "mean": "mean over time",
    "std": "standard deviation over time",
    "mean_std": "mean and standard deviation over time",
    "none": "no pooling over time",
}
LOGITS = "logits"
"""The only candidate of a published detector, whose tables have one layer of one dimension."""

CLEAN, TRIMMED, INVERTED = "clean", "trimmed", "inverted"
"""Audio as it is, without leading and trailing silence, and with inverted polarity.

Silence is the field's best-known shortcut. Polarity, which is inaudible, is a shortcut where all
bona fide recordings have the same polarity.
"""
_VIEW_WORDS = {TRIMMED: "silence trimmed", INVERTED: "polarity inverted"}

YES, NO, OPEN = "yes", "no", "cannot tell"
"""The answers to whether one experiment is better than another."""
POINT = 0.01
"""One point of ROC-AUC."""

NOT_KNOWN, NOT_GIVEN = "not known", "not given"
"""The names of a null in a table: of an attack or a speaker, and of a condition."""


# Control characters, marks that are invisible or turn the direction of writing, halves of
# characters, and separators of lines and paragraphs.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def printable(text: str) -> str:
    """Return text in one line; characters that do not show, such as ESC or U+202E, are escaped.

    Names of files and texts of a bundle may come from strangers, who could hide a name's ending or
    steer the terminal.
    """
    return "".join(
        repr(char)[1:-1] if unicodedata.category(char) in _UNPRINTABLE else char for char in text
    )


def ordered_values(values: Iterable[str]) -> list[str]:
    """Return the distinct attacks, or values of a condition, in order; what has no name is last."""
    return sorted(set(values), key=lambda value: (value in (NOT_KNOWN, NOT_GIVEN), value))


def labelled(name: str, control: bool) -> str:
    """Return an experiment's name as tables and figures show it: a control says that it is one."""
    return f"{name} (control)" if control else name


def view_name(view: str) -> str:
    """Return what a view is called in the report."""
    words = _VIEW_WORDS.get(view, view.replace("_", " "))
    return re.sub(r"(\d)db\b", r"\1 dB", words)


def split_name(split: str) -> str:
    """Return what a corpus's split is called in the report."""
    return "all clips" if split == "none" else split


def ordered_views(views: Iterable[str]) -> list[str]:
    """Return the distinct views: clean, without silence, inverted, then the others as given."""
    first = (CLEAN, TRIMMED, INVERTED)
    return sorted(dict.fromkeys(views), key=lambda view: [view != name for name in first])


def ordered_splits(names: Iterable[str]) -> list[str]:
    """Return the distinct split names in the order in which a reader meets them."""
    known = ["train", "dev", "eval"]
    return sorted(set(names), key=lambda name: (known.index(name) if name in known else 9, name))
