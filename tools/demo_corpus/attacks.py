"""The attacks of the demo corpus, as data: what speaks, which languages, in which part.

Each part has its own human speakers, its own languages and its own synthetic voices: Italian in
train, English and Spanish in dev, French and Russian in eval. Synthetic speech speaks the languages
of the human speakers of its part, in about their proportions, so that language tells nothing. Dev
holds out one attack; none of the attacks of eval is anywhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demo_corpus import classic, copy_synthesis, neural

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


def _espeak(speaker: str, language: str, train: int = 0, dev: int = 0) -> Voice:
    """Make a voice of eSpeak NG: one of its speaker variants in one language."""
    base = "en-us" if language == "en" else language
    return Voice(f"espeak-{speaker}", language, f"{base}+{speaker}", train=train, dev=dev)


SYNTHESISERS = (
    Attack(
        "espeak",
        lambda root, text, voice, seed: classic.espeak(root, text, voice.voice),
        (
            _espeak("m1", "it", train=10),
            _espeak("m3", "it", train=10),
            _espeak("m7", "it", train=10),
            _espeak("f1", "it", train=10),
            _espeak("f3", "it", train=10),
            _espeak("f5", "it", train=10),
            _espeak("m4", "es", dev=8),
            _espeak("f2", "es", dev=7),
            _espeak("m2", "en", dev=3),
            _espeak("f4", "en", dev=2),
        ),
    ),
    Attack(
        "pico",
        lambda root, text, voice, seed: classic.pico(text, voice.language, seed),
        (
            Voice("pico-it", "it", "it-IT", train=60),
            Voice("pico-es", "es", "es-ES", dev=15),
            Voice("pico-en", "en", "en-GB", dev=5),
        ),
    ),
    Attack(
        "piper",
        lambda root, text, voice, seed: (
            neural.piper(text, voice.language, seed),
            neural.PIPER_RATE,
        ),
        (Voice("piper-joe", "it", "joe", train=60),),
    ),
    Attack(
        "diphone",
        lambda root, text, voice, seed: classic.festival(root, text, voice.voice),
        (
            Voice("festival-kal", "en", "kal_diphone", dev=20),
            Voice("festival-ked", "en", "ked_diphone", dev=20),
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
            Voice("carlo", "it", "", train=68),
            Voice("allison", "es", "", dev=15),
            Voice("allison", "en", "", dev=5),
        ),
    ),
    Vocoder(
        "world",
        lambda samples, seed: copy_synthesis.world(samples),
        (
            Voice("carlo", "it", "", train=68),
            Voice("allison", "es", "", dev=15),
            Voice("allison", "en", "", dev=5),
        ),
    ),
    Vocoder(
        "lpc",
        copy_synthesis.linear_prediction,
        (Voice("june", "fr", "", eval=44), Voice("ivrvoice", "ru", "", eval=36)),
    ),
    Vocoder(
        "sinusoidal",
        copy_synthesis.sinusoidal,
        (Voice("june", "fr", "", eval=44), Voice("ivrvoice", "ru", "", eval=36)),
    ),
)

BONAFIDE = (
    Voice("carlo", "it", "", train=160),
    Voice("allison", "en", "", dev=50),
    Voice("allison", "es", "", dev=50),
    Voice("june", "fr", "", eval=125),
    Voice("ivrvoice", "ru", "", eval=125),
)

NAMES = tuple(attack.name for attack in (*SYNTHESISERS, *VOCODERS))
