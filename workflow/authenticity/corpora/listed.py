"""Corpora whose clips stand in one CSV file: a user's own, and In-the-Wild."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from authenticity import tables
from authenticity.corpora.reading import (
    NO_ATTACK,
    Content,
    Files,
    file_columns,
    find_list,
    given,
    known,
    label_of,
    read_csv,
    require_plain_name,
    unique_keys,
    unlisted,
)
from authenticity.errors import UserError
from authenticity.roots import Root

if TYPE_CHECKING:
    from authenticity.config import Corpus

SPLIT_WORDS = {
    **dict.fromkeys(["train", "training"], "train"),
    **dict.fromkeys(["dev", "development", "val", "valid", "validation"], "dev"),
    **dict.fromkeys(["eval", "evaluation", "test", "testing"], "eval"),
    **dict.fromkeys(["none", ""], "none"),
}
_READ = ("label", "attack", "speaker", "split")
_DRIVE = re.compile(r"^[A-Za-z]:")


@dataclass(frozen=True)
class Listing:
    """How one corpus's CSV file is laid out.

    Attributes:
        name: of the file, unless the configuration says `list`.
        path: the column of paths, relative to the file's folder.
        delimiters: that may separate its fields.
        own: it is the user's: `list` names it, it may tell a split and an attack, and its further
            columns are conditions.
    """

    name: str
    path: str
    delimiters: str
    own: bool


CSV = Listing("clips.csv", "path", ",;\t|", own=True)

IN_THE_WILD = Listing("meta.csv", "file", ",", own=False)
"""release_in_the_wild.zip: meta.csv (`file,speaker,label`) beside 31,779 wavs; the label is
`bona-fide` or `spoof`, and nothing tells how a spoof was made (arXiv 2203.16263)."""


class Format:
    """Reads a corpus from its CSV file; see `reading.Format`.

    A clip's key is its path as listed, without suffix unless another clip's would be the same.
    """

    duplicates = "remove"
    labelled = True

    def __init__(self, listing: Listing):
        self._listing = listing
        self.splits = ("train", "dev", "eval", "none") if listing.own else ("none",)
        self.options = frozenset(["list"] if listing.own else [])

    def files(self, root: Root, settings: "Corpus") -> Files:
        """List the whole tree."""
        return root.walk()

    def read(self, root: Root, settings: "Corpus", files: Files) -> Content:
        """Read the list."""
        path = self._list(root, settings, files)
        folder = path.rpartition("/")[0]
        header, lines = read_csv(
            root, path, [self._listing.path, "label"], self._listing.delimiters
        )
        where_header = f"{root.location}/{path}, line 1"
        conditions = self._conditions(where_header, header)
        rows: dict[str, dict[str, Any]] = {}
        places: dict[str, str] = {}
        for where, fields in lines:
            if len(fields) != len(header):
                raise UserError(
                    f"{where}: expected {len(header)} fields as in the first line, found "
                    f"{len(fields)}; correct or remove the line"
                )
            record = dict(zip(header, fields, strict=True))
            clip = _clip_path(where, record[self._listing.path])
            if first := places.get(clip):
                raise UserError(
                    f"{where}: {clip} is listed twice, first in {first}; "
                    "remove one of the two lines"
                )
            places[clip] = where
            rows[clip] = {
                **file_columns(f"{folder}/{clip}" if folder else clip, files),
                **self._trial(where, record),
                **{name: given(record[name]) for name in conditions},
            }
        keys = unique_keys(list(rows))
        trials = [{"key": keys[clip], **row} for clip, row in rows.items()]
        wanted = [trial for trial in trials if trial["split"] in settings.splits]
        n_other = len(trials) - len(wanted)
        notes = [f"trials of other partitions left out: {n_other}"] if n_other else []
        return Content(wanted, conditions, notes=[*notes, *unlisted(files, trials)])

    def _list(self, root: Root, settings: "Corpus", files: Files) -> str:
        if not self._listing.own:
            return find_list(root, files, self._listing.name, "the corpus")
        path = str(PurePosixPath(settings.list or self._listing.name))
        if path not in files:
            raise UserError(
                f"{root.location}/{path}: no such list of clips; put it there, or correct `list` "
                "of the corpus in the configuration"
            )
        return path

    def _conditions(self, where: str, header: list[str]) -> list[str]:
        # A column without a name is the row numbers that pandas writes.
        named = [name for name in header if name]
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise UserError(f"{where}: two columns are named {twice[0]}; rename one of them")
        if not self._listing.own:
            return []
        further = [name for name in named if name not in (self._listing.path, *_READ)]
        if refused := [name for name in further if not tables.conditions([name])]:
            raise UserError(
                f"{where}: {refused[0]} is a name that the workflow's own tables use; "
                "rename the column"
            )
        return further

    def _trial(self, where: str, record: Mapping[str, str]) -> dict[str, Any]:
        label = label_of(record["label"])
        if label is None:
            raise UserError(
                f"{where}: unknown label {record['label']!r}, expected bonafide, genuine, real, "
                "human or 0, or spoof, fake, synthetic, deepfake or 1; correct the line"
            )
        attack = known(record.get("attack"))
        if label == 0 and attack is not None and label_of(attack) != 0:
            raise UserError(
                f"{where}: bona fide with the attack {attack!r}; correct the label, or leave the "
                "attack empty"
            )
        split = SPLIT_WORDS.get(record.get("split", "").lower())
        if split is None:
            raise UserError(
                f"{where}: unknown split {record['split']!r}, expected train, dev, eval or none; "
                "correct the line"
            )
        return {
            "split": split if self._listing.own else "none",
            "label": label,
            "attack": attack if label else NO_ATTACK,
            "speaker": known(record.get("speaker")),
        }


def _clip_path(where: str, text: str) -> str:
    """Return a listed path in its shortest form; backslashes are those of Windows."""
    require_plain_name(where, text)
    text = text.replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not parts or text.startswith("/") or ".." in parts or _DRIVE.match(text):
        raise UserError(
            f"{where}: expected a path relative to the list's folder and below it, found "
            f"{text!r}; correct the line"
        )
    return "/".join(parts)
