"""Score with a published detector as it is: no bundle, so no calibration, and only a score."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from authenticity.errors import RejectedClip
from authenticity.features.published import DetectorSource, Published, sign
from authenticity.limits import Limits
from authenticity.names import printable
from authenticity.scoring.batch import rejected
from authenticity.scoring.bundle import ABOUT
from authenticity.scoring.inputs import unopenable

WHY = (
    "The detector is not calibrated: its score has no probability and no verdict; an experiment of "
    "kind `published` calibrates it and makes a bundle."
)


def detector_at(bundle: Path) -> DetectorSource | None:
    """Return the published detector that is named in place of a bundle; None where there is none.

    A relative path of two parts is a name on the model hub, unless its first part is a folder here.
    """
    is_name = len(bundle.parts) == 2 and not bundle.is_absolute() and not bundle.parent.exists()
    if (bundle / ABOUT).exists() or not (is_name or (bundle / "config.json").is_file()):
        return None
    return DetectorSource(str(bundle))


def line(row: Mapping[str, Any]) -> str:
    """Return what `score` yields for a file as a line."""
    is_scored = row["status"] == "scored"
    what = f"score {row['score']:+.3f}" if is_scored else f"set aside: {row['reason']}"
    return f"{printable(row['file'])}  {what}"


def score(
    paths: Sequence[str], source: DetectorSource, threads: int
) -> Iterator[Mapping[str, Any]]:
    """Score files one after the other; the score does not depend on the number of threads.

    Yields:
        For each file, some columns of the table of scores; the others have no values.

    Raises:
        UserError: the detector cannot be used; in one line.
    """
    # Imported here: the command looks for such a detector each time, and seldom finds one.
    from authenticity.scoring.detector import NO_SPANS, Heard

    direction, detector = sign(source.labels, None), Published.load(source.model)
    for path in paths:
        try:
            if reason := unopenable(path):
                raise RejectedClip(reason)
            heard = Heard.of(path, Limits())
            (whole,) = detector.embed_spans(heard.samples, NO_SPANS, [0], threads)
        except (RejectedClip, MemoryError) as reason:
            yield vars(rejected(path, str(reason) or "needs more memory than there is"))
            continue
        yield {
            "status": "scored",
            "reason": WHY,
            "score": direction * float(whole.mean[0, 0]),
            **heard.as_columns(),
        }
