"""Corpora whose clips stand in one CSV file: a user's own, and In-the-Wild."""

import posixpath
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from authenticity import tables
from authenticity.config import Corpus
from authenticity.corpora.reading import (
    Content,
    Files,
    Format,
    Lines,
    as_trials,
    find_list,
    given,
    known,
    label_of,
    left_out,
    of_each,
    read_csv,
    require_distinct,
    unique_keys,
)
from authenticity.errors import UserError
from authenticity.roots import Root

SPLIT_WORDS = {
    **dict.fromkeys(["train", "training"], "train"),
    **dict.fromkeys(["dev", "development", "val", "valid", "validation"], "dev"),
    **dict.fromkeys(["eval", "evaluation", "test", "testing"], "eval"),
    **dict.fromkeys(["none", ""], "none"),
}
_READ = ("label", "attack", "speaker", "split")


@dataclass(frozen=True)
class Listing(Format):
    """How one corpus's CSV file is laid out.

    A clip's key is its path as listed, without suffix unless another clip's would be the same.

    Attributes:
        name: of the file, unless the configuration says `list`.
        path: the column of paths, relative to the file's folder.
        own: it is the user's: `list` names it, it may tell a split and an attack, and its further
            columns are conditions.
    """

    name: str
    path: str
    own: bool

    def read(self, root: Root, settings: Corpus, files: Files) -> Content:
        """Read the list."""
        path = self._list(root, settings, files)
        folder, location = path[: path.rfind("/") + 1], f"{root.location}/{path}"
        header, numbered = read_csv(root, path, [self.path, "label"], ",;\t|")
        conditions = self._conditions(f"{location}, line 1", header)
        mistake = (
            f"expected {len(header)} fields as in the first line, found {{found}}; "
            "correct or remove the line"
        )
        lines = Lines.of(location, header, numbered, mistake)
        clips = _clip_paths(lines, self.path)
        require_distinct(clips, lines.places())
        columns = {
            "key": unique_keys(clips),
            "path": pc.binary_join_element_wise(folder, clips, ""),
            **self._columns(lines),
            **{name: of_each(lines.columns[name], given) for name in conditions},
        }
        trials = as_trials(columns, files)
        wanted = trials.filter(pc.is_in(trials["split"], pa.array(settings.splits)))
        n_other = len(trials) - len(wanted)
        notes = [f"trials of other partitions left out: {n_other}"] if n_other else []
        return Content(wanted, notes=[*notes, *left_out(files, trials["path"].to_pylist())])

    def _list(self, root: Root, settings: Corpus, files: Files) -> str:
        if not self.own:
            return find_list(root, files, self.name, "the corpus")
        path = posixpath.normpath(settings.list or self.name)
        if path not in files:
            raise UserError(
                f"{root.location}: expected the list of clips {path} in it; put it there, or "
                "correct `list` of the corpus in the configuration"
            )
        return path

    def _conditions(self, where: str, header: list[str]) -> list[str]:
        # A column without a name is the row numbers that pandas writes.
        named = [name for name in header if name]
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise UserError(f"{where}: two columns are named {twice[0]}; rename one of them")
        if not self.own:
            return []
        further = [name for name in named if name not in (self.path, *_READ)]
        if refused := [name for name in further if not tables.conditions([name])]:
            raise UserError(
                f"{where}: {refused[0]} is a name that the workflow's own tables use; "
                "rename the column"
            )
        return further

    def _columns(self, lines: Lines) -> dict[str, pa.Array]:
        """Return the columns of the manifest that the list's own tell."""
        nothing = pa.chunked_array([pa.repeat("", len(lines.numbers))])
        given_columns = dict(zip(lines.columns.column_names, lines.columns.columns, strict=True))
        label_word, attack_word, speaker_word, split_word = (
            given_columns.get(name, nothing) for name in _READ
        )
        label = of_each(label_word, label_of, pa.int8())
        lines.refuse(
            pc.is_null(label),
            "unknown label {label!r}, expected bonafide, genuine, real, human or 0, or spoof, "
            "fake, synthetic, deepfake or 1; correct the line",
        )
        named = of_each(
            attack_word, lambda word: known(word) is not None and label_of(word) != 0, pa.bool_()
        )
        lines.refuse(
            pc.and_(pc.equal(label, 0), named),
            "bona fide with the attack {attack!r}; correct the label, or leave the attack empty",
        )
        split = of_each(split_word, lambda word: SPLIT_WORDS.get(word.lower()))
        lines.refuse(
            pc.is_null(split),
            "unknown split {split!r}, expected train, dev, eval or none; correct the line",
        )
        return {
            "split": split if self.own else pa.repeat("none", len(split)),
            "label": label,
            "attack": attack_word,
            "speaker": speaker_word,
        }


def _clip_paths(lines: Lines, column: str) -> pa.ChunkedArray:
    """Return the listed paths in their shortest form; backslashes are those of Windows."""
    lines.require_plain_names(column)
    slashed = pc.replace_substring(lines.columns[column], "\\", "/")
    paths = of_each(slashed, posixpath.normpath)
    leads_out = pc.match_substring_regex(slashed, r"^/|(^|/)\.\.(/|$)|^[A-Za-z]:")
    lines.refuse(
        pc.or_(leads_out, pc.equal(paths, ".")),
        "expected a path relative to the list's folder and below it, found "
        f"{{{column}!r}}; correct the line",
    )
    return paths


CSV = Listing(
    *("clips.csv", "path"),
    own=True,
    splits=("train", "dev", "eval", "none"),
    options=("list",),
)

IN_THE_WILD = Listing("meta.csv", "file", own=False)
"""release_in_the_wild.zip: meta.csv (`file,speaker,label`) beside 31,779 wavs; the label is
`bona-fide` or `spoof`, and nothing tells how a spoof was made (arXiv 2203.16263)."""
