"""Classic speech synthesis: formants, hidden Markov models, diphones, unit selection.

The programs are Debian's, unpacked into a folder and started there with explicit paths, so that
nothing is installed. Text reaches them through standard input or as one argument, never a shell.
"""

import io
import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from authenticity.errors import UserError

from demo_corpus import phonemes

# Every package that the programs below need, in addition to a desktop's sound libraries.
PACKAGES = (
    "espeak-ng",
    "espeak-ng-data",
    "libespeak-ng1",
    "libpcaudio0",
    "libsonic0",
    "flite",
    "libflite1",
    "festival",
    "libestools2.5",
    "festlex-cmu",
    "festlex-poslex",
    "festvox-kallpc16k",
    "festvox-kdlpc16k",
    "festvox-ru",
    "festvox-us-slt-hts",
)
_PICO_LANGUAGES = {"en": "en-GB", "es": "es-ES", "fr": "fr-FR", "it": "it-IT"}


def _libraries(root: Path) -> Path:
    """The folder of shared libraries in an unpacked tree; Debian names it by the machine."""
    found = sorted((root / "usr" / "lib").glob("*-linux-gnu*"))
    if not found:
        raise UserError(f"{root}: no libraries for {platform.machine()}; unpack the packages again")
    return found[0]


def _run(root: Path, program: str, arguments: Sequence[str], text: str = "") -> bytes:
    done = subprocess.run(
        [str(root / "usr" / "bin" / program), *arguments],
        input=text.encode(),
        capture_output=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(_libraries(root))},
    )
    if done.returncode != 0:
        reason = " ".join(done.stderr.decode(errors="replace").split())
        raise UserError(f"{program}: {reason}; install the library it lacks, if it names one")
    return done.stdout


def _read(source: str | Path | bytes) -> tuple[np.ndarray, int]:
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return samples[:, 0], rate


def espeak(root: Path, text: str, voice: str) -> tuple[np.ndarray, int]:
    """Speak with the formant synthesiser eSpeak NG; `voice` is a language or `language+variant`."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "speech.wav"
        arguments = [f"--path={_libraries(root)}", "-v", voice, "--stdin", "-w", str(target)]
        _run(root, "espeak-ng", arguments, text)
        return _read(target)


def pico(text: str, language: str, seed: int) -> tuple[np.ndarray, int]:
    """Speak with SVOX Pico (statistical parametric), one voice per language.

    Rate and pitch vary from clip to clip, or a single voice would be learnt instead of the engine.
    """
    import py_nanotts

    rate, pitch = np.random.default_rng(seed).uniform((0.85, 0.85), (1.15, 1.25))
    speak = py_nanotts.NanoTTS().speak
    pcm = speak(text, voice=_PICO_LANGUAGES[language], speed=rate, pitch=pitch)
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 2**15, 16_000


def flite(root: Path, text: str, language: str, voice: str) -> tuple[np.ndarray, int]:
    """Speak another language with an English voice of Flite (CLUSTERGEN, statistical parametric).

    Each word is given as its nearest English phones, so that Flite goes on to make syllables,
    phrases and intonation of it as for any sentence.
    """
    words = [
        f'<phoneme ph="{" ".join(phones)}">za</phoneme>{"," * pause}'
        for phones, pause in phonemes.american_words(text, language)
    ]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "text.ssml", Path(folder) / "speech.wav"
        source.write_text(f"<speak>{' '.join(words)}.</speak>", encoding="ascii")
        _run(root, "flite", ["-voice", voice, "-ssml", "-f", str(source), "-o", str(target)])
        return _read(target)


def festival(root: Path, text: str, voice: str) -> tuple[np.ndarray, int]:
    """Speak with a voice of Festival in the voice's own language."""
    return _festival(root, [f"(voice_{voice})"], text)


def festival_foreign(root: Path, text: str, language: str, voice: str) -> tuple[np.ndarray, int]:
    """Speak another language with an English voice of Festival.

    Every word enters the voice's lexicon under a made-up name with its nearest English phones.
    """
    commands = [f"(voice_{voice})"]
    names = []
    for number, (phones, pause) in enumerate(phonemes.american_words(text, language)):
        name = f"zz{chr(97 + number // 26)}{chr(97 + number % 26)}"
        syllables = f"(lex.syllabify.phstress '({' '.join(phones)}))"
        commands.append(f'(lex.add.entry (list "{name}" nil {syllables}))')
        names.append(name + "," * pause)
    return _festival(root, commands, " ".join(names) + ".")


def _festival(root: Path, commands: Sequence[str], text: str) -> tuple[np.ndarray, int]:
    data = root / "usr" / "share" / "festival"
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "speech.wav"
        script = Path(folder) / "speech.scm"
        script.write_text(
            "\n".join(
                [
                    *commands,
                    f'(set! speech (utt.synth (Utterance Text "{quoted}")))',
                    f'(utt.save.wave speech "{target}" \'riff)',
                ]
            ),
            encoding="utf-8",
        )
        paths = ["--datadir", str(data), "--libdir", str(data)]
        _run(root, "festival", [*paths, "-b", str(script)])
        if not target.exists():
            raise UserError(f"festival: nothing was spoken for {text!r}; unpack the voices again")
        return _read(target)
