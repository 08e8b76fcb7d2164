"""FakeAVCeleb v1.2: videos whose audio, picture, or both are fake; only the audio is judged.

Khalid et al. 2021, arXiv 2108.05080; github.com/DASH-Lab/FakeAVCeleb.
"""

from typing import TYPE_CHECKING

import pyarrow as pa

from authenticity.corpora import reading
from authenticity.corpora.lists import find_list, read_csv
from authenticity.corpora.reading import (
    NO_ATTACK,
    Content,
    Files,
    as_trials,
    given,
    known,
    require_plain_name,
    unique_keys,
    unlisted,
)
from authenticity.errors import UserError
from authenticity.roots import Root

if TYPE_CHECKING:
    from authenticity.config import Corpus

CATEGORIES = {
    "RealVideo-RealAudio": 0,
    "FakeVideo-RealAudio": 0,  # the audio of its source, whatever became of the picture
    "RealVideo-FakeAudio": 1,
    "FakeVideo-FakeAudio": 1,
}
ATTACK = "SV2TTS"
"""The one system that made all fake audio; `method` tells what was done to the picture."""

_LIST = "meta_data.csv"
_COLUMNS = ("source", "target1", "target2", "method", "category", "type", "race", "gender")
_CONDITIONS = ("category", "method", "race", "gender")


class Format(reading.Format):
    """Reads FakeAVCeleb from its folders and `meta_data.csv`; see `reading.Format`.

    The label is that of the folder a video lies in. A clip's key is its path below the corpus,
    without suffix; its speaker is the person filmed, the list's `source`.
    """

    def read(self, root: Root, settings: "Corpus", files: Files) -> Content:
        """Read the list."""
        path = find_list(root, files, _LIST, "FakeAVCeleb")
        folder = path.rpartition("/")[0]
        header, lines = read_csv(root, path, _COLUMNS)
        needed = 1 + max(map(header.index, _COLUMNS))
        records: dict[str, dict[str, str]] = {}
        for number, fields in lines:
            where = f"{root.location}/{path}, line {number}"
            if len(fields) < needed:
                raise UserError(
                    f"{where}: expected at least {needed} fields, found {len(fields)}; "
                    "download the list again"
                )
            clip = _clip_path(where, fields)
            if clip in records:
                raise UserError(f"{where}: {clip} is listed twice; remove one of the two lines")
            category = clip.partition("/")[0]
            records[clip] = dict(zip(header, fields, strict=False)) | {"category": category}
        clips = records.values()
        label = [CATEGORIES[record["category"]] for record in clips]
        columns = {
            "key": unique_keys(pa.array([*records], pa.string())),
            "path": [f"{folder}/{clip}" if folder else clip for clip in records],
            "split": ["none"] * len(records),
            "label": label,
            "attack": [ATTACK if each else NO_ATTACK for each in label],
            "speaker": [known(record["source"]) for record in clips],
            **{name: [given(record[name]) for record in clips] for name in _CONDITIONS},
        }
        trials = as_trials(columns, files)
        return Content(trials, notes=unlisted(files, trials))


def _clip_path(where: str, fields: list[str]) -> str:
    """Return a video's path below the corpus, whichever columns hold its folder and its name.

    As published, the header is one name short: `path` is above the file names, and the folders
    (`FakeAVCeleb/RealVideo-...`) have no name. Repaired copies name the two columns `filename` and
    `path`, or hold the whole path in one.
    """
    names = [field for field in fields if field.lower().endswith(".mp4")]
    folders = [field for field in fields if "/" in field and field not in names]
    whole = next((name for name in names if "/" in name), "/".join([*folders, *names]))
    parts = whole.split("/")
    start = next((index for index, part in enumerate(parts) if part in CATEGORIES), None)
    if start is None or not names or len(folders) > 1 or ".." in parts:
        raise UserError(
            f"{where}: expected a folder that begins with one of {', '.join(CATEGORIES)}, and the "
            "name of an mp4 file; download the list again"
        )
    require_plain_name(where, whole)
    return "/".join(part for part in parts[start:] if part)
