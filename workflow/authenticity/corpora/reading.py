"""What every corpus format gives, and how their lists are read."""

import csv
import io
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from authenticity import tables
from authenticity.errors import RejectedClip, UserError
from authenticity.roots import Entry, Root

if TYPE_CHECKING:
    from authenticity.config import Corpus

NO_ATTACK = "-"
"""The attack of bona fide."""

_NOT_GIVEN = frozenset(
    ["", "-", "?", "n/a", "na", "nan", "not given", "not known", "null", "unknown"]
)
_NOT_KNOWN = _NOT_GIVEN | {"none"}

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

_MAX_LIST_BYTES = 1 << 30
_CONTROL = r"[\x00-\x1f]"
_LINES_AT_ONCE = 500  # with more, Python's garbage collector takes twice as long as the rest
_ABSENT = Entry(0, 0)
_TRIALS = pa.schema([column for column in tables.MANIFEST if column.name != "corpus"])


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


class Format(Protocol):
    """Reads the corpora of one format.

    Attributes:
        splits: the partitions that such a corpus has, `none` where it has no partitions.
        options: keys of the configuration's corpus entry that only some formats know.
        duplicates: `keep` or `remove`: what is done with trials of equal audio by default. A
            challenge's official keys are kept as they are, so that figures can be compared.
        labelled: whether its trials have labels; without, they are only scored.
    """

    splits: Sequence[str]
    options: Collection[str]
    duplicates: str
    labelled: bool

    def files(self, root: Root, settings: "Corpus") -> Files:
        """List what tells cheaply whether the manifest is still right."""

    def read(self, root: Root, settings: "Corpus", files: Files) -> Content:
        """Read the corpus; called only when `files` changed.

        Raises:
            UserError: the corpus is not what the format says.
        """


def known(name: str | None) -> str | None:
    """Return a speaker, or the attack of spoof; `None` for a word that says it is not known.

    Such words are `-`, `unknown`, `n/a`, `none` and the like, in upper or lower case.
    """
    return _unless(_NOT_KNOWN, name)


def given(value: str | None) -> str | None:
    """Return the value of a condition; `None` for a word that says it is not given.

    The words are those of `known` but for `none`, which is a value: of clips without codec, say.
    """
    return _unless(_NOT_GIVEN, value)


def _unless(words: Collection[str], text: str | None) -> str | None:
    return None if text is None or text.strip().lower() in words else text


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
    """Refuse a path that no table or message can hold.

    Raises:
        UserError: it is not in UTF-8, or has a line end or another control character.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        is_text = False
    else:
        is_text = True
    if not is_text or re.search(_CONTROL, path):
        raise UserError(f"{where}: {_not_plain(path)}")


def _not_plain(path: str) -> str:
    return (
        f"expected a file name in UTF-8 on one line, found {path!a}; rename the file or its folder"
    )


def as_trials(columns: Mapping[str, Any], files: Files) -> pa.Table:
    """Return trials as a table: the columns of `tables.MANIFEST` less `corpus`, and conditions.

    A listed file that is absent has 0 bytes: it is set aside later, with a reason, and counted.

    Args:
        columns: arrays or lists by name, of all but the files' `bytes` and `mtime_ns`.
        files: the corpus's.
    """
    schema = tables.with_conditions(_TRIALS, tables.conditions(columns))
    entries = [files.get(path, _ABSENT) for path in pa.array(columns["path"]).to_pylist()]
    of_files = {
        "bytes": [entry.bytes for entry in entries],
        "mtime_ns": [entry.mtime_ns for entry in entries],
    }
    return pa.Table.from_pydict({**columns, **of_files}, schema)


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


def of_each(
    texts: pa.ChunkedArray, function: Callable[[str], Any], kind: pa.DataType | None = None
) -> pa.Array:
    """Return what a function makes of each text; it is called once for equal ones."""
    coded = texts.combine_chunks().dictionary_encode()
    found = [function(text) for text in coded.dictionary.to_pylist()]
    return pa.array(found, kind or pa.string()).take(coded.indices)


def require_distinct(names: pa.ChunkedArray, places: Iterable[str]) -> None:
    """Refuse a list that names something twice.

    Raises:
        UserError: it does; `places` say where each name stands.
    """
    if pc.count_distinct(names).as_py() == len(names):
        return
    seen: dict[str, str] = {}
    for name, place in zip(names.to_pylist(), places, strict=True):
        if first := seen.get(name):
            raise UserError(
                f"{place}: {name} is listed twice, first in {first}; remove one of the two lines"
            )
        seen[name] = place


@dataclass(frozen=True)
class Lines:
    """The lines of a list that all have the same fields, as columns of text.

    Attributes:
        location: of the list, for messages.
        columns: a table of text.
        numbers: of the lines, from 1.
    """

    location: str
    columns: pa.Table
    numbers: pa.Array

    @classmethod
    def of(
        cls,
        location: str,
        names: Sequence[str | None],
        lines: Iterator[tuple[int, list[str]]],
        mistake: str,
    ) -> "Lines":
        """Gather lines.

        Args:
            location: of the list, for messages.
            names: of the fields, None or empty for one that is not used.
            lines: the number and the fields of each.
            mistake: what is said of a line that has more or fewer fields, `{found}` of them.
        """
        numbers: list[int] = []
        schema = pa.schema([(name, pa.string()) for name in names if name])
        columns = [schema.empty_table()]
        while some := list(islice(lines, _LINES_AT_ONCE)):
            for number, fields in some:
                if len(fields) != len(names):
                    said = mistake.format(found=len(fields))
                    raise UserError(f"{location}, line {number}: {said}")
                numbers.append(number)
            values = zip(names, zip(*(fields for _, fields in some), strict=True), strict=True)
            columns.append(pa.Table.from_pydict({k: v for k, v in values if k}, schema))
        whole = pa.concat_tables(columns).combine_chunks()
        return cls(location, whole, pa.array(numbers, pa.int64()))

    def only(self, wanted: pa.ChunkedArray) -> "Lines":
        """Return some of the lines."""
        return replace(
            self, columns=self.columns.filter(wanted), numbers=self.numbers.filter(wanted)
        )

    def places(self) -> Iterator[str]:
        """Say where each line stands."""
        return (f"{self.location}, line {number}" for number in self.numbers.to_pylist())

    def refuse(self, wrong: pa.Array, said: Callable[[Mapping[str, str]], str]) -> None:
        """Refuse the first line that is wrong.

        Args:
            wrong: whether each line is; null where it is not known.
            said: given a line's fields, says what was expected.

        Raises:
            UserError: there is one.
        """
        row = pc.index(wrong, True).as_py()
        if row >= 0:
            (fields,) = self.columns.slice(row, 1).to_pylist()
            raise UserError(f"{self.location}, line {self.numbers[row]}: {said(fields)}")

    def require_plain_names(self, column: str) -> None:
        """Refuse a line with a path that no table or message can hold.

        Raises:
            UserError: a path has a line end or another control character.
        """
        wrong = pc.match_substring_regex(self.columns[column], _CONTROL)
        self.refuse(wrong, lambda fields: _not_plain(fields[column]))


def find_list(root: Root, files: Files, name: str, what: str) -> str:
    """Return the path of the list with this name; it may lie in a folder of its own.

    Raises:
        UserError: there is none, or more than one equally near the root.
    """
    found = [path for path in files if path == name or path.endswith(f"/{name}")]
    found.sort(key=lambda path: (path.count("/"), path))
    if not found:
        raise UserError(
            f"{root.location}: expected {name} in it; point `root` of the corpus in the "
            f"configuration at the folder or archive of {what}"
        )
    if len(found) > 1 and found[0].count("/") == found[1].count("/"):
        raise UserError(
            f"{root.location}: expected one {name}, found {found[0]} and {found[1]}; point `root` "
            "of the corpus in the configuration at one of their folders"
        )
    return found[0]


def read_text(root: Root, path: str) -> str:
    """Return a list's text.

    Raises:
        UserError: it cannot be read, or is not text in UTF-8.
    """
    try:
        # -sig: a byte-order mark is not part of the first name.
        return root.read(path, _MAX_LIST_BYTES).decode("utf-8-sig")
    except RejectedClip as error:
        raise UserError(f"{root.location}/{path}: {error}") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{root.location}/{path}: expected text in UTF-8; download it again, or save it so"
        ) from error


def read_csv(
    root: Root, path: str, required: Sequence[str], delimiters: str = ",", quoted: bool = True
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Read a table whose first line names its columns.

    Args:
        root: the corpus.
        path: of the table.
        required: columns that it must have.
        delimiters: the first of these characters is taken that makes the first line have them.
        quoted: whether fields may stand in double quotes.

    Returns:
        The columns' names, in lower case and without spaces around them, and an iterator over the
        other lines: the number of each, and its fields without spaces around them.

    Raises:
        UserError: a column is missing, or the text is not a table.
    """
    content = read_text(root, path).encode()
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    for delimiter in delimiters:
        # newline="": line ends stay as they are, which quoted fields may hold.
        text = io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="")
        reader = csv.reader(text, delimiter=delimiter, quoting=quoting, strict=True)
        records = _records(f"{root.location}/{path}", reader)
        header = [name.lower() for name in next(records, [])]
        if set(required) <= set(header):
            return header, ((reader.line_num, fields) for fields in records if any(fields))
    raise UserError(
        f"{root.location}/{path}, line 1: expected a table with the columns "
        f"{', '.join(required)}, separated by {' or '.join(map(_spoken, delimiters))}; "
        "name them in its first line"
    )


def _records(location: str, reader: Any) -> Iterator[list[str]]:
    try:
        for fields in reader:
            yield [field.strip() for field in fields]
    except csv.Error as error:
        raise UserError(
            f"{location}, line {reader.line_num}: not a table ({error}); correct or remove the line"
        ) from error


def _spoken(delimiter: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[delimiter]
