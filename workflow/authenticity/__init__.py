"""Spectral Contrastive Audio Authenticity: features, models and metrics for spoofed speech."""

from typing import Any

__all__ = ["Detector"]


def __getattr__(name: str) -> Any:
    # On demand: the workflow imports this package all the time and seldom scores a recording.
    if name == "Detector":
        from authenticity.scoring.detector import Detector

        return Detector
    raise AttributeError(f"module {__name__} has no attribute {name}")
