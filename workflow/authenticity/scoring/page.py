"""`index.html`: what was found in each recording, on one page that needs no network.

The page is made from what is on disk, pictures and sounds as files and the rest as JSON, so that
whoever scored the recordings, in one process or in many shards, need not hold them.
"""

import base64
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from authenticity import html
from authenticity.files import atomic
from authenticity.html import Markup
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
            are to be trusted; see `statement.known`.
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
    # Piece by piece: the page may be larger than what else the program needs.
    with atomic(folder / "index.html") as temporary, temporary.open("w", encoding="utf-8") as page:
        page.writelines(_pieces(folder, shown, refused, about, embedded))


def _order(found: Mapping[str, Any]) -> tuple[bool, float, str]:
    return _severe(found), -found["llr"], found["file"]


def _severe(found: Mapping[str, Any]) -> bool:
    return found["p_synthetic"] is None


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


def _pieces(
    folder: Path,
    entries: Sequence[Entry],
    rejected: Sequence[Rejected],
    about: About,
    embedded: set[str],
) -> Iterator[str]:
    style, script = html.STYLE + _asset("page.css"), _asset("page.js")
    yield _head(about, style, script)
    yield "<main>\n"
    yield _explained(about, entries)
    if entries:
        yield _counts(entries, rejected)
        yield _kept(entries, embedded)
        yield from _table(entries, about)
    if rejected:
        yield _rejected(rejected)
    yield f"</main>\n{_cost(entries, about)}"
    if entries:
        thresholds = {"lower": about.lower, "upper": about.upper}
        yield f'<script type="application/json" id="about">{_json(thresholds)}</script>\n'
        yield f"<script>{script}</script>\n"
    for number, item in enumerate(entries):
        yield from _data(folder, number, item, embedded, about)
    yield "</body>\n</html>\n"


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _head(about: About, style: str, script: str) -> str:
    """The page's head: nothing may come from the network, and no script but the page's own runs."""
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        "img-src 'self' file: blob:; media-src 'self' file: blob:; "
        f"style-src {_source(style)}; script-src {_source(script)}"
    )
    title = f"Real or synthetic? {about.bundle}"
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n<body>\n"
        "<header><h1>Real or synthetic?</h1>\n"
        f"<p>Recordings scored with the model <strong>{escape(about.bundle)}</strong>.</p>\n"
        + (html.notice(about.demonstration) if about.demonstration else "")
        + "<noscript><p>Without scripts, this page shows the table only; the pictures and the "
        "sounds are in the folders beside it.</p></noscript></header>\n"
    )


def _source(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _explained(about: About, entries: Sequence[Entry]) -> str:
    lower, upper = words.signed(about.lower), words.signed(about.upper)
    priors = sorted({item.recording["prior"] for item in entries})
    prior = f" of {' or '.join(f'{100 * share:g}%' for share in priors)}" if priors else ""
    points = [
        "The log-likelihood ratio (LLR, in nats) says how much more likely the sound is from a "
        f"synthetic voice than from a genuine one. From {upper} on it speaks for “likely "
        f"synthetic”, below {lower} for “likely genuine”; in between, with a severe caution, or "
        "where the model gives no such verdict, the page says “cannot tell”, which is an answer "
        "too.",
        *about.known,
        f"The probability assumes a prior{prior}: the share of synthetic recordings among those "
        "of your kind. Where they are rarer, the probability is lower; the LLR stays. The 95% "
        f"intervals are of {INTERVAL}: they say what other calibration clips of the same kind "
        "could have given, and cover no other voices, languages, channels or synthesisers. A "
        "recording with a severe caution has no probability.",
        "Pictures: the line is the LLR of each stretch of a few seconds, drawn at its middle, "
        "and the colours say the same: blue is like genuine, grey cannot tell, orange-red like "
        "synthetic. The thresholds were set for whole recordings: a single window is less "
        "certain, and a few among many lie beyond them by chance.",
        "A score is evidence, not proof. Read the cautions, listen, and ask where the "
        "recording comes from.",
    ]
    return f"<details><summary>How to read this page</summary>\n{html.bullets(points)}</details>\n"


def _counts(entries: Sequence[Entry], rejected: Sequence[Rejected]) -> str:
    """How many recordings have which verdict; each count shows these recordings alone."""
    verdicts = [item.recording["verdict"] for item in entries]
    choices = [("", "all", "", len(entries))]
    choices += [
        (verdict, f"{sign} {verdict}", kind, verdicts.count(verdict))
        for verdict, (kind, sign) in _KINDS.items()
    ]
    tiles = [
        f'<label class="count {kind}"><input type="radio" name="verdict" value="{verdict}"'
        f"{'' if verdict else ' checked'}><b>{number:,}</b>{label}</label>\n"
        for verdict, label, kind, number in choices
    ]
    if rejected:
        tiles.append(f'<a class="count" href="#rejected"><b>{len(rejected):,}</b>rejected</a>\n')
    return (
        '<section aria-labelledby="found"><h2 id="found">Recordings</h2>\n'
        '<fieldset><legend class="hidden">Show recordings whose verdict is</legend>\n'
        f"{''.join(tiles)}</fieldset>\n"
        '<div class="find"><label for="find">Find a file</label>'
        '<input id="find" type="search" autocomplete="off" spellcheck="false">'
        '<p id="status" role="status" class="quiet"></p></div>\n'
    )


def _kept(entries: Sequence[Entry], embedded: set[str]) -> str:
    """What the page holds of the recordings: whoever passes it on should know."""
    within = sum(item.preview in embedded for item in entries)
    sound = "the sound of the recordings (as small MP3 files)"
    if within == len(entries):
        return html.paragraph(f"This page contains {sound}: pass it on with care.")
    pictures = sum(item.picture in embedded for item in entries)
    return html.paragraph(
        f"This page contains {pictures:,} of {len(entries):,} pictures and {within:,} sounds; the "
        "others would make it too large and are in the folders beside it: keep them together. "
        "Pass it on with care: it lets others hear the recordings."
    )


_COLUMNS = (
    ("File", "ascending"),
    ("Verdict", "descending"),
    ("Probability synthetic", "descending"),
    ("LLR", "descending"),
    ("Like synthetic", "descending"),
    ("Duration", "descending"),
    ("Cautions", "descending"),
)


def _table(entries: Sequence[Entry], about: About) -> Iterator[str]:
    """The recordings; roles are said outright, since a narrow page shows the rows as cards."""
    sorted_by = {"LLR": ' aria-sort="descending"'}
    heads = "".join(
        f'<th role="columnheader" scope="col" data-first="{first}"{sorted_by.get(name, "")}>'
        f'<button type="button" class="sort">{name}</button></th>'
        for name, first in _COLUMNS
    )
    yield html.paragraph(f"In brackets: 95% interval, {INTERVAL}.")
    yield (
        '<table id="recordings" role="table"><caption class="hidden">Recordings; a button in a '
        "column’s heading sorts by it, the button of a file opens its details</caption>\n"
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>\n<tbody role="rowgroup">\n'
    )
    for number, item in enumerate(entries):
        yield _row(number, item.recording, about)
    yield "</tbody></table></section>\n"


def _row(number: int, found: Mapping[str, Any], about: About) -> str:
    kind, sign = _KINDS[found["verdict"]]
    order = list(reversed(_KINDS)).index(found["verdict"])
    severe = _severe(found)
    llr = f"{words.signed(found['llr_low'])} to {words.signed(found['llr_high'])}"
    cells = [
        (
            order,
            f'<span><span class="verdict {kind}">{sign} {found["verdict"]}</span> '
            f'<span class="quiet why">{escape(found["why_no_verdict"])}</span></span>',
        ),
        ("" if severe else found["p_synthetic"], f"<span>{_probability(found, kind)}</span>"),
        (
            "" if severe else found["llr"],
            f'<span class="{"quiet" if severe else ""}">{words.signed(found["llr"])} '
            f'<span class="quiet">({llr})</span></span>',
        ),
        _along_time(found, about),
        (found["duration"], f"<span>{words.duration(found['duration'])}</span>"),
        (len(found["cautions"]), _cautions(found["cautions"])),
    ]
    rest = "".join(
        f'<td role="cell" data-label="{name}" data-value="{value}">{content}</td>'
        for (name, _), (value, content) in zip(_COLUMNS[1:], cells, strict=True)
    )
    return (
        f'<tr role="row" class="row" data-number="{number}" data-verdict="{found["verdict"]}">'
        '<th role="rowheader" scope="row"><button type="button" class="open" '
        f'aria-expanded="false" aria-controls="detail-{number}">{escape(found["file"])}</button>'
        f"</th>{rest}</tr>\n"
    )


def _probability(found: Mapping[str, Any], kind: str) -> str:
    """The probability, if there is one; without emphasis where the checks do not trust it."""
    if _severe(found):
        return '<span class="quiet">none: severe caution</span>'
    share = escape(words.percent(found["p_synthetic"]))
    interval = escape(words.interval(found["p_low"], found["p_high"]))
    if found["p_trust"] == DISTRUST:
        said = f"{DISTRUST}: {share}% ({interval})"
        return f'<span class="quiet distrusted">{said}</span>'
    return f'{share}% <span class="quiet">({interval})</span>{_scale(found, kind)}'


def _scale(found: Mapping[str, Any], kind: str) -> Markup:
    """The probability and its interval on a line from 0 to 100%."""
    value, low, high = (100 * found[name] for name in ("p_synthetic", "p_low", "p_high"))
    return Markup(
        f'<svg class="scale {kind}" viewBox="0 0 100 10" preserveAspectRatio="none" '
        'aria-hidden="true" fill="currentColor"><rect x="0" y="4.5" width="100" height="1" '
        f'opacity=".35"/><rect x="{low:.1f}" y="3" width="{max(high - low, 1):.1f}" height="4" '
        f'opacity=".55"/><rect x="{value - 1:.1f}" y="0" width="2" height="10"/></svg>'
    )


def _along_time(found: Mapping[str, Any], about: About) -> tuple[float, str]:
    """The share of a recording whose windows are like synthetic, and where they are."""
    parts = _stretches(found, about)
    seconds = sum(item.end - item.start for item in parts if item.kind == "synthetic")
    share = seconds / found["duration"]
    said = words.duration(seconds) if seconds else "none"
    said = "all" if share > 0.9999 else said
    # The higher, the more like synthetic; what is too narrow to be seen is left out.
    heights = {"synthetic": 0, "unsure": 3, "genuine": 6}
    marks = "".join(
        f'<rect class="{item.kind}" x="{100 * item.start / found["duration"]:.2f}" '
        f'y="{heights[item.kind]}" height="4" '
        f'width="{100 * (item.end - item.start) / found["duration"]:.2f}"/>'
        for item in parts
        if item.kind in heights and item.end - item.start > found["duration"] / 200
    )
    return share, (
        f'<span>{said}<svg class="strip" viewBox="0 0 100 10" preserveAspectRatio="none" '
        f'aria-hidden="true">{marks}</svg></span>'
    )


def _stretches(found: Mapping[str, Any], about: About) -> list[Stretch]:
    windows = found["windows"]
    arrays = (windows["start"], windows["end"], windows["llr"])
    return stretches(*arrays, found["duration"], Band(about.lower, about.upper))


def _cautions(items: Sequence[Mapping[str, Any]]) -> str:
    if not items:
        return "<span>none</span>"
    marks = [
        f'<span class="caution{" severe" if item["severe"] else ""}">'
        f"{'severe: ' if item['severe'] else ''}{escape(item['code'].replace('_', ' '))}</span>"
        for item in items
    ]
    return f"<span>{' '.join(marks)}</span>"


def _rejected(rejected: Sequence[Rejected]) -> str:
    rows = [[item.file, item.reason] for item in rejected]
    table = html.table(f"{len(rows):,} not scored", ["File", "Reason"], rows, kind="sentences")
    return (
        '<section id="rejected" class="rejected" aria-labelledby="refused">'
        f'<h2 id="refused">Rejected files</h2>\n{table}</section>\n'
    )


def _cost(entries: Sequence[Entry], about: About) -> str:
    """What the answers cost: latency, real-time factor, memory and size of the model."""
    if not entries:
        return ""
    spent = [item.recording["seconds"] for item in entries]
    heard = sum(item.recording["duration"] for item in entries)
    wall = "" if about.seconds is None else f" in {words.duration(about.seconds)}"
    parts = [
        f"{words.duration(heard)} of sound{wall}",
        f"{words.duration(median(spent))} a recording (median), at most "
        f"{words.duration(max(spent))}",
        f"real-time factor {sum(spent) / heard:.3f}",
        f"peak memory {words.megabytes(about.peak_bytes)}",
        f"model of {words.megabytes(about.model_bytes)} with {about.parameters:,} parameters",
    ]
    words_of_cost = f"Cost: {'; '.join(parts)}."
    return f"<footer>{html.paragraph(words_of_cost)}</footer>\n"


def _data(
    folder: Path, number: int, item: Entry, embedded: set[str], about: About
) -> Iterator[str]:
    """What a row opens: JSON, and the files that the page holds, which are read when opened."""
    links = {"picture": quote(item.picture), "preview": quote(item.preview)}
    parts = [asdict(part) for part in _stretches(item.recording, about)]
    recording = {**item.recording, "stretches": parts}
    found = {**links, "span": item.span, "recording": recording}
    yield f'<script type="application/json" id="entry-{number}">{_json(found)}</script>\n'
    for kind, name in (("picture", item.picture), ("sound", item.preview)):
        if name in embedded:
            content = base64.b64encode((folder / name).read_bytes()).decode()
            yield f'<script type="text/plain" id="{kind}-{number}">{content}</script>\n'


def _json(value: Any) -> str:
    """JSON that cannot end the element it stands in, whatever strings it holds."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
