"""What every corpus format gives: trials, and what the words in lists mean."""

import posixpath
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from authenticity import tables
from authenticity.config import Corpus
from authenticity.errors import UserError
from authenticity.roots import Entry, Root

NO_ATTACK = "-"
"""The attack of bona fide."""

_NOT_GIVEN = frozenset(
    ["", "-", "?", "n/a", "na", "nan", "not given", "not known", "null", "unknown"]
)

_SUFFIXES = (
    "3gp aac ac3 aif aifc aiff amr ape au avi caf flac m4a m4b mka mkv mov mp2 mp3 mp4 mpeg mpga "
    "oga ogg opus snd sph spx tta voc w64 wav webm wma wv"
)
AUDIO_SUFFIXES = frozenset(f".{name}" for name in _SUFFIXES.split())
"""What a clip's file name may end in where no list names the clips."""

BONAFIDE_WORDS = frozenset(
    ["bonafide", "bona-fide", "bona_fide", "bona fide", "genuine", "real", "human", "0"]
)
SPOOF_WORDS = frozenset(["spoof", "fake", "synthetic", "deepfake", "1"])

Files = Mapping[str, Entry]
"""A corpus's files by path: all that its trials depend on."""

CONTROL = r"[\x00-\x1f]"
"""What no file name may hold, a regular expression."""

NOT_PLAIN = "expected a file name in UTF-8 on one line, found {}; rename the file or its folder"
"""The message on such a name, for its `ascii` form."""

_IN_NO_NAME = re.compile(f"{CONTROL}|[\ud800-\udfff]")  # these stand for what is not in UTF-8
_ABSENT = Entry(0, 0)
_OF_FILES = Entry._fields  # bytes, mtime_ns
_LISTED = pa.schema(
    [column for column in tables.MANIFEST if column.name not in ("corpus", *_OF_FILES)]
)


@dataclass(frozen=True)
class Content:
    """What a corpus holds.

    Attributes:
        trials: what `as_trials` returned.
        asv_scores: a table of `tables.ASV_SCORES`; empty where the corpus publishes none.
        notes: what a user should know of what was left out.
    """

    trials: pa.Table
    asv_scores: pa.Table = field(default_factory=tables.ASV_SCORES.empty_table)
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Format(ABC):
    """Reads the corpora of one format.

    Attributes:
        splits: the partitions that such a corpus has, `none` where it has no partitions.
        options: keys of the configuration's corpus entry that only some formats know.
        duplicates: `keep` or `remove`: the default for trials of equal audio. A challenge's
            official keys are kept as they are, so that figures can be compared.
        labelled: whether its trials have labels; without, they are only scored.
    """

    splits: Sequence[str] = ("none",)
    options: Collection[str] = ()
    duplicates: str = "remove"
    labelled: bool = True

    def files(self, root: Root, settings: Corpus) -> Files:
        """List what tells cheaply whether the manifest is still right: the whole tree."""
        return root.walk()

    @abstractmethod
    def read(self, root: Root, settings: Corpus, files: Files) -> Content:
        """Read the corpus; called only when `files` changed.

        Raises:
            UserError: the corpus is not what the format says.
        """


def known(name: str | None) -> str | None:
    """Return a speaker, or the attack of spoof; `None` for a word that says it is not known.

    Such words are `-`, `unknown`, `n/a`, `none` and the like, in upper or lower case.
    """
    return None if name and name.strip().lower() == "none" else given(name)


def given(value: str | None) -> str | None:
    """Return the value of a condition; `None` for a word that says it is not given.

    The words are those of `known` but for `none`, which is a value: of clips without codec, say.
    """
    return None if value is None or value.strip().lower() in _NOT_GIVEN else value


def label_of(word: str) -> int | None:
    """Return 0 for a word that means bona fide, 1 for spoof, `None` for any other."""
    word = word.strip().lower()
    if word in BONAFIDE_WORDS:
        return 0
    return 1 if word in SPOOF_WORDS else None


def is_audio(path: str) -> bool:
    """Tell from a file's name whether it holds audio."""
    return posixpath.splitext(path)[1].lower() in AUDIO_SUFFIXES


def require_plain_name(where: str, path: str) -> None:
    """Raise `UserError` for a path that is not in UTF-8, or has a line end or the like."""
    if _IN_NO_NAME.search(path):
        raise UserError(f"{where}: {NOT_PLAIN.format(ascii(path))}")


def as_trials(columns: Mapping[str, Any], files: Files) -> pa.Table:
    """Return trials as a table: the columns of `tables.MANIFEST` less `corpus`, and conditions.

    A listed file that is absent has 0 bytes: it is set aside later, with a reason, and counted.

    Args:
        columns: arrays or lists by name, of all but the files' `bytes` and `mtime_ns`; without
            `split`, the trials are in no partition.
        files: the corpus's.
    """
    columns = {"split": pa.repeat("none", len(columns["key"])), **columns}
    schema = tables.with_conditions(_LISTED, tables.conditions(columns))
    trials = pa.Table.from_pydict(columns, schema)
    entries = [files.get(path, _ABSENT) for path in trials["path"].to_pylist()]
    for index, name in enumerate(_OF_FILES):
        trials = trials.append_column(name, pa.array([entry[index] for entry in entries], "int64"))
    return trials


def left_out(n_files: int) -> list[str]:
    """Say how many files are there but no trials."""
    return [f"other files left out: {n_files}"] if n_files else []


def unlisted(files: Files, trials: pa.Table) -> list[str]:
    """Say how many audio files are there that no trial names."""
    others = files.keys() - set(trials["path"].to_pylist())
    return left_out(sum(map(is_audio, others)))


def unique_keys(paths: pa.Array) -> pa.Array:
    """Return a key for each path: the path without suffix, or whole where that is not unique."""
    # As `os.path.splitext`: dots that a name begins with are part of it.
    stems = pc.replace_substring_regex(paths, r"([^/.][^/]*)\.[^/.]*$", r"\1")
    uses = stems.value_counts()
    repeated = uses.field("values").filter(pc.greater(uses.field("counts"), 1))
    is_other_path = pc.and_(pc.is_in(stems, paths), pc.not_equal(stems, paths))
    return pc.if_else(pc.or_(pc.is_in(stems, repeated), is_other_path), paths, stems)
