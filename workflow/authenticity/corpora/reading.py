"""How a corpus is read: its lists, what the words in them mean, and the trials they give."""

import csv
import io
import posixpath
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from authenticity import tables
from authenticity.config import Corpus
from authenticity.errors import RejectedClip, UserError
from authenticity.roots import Entry, Root

NO_ATTACK = "-"
"""The attack of bona fide."""

_NOT_GIVEN = frozenset(
    ["", "-", "?", "n/a", "na", "nan", "not given", "not known", "null", "unknown"]
)

# What a clip's file name may end in where no list names the clips.
_SUFFIXES = (
    "3gp aac ac3 aif aifc aiff amr ape au avi caf flac m4a m4b mka mkv mov mp2 mp3 mp4 mpeg mpga "
    "oga ogg opus snd sph spx tta voc w64 wav webm wma wv"
)
_AUDIO_SUFFIXES = frozenset(_SUFFIXES.split())
_LABEL_WORDS = {
    **dict.fromkeys(["bonafide", "bona-fide", "bona_fide", "bona fide"], 0),
    **dict.fromkeys(["genuine", "real", "human", "0"], 0),
    **dict.fromkeys(["spoof", "fake", "synthetic", "deepfake", "1"], 1),
}

Files = Mapping[str, Entry]
"""A corpus's files by path: all that its trials depend on."""

# Control characters, and what stands for bytes that are not UTF-8.
_IN_NO_NAME = re.compile("[\x00-\x1f\ud800-\udfff]")
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


def known(name: str) -> str | None:
    """Return a speaker, or the attack of spoof; `None` for a word that says it is not known.

    Such words are `-`, `unknown`, `n/a`, `none` and the like, in upper or lower case.
    """
    return None if name.strip().lower() == "none" else given(name)


def given(value: str | None) -> str | None:
    """Return the value of a condition; `None` for a word that says it is not given.

    The words are those of `known` but for `none`, which is a value: of clips without codec, say.
    Names that differ in the normal form of Unicode alone are one name.
    """
    if value is None or value.strip().lower() in _NOT_GIVEN:
        return None
    return unicodedata.normalize("NFC", value)


def label_of(word: str) -> int | None:
    """Return 0 for a word that means bona fide, 1 for spoof, `None` for any other."""
    return _LABEL_WORDS.get(word.strip().lower())


def is_audio(path: str) -> bool:
    """Tell from a file's name whether it holds audio."""
    return posixpath.splitext(path)[1][1:].lower() in _AUDIO_SUFFIXES


def require_plain_name(where: str, path: str) -> None:
    """Raise `UserError` for a path that is not in UTF-8, or has a line end or the like."""
    if _IN_NO_NAME.search(path):
        raise UserError(
            f"{where}: expected a file name in UTF-8 on one line, found {path!a}; rename the "
            "file or its folder"
        )


def as_trials(columns: Mapping[str, Any], files: Files) -> pa.Table:
    """Return trials as a table: the columns of `tables.MANIFEST` less `corpus`, and conditions.

    A listed file that is absent has 0 bytes: it is set aside later, with a reason, and counted. A
    path may be listed in another normal form of Unicode than that of the file's name.

    Args:
        columns: arrays or lists by name, of all but the files' `bytes` and `mtime_ns`; without
            `split`, the trials are in no partition. The attack and the speaker are as the corpus
            has them, see `known`; the attack of bona fide is not looked at.
        files: the corpus's.
    """
    columns = {"split": pa.repeat("none", len(columns["key"])), **columns}
    trials = pa.Table.from_pydict(columns, tables.with_conditions(_LISTED, columns))
    attack, speaker = (of_each(trials[name], known) for name in ("attack", "speaker"))
    attack = pc.if_else(pc.equal(trials["label"], 0), NO_ATTACK, attack)
    forms = {unicodedata.normalize("NFC", path): path for path in files}
    paths = [
        path if path in files else forms.get(unicodedata.normalize("NFC", path), path)
        for path in trials["path"].to_pylist()
    ]
    for name, values in (("attack", attack), ("speaker", speaker), ("path", pa.array(paths))):
        trials = trials.set_column(_LISTED.get_field_index(name), name, values)
    entries = [files.get(path, _ABSENT) for path in paths]
    for index, name in enumerate(_OF_FILES):
        trials = trials.append_column(name, pa.array([entry[index] for entry in entries], "int64"))
    return trials


def left_out(
    files: Files, paths: Iterable[str], counts: Callable[[str], bool] = is_audio
) -> list[str]:
    """Say how many files that count are there and not among the trials' paths."""
    n_others = sum(map(counts, files.keys() - set(paths)))
    return [f"other files left out: {n_others}"] if n_others else []


def unique_keys(paths: pa.Array) -> pa.Array:
    """Return a key for each path: the path without suffix, or whole where that is not unique."""
    # As `os.path.splitext`: dots that a name begins with are part of it.
    stems = pc.replace_substring_regex(paths, r"([^/.][^/]*)\.[^/.]*$", r"\1")
    uses = stems.value_counts()
    repeated = uses.field("values").filter(pc.greater(uses.field("counts"), 1))
    is_other_path = pc.and_(pc.is_in(stems, paths), pc.not_equal(stems, paths))
    return pc.if_else(pc.or_(pc.is_in(stems, repeated), is_other_path), paths, stems)


# Lists: protocols, and tables in CSV ---------------------------------------------------------

_MAX_LIST_BYTES = 1 << 30
_LINES_AT_ONCE = 500  # with more, Python's garbage collector takes twice as long as the rest
_SPOKEN = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def find_list(root: Root, files: Files, name: str, what: str) -> str:
    """Return the path of the list with this name that is nearest to the root.

    Raises:
        UserError: there is none, or two are equally near.
    """
    named = [path for path in files if path == name or path.endswith(f"/{name}")]
    named.sort(key=lambda path: (path.count("/"), path))
    if not named:
        raise UserError(
            f"{root.location}: expected {name} in it; point `root` of the corpus in the "
            f"configuration at the folder or archive of {what}"
        )
    if len(named) > 1 and named[0].count("/") == named[1].count("/"):
        raise UserError(
            f"{root.location}: expected one {name}, found {named[0]} and {named[1]}; point `root` "
            "of the corpus in the configuration at one of their folders"
        )
    return named[0]


def read_text(root: Root, path: str) -> str:
    """Return a list's text; one that is not text in UTF-8 is a `UserError`."""
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
        root: of the corpus.
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
        f"{', '.join(required)}, separated by {' or '.join(map(_SPOKEN.get, delimiters))}; "
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
            names: of the fields; None or empty for a field that is not used.
            lines: the number and the fields of each.
            mistake: the message on a line that has more or fewer fields, `{found}` of them.
        """
        numbers: list[int] = []
        schema = pa.schema([(name, pa.string()) for name in names if name])
        columns = [schema.empty_table()]
        while some := list(islice(lines, _LINES_AT_ONCE)):
            for number, fields in some:
                if len(fields) != len(names):
                    expected = mistake.format(found=len(fields))
                    raise UserError(f"{location}, line {number}: {expected}")
                numbers.append(number)
            values = zip(names, zip(*(fields for _, fields in some), strict=True), strict=True)
            columns.append(
                pa.Table.from_pydict({name: texts for name, texts in values if name}, schema)
            )
        if not numbers:
            raise UserError(f"{location}: it lists no trial; complete it, or download it again")
        whole = pa.concat_tables(columns).combine_chunks()
        return cls(location, whole, pa.array(numbers, pa.int64()))

    def only(self, wanted: pa.ChunkedArray) -> "Lines":
        """Return some of the lines."""
        return Lines(self.location, self.columns.filter(wanted), self.numbers.filter(wanted))

    def places(self) -> Iterator[str]:
        """Say where each line stands."""
        return (f"{self.location}, line {number}" for number in self.numbers.to_pylist())

    def refuse(self, wrong: pa.Array, expected: str) -> None:
        """Raise `UserError` for the first line that is `wrong`.

        `expected` is the message, which may hold fields of the line, as in `{label!r}`.
        """
        row = pc.index(wrong, True).as_py()
        if row >= 0:
            (fields,) = self.columns.slice(row, 1).to_pylist()
            raise UserError(
                f"{self.location}, line {self.numbers[row]}: {expected.format_map(fields)}"
            )

    def require_plain_names(self, column: str) -> None:
        """Raise `UserError` for a path with a line end or another control character."""
        for place, path in zip(self.places(), self.columns[column].to_pylist(), strict=True):
            require_plain_name(place, path)


def of_each(
    texts: pa.ChunkedArray, function: Callable[[str], Any], kind: pa.DataType | None = None
) -> pa.Array:
    """Return what a function makes of each text; it is called once for equal ones."""
    coded = texts.combine_chunks().dictionary_encode()
    values = [function(text) for text in coded.dictionary.to_pylist()]
    return pa.array(values, kind or pa.string()).take(coded.indices)


def require_distinct(names: pa.ChunkedArray, places: Iterable[str]) -> None:
    """Raise `UserError` for a name that stands twice; `places` say where each name stands."""
    if pc.count_distinct(names).as_py() == len(names):
        return
    seen: dict[str, str] = {}
    for name, place in zip(names.to_pylist(), places, strict=True):
        if first := seen.get(name):
            raise UserError(
                f"{place}: {name} is listed twice, first in {first}; remove one of the two lines"
            )
        seen[name] = place
