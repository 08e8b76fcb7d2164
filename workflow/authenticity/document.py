"""A document that is written once and read twice: as an HTML page and as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from authenticity.html import render


@dataclass(frozen=True)
class Heading:
    """The heading of a section."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of short texts."""

    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table of plain text; the first cell of a row is its heading."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


Block = Heading | Paragraph | Bullets | Table


def as_html(title: str, blocks: Sequence[Block]) -> str:
    """Return the document as a page of the report."""
    return render("document.html.j2", title=title, blocks=blocks)


def as_markdown(title: str, blocks: Sequence[Block]) -> str:
    """Return the document as Markdown (CommonMark, with tables of GitHub's kind)."""
    return render("document.md.j2", title=title, blocks=blocks)
