"""The attacks of the demo corpus, as data: what speaks, which languages, in which part.

Train and dev share attacks and voices; `diphone` is held out for dev. What is in eval is nowhere
else, neither attack nor voice nor speaker. Synthetic speech speaks the languages of the human
speakers of its part, in about their proportions, so that language tells nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from authenticity.demo import classic, copy_synthesis, neural

Samples = tuple[np.ndarray, int]


@dataclass(frozen=True)
class Voice:
    """One voice of an engine: its speaker name in the protocol, its language, how many clips."""

    speaker: str
    language: str
    voice: str
    train: int = 0
    dev: int = 0
    eval: int = 0


@dataclass(frozen=True)
class Attack:
    """A speech synthesiser: `speak(root, text, voice, seed)` gives samples and their rate."""

    name: str
    speak: Callable[[Path, str, Voice, int], Samples]
    voices: tuple[Voice, ...]


@dataclass(frozen=True)
class Vocoder:
    """A copy-synthesis attack: `revoice(samples, seed)` at 16 kHz; clips per human speaker."""

    name: str
    revoice: Callable[[np.ndarray, int], np.ndarray]
    speakers: tuple[Voice, ...]


def _espeak(speaker: str, language: str, train: int, dev: int) -> Voice:
    """Make a voice of eSpeak NG: one of its speaker variants in one language."""
    base = "en-us" if language == "en" else language
    return Voice(f"espeak-{speaker}", language, f"{base}+{speaker}", train=train, dev=dev)


SYNTHESISERS = (
    Attack(
        "espeak",
        lambda root, text, voice, seed: classic.espeak(root, text, voice.voice),
        (
            _espeak("m1", "it", train=11, dev=3),
            _espeak("f2", "it", train=11, dev=2),
            _espeak("m3", "it", train=10, dev=2),
            _espeak("f4", "it", train=10, dev=2),
            _espeak("m4", "en", train=11, dev=3),
            _espeak("f1", "en", train=10, dev=2),
            _espeak("m7", "es", train=11, dev=2),
            _espeak("f5", "es", train=10, dev=2),
        ),
    ),
    Attack(
        "pico",
        lambda root, text, voice, seed: classic.pico(text, voice.language, seed),
        (
            Voice("pico-it", "it", "it-IT", train=42, dev=9),
            Voice("pico-en", "en", "en-GB", train=21, dev=5),
            Voice("pico-es", "es", "es-ES", train=21, dev=4),
        ),
    ),
    Attack(
        "piper",
        lambda root, text, voice, seed: (
            neural.piper(text, voice.language, seed),
            neural.PIPER_RATE,
        ),
        (
            Voice("piper-joe", "it", "joe", train=42, dev=9),
            Voice("piper-joe", "en", "joe", train=21, dev=5),
            Voice("piper-joe", "es", "joe", train=21, dev=4),
        ),
    ),
    Attack(
        "diphone",
        lambda root, text, voice, seed: classic.festival(root, text, voice.voice),
        (
            Voice("festival-lp", "it", "lp_diphone", dev=15),
            Voice("festival-pc", "it", "pc_diphone", dev=15),
            Voice("festival-kal", "en", "kal_diphone", dev=15),
            Voice("festival-ked", "en", "ked_diphone", dev=15),
        ),
    ),
    Attack(
        "hibari",
        lambda root, text, voice, seed: (
            neural.hibari(text, voice.language, seed),
            neural.HIBARI_RATE,
        ),
        (
            Voice("hibari-heart", "fr", "heart", eval=50),
            Voice("hibari-heart", "ru", "heart", eval=30),
        ),
    ),
    Attack(
        "kokoro",
        lambda root, text, voice, seed: (
            neural.kokoro(text, voice.language, voice.voice),
            neural.KOKORO_RATE,
        ),
        tuple(
            Voice(f"kokoro-{name.removeprefix('jf_')}", language, name, eval=clips)
            for name, french, russian in (
                ("jf_alpha", 13, 8),
                ("jf_gongitsune", 13, 7),
                ("jf_nezumi", 12, 8),
                ("jf_tebukuro", 12, 7),
            )
            for language, clips in (("fr", french), ("ru", russian))
        ),
    ),
    Attack(
        "clustergen",
        lambda root, text, voice, seed: classic.flite(root, text, voice.language, voice.voice),
        (
            Voice("cmu-slt", "fr", "slt", eval=26),
            Voice("cmu-slt", "ru", "slt", eval=14),
            Voice("cmu-awb", "fr", "awb", eval=12),
            Voice("cmu-awb", "ru", "awb", eval=8),
            Voice("cmu-rms", "fr", "rms", eval=12),
            Voice("cmu-rms", "ru", "rms", eval=8),
        ),
    ),
    Attack(
        "hts",
        lambda root, text, voice, seed: classic.festival_foreign(
            root, text, voice.language, voice.voice
        ),
        (
            Voice("cmu-slt", "fr", "cmu_us_slt_arctic_hts", eval=50),
            Voice("cmu-slt", "ru", "cmu_us_slt_arctic_hts", eval=30),
        ),
    ),
    Attack(
        "unit-selection",
        lambda root, text, voice, seed: classic.festival(root, text, voice.voice),
        (Voice("festival-nsh", "ru", "msu_ru_nsh_clunits", eval=80),),
    ),
)

VOCODERS = (
    Vocoder(
        "griffin-lim",
        copy_synthesis.griffin_lim,
        (
            Voice("carlo", "it", "", train=42, dev=9),
            Voice("allison", "en", "", train=21, dev=5),
            Voice("allison", "es", "", train=21, dev=4),
        ),
    ),
    Vocoder(
        "world",
        lambda samples, seed: copy_synthesis.world(samples),
        (Voice("june", "fr", "", eval=44), Voice("ivrvoice", "ru", "", eval=36)),
    ),
    Vocoder(
        "lpc",
        copy_synthesis.linear_prediction,
        (Voice("june", "fr", "", eval=44), Voice("ivrvoice", "ru", "", eval=36)),
    ),
)

BONAFIDE = (
    Voice("carlo", "it", "", train=110, dev=40),
    Voice("allison", "en", "", train=55, dev=20),
    Voice("allison", "es", "", train=55, dev=20),
    Voice("june", "fr", "", eval=120),
    Voice("ivrvoice", "ru", "", eval=120),
)

NAMES = tuple(attack.name for attack in (*SYNTHESISERS, *VOCODERS))
