"""A value with its interval, and a change of it, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """A value with the ends of its 95% interval, all fractions; None for a value without one."""

    value: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Estimate":
        """Return it from plain data, which may say more."""
        return cls(data["value"], data["low"], data["high"])


def value(estimate: Estimate, percent: bool = False) -> str:
    """Return an estimate's value, as a fraction or in percent."""
    return f"{100 * estimate.value:.2f}%" if percent else f"{estimate.value:.4f}"


def interval(estimate: Estimate, percent: bool = False) -> str:
    """Return an estimate's interval in brackets; on a handful of clips, it has none."""
    if estimate.low is None:
        return "(too few clips)"
    if percent:
        return f"({100 * estimate.low:.2f} to {100 * estimate.high:.2f})"
    return f"({estimate.low:.4f} to {estimate.high:.4f})"


def whole(estimate: Estimate, percent: bool = False) -> str:
    """Return an estimate's value and interval: "0.9300 (0.9200 to 0.9350)"."""
    return f"{value(estimate, percent)} {interval(estimate, percent)}"


def change(difference: float, percent: bool = False) -> str:
    """Return by how much an estimate differs; what rounds to nothing has no minus sign."""
    return f"{points(difference)} points" if percent else f"{round(difference, 4) + 0.0:+.4f}"


def points(difference: float) -> str:
    """Return a difference in hundredths; what rounds to nothing has no minus sign."""
    return f"{round(100 * difference, 2) + 0.0:+.2f}"


def points_between(low: float, high: float) -> str:
    """Return the ends of a difference's interval in hundredths: "-0.50 to +1.25"."""
    return f"{points(low)} to {points(high)}"
