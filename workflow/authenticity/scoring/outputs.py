"""The files that programs read: tables of recordings and of windows, and a summary.

docs/scores.md documents every column.
"""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
from safetensors import safe_open

from authenticity import tables
from authenticity.files import write_json, write_text
from authenticity.names import printable
from authenticity.scoring import page
from authenticity.scoring.batch import Settings
from authenticity.scoring.bundle import WEIGHTS, Bundle
from authenticity.scoring.inputs import TABLE
from authenticity.scoring.result import Answer, Recording, Windows, columns

_ARROW = {str: pa.string(), float: pa.float64(), int: pa.int32()}


def _schema(record: type) -> pa.Schema:
    return pa.schema([(name, _ARROW[kind]) for name, (kind, _) in columns(record).items()])


SCORES = _schema(Recording)
"""One row for each input, in the order of the inputs."""

WINDOWS = pa.schema([("file", pa.string()), *_schema(Windows)])
"""One row for each window of each scored file."""


def write(
    folder: Path,
    answers: Sequence[Answer],
    bundle: Bundle,
    settings: Settings,
    wall_seconds: float | None,
) -> dict[str, Any]:
    """Write all tables, `summary.json` and, where there are pictures, `index.html`.

    Without pictures, the page of an earlier run is removed.

    Rows have the order of the answers. `wall_seconds` is how long the run took that scored them
    all; None where several did.

    Returns:
        The content of `summary.json`.
    """
    counts = summary(answers) | _model(bundle)
    counts |= {"prior": settings.prior, "wall_seconds": wall_seconds}
    recordings = [answer for answer in answers if isinstance(answer, Recording)]
    write_tables(folder, map(_row, answers), map(_windows, recordings))
    if settings.pictures:
        page.write(folder, answers, bundle.about, counts)
    else:
        (folder / page.NAME).unlink(missing_ok=True)  # an earlier run's, of what it was given
    write_json(folder / "summary.json", counts)
    return counts


def _model(bundle: Bundle) -> dict[str, Any]:
    """Say what scored, and how large it is, with an encoder that lies elsewhere."""
    about, encoder = bundle.about, []
    if bundle.encoder:
        encoder = [bundle.encoder / name for name in about["encoder"]["files"]]
    files = {path for path in bundle.folder.rglob("*") if path.is_file()} | set(encoder)
    return {
        "bundle": about["identity"],
        **{name: about[name] for name in ("corpus", "experiment", "demonstration", "statement")},
        "model_bytes": sum(path.stat().st_size for path in files),
        "parameters": sum(map(_parameters, [bundle.folder / WEIGHTS, *encoder])),
    }


def _parameters(path: Path) -> int:
    if path.suffix == ".bin":  # a torch file: four bytes each, and a small index
        return path.stat().st_size // 4
    if path.suffix != ".safetensors":
        return 0
    with safe_open(path, "numpy") as arrays:
        names = arrays.keys()
        return sum(math.prod(arrays.get_slice(name).get_shape()) for name in names)


def _row(answer: Answer) -> Mapping[str, Any]:
    if isinstance(answer, Recording):
        return vars(answer) | {"cautions": " ".join(one.code for one in answer.cautions)}
    return vars(answer)


def write_tables(
    folder: Path, answers: Iterable[Mapping[str, Any]], windows: Iterable[pa.Table] = ()
) -> None:
    """Write `scores.csv`, `.parquet` and `.jsonl`, and `windows.parquet`.

    Columns of `SCORES` that an answer lacks are empty; what is no column is left out.
    """
    whole = pa.concat_tables([WINDOWS.empty_table(), *windows]).combine_chunks()
    tables.write(folder / TABLE, whole, WINDOWS)
    rows = [{name: answer.get(name) for name in SCORES.names} for answer in answers]
    tables.write(folder / "scores.parquet", pa.Table.from_pylist(rows, schema=SCORES), SCORES)
    write_text(folder / "scores.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SCORES.names)
    for row in rows:  # people open CSV, so signs that do not show are escaped
        cells = row.values()
        writer.writerow([printable(cell) if isinstance(cell, str) else cell for cell in cells])
    write_text(folder / "scores.csv", text.getvalue())


def _windows(recording: Recording) -> pa.Table:
    found = vars(recording.windows).items()
    arrays = {name: pa.array(array, from_pandas=True) for name, array in found}
    return pa.table({"file": [recording.file] * len(arrays["start"]), **arrays}, schema=WINDOWS)


def summary(answers: Sequence[Answer]) -> dict[str, Any]:
    """Count what was found, and what it cost: the counts of `summary.json` (docs/scores.md)."""
    recordings = [answer for answer in answers if isinstance(answer, Recording)]
    taken = [recording.seconds for recording in recordings]
    audio = math.fsum(recording.duration for recording in recordings)
    return {
        "files": len(answers),
        "scored": len(recordings),
        "rejected": len(answers) - len(recordings),
        "verdicts": dict(Counter(recording.verdict for recording in recordings)),
        "audio_seconds": audio,
        "seconds": math.fsum(taken),
        "seconds_per_file": median(taken) if taken else None,
        "real_time_factor": math.fsum(taken) / audio if audio else None,
        "peak_bytes": max((answer.peak_bytes for answer in answers), default=0),
    }
