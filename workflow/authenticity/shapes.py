"""Plain JSON held against declared types, for files that others may have written."""

from dataclasses import is_dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints, is_typeddict

_MISSING = object()
_LARGEST = {float: 1e12, int: 2**63 - 1}


def misfit(value: Any, kind: Any, place: str = "") -> str | None:
    """Return where a value is not of its type, as `decision.lower`; None where all of it is.

    Args:
        value: as JSON gives it.
        kind: a `TypedDict` or a dataclass, whose keys a dictionary must have; `list[X]`,
            `dict[str, X]`, `Literal`, `X | None`; `float`, a number up to 1e12; or a plain type.
        place: of the value.
    """
    if NoneType in get_args(kind):
        (kind,) = [option for option in get_args(kind) if option is not NoneType]
        if value is None:
            return None
    holds, parts = get_origin(kind), get_args(kind)
    is_record = is_typeddict(kind) or is_dataclass(kind)
    if holds is Literal:
        fits = isinstance(value, str) and value in parts
    elif kind in (int, float):
        is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
        fits = is_number and abs(value) <= _LARGEST[kind]  # no integer is too large to compare
    else:
        fits = isinstance(value, dict if is_record else holds or kind)
    if not fits:
        return place
    items = []
    if is_record:
        hints = get_type_hints(kind).items()
        items = [(name, value.get(name, _MISSING), item_kind) for name, item_kind in hints]
    elif holds is dict:
        items = [(name, item, parts[1]) for name, item in value.items()]
    elif holds is list:
        items = [(str(index), item, parts[0]) for index, item in enumerate(value)]
    for name, item, item_kind in items:
        inner = f"{place}.{name}" if place else name
        misfitting = inner if item is _MISSING else misfit(item, item_kind, inner)
        if misfitting is not None:
            return misfitting
    return None
