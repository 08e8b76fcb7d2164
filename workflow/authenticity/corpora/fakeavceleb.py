"""FakeAVCeleb v1.2: videos whose audio, picture, or both are fake; only the audio is judged.

Khalid et al. 2021, arXiv 2108.05080; github.com/DASH-Lab/FakeAVCeleb.
"""

from authenticity.corpora.lists import find_list, read_csv
from authenticity.corpora.reading import Files, given, require_plain_name
from authenticity.corpora.trees import Tree, Trials, bonafide, spoof
from authenticity.errors import UserError
from authenticity.roots import Root

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


def _trials(root: Root, files: Files) -> Trials:
    """The list's lines; the label is that of the folder a video lies in.

    A clip's key is its path below the corpus, without suffix; its speaker is the person filmed, the
    list's `source`.
    """
    path = find_list(root, files, _LIST, "FakeAVCeleb")
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
        clip = _clip_path(where, fields)
        if clip in listed:
            raise UserError(f"{where}: {clip} is listed twice; remove one of the two lines")
        listed.add(clip)
        category = clip.partition("/")[0]
        record = dict(zip(header, fields, strict=False))
        facts = {name: given(record[name]) for name in ("method", "race", "gender")}
        facts |= {"category": category, "path": path[: path.rfind("/") + 1] + clip}
        speaker = record["source"]
        yield clip, facts | (spoof(ATTACK, speaker) if CATEGORIES[category] else bonafide(speaker))


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


FAKEAVCELEB = Tree(_trials, ("category", "method", "race", "gender"))
