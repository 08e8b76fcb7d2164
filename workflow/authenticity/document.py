"""A document that is written once and read twice: as an HTML page and as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from authenticity import html


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
    return html.page(title, [_html(block) for block in blocks])


def as_markdown(title: str, blocks: Sequence[Block]) -> str:
    """Return the document as Markdown (CommonMark, with tables of GitHub's kind)."""
    return "\n\n".join([f"# {_plain(title)}", *map(_markdown, blocks)]) + "\n"


def _html(block: Block) -> str:
    match block:
        case Heading(text):
            return html.heading(text)
        case Paragraph(text):
            return html.paragraph(text)
        case Bullets(items):
            return html.bullets(items)
        case Table(caption, columns, rows):
            # Figures with their intervals are easier to scroll to than to put together.
            return html.table(caption, columns, rows, kind="figures" if len(columns) > 2 else "")


def _markdown(block: Block) -> str:
    match block:
        case Heading(text):
            return f"## {_plain(text)}"
        case Paragraph(text):
            return _plain(text)
        case Bullets(items):
            return "\n".join(f"- {_plain(item)}" for item in items)
        case Table(caption, columns, rows):
            lines = [columns, ["---"] * len(columns), *rows]
            table = "\n".join(f"| {' | '.join(map(_plain, line))} |" for line in lines)
            return f"{_plain(caption)}\n\n{table}"


_SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in r"\`*<>[]|"} | {"\n": " "})


def _plain(text: str) -> str:
    """Escape what Markdown would take for its own signs; an underscore within a word is none."""
    return text.translate(_SPECIAL)
