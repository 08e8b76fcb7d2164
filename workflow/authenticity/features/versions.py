"""Names of everything but the audio that features depend on: rows of other versions are stale."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from authenticity import audio
from authenticity.features import encoder, spectral, views

if TYPE_CHECKING:
    from authenticity.config import Step


def spectral_version(steps: Sequence["Step"] = ()) -> str:
    """Name everything but the audio that a spectral row depends on.

    Args:
        steps: of the view; none for the clean clips.
    """
    return f"spectral {spectral.VERSION}; {_heard(steps)}"


def embedding_version(identity: str, window_seconds: float, steps: Sequence["Step"] = ()) -> str:
    """Name everything but the audio that an embedding row depends on; see `spectral_version`."""
    return (
        f"embedding {encoder.VERSION}; encoder {identity}; window {window_seconds:g} s; "
        f"{_heard(steps)}"
    )


def _heard(steps: Sequence["Step"]) -> str:
    decoder = f"decoder {audio.DECODER_VERSION}"
    return f"{decoder}; {views.version(steps)}" if steps else decoder
