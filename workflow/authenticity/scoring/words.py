"""Numbers of a result in words, the same on the page and in the pictures."""

from collections.abc import Mapping
from typing import Any

from authenticity.scoring.decision import DISTRUST


def percent(share: float) -> str:
    """Return a probability in percent; rounding never makes it certain."""
    if share >= 0.9995:
        return ">99.9"
    return "<0.1" if share < 0.0005 else f"{100 * share:.1f}"


def interval(low: float, high: float) -> str:
    """Return the interval of a probability in percent."""
    if low >= 0.9995 or high < 0.0005:
        return percent(low)
    return f"{percent(low)} to {percent(high)}"


def number(found: Mapping[str, Any]) -> str:
    """Return the one number that stands for a recording, with its interval.

    It is the probability. Where the checks on the run that made the model do not trust that, it is
    the log-likelihood ratio; where a caution is severe, none is worth a number.

    Args:
        found: the numbers of a `Recording`, by name.
    """
    if found["p_synthetic"] is None:
        return "no number"
    if found["p_trust"] == DISTRUST:
        low, high = signed(found["llr_low"]), signed(found["llr_high"])
        return f"LLR {signed(found['llr'])} ({low} to {high})"
    share = percent(found["p_synthetic"])
    return f"{share}% ({interval(found['p_low'], found['p_high'])})"


def signed(value: float) -> str:
    """Return a log-likelihood ratio with its sign; what rounds to nothing has none."""
    said = f"{round(value, 2) + 0.0:+.2f}"
    return "0.00" if said == "+0.00" else said.replace("-", "−")


def duration(seconds: float) -> str:
    """Return how long something is or takes, with its unit."""
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def megabytes(size: int) -> str:
    """Return a size in 10^6 bytes."""
    return f"{size / 1e6:,.1f} MB" if size < 1e7 else f"{size / 1e6:,.0f} MB"
