"""The list of a corpus's trials, kept current while the workflow is planned.

Only the main process refreshes it; jobs read it. A manifest is rewritten only when its content
changed, and the corpus is read again only when its listing did.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from authenticity import tables
from authenticity.config import Corpus
from authenticity.corpora import FORMATS, VERSION
from authenticity.corpora.reading import Content, Files
from authenticity.errors import UserError
from authenticity.files import write_text
from authenticity.roots import Root

_OPTIONS = frozenset().union(*(reader.options for reader in FORMATS.values()))


def refresh(path: Path, corpus: str, settings: Corpus) -> str | None:
    """Bring a corpus's manifest, and `asv_scores.parquet` beside it, up to date.

    Returns:
        A line that says what the corpus holds when a table was rewritten, else `None`.

    Raises:
        UserError: the corpus is not what its format says.
    """
    reader, root = FORMATS[settings.format], Root(settings.root)
    settings = settings.model_copy(update={"splits": splits_of(corpus, settings)})
    files = {} if root.signature else reader.files(root, settings)
    signature = _signature(settings, root, files)
    signature_path, asv_path = path.with_suffix(".signature"), path.with_name("asv_scores.parquet")
    if (
        all(item.exists() for item in (path, asv_path, signature_path))
        and signature_path.read_text(errors="replace") == signature
    ):
        return None
    if root.signature:
        files = reader.files(root, settings)
    content = reader.read(root, settings, files)
    if not len(content.trials):
        raise UserError(
            f"{settings.root}: corpus {corpus} has no trials in the splits "
            f"{', '.join(settings.splits)}; add some, or correct `root`, `splits` and `subsets` of "
            "the corpus in the configuration"
        )
    schema = tables.with_conditions(tables.MANIFEST, content.trials.column_names)
    own_name = pa.repeat(corpus, len(content.trials))
    table = content.trials.append_column("corpus", own_name).select(schema.names).sort_by("key")
    changed = not path.exists() or not tables.read(path).equals(table)
    if changed:
        tables.write(path, table, schema)
    if not asv_path.exists() or not tables.read(asv_path).equals(content.asv_scores):
        tables.write(asv_path, content.asv_scores, tables.ASV_SCORES)
        changed = True
    write_text(signature_path, signature)
    return _description(corpus, table, settings.splits, content) if changed else None


def splits_of(corpus: str, settings: Corpus) -> tuple[str, ...]:
    """Return the partitions of a corpus that are used: the configured ones, or all it has.

    A partition or a setting that its format does not know is a `UserError`.
    """
    reader = FORMATS[settings.format]
    where, name = f"configuration, corpora.{corpus}", settings.format
    for option in sorted(_OPTIONS & settings.model_fields_set - set(reader.options)):
        raise UserError(f"{where}.{option}: the format {name} has no such setting; remove it")
    splits = settings.splits or tuple(reader.splits)
    for split in splits:
        if split not in reader.splits:
            raise UserError(
                f"{where}.splits: the format {name} has no partition {split}; expected "
                f"{', '.join(reader.splits)}"
            )
    return splits


def duplicates_policy(settings: Corpus) -> str:
    """Return `keep` or `remove`: what is done with a corpus's trials of equal audio."""
    return settings.duplicates or FORMATS[settings.format].duplicates


def _description(corpus: str, table: pa.Table, splits: Sequence[str], content: Content) -> str:
    counts = Counter(zip(table["split"].to_pylist(), table["label"].to_pylist(), strict=True))
    present = [name for name in splits if any(name == split for split, _ in counts)]
    words = [
        f"{'' if present == ['none'] else f'{split} '}"
        f"{counts[split, 0]} bona fide + {counts[split, 1]} spoof"
        for split in present
    ]
    if table["label"].null_count:
        words = ["no labels"]
    notes = [f"corpus {corpus}: {len(table)} trials ({', '.join(words)})"]
    if len(content.asv_scores):
        notes.append(f"{len(content.asv_scores)} scores of speaker verification")
    notes += content.notes
    if absent := table["path"].filter(pc.equal(table["bytes"], 0)).to_pylist():
        notes.append(f"{len(absent)} of the files are absent or empty, first {absent[0]}")
    return "; ".join(notes)


def _signature(settings: Corpus, root: Root, files: Files) -> str:
    listing = root.signature or "\n".join(
        f"{path} {entry.bytes} {entry.mtime_ns}" for path, entry in sorted(files.items())
    )
    text = "\0".join([VERSION, repr(sorted(settings.plain().items())), listing])
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
