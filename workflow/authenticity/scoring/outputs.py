"""What programs read of scored files: tables with one row a file, and one of windows.

docs/scores.md documents every column.
"""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from authenticity import tables
from authenticity.files import write_json, write_text
from authenticity.scoring.batch import Answer, drawn

SCORES = pa.schema(
    [
        ("file", pa.string()),
        ("status", pa.string()),
        ("verdict", pa.string()),
        ("p_synthetic", pa.float64()),
        ("p_low", pa.float64()),
        ("p_high", pa.float64()),
        ("prior", pa.float64()),
        ("llr", pa.float64()),
        ("llr_low", pa.float64()),
        ("llr_high", pa.float64()),
        ("score", pa.float64()),
        ("cautions", pa.string()),
        ("reason", pa.string()),
        ("duration", pa.float64()),
        ("codec", pa.string()),
        ("sample_rate", pa.int32()),
        ("channels", pa.int32()),
        ("content", pa.string()),
        ("audio", pa.string()),
        ("picture", pa.string()),
        ("seconds", pa.float64()),
        ("real_time_factor", pa.float64()),
        ("peak_bytes", pa.int64()),
    ]
)
"""One row for each input, in the order of the inputs."""

MEASURED = ("seconds", "real_time_factor", "peak_bytes")
"""The columns that differ from run to run: what a file cost."""

WINDOWS = pa.schema(
    [
        ("file", pa.string()),
        ("start", pa.float64()),
        ("end", pa.float64()),
        ("score", pa.float64()),
        ("llr", pa.float64()),
        ("speech", pa.float64()),
    ]
)
"""One row for each window of each scored file."""


def row(answer: Answer) -> dict[str, Any]:
    """Return the row of `SCORES` that an answer makes; what a rejected file lacks is empty."""
    found = {name: answer.get(name) for name in SCORES.names}
    if answer["status"] == "rejected":
        return found
    recording = answer["entry"]["recording"]
    found |= {name: recording[name] for name in SCORES.names if name in recording}
    return found | {
        "cautions": " ".join(caution["code"] for caution in recording["cautions"]),
        "picture": answer["entry"]["picture"] or None,
        "real_time_factor": recording["seconds"] / recording["duration"],
    }


def write_tables(folder: Path, answers: Sequence[Answer]) -> None:
    """Write `scores.csv`, `.parquet` and `.jsonl`, and `windows.parquet`.

    Args:
        folder: where.
        answers: in the order of the rows.
    """
    rows = [row(answer) for answer in answers]
    tables.write(folder / "scores.parquet", pa.Table.from_pylist(rows, schema=SCORES), SCORES)
    write_text(folder / "scores.jsonl", "".join(json.dumps(found) + "\n" for found in rows))
    write_text(folder / "scores.csv", _csv(rows))
    parts = [_windows(answer) for answer in answers if answer["status"] == "scored"]
    tables.write(
        folder / "windows.parquet",
        pa.concat_tables([WINDOWS.empty_table(), *parts]).combine_chunks(),
        WINDOWS,
    )


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, SCORES.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _windows(answer: Answer) -> pa.Table:
    windows = answer["entry"]["recording"]["windows"]
    columns = {name: windows[name] for name in WINDOWS.names if name != "file"}
    return pa.table({"file": [answer["file"]] * len(windows["start"]), **columns}, schema=WINDOWS)


def summary(answers: Sequence[Answer]) -> dict[str, Any]:
    """Count what was found, and what it cost.

    Returns:
        `files`, `scored`, `rejected`; `verdicts`, how often each; `audio_seconds`; `seconds`, the
        sum over files of the time each took; `real_time_factor`, their ratio; `seconds_per_file`,
        the median; `peak_bytes`, the most memory that one process had.
    """
    recordings = [found["entry"]["recording"] for found in answers if found["status"] == "scored"]
    taken = sorted(recording["seconds"] for recording in recordings)
    audio = math.fsum(recording["duration"] for recording in recordings)
    return {
        "files": len(answers),
        "scored": len(recordings),
        "rejected": len(answers) - len(recordings),
        "verdicts": dict(Counter(recording["verdict"] for recording in recordings)),
        "audio_seconds": audio,
        "seconds": math.fsum(taken),
        "seconds_per_file": taken[len(taken) // 2] if taken else None,
        "real_time_factor": math.fsum(taken) / audio if audio else None,
        "peak_bytes": max((answer["peak_bytes"] for answer in answers), default=0),
    }


def remove_stale(folder: Path, answers: Sequence[Answer]) -> None:
    """Remove the pictures and sounds of files that are no longer among the inputs."""
    current = {folder / part for answer in answers for part in drawn(answer)}
    for kind in ("overlays", "previews"):
        for path in (folder / kind).glob("*-????????.*"):
            if path not in current:
                path.unlink()
