"""`index.html`: what was found in each recording, on one page that needs no network.

The page is made from what is on disk, pictures and sounds as files and the rest as JSON, so that
whoever scored the recordings, in one process or in many shards, need not hold them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from authenticity import html
from authenticity.files import atomic
from authenticity.scoring import words
from authenticity.scoring.cautions import Stretch, stretches
from authenticity.scoring.decision import DISTRUST, Band
from authenticity.scoring.result import Recording, Rejected, Span
from authenticity.scoring.words import INTERVAL

EMBEDDED_BYTES = 100_000_000
"""As many bytes of pictures and sounds are put into the page; the rest stays in files beside it."""

_KINDS = {
    "likely synthetic": ("synthetic", "▲"),
    "cannot tell": ("unsure", "◆"),
    "likely genuine": ("genuine", "▼"),
}
_FLAT = (
    *("file", "content", "duration", "codec", "sample_rate", "channels"),
    *("score", "score_inverted", "llr", "llr_low", "llr_high"),
    *("p_synthetic", "p_low", "p_high", "p_trust", "prior"),
    *("verdict", "reason", "seconds"),
)


@dataclass(frozen=True)
class Entry:
    """What the page shows of a recording: `entry` makes it; every value is plain JSON.

    So `dataclasses.asdict` gives a JSON line, and `Entry(**line)` takes it back.

    Attributes:
        recording: the numbers and sentences of a `Recording`, without its spectrogram; windows
            without a score have None.
        picture: the file of `plots.overlay`, relative to the page's folder, with "/".
        span: where the scores lie in the picture, see `Span`.
        preview: the file of `preview`, likewise relative.
    """

    recording: Mapping[str, Any]
    picture: str
    span: Mapping[str, float]
    preview: str


@dataclass(frozen=True)
class About:
    """What the page says of the bundle and of the run.

    Attributes:
        bundle: its name, such as "demo, baseline_layer".
        demonstration: the sentence that says so; empty for a bundle that is none.
        known: sentences on how limits were set, how often they err, and which figures of the run
            are to be trusted; see `words.known`.
        lower: below this log-likelihood ratio a recording lies where genuine ones do.
        upper: from this on, where synthetic ones do.
        seconds: wall time of the command; None where several runs had a part in the answers.
        peak_bytes: largest resident memory of a process.
        model_bytes: of the bundle's files on disk, the encoder's included.
        parameters: of the encoder and of the classifier.
    """

    bundle: str
    demonstration: str
    known: Sequence[str]
    lower: float
    upper: float
    seconds: float | None
    peak_bytes: int
    model_bytes: int
    parameters: int


def entry(
    recording: Recording, picture: str, span: Span, preview: str, why_no_verdict: str = ""
) -> Entry:
    """Return what the page needs of a recording; the rest of it may be forgotten."""
    windows = recording.windows
    found = {name: getattr(recording, name) for name in _FLAT}
    found["why_no_verdict"] = why_no_verdict
    found["cautions"] = [
        {"code": caution.code, "message": caution.message, "severe": caution.severe}
        for caution in recording.cautions
    ]
    found["contributions"] = [[item.name, item.log_odds] for item in recording.contributions]
    found["windows"] = {
        "start": [round(float(second), 3) for second in windows.start],
        "end": [round(float(second), 3) for second in windows.end],
        "llr": [round(float(llr), 3) if math.isfinite(llr) else None for llr in windows.llr],
    }
    return Entry(found, picture, span._asdict(), preview)


def write(
    folder: str | Path, entries: Sequence[Entry], rejected: Sequence[Rejected], about: About
) -> None:
    """Write `index.html` into the folder that holds the pictures and the sounds.

    Recordings appear from the highest log-likelihood ratio to the lowest, and after them likewise
    those with a severe caution, whose ratio says nothing; those of one value, and rejected files,
    by name. Names and sentences are data and are escaped.

    Args:
        folder: of the page; `Entry.picture` and `Entry.preview` are relative to it.
        entries: in any order.
        rejected: files that could not be scored, in any order.
        about: the bundle and the run.
    """
    folder = Path(folder)
    shown = sorted(entries, key=lambda item: _order(item.recording))
    refused = sorted(rejected, key=lambda item: item.file)
    embedded = _embedded(folder, shown)
    css, script = (
        Markup(Path(__file__).with_name(name).read_text(encoding="utf-8"))
        for name in ("page.css", "page.js")
    )
    pieces = html.pieces(
        "scored.html.j2",
        about=about,
        words=words,
        interval=INTERVAL,
        distrust=DISTRUST,
        kinds=_KINDS,
        css=css,
        script=script,
        priors=[f"{100 * prior:g}%" for prior in sorted({e.recording["prior"] for e in shown})],
        entries=shown,
        recordings=[item.recording for item in shown],
        embedded=embedded,
        median=median,
        rows=(_row(item.recording, about) for item in shown),
        rejected=[[item.file, item.reason] for item in refused],
        details=(_detail(folder, *item, embedded, about) for item in enumerate(shown)),
    )
    # Piece by piece: the page may be larger than what else the program needs.
    with atomic(folder / "index.html") as temporary, temporary.open("w", encoding="utf-8") as page:
        page.writelines(pieces)


def _order(found: Mapping[str, Any]) -> tuple[bool, float, str]:
    return found["p_synthetic"] is None, -found["llr"], found["file"]


def _embedded(folder: Path, entries: Sequence[Entry]) -> set[str]:
    """The files that the page holds itself: from the top, pictures before sounds."""
    chosen: set[str] = set()
    left = EMBEDDED_BYTES
    for name in [item.picture for item in entries] + [item.preview for item in entries]:
        size = (folder / name).stat().st_size
        if size > left:
            break
        chosen.add(name)
        left -= size
    return chosen


def _row(found: Mapping[str, Any], about: About) -> dict[str, Any]:
    """Return a row of the table: the recording, and where in it windows are like synthetic."""
    parts, duration = _stretches(found, about), found["duration"]
    seconds = sum(item.end - item.start for item in parts if item.kind == "synthetic")
    said = words.duration(seconds) if seconds else "none"
    # What is too narrow to be seen, or silent, is left out.
    marks = [
        {"kind": item.kind, "start": item.start / duration, "width": width}
        for item in parts
        for width in [(item.end - item.start) / duration]
        if item.kind != "silent" and width > 1 / 200
    ]
    share = seconds / duration
    synthetic = "all" if share > 0.9999 else said
    return {"found": found, "share": share, "synthetic": synthetic, "marks": marks}


def _stretches(found: Mapping[str, Any], about: About) -> list[Stretch]:
    windows = found["windows"]
    arrays = (windows["start"], windows["end"], windows["llr"])
    return stretches(*arrays, found["duration"], Band(about.lower, about.upper))


def _detail(
    folder: Path, number: int, item: Entry, embedded: set[str], about: About
) -> tuple[int, dict[str, Any], list[tuple[str, Path]]]:
    """Return what a row opens: plain data, and the files that the page holds."""
    parts = [asdict(part) for part in _stretches(item.recording, about)]
    data = {
        "picture": quote(item.picture),
        "preview": quote(item.preview),
        "span": item.span,
        "recording": {**item.recording, "stretches": parts},
    }
    files = (("picture", item.picture), ("sound", item.preview))
    return number, data, [(kind, folder / name) for kind, name in files if name in embedded]
