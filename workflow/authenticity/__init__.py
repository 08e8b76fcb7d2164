"""Spectral Contrastive Audio Authenticity: features, models and metrics for spoofed speech."""

from typing import TYPE_CHECKING, Any

from authenticity.errors import RejectedClip, UserError

if TYPE_CHECKING:
    from authenticity.scoring.detector import Detector

__all__ = ["Detector", "RejectedClip", "UserError"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # On demand: the workflow imports this package all the time and seldom scores a recording.
    if name == "Detector":
        from authenticity.scoring.detector import Detector

        return Detector
    raise AttributeError(f"module {__name__} has no attribute {name}")
