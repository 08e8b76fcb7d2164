"""The list of a corpus's trials, kept current while the workflow is planned.

Only the main process refreshes it; jobs read it. A manifest is rewritten only when its content
changed, and the corpus is read again only when its listing did.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from authenticity import tables
from authenticity.corpora import FORMATS, VERSION
from authenticity.errors import UserError
from authenticity.files import write_text
from authenticity.roots import Entry, Root


def refresh(path: Path, corpus: str, settings: Mapping[str, Any]) -> str | None:
    """Bring a corpus's manifest up to date.

    Args:
        path: the manifest.
        corpus: its name in the configuration.
        settings: the corpus's entry there: `format`, `root`, `splits`.

    Returns:
        A line that says what the corpus holds when the manifest was rewritten, else `None`.

    Raises:
        UserError: the corpus is not what its format says.
    """
    reader, root, splits = FORMATS[settings["format"]], Root(settings["root"]), settings["splits"]
    folders = reader.folders(root, splits)
    archive = root.signature()
    listing = {} if archive else {folder: root.entries(folder) for folder in folders}
    signature = _digest(
        [VERSION, repr(sorted(settings.items())), archive or _listing_text(listing)]
    )
    signature_path = path.with_suffix(".signature")
    if path.exists() and signature_path.exists() and signature_path.read_text() == signature:
        return None
    if archive:
        listing = {folder: root.entries(folder) for folder in folders}
    rows = [{**row, "corpus": corpus} for row in reader.trials(root, splits, listing)]
    if not rows:
        raise UserError(f"{settings['root']}: the protocols of corpus {corpus} list no trials")
    table = pa.Table.from_pylist(rows, schema=tables.MANIFEST).sort_by("key")
    changed = not path.exists() or not tables.read(path).equals(table)
    if changed or root_of(path) != settings["root"]:
        tables.write(path, table, tables.MANIFEST, {"root": settings["root"]})
    write_text(signature_path, signature)
    return _description(corpus, table, splits, listing) if changed else None


def root_of(path: str | Path) -> str:
    """Return the corpus root that a manifest's paths are relative to.

    It stands in the manifest, not among a job's parameters, so that a corpus can be moved without
    anything being computed again.
    """
    return tables.metadata(path)["root"]


def _description(
    corpus: str,
    table: pa.Table,
    splits: Sequence[str],
    listing: Mapping[str, Mapping[str, Entry]],
) -> str:
    frame = table.select(["split", "label", "bytes"]).to_pandas()
    counts = []
    for split in splits:
        labels = frame.label[frame.split == split]
        counts.append(f"{split} {(labels == 0).sum()} bona fide + {(labels == 1).sum()} spoof")
    absent = int((frame.bytes == 0).sum())
    text = f"corpus {corpus}: {len(frame)} trials ({', '.join(counts)})"
    return text + (f"; {absent} of the listed files are absent or empty" if absent else "")


def _listing_text(listing: Mapping[str, Mapping[str, Entry]]) -> str:
    return "\n".join(
        f"{folder}/{name} {entry.bytes} {entry.mtime_ns}"
        for folder, names in listing.items()
        for name, entry in sorted(names.items())
    )


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
