"""A value with its interval, and a change of it, in words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value with the ends of its 95% interval, all fractions; None for a value without one."""

    value: float
    low: float | None
    high: float | None


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
    digits = 2 if percent else 4
    rounded = round(100 * difference if percent else difference, digits) + 0.0
    return f"{rounded:+.{digits}f}{' points' if percent else ''}"
