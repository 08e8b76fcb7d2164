"""Results as plain JSON, and back: what is kept on disk between finding and showing them."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from authenticity.scoring.result import (
    Activity,
    Caution,
    Contribution,
    Recording,
    Spectrogram,
    Windows,
)

_NO_SPECTROGRAM = Spectrogram(np.empty((0, 0), np.float32), 0.0, 0.0, 0.0)


def plain(recording: Recording) -> dict[str, Any]:
    """Return all of a result but the spectrogram, exactly; what is not a number is null."""
    found = {name: value for name, value in vars(recording).items() if name != "spectrogram"}
    for name in ("windows", "activity"):
        arrays = vars(found[name]).items()
        found[name] = {key: [_number(value) for value in array.tolist()] for key, array in arrays}
    for name in ("cautions", "contributions"):
        found[name] = [asdict(item) for item in found[name]]
    return found


def restored(found: Mapping[str, Any]) -> Recording:
    """Return the result that `plain` was given, without its spectrogram."""

    def arrays(name: str) -> dict[str, np.ndarray]:
        return {key: np.array(values, np.float64) for key, values in found[name].items()}

    return Recording(
        **{
            **found,
            "windows": Windows(**arrays("windows")),
            "activity": Activity(**arrays("activity")),
            "cautions": tuple(Caution(**item) for item in found["cautions"]),
            "contributions": tuple(Contribution(**item) for item in found["contributions"]),
            "spectrogram": _NO_SPECTROGRAM,
        }
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
