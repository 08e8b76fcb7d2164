"""The attacks of the demo corpus, as data: what speaks, which languages, in which part.

Each part has its own human speakers, its own languages and its own synthetic voices. Every human
speaker is heard as bona fide and, with other words, from the vocoders of the part, in the same
proportion: who speaks, and from which package, does not tell the class. Synthetic voices speak
languages of the human speakers of their part. Dev holds out one attack of train; eval has the
attacks of train (known) and seven that are nowhere else (unknown).
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


PEOPLE = {
    "train": (
        ("carlo", "it"),
        ("fish-cs-m", "cs"),
        ("fish-nl-v", "nl"),
        ("stamps-bg", "bg"),
        ("stamps-ca", "ca"),
        ("stamps-el", "el"),
    ),
    "dev": (("allison", "en"), ("stamps-da", "da"), ("stamps-es", "es"), ("stamps-ro", "ro")),
    "eval": (
        ("june", "fr"),
        ("ivrvoice", "ru"),
        ("stamps-be", "be"),
        ("stamps-fr", "fr"),
        ("stamps-ru", "ru"),
    ),
}


def _everybody(**clips: int) -> tuple[Voice, ...]:
    """Make a voice of each human speaker of the named parts, each with that part's clips."""
    return tuple(
        Voice(speaker, language, "", **{part: number})
        for part, number in clips.items()
        for speaker, language in PEOPLE[part]
    )


def _espeak(speaker: str, language: str, **clips: int) -> Voice:
    """Make a voice of eSpeak NG: one of its speaker variants in one language."""
    base = "en-us" if language == "en" else language
    return Voice(f"espeak-{speaker.lower()}", language, f"{base}+{speaker}", **clips)


SYNTHESISERS = (
    Attack(
        "espeak",
        lambda root, text, voice, seed: classic.espeak(root, text, voice.voice),
        (
            _espeak("m1", "it", train=11),
            _espeak("f1", "it", train=11),
            _espeak("m3", "nl", train=11),
            _espeak("f3", "nl", train=11),
            _espeak("m7", "ca", train=11),
            _espeak("f5", "ca", train=11),
            _espeak("m2", "en", dev=9),
            _espeak("f4", "en", dev=9),
            _espeak("m4", "es", dev=9),
            _espeak("f2", "es", dev=9),
            _espeak("m5", "fr", eval=9),
            _espeak("Annie", "fr", eval=9),
            _espeak("m6", "ru", eval=9),
            _espeak("belinda", "ru", eval=9),
        ),
    ),
    Attack(
        "pico",
        lambda root, text, voice, seed: classic.pico(text, voice.language, seed),
        (
            Voice("pico-it", "it", "it-IT", train=60),
            Voice("pico-en", "en", "en-GB", dev=18),
            Voice("pico-es", "es", "es-ES", dev=18),
            Voice("pico-fr", "fr", "fr-FR", eval=36),
        ),
    ),
    # Piper has one voice here; played at another rate, it is one of a longer or shorter throat.
    Attack(
        "piper",
        lambda root, text, voice, seed: (
            neural.piper(text, voice.language, seed),
            round(neural.PIPER_RATE * float(voice.voice)),
        ),
        (
            Voice("piper-joe", "it", "1.0", train=30),
            Voice("piper-joe", "nl", "1.0", train=20),
            Voice("piper-joe", "ca", "1.0", train=20),
            Voice("piper-joe-low", "en", "0.88", dev=18),
            Voice("piper-joe-low", "es", "0.88", dev=18),
            Voice("piper-joe-high", "fr", "1.13", eval=18),
            Voice("piper-joe-high", "ru", "1.13", eval=18),
        ),
    ),
    Attack(
        "diphone",
        lambda root, text, voice, seed: classic.festival(root, text, voice.voice),
        (
            Voice("festival-kal", "en", "kal_diphone", dev=18),
            Voice("festival-ked", "en", "ked_diphone", dev=18),
        ),
    ),
    Attack(
        "hibari",
        lambda root, text, voice, seed: (
            neural.hibari(text, voice.language, seed),
            neural.HIBARI_RATE,
        ),
        (
            Voice("hibari-heart", "fr", "heart", eval=19),
            Voice("hibari-heart", "ru", "heart", eval=19),
        ),
    ),
    Attack(
        "kokoro",
        lambda root, text, voice, seed: (
            neural.kokoro(text, voice.language, voice.voice),
            neural.KOKORO_RATE,
        ),
        tuple(
            Voice(f"kokoro-{name.partition('_')[2]}", language, name, eval=clips)
            for name in ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")
            for language, clips in (("fr", 4), ("ru", 4))
        ),
    ),
    Attack(
        "clustergen",
        lambda root, text, voice, seed: classic.flite(root, text, voice.language, voice.voice),
        (
            Voice("cmu-slt", "fr", "slt", eval=7),
            Voice("cmu-slt", "ru", "slt", eval=6),
            Voice("cmu-awb", "fr", "awb", eval=7),
            Voice("cmu-awb", "ru", "awb", eval=6),
            Voice("cmu-rms", "fr", "rms", eval=7),
            Voice("cmu-rms", "ru", "rms", eval=6),
        ),
    ),
    Attack(
        "hts",
        lambda root, text, voice, seed: classic.festival_foreign(
            root, text, voice.language, voice.voice
        ),
        (
            Voice("cmu-slt", "fr", "cmu_us_slt_arctic_hts", eval=19),
            Voice("cmu-slt", "ru", "cmu_us_slt_arctic_hts", eval=19),
        ),
    ),
    Attack(
        "unit-selection",
        lambda root, text, voice, seed: classic.festival(root, text, voice.voice),
        (Voice("festival-nsh", "ru", "msu_ru_nsh_clunits", eval=38),),
    ),
)

VOCODERS = (
    Vocoder("griffin-lim", copy_synthesis.griffin_lim, _everybody(train=11, dev=9, eval=7)),
    Vocoder(
        "world",
        lambda samples, seed: copy_synthesis.world(samples),
        _everybody(train=11, dev=9, eval=7),
    ),
    Vocoder("lpc", copy_synthesis.linear_prediction, _everybody(eval=8)),
    Vocoder("sinusoidal", copy_synthesis.sinusoidal, _everybody(eval=8)),
)

BONAFIDE = _everybody(train=42, dev=36, eval=42)

NAMES = tuple(attack.name for attack in (*SYNTHESISERS, *VOCODERS))
