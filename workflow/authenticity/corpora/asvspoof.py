"""Corpora in the layout of the ASVspoof challenges: a protocol per partition, folders of audio.

What differs between the challenges is data: a `Layout`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from posixpath import join
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from authenticity import tables
from authenticity.config import Corpus
from authenticity.corpora.reading import (
    NO_ATTACK,
    Content,
    Files,
    Format,
    Lines,
    as_trials,
    given,
    left_out,
    of_each,
    read_text,
    require_distinct,
)
from authenticity.errors import UserError
from authenticity.roots import Root

_LABELS = {"bonafide": 0, "spoof": 1}
_SUFFIXES = (".flac", ".ogg", ".opus", ".wav")  # of the audio files, in order of preference

# What the challenges write where there is no attack: 2019 a dash, the later keys the label.
_NO_ATTACKS = (NO_ATTACK, "bonafide")

_NO_ASV_TRIAL = (
    "expected attack or bonafide, then target, nontarget or spoof, then a number; download the "
    "challenge's ASV scores again"
)
_NO_ASV_SCORE = (
    "expected a line of three fields for each line of the ASV key; download the challenge's keys "
    "again"
)


@dataclass(frozen=True)
class Partition:
    """Where one partition lies, below the corpus root.

    Attributes:
        protocols: places that its protocol may be in; the first that is there is read.
        audio: folders that its audio may be in; all that are there are searched.
        asv: places that the scores of the challenge's speaker verification may be in; a corpus
            without them is complete. One path: lines of `ATTACK KIND SCORE`. Two: lines of
            `SPEAKER TRIAL SCORE`, and their key, a protocol in the layout's columns with the same
            trials line by line, whose label says target, nontarget or spoof.
    """

    protocols: tuple[str, ...]
    audio: tuple[str, ...]
    asv: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Layout(Format):
    """How one challenge lays out its corpus.

    Attributes:
        columns: the protocol's fields in order; `None` for one that is not used. `speaker`, `key`,
            `attack` and `label` are required; all others are the corpus's conditions. With the
            option `subsets`, the configuration chooses among the values of `subset`.
        partitions: by split name.
        prefixes: folders that an archive may nest the corpus in; the first that fits is used.
        dashes: what a dash says in a condition, where it is a value; else none is given.
    """

    columns: tuple[str | None, ...]
    partitions: Mapping[str, Partition]
    prefixes: tuple[str, ...] = ("",)
    dashes: Mapping[str, str] = field(default_factory=dict)
    duplicates: str = "keep"

    def files(self, root: Root, settings: Corpus) -> Files:
        """List the folders of the wanted partitions: protocols, ASV scores and audio."""
        folders: list[str] = []
        for split in settings.splits:
            partition = self._partition(root, split)
            lists = [*partition.protocols, *(path for paths in partition.asv for path in paths)]
            folders += [path.rpartition("/")[0] for path in lists] + [*partition.audio]
        return {
            join(folder, name): entry
            for folder in dict.fromkeys(folders)
            if root.has_folder(folder)
            for name, entry in root.entries(folder).items()
        }

    def read(self, root: Root, settings: Corpus, files: Files) -> Content:
        """Read the wanted partitions' protocols and ASV scores."""
        subsets = pa.array(settings.subsets or ["eval"]) if self.options else None
        protocols: list[Lines] = []
        parts: list[pa.Table] = []
        asv_scores: list[pa.Table] = []
        folders: set[str] = set()
        for split in settings.splits:
            partition = self._partition(root, split)
            folders.update(partition.audio)
            lines = self._protocol(root, partition, files)
            columns = self._columns(lines)
            columns["split"] = pa.repeat(split, len(columns["key"]))
            columns["path"] = [
                self._path(partition, key, files) for key in columns["key"].to_pylist()
            ]
            protocols.append(lines)
            parts.append(as_trials(columns, files))
            asv_scores.append(self._asv_scores(root, split, partition, files, subsets))
        trials = pa.concat_tables(parts)
        require_distinct(trials["key"], (place for lines in protocols for place in lines.places()))
        notes = left_out(
            files, trials["path"].to_pylist(), lambda path: path.rpartition("/")[0] in folders
        )
        if subsets is not None:
            wanted = trials.filter(pc.is_in(trials["subset"], subsets))
            if n_other := len(trials) - len(wanted):
                notes = [f"trials of other subsets left out: {n_other}", *notes]
            trials = wanted
        return Content(trials, pa.concat_tables(asv_scores), notes)

    def _partition(self, root: Root, split: str) -> Partition:
        """Return where a partition lies below this root, with the audio folders that are there."""
        prefix, partition = self._prefix(root), self.partitions[split]
        audio = [prefix + folder for folder in partition.audio]
        there = tuple(folder for folder in audio if root.has_folder(folder))
        if not there:
            raise UserError(
                f"{root.location}: expected a folder {audio[0]}; complete the corpus, or leave its "
                "split out of the corpus's `splits` in the configuration"
            )
        return Partition(
            tuple(prefix + path for path in partition.protocols),
            there,
            tuple(tuple(prefix + path for path in paths) for paths in partition.asv),
        )

    def _prefix(self, root: Root) -> str:
        protocols = [path for item in self.partitions.values() for path in item.protocols]
        for prefix in self.prefixes:
            for path in protocols:
                folder, _, name = (prefix + path).rpartition("/")
                if root.has_folder(folder) and name in root.entries(folder):
                    return prefix
        raise UserError(
            f"{root.location}: expected {protocols[0]} in it; point `root` of the corpus in the "
            "configuration at the folder or archive that holds the challenge's data"
        )

    def _protocol(self, root: Root, partition: Partition, files: Files) -> Lines:
        for path in partition.protocols:
            if path in files:
                return self._lines(root, path)
        raise UserError(
            f"{root.location}/{partition.protocols[0]}: no such protocol; complete the corpus, or "
            "leave its split out of the corpus's `splits` in the configuration"
        )

    def _lines(self, root: Root, path: str) -> Lines:
        mistake = (
            f"expected {len(self.columns)} fields separated by spaces, found {{found}}; "
            "correct or remove the line"
        )
        return _lines(root, path, self.columns, mistake)

    def _columns(self, lines: Lines) -> dict[str, Any]:
        """Return the columns of the manifest that a protocol tells."""
        lines.require_plain_names("key")
        columns = lines.columns
        lines.refuse(
            pc.match_substring(columns["key"], "/"),
            "expected a file name without folder, found {key}; correct or remove the line",
        )
        label = of_each(columns["label"], _LABELS.get, pa.int8())
        lines.refuse(
            pc.is_null(label),
            "unknown label {label!r}, expected bonafide or spoof; correct or remove the line",
        )
        lines.refuse(
            pc.not_equal(pc.equal(label, 0), pc.is_in(columns["attack"], pa.array(_NO_ATTACKS))),
            "expected the attack - for bona fide and an attack for spoof, found attack {attack!r} "
            "with label {label}; correct or remove the line",
        )
        conditions = {
            name: of_each(columns[name], partial(self._condition, name))
            for name in tables.conditions(columns.column_names)
        }
        kept = {name: columns[name] for name in ("key", "attack", "speaker")}
        return {**kept, "label": label, **conditions}

    def _condition(self, name: str, value: str) -> str | None:
        if value == "bonafide":  # the vocoder of a clip that has none
            return None
        return self.dashes.get(name) if value == "-" else given(value)

    def _path(self, partition: Partition, key: str, files: Files) -> str:
        for folder in partition.audio:
            for suffix in _SUFFIXES:
                if (path := f"{folder}/{key}{suffix}") in files:
                    return path
        return f"{partition.audio[0]}/{key}{_SUFFIXES[0]}"

    def _asv_scores(
        self, root: Root, split: str, partition: Partition, files: Files, subsets: pa.Array | None
    ) -> pa.Table:
        paths = next((paths for paths in partition.asv if paths[0] in files), None)
        if paths is None:
            return tables.ASV_SCORES.empty_table()
        if len(paths) == 1:
            lines = _lines(root, paths[0], ("attack", "label", "score"), _NO_ASV_TRIAL)
        else:
            lines = self._keyed_asv_lines(root, *paths)
            if subsets is not None:
                lines = lines.only(pc.is_in(lines.columns["subset"], subsets))
        kind, attack = lines.columns["label"], lines.columns["attack"]
        score = of_each(lines.columns["score"], _finite, pa.float64())
        is_kind = pc.is_in(kind, pa.array(["target", "nontarget", "spoof"]))
        lines.refuse(pc.or_(pc.is_null(score), pc.invert(is_kind)), _NO_ASV_TRIAL)
        columns = {
            "split": [split] * len(score),
            "kind": kind,
            "attack": pc.if_else(pc.equal(kind, "spoof"), attack, NO_ATTACK),
            "score": score,
        }
        return pa.Table.from_pydict(columns, tables.ASV_SCORES)

    def _keyed_asv_lines(self, root: Root, path: str, key_path: str) -> Lines:
        """Return the key's lines, each with the score of the same trial."""
        key = self._lines(root, key_path)
        scores = _lines(root, path, (None, "scored", "score"), _NO_ASV_SCORE)
        if len(key.numbers) != len(scores.numbers):
            raise UserError(f"{scores.location}: {_NO_ASV_SCORE}")
        columns = key.columns
        for name in scores.columns.column_names:
            columns = columns.append_column(name, scores.columns[name])
        lines = Lines(scores.location, columns, scores.numbers)
        lines.refuse(
            pc.not_equal(columns["key"], columns["scored"]),
            "expected the score of {key} as in the ASV key, found {scored}; download the "
            "challenge's keys again",
        )
        return lines


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _lines(root: Root, path: str, names: Sequence[str | None], mistake: str) -> Lines:
    split = map(str.split, read_text(root, path).split("\n"))
    numbered = ((number, fields) for number, fields in enumerate(split, start=1) if fields)
    return Lines.of(f"{root.location}/{path}", names, numbered, mistake)


ASVSPOOF2019_LA = Layout(
    columns=("speaker", "key", None, "attack", "label"),
    partitions={
        split: Partition(
            (f"ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{split}.{extension}.txt",),
            (f"ASVspoof2019_LA_{split}/flac",),
            ((f"ASVspoof2019_LA_asv_scores/ASVspoof2019.LA.asv.{split}.gi.trl.scores.txt",),)
            if split != "train"
            else (),
        )
        for split, extension in (("train", "trn"), ("dev", "trl"), ("eval", "trl"))
    },
    splits=("train", "dev", "eval"),
    prefixes=("", "LA/", "LA/LA/"),  # the published archive holds LA/, a well-known copy LA/LA/
)
"""README.LA.txt of the corpus. ASV scores were published for dev and eval."""

# As LA-keys-full.tar.gz and DF-keys-full.tar.gz unpack, directly or in a folder of their name.
_LA_2021_KEYS = ("keys/LA", "LA-keys-full/keys/LA")
_DF_2021_KEYS = ("keys/DF", "DF-keys-full/keys/DF")

ASVSPOOF2021_LA = Layout(
    columns=("speaker", "key", "codec", "transmission", "attack", "label", "trim", "subset"),
    partitions={
        "eval": Partition(
            tuple(f"{keys}/CM/trial_metadata.txt" for keys in _LA_2021_KEYS),
            ("ASVspoof2021_LA_eval/flac",),
            tuple(
                (f"{keys}/ASV/ASVTorch_Kaldi/score.txt", f"{keys}/ASV/trial_metadata.txt")
                for keys in _LA_2021_KEYS
            ),
        )
    },
    splits=("eval",),
    options=("subsets",),
)
"""README.LA.txt of the corpus; for the keys, the challenge's own evaluation package,
github.com/asvspoof-challenge/2021, eval-package: main.py for folders, config.py for columns."""

ASVSPOOF2021_DF = Layout(
    columns=(
        *("speaker", "key", "compression", "source", "attack", "label", "trim", "subset"),
        *("vocoder", "task", "team", "gender_pair", "language"),
    ),
    partitions={
        "eval": Partition(
            tuple(f"{keys}/CM/trial_metadata.txt" for keys in _DF_2021_KEYS),
            (
                # Four archives, each with ASVspoof2021_DF_eval/flac: unpacked over one another,
                # each in a folder of its name, or renamed to it.
                "ASVspoof2021_DF_eval/flac",
                *(
                    f"ASVspoof2021_DF_eval_part{part:02}/{inner}flac"
                    for part in range(4)
                    for inner in ("ASVspoof2021_DF_eval/", "")
                ),
            ),
        )
    },
    splits=("eval",),
    options=("subsets",),
)
"""The same evaluation package. The deepfake track has no speaker verification."""

ASVSPOOF5 = Layout(
    columns=(
        *("speaker", "key", "gender", "codec", "codec_quality", None),
        *("attack_tag", "attack", "label", None),
    ),
    partitions={
        split: Partition(
            tuple(f"{folder}ASVspoof5.{name}.tsv" for folder in ("ASVspoof5_protocols/", "")),
            (audio,),
        )
        for split, name, audio in (
            ("train", "train", "flac_T"),
            ("dev", "dev.track_1", "flac_D"),
            ("eval", "eval.track_1", "flac_E_eval"),
        )
    },
    splits=("train", "dev", "eval"),
    dashes={"codec": "none"},
)
"""README.txt of the corpus (zenodo.org/records/14498691): fields separated by spaces despite the
name; the sixth is the utterance that was coded, the tenth is reserved. Clips that were not coded
have a dash for the codec."""
