"""Corpora in the layout of the ASVspoof challenges: a protocol per partition, folders of audio.

What differs between the challenges is data: a `Layout`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from authenticity import tables
from authenticity.corpora.reading import (
    NO_ATTACK,
    Content,
    Files,
    file_columns,
    given,
    known,
    left_out,
    read_text,
    require_plain_name,
)
from authenticity.errors import UserError
from authenticity.roots import Root

if TYPE_CHECKING:
    from authenticity.config import Corpus

_LABELS = {"bonafide": 0, "spoof": 1}
_KINDS = ("target", "nontarget", "spoof")

# What the challenges write where there is no attack: 2019 a dash, the later keys the label.
_NO_ATTACKS = (NO_ATTACK, "bonafide")

_NOT_CONDITIONS = ("speaker", "key", "attack", "label")


@dataclass(frozen=True)
class AsvScores:
    """Where the scores of a challenge's speaker verification lie, below the corpus root.

    Attributes:
        scores: without `key`, lines of `ATTACK KIND SCORE`; with it, `SPEAKER TRIAL SCORE`.
        key: a protocol in the layout's columns, line by line the same trials as `scores`, whose
            label says target, nontarget or spoof.
    """

    scores: str
    key: str | None = None


@dataclass(frozen=True)
class Partition:
    """Where one partition lies, below the corpus root.

    Attributes:
        protocols: places that its protocol may be in; the first that is there is read.
        audio: folders that its audio may be in; all that are there are searched.
        asv: places that ASV scores may be in; a corpus without them is complete.
    """

    protocols: tuple[str, ...]
    audio: tuple[str, ...]
    asv: tuple[AsvScores, ...] = ()


@dataclass(frozen=True)
class Layout:
    """How one challenge lays out its corpus.

    Attributes:
        columns: the protocol's fields in order; `None` for one that is not used. `speaker`, `key`,
            `attack` and `label` are required; all others are the corpus's conditions. A condition
            `subset` lets the configuration choose.
        partitions: by split name.
        prefixes: folders that an archive may nest the corpus in; the first that fits is used.
        suffixes: of the audio files, in order of preference.
        dashes: what a dash says in a condition, where it is a value; else none is given.
    """

    columns: tuple[str | None, ...]
    partitions: Mapping[str, Partition]
    prefixes: tuple[str, ...] = ("",)
    suffixes: tuple[str, ...] = (".flac", ".ogg", ".opus", ".wav")
    dashes: Mapping[str, str] = field(default_factory=dict)


ASVSPOOF2019_LA = Layout(
    columns=("speaker", "key", None, "attack", "label"),
    partitions={
        split: Partition(
            (f"ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{split}.{extension}.txt",),
            (f"ASVspoof2019_LA_{split}/flac",),
            (
                AsvScores(
                    f"ASVspoof2019_LA_asv_scores/ASVspoof2019.LA.asv.{split}.gi.trl.scores.txt"
                ),
            )
            if split != "train"
            else (),
        )
        for split, extension in (("train", "trn"), ("dev", "trl"), ("eval", "trl"))
    },
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
                AsvScores(f"{keys}/ASV/ASVTorch_Kaldi/score.txt", f"{keys}/ASV/trial_metadata.txt")
                for keys in _LA_2021_KEYS
            ),
        )
    },
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
    dashes={"codec": "none"},
)
"""README.txt of the corpus (zenodo.org/records/14498691): fields separated by spaces despite the
name; the sixth is the utterance that was coded, the tenth is reserved. Clips that were not coded
have a dash for the codec."""


class Format:
    """Reads corpora of one layout; see `reading.Format`."""

    duplicates = "keep"
    labelled = True

    def __init__(self, layout: Layout):
        self.layout = layout
        self.splits = tuple(layout.partitions)
        self.options = frozenset(["subsets"] if "subset" in layout.columns else [])
        self._conditions = [name for name in layout.columns if name and name not in _NOT_CONDITIONS]

    def files(self, root: Root, settings: "Corpus") -> Files:
        """List the folders of the wanted partitions: protocols, ASV scores and audio."""
        prefix = self._prefix(root)
        partitions = [self.layout.partitions[split] for split in settings.splits]
        folders: list[str] = []
        for partition in partitions:
            lists = [
                *partition.protocols,
                *(path for asv in partition.asv for path in (asv.scores, asv.key) if path),
            ]
            folders += [prefix + path.rpartition("/")[0] for path in lists]
            folders += self._audio_folders(root, prefix, partition)
        return {
            _join(folder, name): entry
            for folder in dict.fromkeys(folders)
            if root.has_folder(folder)
            for name, entry in root.entries(folder).items()
        }

    def read(self, root: Root, settings: "Corpus", files: Files) -> Content:
        """Read the wanted partitions' protocols and ASV scores."""
        prefix = self._prefix(root)
        subsets = (settings.subsets or ("eval",)) if "subsets" in self.options else None
        trials: list[dict[str, Any]] = []
        places: dict[str, str] = {}
        n_other_subset = n_audio_files = 0
        for split in settings.splits:
            partition = self.layout.partitions[split]
            folders = self._audio_folders(root, prefix, partition)
            n_audio_files += sum(path.rpartition("/")[0] in folders for path in files)
            for where, fields in self._protocol(root, prefix, partition, files):
                row = self._row(where, fields)
                if first := places.get(row["key"]):
                    raise UserError(
                        f"{where}: {row['key']} is listed twice, first in {first}; "
                        "remove one of the two lines"
                    )
                places[row["key"]] = where
                row |= file_columns(self._path(folders, row["key"], files), files)
                if subsets is not None and row["subset"] not in subsets:
                    n_other_subset += 1
                    n_audio_files -= row["path"] in files
                    continue
                trials.append({**row, "split": split})
        found = sum(trial["path"] in files for trial in trials)
        notes = [f"trials of other subsets left out: {n_other_subset}"] if n_other_subset else []
        return Content(
            trials,
            self._conditions,
            pa.concat_tables(
                self._asv_scores(root, prefix, split, files, subsets) for split in settings.splits
            ),
            [*notes, *left_out(n_audio_files - found)],
        )

    def _prefix(self, root: Root) -> str:
        protocols = [path for item in self.layout.partitions.values() for path in item.protocols]
        for prefix in self.layout.prefixes:
            for path in protocols:
                folder, _, name = (prefix + path).rpartition("/")
                if root.has_folder(folder) and name in root.entries(folder):
                    return prefix
        raise UserError(
            f"{root.location}: expected {protocols[0]} in it; point `root` of the corpus in the "
            "configuration at the folder or archive that holds the challenge's data"
        )

    def _audio_folders(self, root: Root, prefix: str, partition: Partition) -> list[str]:
        folders = [prefix + folder for folder in partition.audio]
        if found := [folder for folder in folders if root.has_folder(folder)]:
            return found
        raise UserError(
            f"{root.location}: expected a folder {folders[0]}; complete the corpus, or leave its "
            "split out of the corpus's `splits` in the configuration"
        )

    def _protocol(
        self, root: Root, prefix: str, partition: Partition, files: Files
    ) -> Iterator[tuple[str, list[str]]]:
        for path in partition.protocols:
            if prefix + path in files:
                return _lines(root, prefix + path)
        raise UserError(
            f"{root.location}/{prefix}{partition.protocols[0]}: no such protocol; complete the "
            "corpus, or leave its split out of the corpus's `splits` in the configuration"
        )

    def _row(self, where: str, fields: list[str]) -> dict[str, Any]:
        row: dict[str, Any] = self._named(where, fields)
        require_plain_name(where, row["key"])
        if "/" in row["key"]:
            raise UserError(
                f"{where}: expected a file name without folder, found {row['key']}; "
                "correct or remove the line"
            )
        word, attack = row["label"], row["attack"]
        if word not in _LABELS:
            raise UserError(
                f"{where}: unknown label {word!r}, expected bonafide or spoof; "
                "correct or remove the line"
            )
        row["label"] = _LABELS[word]
        if (row["label"] == 0) != (attack in _NO_ATTACKS):
            raise UserError(
                f"{where}: expected the attack - for bona fide and an attack for spoof, found "
                f"attack {attack!r} with label {word}; correct or remove the line"
            )
        row["attack"] = known(attack) if row["label"] else NO_ATTACK
        row["speaker"] = known(row["speaker"])
        return row | {name: self._condition(name, row[name]) for name in self._conditions}

    def _condition(self, name: str, value: str) -> str | None:
        if value == "bonafide":  # the vocoder of a clip that has none
            return None
        return self.layout.dashes.get(name) if value == "-" else given(value)

    def _named(self, where: str, fields: list[str]) -> dict[str, str]:
        columns = self.layout.columns
        if len(fields) != len(columns):
            raise UserError(
                f"{where}: expected {len(columns)} fields separated by spaces, "
                f"found {len(fields)}; correct or remove the line"
            )
        return {name: value for name, value in zip(columns, fields, strict=True) if name}

    def _path(self, folders: Sequence[str], key: str, files: Files) -> str:
        for folder in folders:
            for suffix in self.layout.suffixes:
                if (path := f"{folder}/{key}{suffix}") in files:
                    return path
        return f"{folders[0]}/{key}{self.layout.suffixes[0]}"

    def _asv_scores(
        self, root: Root, prefix: str, split: str, files: Files, subsets: Sequence[str] | None
    ) -> pa.Table:
        places = self.layout.partitions[split].asv
        here = next((place for place in places if prefix + place.scores in files), None)
        if here is None:
            return tables.ASV_SCORES.empty_table()
        lines = _lines(root, prefix + here.scores)
        if here.key is None:
            trials = (_asv_trial(where, fields) for where, fields in lines)
        else:
            keys = _lines(root, prefix + here.key)
            trials = self._keyed_asv_trials(lines, keys, subsets)
        kinds, attacks, scores = tuple(zip(*trials, strict=True)) or ((), (), ())
        columns = ([split] * len(scores), kinds, attacks, scores)
        return pa.Table.from_arrays(
            [
                pa.array(values, kind)
                for values, kind in zip(columns, tables.ASV_SCORES.types, strict=True)
            ],
            schema=tables.ASV_SCORES,
        )

    def _keyed_asv_trials(
        self,
        lines: Iterator[tuple[str, list[str]]],
        keys: Iterator[tuple[str, list[str]]],
        subsets: Sequence[str] | None,
    ) -> Iterator[tuple[str, str, float]]:
        """Give each score the kind and attack that the key has for the same trial."""
        for line, key in zip_longest(lines, keys):
            where, fields = line or key
            if line is None or key is None or len(fields) != 3:
                raise UserError(
                    f"{where}: expected a line of three fields for each line of the ASV key; "
                    "download the challenge's keys again"
                )
            trial = self._named(*key)
            if trial["key"] != fields[1]:
                raise UserError(
                    f"{where}: expected the score of {trial['key']} as in the ASV key, found "
                    f"{fields[1]}; download the challenge's keys again"
                )
            if subsets is None or trial["subset"] in subsets:
                yield _asv_trial(where, [trial["attack"], trial["label"], fields[2]])


def _asv_trial(where: str, fields: Sequence[str]) -> tuple[str, str, float]:
    """Return kind, attack and score of a trial of speaker verification."""
    try:
        attack, kind, text = fields
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score) or kind not in _KINDS:
        raise UserError(
            f"{where}: expected attack or bonafide, then target, nontarget or spoof, then a "
            "number; download the challenge's ASV scores again"
        )
    return kind, attack if kind == "spoof" else NO_ATTACK, score


def _lines(root: Root, path: str) -> Iterator[tuple[str, list[str]]]:
    for number, line in enumerate(read_text(root, path).split("\n"), start=1):
        if fields := line.split():
            yield f"{root.location}/{path}, line {number}", fields


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
