"""Plain JSON held against declared types, for files that others may have written."""

from collections.abc import Iterator
from dataclasses import is_dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints, is_typeddict


def misfit(value: Any, kind: Any, place: str = "") -> str | None:
    """Return where a value is not of its type, as `decision.lower`; None where all of it is.

    Args:
        value: as JSON gives it.
        kind: a `TypedDict` or a dataclass, whose keys a dictionary must have; `list[X]`,
            `dict[str, X]`, `Literal`, `X | None`; `float`, a number that can be reckoned with; or a
            plain type.
        place: of the value.
    """
    if NoneType in get_args(kind):
        (kind,) = [option for option in get_args(kind) if option is not NoneType]
        if value is None:
            return None
    if not _is(value, kind):
        return place
    for name, item, item_kind in _items(value, kind):
        inner = f"{place}.{name}" if place else name
        found = inner if item is _MISSING else misfit(item, item_kind, inner)
        if found is not None:
            return found
    return None


_MISSING = object()
_LARGEST = {float: 1e12, int: 2**63 - 1}


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is of a type, whatever it holds."""
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if kind in (int, float):
        is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
        return is_number and abs(value) <= _LARGEST[kind]  # no integer is too large to compare
    is_record = is_typeddict(kind) or is_dataclass(kind)
    return isinstance(value, dict if is_record else get_origin(kind) or kind)


def _items(value: Any, kind: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield what a value holds: name, value and type."""
    if get_origin(kind) is list:
        for index, item in enumerate(value):
            yield str(index), item, get_args(kind)[0]
    elif get_origin(kind) is dict:
        for name, item in value.items():
            yield name, item, get_args(kind)[1]
    elif is_typeddict(kind) or is_dataclass(kind):
        for name, item_kind in get_type_hints(kind).items():
            yield name, value.get(name, _MISSING), item_kind
