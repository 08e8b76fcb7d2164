"""Corpora whose folders tell what a clip is.

They are a user's own, FakeAVCeleb, WaveFake, and MLAAD with M-AILABS.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from authenticity.config import Corpus
from authenticity.corpora.reading import (
    Content,
    Files,
    Format,
    as_trials,
    find_list,
    given,
    is_audio,
    label_of,
    left_out,
    read_csv,
    require_plain_name,
    unique_keys,
)
from authenticity.errors import UserError
from authenticity.roots import Root

Trials = Iterator[tuple[str, Mapping[str, Any]]]
"""Clips by path, each with what is known of it."""


@dataclass(frozen=True)
class Tree(Format):
    """How one corpus is laid out in folders.

    A clip's key is its path without suffix, unless another clip's would be the same.

    Attributes:
        trials: given the root and its files, yields each clip's path, with what is known of its
            label, attack, speaker and conditions; and with `path` where it is not below the root
            itself.
        conditions: their names.
        counts: tells of a path whether to count the file where it is left out.
    """

    trials: Callable[[Root, Files], Trials]
    conditions: tuple[str, ...] = ()
    counts: Callable[[str], bool] = is_audio

    def read(self, root: Root, settings: Corpus, files: Files) -> Content:
        """Tell from each file's folders what it is."""
        found = dict(self.trials(root, files))
        for path in found:
            require_plain_name(root.location, path)
        columns: dict[str, Any] = {
            name: [row.get(name) for row in found.values()]
            for name in ("label", "attack", "speaker", *self.conditions)
        }
        columns["key"] = unique_keys(pa.array([*found], pa.string()))
        columns["path"] = [row.get("path", path) for path, row in found.items()]
        trials = as_trials(columns, files)
        return Content(trials, notes=left_out(files, trials["path"].to_pylist(), self.counts))


# A user's own folders -----------------------------------------------------------------------


def _folder_trials(root: Root, files: Files) -> Trials:
    """`bonafide/[SPEAKER/]...` and `spoof/[ATTACK/[SPEAKER/]]...`, or other words of the labels.

    Both may lie in one folder of any name, as in an archive of the whole. Only folders below the
    root count, and none below `bonafide` may have a word of `spoof` for its name, nor the other way
    round: no order of words tells what is meant by `human/spoof`, or by `fake/tts/human`.
    """
    places = {
        path: place for path in files if is_audio(path) and (place := _class_place(root, path))
    }
    bases = sorted({base for base, _, _ in places.values()})
    if len(bases) != 1:
        places = f"found some in {bases[0]} and {bases[1]}" if bases else "found neither"
        raise UserError(
            f"{root.location}: expected folders bonafide and spoof side by side with audio in "
            f"them, {places}; move the clips so, or list them in a table and use the format csv"
        )
    for path, (_, label, inner) in places.items():
        named = inner if label else [None, *inner]  # bona fide has no attack
        attack, speaker, *_ = (*named, None, None)
        yield path, {"label": label, "attack": attack, "speaker": speaker}


def _class_place(root: Root, path: str) -> tuple[str, int, list[str]] | None:
    """Return the folder that holds a path's class folder, the label, and the folders within."""
    folders = _folders(path)
    labels = [None if name.isdigit() else label_of(name) for name in folders]
    if 0 in labels and 1 in labels:
        real, fake = (folders[labels.index(label)] for label in (0, 1))
        raise UserError(
            f"{root.location}/{path}: its folder {real} says bona fide and its folder {fake} "
            "says spoof; rename the one that does not tell the class, or list the clips in a table "
            "and use the format csv"
        )
    index = next((index for index, label in enumerate(labels) if label is not None), None)
    if index is None:
        return None
    return "/".join(folders[:index]) or ".", labels[index], folders[index + 1 :]


def _folders(path: str) -> list[str]:
    return path.split("/")[:-1]


def _unlabelled(root: Root, files: Files) -> Trials:
    """Every audio file of a tree, of which nothing is known."""
    for path in files:
        if is_audio(path):
            yield path, {}


FOLDER = Tree(_folder_trials, counts=lambda path: True)

RECORDINGS = Tree(_unlabelled, counts=lambda path: True, duplicates="keep", labelled=False)
"""Recordings to score: they have no labels, so nothing is fitted or tested on them."""

# FakeAVCeleb --------------------------------------------------------------------------------

_CATEGORIES = {
    "RealVideo-RealAudio": 0,
    "FakeVideo-RealAudio": 0,  # the audio of its source, whatever became of the picture
    "RealVideo-FakeAudio": 1,
    "FakeVideo-FakeAudio": 1,
}
# The one system that made all fake audio; `method` tells what was done to the picture.
_ATTACK = "SV2TTS"
_COLUMNS = ("source", "target1", "target2", "method", "category", "type", "race", "gender")


def _fakeavceleb_trials(root: Root, files: Files) -> Trials:
    """The list's lines; the label is that of the folder a video lies in.

    A clip's key is its path below the corpus, without suffix; its speaker is the person filmed, the
    list's `source`.
    """
    path = find_list(root, files, "meta_data.csv", "FakeAVCeleb")
    header, lines = read_csv(root, path, _COLUMNS)
    needed = 1 + max(map(header.index, _COLUMNS))
    listed: set[str] = set()
    for number, fields in lines:
        where = f"{root.location}/{path}, line {number}"
        if len(fields) < needed:
            raise UserError(
                f"{where}: expected at least {needed} fields, found {len(fields)}; "
                "download the list again"
            )
        clip = _fakeavceleb_path(where, fields)
        if clip in listed:
            raise UserError(f"{where}: {clip} is listed twice; remove one of the two lines")
        listed.add(clip)
        category = clip.partition("/")[0]
        record = dict(zip(header, fields, strict=False))
        facts = {name: given(record[name]) for name in ("method", "race", "gender")}
        facts |= {"category": category, "path": path[: path.rfind("/") + 1] + clip}
        label = {"label": _CATEGORIES[category], "attack": _ATTACK, "speaker": record["source"]}
        yield clip, facts | label


def _fakeavceleb_path(where: str, fields: list[str]) -> str:
    """Return a video's path below the corpus, whichever columns hold its folder and its name.

    As published, the header is one name short: `path` is above the file names, and the folders
    (`FakeAVCeleb/RealVideo-...`) have no name. Repaired copies name the two columns `filename` and
    `path`, or hold the whole path in one.
    """
    names = [field for field in fields if field.lower().endswith(".mp4")]
    folders = [field for field in fields if "/" in field and field not in names]
    whole = next((name for name in names if "/" in name), "/".join([*folders, *names]))
    parts = whole.split("/")
    start = next((index for index, part in enumerate(parts) if part in _CATEGORIES), None)
    if start is None or not names or len(folders) > 1 or ".." in parts:
        raise UserError(
            f"{where}: expected a folder that begins with one of {', '.join(_CATEGORIES)}, and the "
            "name of an mp4 file; download the list again"
        )
    require_plain_name(where, whole)
    return "/".join(part for part in parts[start:] if part)


FAKEAVCELEB = Tree(_fakeavceleb_trials, ("category", "method", "race", "gender"))
"""FakeAVCeleb v1.2: videos whose audio, picture, or both are fake; only the audio is judged.

Khalid et al. 2021, arXiv 2108.05080; github.com/DASH-Lab/FakeAVCeleb."""

# WaveFake -----------------------------------------------------------------------------------

_LJ, _JSUT = "LJSpeech", "JSUT"  # one person each
_TTS = "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech"


def _wavefake_trials(root: Root, files: Files) -> Trials:
    """`generated_audio/SOURCE_VOCODER/`, and the recordings in `LJSpeech-1.1/` and `jsut_ver1.1/`.

    The text-to-speech set says new sentences in the voice of LJSpeech (Frank and Schönherr 2021,
    arXiv 2111.02813; zenodo.org/records/5642694).
    """
    if not any("generated_audio" in _folders(path) for path in files):
        raise UserError(
            f"{root.location}: expected a folder generated_audio in it; point `root` of the corpus "
            "in the configuration at the folder or archive of WaveFake"
        )
    for path in files:
        if not is_audio(path):
            continue
        folders = _folders(path)
        if "generated_audio" in folders[:-1]:
            folder = folders[folders.index("generated_audio") + 1]
            source, _, vocoder = folder.partition("_")
            if folder == _TTS:
                source, vocoder = "ljspeech", "conformer_fastspeech2_pwg"
            speaker = {"ljspeech": _LJ, "jsut": _JSUT}.get(source)
            attack = vocoder or folder
            yield path, {"label": 1, "attack": attack, "speaker": speaker, "source": source}
            continue
        for start, speaker in (("ljspeech-", _LJ), ("jsut_ver", _JSUT)):
            if any(name.lower().startswith(start) for name in folders):
                yield path, {"label": 0, "speaker": speaker, "source": speaker.lower()}


WAVEFAKE = Tree(_wavefake_trials, ("source",))

# MLAAD --------------------------------------------------------------------------------------

_BOOKS = "by_book"
_COPY_SYNTHESIS = ("griffin_lim",)


def _mlaad_trials(root: Root, files: Files) -> Trials:
    """`fake/LANGUAGE/SYSTEM/`, each with a `meta.csv`, and M-AILABS where it is placed beside.

    `meta.csv` (path|original_file|language|is_original_language|duration|training_data|model_name|
    architecture|transcript, and later columns) is separated by bars and never quoted. Nothing tells
    whose voice a system has, so that the system stands for its speaker; copy synthesis, which has
    the voice of its original, takes the reader's (Müller et al. 2024, arXiv 2401.09512).
    """
    fakes = {path: place for path in files if (place := _fake_place(path)) is not None}
    if not fakes:
        raise UserError(
            f"{root.location}: expected clips in fake/LANGUAGE/SYSTEM in it; point `root` of the "
            "corpus in the configuration at the folder or archive of MLAAD"
        )
    described: dict[str, Mapping[str, str]] = {}
    for path in (path for path in fakes if path.endswith("/meta.csv")):
        for name, record in _mlaad_list(root, path):
            described[f"{path.rpartition('/')[0]}/{name}"] = record
    # The folder tells the label, so that a clip which meta.csv forgets is spoof all the same.
    for path in [*described, *(path for path in fakes if is_audio(path) and path not in described)]:
        language, system = fakes.get(path) or _fake_place(path)
        record = described.get(path, {})
        speaker = _reader(record.get("original_file", "")) if system in _COPY_SYNTHESIS else system
        conditions = {"language": language, "architecture": given(record.get("architecture"))}
        yield path, {"label": 1, "attack": system, "speaker": speaker, **conditions}
    for path in files:
        folders = _folders(path)
        if is_audio(path) and path not in fakes and _BOOKS in folders[1:]:
            language = folders[folders.index(_BOOKS) - 1].partition("_")[0]
            yield path, {"label": 0, "speaker": _reader(path), "language": language}


def _fake_place(path: str) -> tuple[str, str] | None:
    """Return language and system of a file below `fake`."""
    folders = _folders(path)
    start = folders.index("fake") + 1 if "fake" in folders else len(folders)
    return (folders[start], folders[start + 1]) if len(folders) >= start + 2 else None


def _mlaad_list(root: Root, path: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    header, lines = read_csv(root, path, ["path"], delimiters="|", quoted=False)
    for number, fields in lines:
        if len(fields) < len(header) or not is_audio(fields[header.index("path")]):
            raise UserError(
                f"{root.location}/{path}, line {number}: expected {len(header)} fields separated "
                "by bars, and the path of an audio file among them; download the list again"
            )
        record = dict(zip(header, fields, strict=False))  # a transcript may hold bars
        yield record["path"].rpartition("/")[2], record


def _reader(path: str) -> str | None:
    """Return the reader from `LANGUAGE/by_book/GENDER/READER/BOOK/wavs/...` of M-AILABS.

    What lies in `by_book/mix` is by several readers.
    """
    folders = _folders(path)
    if _BOOKS not in folders:
        return None
    gender, reader, *_ = (*folders[folders.index(_BOOKS) + 1 :], None, None)
    return reader if gender != "mix" else None


MLAAD = Tree(_mlaad_trials, ("language", "architecture"))
