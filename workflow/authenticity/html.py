"""HTML pages from the templates of the report and of scored recordings.

Every value is escaped, unless it is `Markup`, and so are signs that do not show. A name that a
template uses and nobody gives is an error. `macros.html.j2` says what the cell of a table may hold.
"""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from authenticity.names import printable

_FOLDERS = [Path(__file__).parent / part / "templates" for part in ("report", "scoring")]
_MACROS = ("bullets", "paragraphs", "table")
# What Markdown would take for its own signs; an underscore within a word is none.
_MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in r"\`*<>[]|"})


def render(template: str, **values: Any) -> str:
    """Return what a template makes of the values: a page, or Markdown where it is named so."""
    return "".join(pieces(template, **values))


def pieces(template: str, **values: Any) -> Iterator[str]:
    """Yield the same piece by piece, for a page that is larger than the memory should hold."""
    return _environment().get_template(template).generate(values)


def _shown(value: Any) -> Any:
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return printable(value) if is_text else value


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDERS),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    plain = {"ensure_ascii": False, "allow_nan": False, "separators": (",", ":")}
    made.policies["json.dumps_kwargs"] = plain
    made.filters |= {
        "base64": lambda path: b64encode(path.read_bytes()).decode(),
        "markdown": lambda text: printable(text.replace("\n", " ")).translate(_MARKDOWN),
        "sha256": lambda text: b64encode(sha256(text.encode()).digest()).decode(),
    }
    macros = made.get_template("macros.html.j2").module
    made.globals |= {name: getattr(macros, name) for name in _MACROS}
    return made
