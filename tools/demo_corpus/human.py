"""Human speech: the telephone prompts of five Debian packages, and more for pretraining only."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import av
import numpy as np
import soundfile
import soxr
from authenticity.errors import UserError

from demo_corpus import debian

SAMPLE_RATE = 16_000

# package -> (speaker, language); Allison Smith recorded English and Spanish.
PROMPTS = {
    "asterisk-core-sounds-en-g722": ("allison", "en"),
    "asterisk-core-sounds-es-g722": ("allison", "es"),
    "asterisk-core-sounds-fr-g722": ("june", "fr"),
    "asterisk-core-sounds-it-g722": ("carlo", "it"),
    "asterisk-core-sounds-ru-g722": ("ivrvoice", "ru"),
}
# Short words by volunteers in some 25 languages, and two acted dubs: pretraining only, because a
# classifier tells one human source from another before it tells human from synthetic.
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


def prompts(package: str | Path) -> list[Clip]:
    """Decode the spoken prompts of one `asterisk-core-sounds-*-g722.deb`, sorted by name.

    Beeps, tones, silence and the screaming monkeys are left out.
    """
    package = Path(package)
    if package.stem not in PROMPTS:
        raise UserError(f"{package}: expected one of {', '.join(PROMPTS)}")
    speaker, language = PROMPTS[package.stem]
    clips = []
    for path, content in debian.files(package):
        if path.suffix != ".g722" or path.stem in _NOT_SPEECH or path.parent.name == "silence":
            continue
        inside = path.parts[path.parts.index("sounds") + 2 :]
        samples = decode_g722(content, str(path))
        if samples.any():
            clips.append(Clip("-".join((*inside[:-1], path.stem)), speaker, language, samples))
    return sorted(clips, key=lambda clip: clip.name)


def pretraining_speech(package: str | Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, samples at 16 kHz) of every recording in one package of `PRETRAINING`.

    Their OGG files are read by soundfile: FFmpeg refuses the older ones.
    """
    for path, content in debian.files(package):
        if path.suffix.lower() in {".ogg", ".wav"} and _is_speech(path):
            samples, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
            mono = soxr.resample(samples.mean(axis=1), rate, SAMPLE_RATE)
            if mono.any():
                yield "-".join(path.with_suffix("").parts[2:]), mono


def _is_speech(path: PurePosixPath) -> bool:
    """Fillets keeps its dubbing in a folder per language, beside noises and music."""
    return "fillets-ng" not in path.parts or path.parent.name in {"cs", "nl"}


def decode_g722(content: bytes, name: str) -> np.ndarray:
    """Decode a bare G.722 stream (ITU-T G.722, 64 kbit/s) to float32 at 16 kHz."""
    try:
        with av.open(io.BytesIO(content), format="g722") as source:
            frames = [frame.to_ndarray()[0] for frame in source.decode(audio=0)]
    except av.FFmpegError as error:
        raise UserError(f"{name}: cannot be decoded ({error}); download the package") from error
    return np.concatenate([np.zeros(0, np.int16), *frames]).astype(np.float32) / 2**15
