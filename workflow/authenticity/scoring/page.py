"""`index.html`: the answers on all recordings, on one page that needs no network.

Pictures and sounds are read from their files when they are written, so that none need be held.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from authenticity import html
from authenticity.files import atomic
from authenticity.names import printable
from authenticity.scoring import words
from authenticity.scoring.bundle import About
from authenticity.scoring.cautions import stretches
from authenticity.scoring.decision import Band
from authenticity.scoring.result import Answer, Recording, columns, plain

NAME = "index.html"

EMBEDDED_BYTES = 100_000_000
"""Of pictures and sounds in the page, at most; the rest stays in files beside it."""

_KINDS = {
    "likely synthetic": ("synthetic", "▲"),
    "cannot tell": ("unsure", "◆"),
    "likely genuine": ("genuine", "▼"),
}
_DIGITS = 3  # of the windows' seconds and ratios: the page shows two


def write(folder: Path, answers: Sequence[Answer], about: About, counts: Mapping[str, Any]) -> None:
    """Write `index.html` into the folder that holds the pictures and the sounds.

    Recordings are sorted from the highest log-likelihood ratio to the lowest; then likewise those
    with a severe caution, whose ratio says nothing; ties, and rejected files, by name. Names and
    sentences are data and are escaped. `counts` is the content of `summary.json`.
    """
    recordings = [answer for answer in answers if isinstance(answer, Recording)]
    recordings.sort(key=lambda item: (item.p_synthetic is None, -item.llr, item.file))
    rejected = [answer for answer in answers if answer.status == "rejected"]
    embedded = _embedded(folder, recordings)
    band = Band(about["decision"]["lower"], about["decision"]["upper"])
    css, script = (
        Markup(Path(__file__).with_name(name).read_text(encoding="utf-8"))
        for name in ("page.css", "page.js")
    )
    pieces = html.pieces(
        "scored.html.j2",
        about=about,
        counts=counts,
        words=words,
        kinds=_KINDS,
        css=css,
        script=script,
        priors=[f"{100 * prior:g}%" for prior in sorted({item.prior for item in recordings})],
        recordings=recordings,
        embedded=embedded,
        rows=(_row(item, band) for item in recordings),
        rejected=sorted([item.file, item.reason] for item in rejected),
        details=(_detail(folder, item, embedded, band) for item in recordings),
    )
    # Piece by piece: the page may be larger than what else the program needs.
    with atomic(folder / NAME) as temporary, temporary.open("w", encoding="utf-8") as page:
        page.writelines(pieces)


def _embedded(folder: Path, recordings: Sequence[Recording]) -> set[str]:
    """The files that the page holds itself: from the top, pictures before sounds."""
    made = [item for item in recordings if item.picture and item.preview]
    names = [item.picture for item in made] + [item.preview for item in made]
    total = accumulate((folder / name).stat().st_size for name in names)
    return {name for name, size in zip(names, total, strict=True) if size <= EMBEDDED_BYTES}


def _row(recording: Recording, band: Band) -> dict[str, Any]:
    """Return a row of the table: the recording, and how much of it is like synthetic, and where."""
    parts = stretches(recording.windows, recording.duration, band)
    seconds = sum(part.end - part.start for part in parts if part.kind == "synthetic")
    share = seconds / recording.duration
    lasts = words.duration(seconds) if seconds else "none"
    synthetic = "all" if share > 0.9999 else lasts
    return {"recording": recording, "share": share, "synthetic": synthetic, "stretches": parts}


def _detail(
    folder: Path, recording: Recording, embedded: set[str], band: Band
) -> tuple[Mapping[str, Any], list[tuple[str, Path]]]:
    """Return what a row opens: plain data, and the files that the page holds."""
    values, parts = plain(recording), stretches(recording.windows, recording.duration, band)
    shown = {name: values[name] for name in columns(Recording)}
    shown |= {
        "file": printable(recording.file),
        "contributions": [[part.name, part.log_odds] for part in recording.contributions],
        "windows": {
            name: [None if value is None else round(value, _DIGITS) for value in numbers]
            for name, numbers in values["windows"].items()
            if name in ("start", "end", "llr")
        },
        "stretches": [asdict(part) for part in parts],
    }
    files = {"picture": recording.picture, "sound": recording.preview}
    data = {
        "picture": quote(recording.picture or ""),
        "preview": quote(recording.preview or ""),
        "span": recording.span._asdict() if recording.span else {},
        "recording": shown,
    }
    return data, [(kind, folder / name) for kind, name in files.items() if name in embedded]
