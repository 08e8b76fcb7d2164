"""A value with its interval, and a change of it, in words."""

from collections.abc import Mapping


def value(found: Mapping[str, float], percent: bool = False) -> str:
    """Return an estimate's value: `{"value", "low", "high"}`, as fractions or percent."""
    return f"{100 * found['value']:.2f}%" if percent else f"{found['value']:.4f}"


def interval(found: Mapping[str, float], percent: bool = False) -> str:
    """Return an estimate's interval in brackets; on a handful of clips, it has none."""
    if found["low"] is None:
        return "(too few clips)"
    if percent:
        return f"({100 * found['low']:.2f} to {100 * found['high']:.2f})"
    return f"({found['low']:.4f} to {found['high']:.4f})"


def whole(found: Mapping[str, float], percent: bool = False) -> str:
    """Return an estimate's value and interval: "0.9300 (0.9200 to 0.9350)"."""
    return f"{value(found, percent)} {interval(found, percent)}"


def change(difference: float, percent: bool = False) -> str:
    """Return by how much an estimate differs; what rounds to nothing has no minus sign."""
    digits = 2 if percent else 4
    rounded = round(100 * difference if percent else difference, digits) + 0.0
    return f"{rounded:+.{digits}f}{' points' if percent else ''}"
