"""Where in time: neighbouring windows of a recording that say the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from authenticity.scoring.decision import GENUINE, SYNTHETIC, Band
from authenticity.scoring.result import Caution, Verdict

Kind = Literal["synthetic", "unsure", "genuine", "silent"]

_MOST_NAMED = 5


@dataclass(frozen=True)
class Stretch:
    """Neighbouring windows that say the same.

    Attributes:
        kind: where they lie, as decisions on whole recordings are made.
        start, end: seconds; half-way between the centres of two windows, or an end of the
            recording.
        low, high: the ends of their log-likelihood ratios; None where they are silent.
    """

    kind: Kind
    start: float
    end: float
    low: float | None
    high: float | None


def stretches(
    start: Sequence[float],
    end: Sequence[float],
    llr: Sequence[float | None],
    duration: float,
    band: Band,
) -> list[Stretch]:
    """Join windows, from the first to the last second.

    Args:
        start: of each window, seconds.
        end: likewise.
        llr: their log-likelihood ratios; None or not a number where a window is silent.
        duration: of the recording, seconds.
        band: where nothing is decided.
    """
    centres = [(a + b) / 2 for a, b in zip(start, end, strict=True)]
    ends = [*((a + b) / 2 for a, b in pairwise(centres)), duration]
    found, begin = [], 0.0
    pairs = zip(ends, llr, strict=True)
    for kind, items in groupby(pairs, lambda pair: _kind(pair[1], band)):
        last, ratios = zip(*items, strict=True)
        low, high = (None, None) if kind == "silent" else (min(ratios), max(ratios))
        found.append(Stretch(kind, begin, last[-1], low, high))
        begin = last[-1]
    return found


def _kind(llr: float | None, band: Band) -> Kind:
    if llr is None or llr != llr:
        return "silent"
    if llr >= band.upper:
        return "synthetic"
    return "genuine" if llr < band.lower else "unsure"


def part_synthetic(
    found: Sequence[Stretch], window_seconds: float, said: Verdict
) -> tuple[Caution, ...]:
    """Return the caution on parts that score as synthetic where the whole does not.

    A part counts that lasts a window or longer: with overlapping windows, a single one is chance.

    Args:
        found: of the recording.
        window_seconds: how long a window is.
        said: where the whole lies by the band. A genuine recording with such a part is none.
    """
    parts = [item for item in found if item.kind == "synthetic"]
    parts = [item for item in parts if item.end - item.start >= window_seconds]
    if said == SYNTHETIC or not parts:
        return ()
    named = [f"from {_clock(item.start)} to {_clock(item.end)}" for item in parts[:_MOST_NAMED]]
    if len(parts) > _MOST_NAMED:
        named.append(f"in {len(parts) - _MOST_NAMED} other places")
    places = ", ".join(named)
    message = f"{places[0].upper()}{places[1:]} it scores as synthetic; the whole does not."
    return (Caution("part_synthetic", message, severe=said == GENUINE),)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
