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
from safetensors import safe_open

from authenticity import tables
from authenticity.files import write_json, write_text
from authenticity.scoring import page, words
from authenticity.scoring.batch import Answer, Settings
from authenticity.scoring.bundle import WEIGHTS, Bundle
from authenticity.scoring.result import Rejected, Span, restored

SCORES = pa.schema(
    [
        ("file", pa.string()),
        ("status", pa.string()),
        ("verdict", pa.string()),
        ("p_synthetic", pa.float64()),
        ("p_low", pa.float64()),
        ("p_high", pa.float64()),
        ("p_trust", pa.string()),
        ("prior", pa.float64()),
        ("llr", pa.float64()),
        ("llr_low", pa.float64()),
        ("llr_high", pa.float64()),
        ("score", pa.float64()),
        ("score_inverted", pa.float64()),
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
    ]
)
"""One row for each input, in the order of the inputs."""

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


def write(
    folder: Path,
    answers: Sequence[Answer],
    settings: Settings,
    wall_seconds: float | None = None,
) -> dict[str, Any]:
    """Write all tables, `summary.json` and, where there are pictures, `index.html`.

    Args:
        folder: where; it holds the pictures and sounds.
        answers: in the order of the rows.
        settings: as they were scored with.
        wall_seconds: how long the run took that scored them all, if one did.

    Returns:
        The content of `summary.json`.
    """
    bundle = Bundle.load(settings.bundle)
    counts = summary(answers) | _model(bundle)
    counts |= {"prior": settings.prior, "wall_seconds": wall_seconds}
    write_tables(folder, answers)
    if settings.pictures:
        _write_page(folder, answers, bundle, counts)
    write_json(folder / "summary.json", counts)
    return counts


def _write_page(
    folder: Path, answers: Sequence[Answer], bundle: Bundle, counts: Mapping[str, Any]
) -> None:
    about = page.About(
        bundle=", ".join(bundle.about[name] for name in ("corpus", "experiment")),
        demonstration=bundle.about["statement"] if bundle.about["demonstration"] else "",
        known=words.known(bundle.about),
        lower=bundle.band.lower,
        upper=bundle.band.upper,
        seconds=counts["wall_seconds"],
        peak_bytes=counts["peak_bytes"],
        model_bytes=counts["model_bytes"],
        parameters=counts["parameters"],
    )
    entries = [
        page.entry(
            restored(answer["recording"]),
            answer["picture"],
            Span(*answer["span"]),
            answer["preview"],
            words.why_no_verdict(answer["recording"], bundle.about["decision"]),
        )
        for answer in answers
        if answer["status"] == "scored"
    ]
    others = [
        Rejected(answer["file"], answer["reason"], answer["content"])
        for answer in answers
        if answer["status"] == "rejected"
    ]
    page.write(folder, entries, others, about)


def _model(bundle: Bundle) -> dict[str, Any]:
    """Say what scored, and how large it is, with an encoder that lies elsewhere."""
    folder, files = bundle.encoder_folder(), []
    if folder:
        files = [folder / name for name in bundle.about["encoder"]["files"]]
    elsewhere = [path for path in files if bundle.folder not in path.parents]
    return {
        "bundle": bundle.about["identity"],
        "corpus": bundle.about["corpus"],
        "experiment": bundle.about["experiment"],
        "demonstration": bundle.about["demonstration"],
        "statement": bundle.about["statement"],
        "model_bytes": bundle.bytes + sum(path.stat().st_size for path in elsewhere),
        "parameters": sum(map(_parameters, [bundle.folder / WEIGHTS, *files])),
    }


def _parameters(path: Path) -> int:
    if path.suffix == ".bin":  # a torch file: four bytes each, and a small index
        return path.stat().st_size // 4
    if path.suffix != ".safetensors":
        return 0
    with safe_open(path, "numpy") as arrays:
        names = arrays.keys()
        return sum(math.prod(arrays.get_slice(name).get_shape()) for name in names)


def row(answer: Answer) -> dict[str, Any]:
    """Return the row of `SCORES` that an answer makes; what a rejected file lacks is empty."""
    values = {name: answer.get(name) for name in SCORES.names}
    if answer["status"] == "rejected":
        return values
    recording = answer["recording"]
    values |= {name: recording[name] for name in SCORES.names if name in recording}
    return values | {
        "cautions": " ".join(caution["code"] for caution in recording["cautions"]),
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
    write_text(folder / "scores.jsonl", "".join(json.dumps(each) + "\n" for each in rows))
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
    windows = answer["recording"]["windows"]
    columns = {name: windows[name] for name in WINDOWS.names if name != "file"}
    return pa.table({"file": [answer["file"]] * len(windows["start"]), **columns}, schema=WINDOWS)


def summary(answers: Sequence[Answer]) -> dict[str, Any]:
    """Count what was found, and what it cost.

    Returns:
        `files`, `scored`, `rejected`; `verdicts`, how often each; `audio_seconds`; `seconds`, the
        sum over files of the time each took; `real_time_factor`, their ratio; `seconds_per_file`,
        the median; `peak_bytes`, the most memory that one process had.
    """
    recordings = [answer["recording"] for answer in answers if answer["status"] == "scored"]
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
