"""Small self-contained HTML pages for the report: tables that read well, light or dark."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

STYLE = """
:root { color-scheme: light dark; --line: #d4d8dd; --soft: #f3f5f7; --mark: #fdf1d6; --ink: #1d2733;
  --quiet: #586473; --paper: #ffffff; --good: #00664a; --doubt: #7a4f00; --bad: #a32a00; }
@media (prefers-color-scheme: dark) { :root { --line: #3b4450; --soft: #232a33; --mark: #4a3c17;
  --ink: #e6eaef; --quiet: #a5b0bd; --paper: #171c22; --good: #5fd0a8; --doubt: #f0b84a;
  --bad: #ff9466; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 1.5rem; }
h1 { font-size: 1.3rem; margin: 0 0 .5rem; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; }
p, li { color: var(--quiet); max-width: 52rem; }
p.notice { color: var(--ink); border-left: .3rem solid var(--bad); padding-left: .7rem; }
ul { padding-left: 1.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0 1.5rem; }
caption { text-align: left; font-weight: 600; padding: .4rem 0; }
th, td { padding: .35rem .7rem; text-align: left; border-bottom: 1px solid var(--line);
  vertical-align: top; }
thead th { background: var(--soft); border-bottom: 2px solid var(--line); vertical-align: bottom; }
tbody th { font-weight: 500; }
.quiet { color: var(--quiet); font-size: .87em; white-space: nowrap; }
.wide .quiet { display: block; }
.bracketed { width: 60rem; } .bracketed img { width: 100%; display: block; }
.bracket { box-sizing: border-box; border: 2px solid var(--ink); border-bottom: none;
  text-align: center; font-size: .87em; color: var(--ink); height: 1.6em; }
.described td:first-of-type { min-width: 15rem; }
.change { display: block; font-size: .87em; white-space: nowrap; }
tr.chosen { background: var(--mark); }
.good, .doubt, .bad { font-weight: 600; white-space: nowrap; }
.good { color: var(--good); }
.doubt { color: var(--doubt); }
.bad { color: var(--bad); }
@media (max-width: 40rem) { body { margin: .8rem; } th, td { padding: .3rem .45rem; }
  .figures td { white-space: nowrap; }
  .sentences thead { display: none; } .sentences :is(th, td) { display: block; border: none; }
  .sentences tr { display: block; border-bottom: 1px solid var(--line); } }
"""

_IMAGES = {".svg": "image/svg+xml", ".png": "image/png"}


class Markup(str):
    """Text that is HTML already and is not escaped again."""


def estimate(found: Mapping[str, float], percent: bool = False) -> Markup:
    """Return a figure with its interval: `{"value", "low", "high"}` as fractions or percent."""
    return quietly(f"{text(found, percent)} {interval_text(found, percent)}")


def quietly(words: str) -> Markup:
    """Return "value (more)" as HTML with what stands in brackets set back."""
    value, _, more = words.partition(" (")
    return Markup(f'{escape(value)} <span class="quiet">({escape(more)}</span>')


def text(found: Mapping[str, float], percent: bool = False) -> str:
    """Return a figure's value in words."""
    return f"{100 * found['value']:.2f}%" if percent else f"{found['value']:.4f}"


def interval_text(found: Mapping[str, float], percent: bool = False) -> str:
    """Return a figure's interval in words; it has none where it stands on a handful of clips."""
    if found["low"] is None:
        return "(too few clips)"
    if percent:
        return f"({100 * found['low']:.2f} to {100 * found['high']:.2f})"
    return f"({found['low']:.4f} to {found['high']:.4f})"


def change(difference: float, percent: bool = False) -> str:
    """Return by how much a figure differs; what rounds to nothing has no minus sign."""
    digits = 2 if percent else 4
    rounded = round(100 * difference if percent else difference, digits) + 0.0
    return f"{rounded:+.{digits}f}{' points' if percent else ''}"


def cell(value: Any) -> str:
    """Return a cell's content as HTML: text is escaped, numbers are set in groups of three."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return escape(str(value))


def table(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    chosen: Sequence[int] = (),
    kind: str = "",
) -> str:
    """Return a table; the first cell of a row is its heading, the rows in `chosen` are marked.

    The kind `wide`, of many columns, has intervals below their figures instead of beside them;
    `described` keeps room for words in the column after the heading. Where a page is narrow, the
    cells of `sentences`, running text, stand below each other, and those of `figures` are not
    broken into lines.
    """
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = [_row(row, index in chosen) for index, row in enumerate(rows)]
    style = f' class="{kind}"' if kind else ""
    return (
        f'<div class="scroll"><table{style}><caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(body)}</tbody></table></div>\n"
    )


def _row(row: Sequence[Any], chosen: bool) -> str:
    cells = [
        f'<th scope="row">{cell(row[0])}</th>',
        *(f"<td>{cell(item)}</td>" for item in row[1:]),
    ]
    mark = ' class="chosen"' if chosen else ""
    return f"<tr{mark}>{''.join(cells)}</tr>\n"


def page(title: str, parts: Sequence[str]) -> str:
    """Return a whole page; `parts` are HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>\n<h1>{escape(title)}</h1>\n{''.join(parts)}</body>\n</html>\n"
    )


def paragraph(words: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{escape(words)}</p>\n"


def notice(words: str) -> str:
    """Return a paragraph that a reader must not miss."""
    return f'<p class="notice">{escape(words)}</p>\n'


def heading(words: str) -> str:
    """Return the heading of a part of a page."""
    return f"<h2>{escape(words)}</h2>\n"


def bullets(items: Sequence[str]) -> str:
    """Return a list of plain texts."""
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>\n"


def coloured(words: str, kind: str) -> Markup:
    """Return a few words in the colour of `good`, `doubt` or `bad`; the words say it as well."""
    return Markup(f'<span class="{kind}">{escape(words)}</span>')


def image(path: Path, description: str) -> str:
    """Return an SVG or PNG file as an image inside the page, described for those who listen."""
    data, kind = base64.b64encode(path.read_bytes()).decode(), _IMAGES[path.suffix]
    return f'<img src="data:{kind};base64,{data}" alt="{escape(description)}">\n'
