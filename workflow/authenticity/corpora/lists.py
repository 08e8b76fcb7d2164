"""How the lists of a corpus are found and read: protocols, and tables in CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from authenticity.corpora.reading import CONTROL, NOT_PLAIN, Files
from authenticity.errors import RejectedClip, UserError
from authenticity.roots import Root

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
        wrong = pc.match_substring_regex(self.columns[column], CONTROL)
        self.refuse(wrong, NOT_PLAIN.format(f"{{{column}!a}}"))


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
