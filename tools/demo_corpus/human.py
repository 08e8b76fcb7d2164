"""Human speech of Debian packages: telephone prompts, game dubs, and volunteers."""

import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import av
import numpy as np
import soundfile
import soxr
from authenticity.errors import UserError

from demo_corpus import debian

SAMPLE_RATE = 16_000

# package -> a pattern of file paths for each (speaker, language) in it. In the game Fish
# Fillets one actor speaks the small fish ("m") and another the big one ("v"). Each language of Tux
# Paint's stamps has its volunteer, except for letters and numbers, which others read.
_PROMPTS = r"sounds/\w+/(?!silence/).*\.g722$"
_STAMPS = r"stamps/(?!symbols/).*_desc_{}\.ogg$"
SPEECH: dict[str, dict[tuple[str, str], str]] = {
    "asterisk-core-sounds-en-g722": {("allison", "en"): _PROMPTS},
    "asterisk-core-sounds-fr-g722": {("june", "fr"): _PROMPTS},
    "asterisk-core-sounds-it-g722": {("carlo", "it"): _PROMPTS},
    "asterisk-core-sounds-ru-g722": {("ivrvoice", "ru"): _PROMPTS},
    "fillets-ng-data-cs": {("fish-cs-m", "cs"): r"/cs/([^/]*-)?m-[^/]*\.ogg$"},
    "fillets-ng-data-nl": {("fish-nl-v", "nl"): r"/nl/([^/]*-)?v-[^/]*\.ogg$"},
    "tuxpaint-stamps-default": {
        (f"stamps-{language}", language): _STAMPS.format(language)
        for language in ("be", "bg", "ca", "da", "el", "es", "fr", "ro", "ru")
    },
}
# For pretraining: short words by volunteers in some 25 languages, and all of the two dubs.
PRETRAINING = (
    "klettres-data",
    "ktuberling-data",
    "gcin-voice",
    "fillets-ng-data-cs",
    "fillets-ng-data-nl",
)
_NOT_SPEECH = {
    "ascending-2tone",
    "descending-2tone",
    "beep",
    "beeperr",
    "confbridge-join",
    "confbridge-leave",
    "tt-monkeys",
}


@dataclass(frozen=True)
class Clip:
    """One recording: float32 samples in [-1, 1] at 16 kHz, one channel."""

    name: str
    speaker: str
    language: str
    samples: np.ndarray


def recordings(package: str | Path, names: Collection[str] | None = None) -> list[Clip]:
    """Decode the speech of one package of `SPEECH`, sorted by name.

    Only recordings in `names` are decoded, by default all. Beeps, tones, silence and the screaming
    monkeys are left out.
    """
    package = Path(package)
    if package.stem not in SPEECH:
        raise UserError(f"{package}: expected one of {', '.join(SPEECH)}")
    clips = []
    for path, content in debian.files(package):
        for pair, pattern in SPEECH[package.stem].items():
            if path.stem in _NOT_SPEECH or not re.search(pattern, str(path)):
                continue
            name = "-".join(path.with_suffix("").parts[4:])
            if names is None or name in names:
                clips.append(Clip(name, *pair, _decode(path, content)))
    return sorted((clip for clip in clips if clip.samples.any()), key=lambda clip: clip.name)


def pretraining_speech(package: str | Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, samples at 16 kHz) of every recording in one package of `PRETRAINING`."""
    for path, content in debian.files(package):
        if path.suffix.lower() in {".ogg", ".wav"} and _is_speech(path):
            samples = _decode(path, content)
            if samples.any():
                yield "-".join(path.with_suffix("").parts[2:]), samples


def _is_speech(path: PurePosixPath) -> bool:
    """Fillets keeps its dubbing in a folder per language, beside noises and music."""
    return "fillets-ng" not in path.parts or path.parent.name in {"cs", "nl"}


def _decode(path: PurePosixPath, content: bytes) -> np.ndarray:
    """Decode to one channel at 16 kHz; OGG by soundfile, because FFmpeg refuses older files."""
    if path.suffix == ".g722":
        return decode_g722(content, str(path))
    samples, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    return soxr.resample(samples.mean(axis=1), rate, SAMPLE_RATE)


def decode_g722(content: bytes, name: str) -> np.ndarray:
    """Decode a bare G.722 stream (ITU-T G.722, 64 kbit/s) to float32 at 16 kHz."""
    try:
        with av.open(io.BytesIO(content), format="g722") as source:
            frames = [frame.to_ndarray()[0] for frame in source.decode(audio=0)]
    except av.FFmpegError as error:
        raise UserError(f"{name}: cannot be decoded ({error}); download the package") from error
    return np.concatenate([np.zeros(0, np.int16), *frames]).astype(np.float32) / 2**15
