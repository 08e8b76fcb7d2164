"""Phonemes for engines that do not know the language: one reading, respelled for each engine.

The eval speakers are French and Russian, so every eval attack has to speak French and Russian, or
language alone would give the class away. Neural voices read IPA; voices of English only are given
the nearest English phones, which makes them speak with an accent.
"""

import unicodedata
from functools import cache
from typing import Any

# The alphabet of Kokoro-82M (misaki) writes affricates as one sign and lacks a few signs of IPA.
_MISAKI = {
    "tʃ": "ʧ",
    "dʒ": "ʤ",
    "ts": "ʦ",
    "dz": "ʣ",
    "tɕ": "ʨ",
    "dʑ": "ʥ",
    "ʐ": "ʒ",
    "ʑ": "ʒ",
    "ɫ": "l",
    "ɭ": "l",
    "ɵ": "ə",
    "ʉ": "u",
    "g": "ɡ",
}

_STRESS = "ˈ"
# IPA as espeak-ng writes French and Russian -> the American English phones of Flite and Festival.
# Longest match first; what is missing here (length, palatalisation) is dropped.
_RADIO = {
    "tʃ": "ch",
    "tɕ": "ch",
    "dʒ": "jh",
    "ts": "t s",
    "ɑ\u0303": "aa n",
    "ɔ\u0303": "ao n",
    "ɛ\u0303": "ae n",
    "œ\u0303": "ah n",
    "a": "aa",
    "ɑ": "aa",
    "ɐ": "ah",
    "ʌ": "ah",
    "æ": "ae",
    "e": "ey",
    "ɛ": "eh",
    "ə": "ax",
    "ɵ": "ax",
    "ɘ": "ax",
    "ø": "er",
    "œ": "er",
    "i": "iy",
    "ɪ": "ih",
    "ɨ": "ih",
    "y": "uw",
    "o": "ow",
    "ɔ": "ao",
    "u": "uw",
    "ʉ": "uw",
    "ʊ": "uh",
    "b": "b",
    "d": "d",
    "f": "f",
    "ɡ": "g",
    "g": "g",
    "ɣ": "g",
    "h": "hh",
    "x": "hh",
    "ç": "hh",
    "j": "y",
    "ʝ": "y",
    "ɥ": "w",
    "k": "k",
    "l": "l",
    "ɭ": "l",
    "ɫ": "l",
    "m": "m",
    "n": "n",
    "ŋ": "ng",
    "ɲ": "n y",
    "p": "p",
    "r": "r",
    "ɾ": "r",
    "ʁ": "r",
    "s": "s",
    "ʃ": "sh",
    "ʂ": "sh",
    "ɕ": "sh",
    "t": "t",
    "v": "v",
    "w": "w",
    "z": "z",
    "ʒ": "zh",
    "ʐ": "zh",
    "ʑ": "zh",
}


def ipa(text: str, language: str) -> str:
    """Return the IPA reading of one sentence by espeak-ng, as NFD, with its punctuation."""
    voice = "en-us" if language == "en" else language
    sentences = _espeak().phonemize(voice, text)
    reading = " ".join("".join(sentence).strip() for sentence in sentences)
    if language == "ru":
        reading = reading.replace("y", "ɨ")  # espeak-ng writes this vowel in its own alphabet
    # Its marks for a weak vowel, for an omitted one and for quotation have no sound.
    return reading.translate({ord(mark): None for mark in '-^"'})


@cache
def _espeak() -> Any:
    from piper.phonemize_espeak import EspeakPhonemizer

    return EspeakPhonemizer()


def misaki(text: str, language: str) -> str:
    """Return the reading in the alphabet of Kokoro-82M and of the voices distilled from it."""
    reading = ipa(text, language)
    for signs, sign in _MISAKI.items():
        reading = reading.replace(signs, sign)
    return reading


def american_words(text: str, language: str) -> list[tuple[list[str], bool]]:
    """Return the reading as words: each one's nearest American English phones, and if it pauses.

    Vowels carry their stress as in the CMU dictionary: `aa1` with it, `aa0` without.
    """
    words = []
    for word in ipa(text, language).split():
        phones = _respell(word)
        if phones:
            words.append((phones, word[-1] in ",;:"))
    return words


def _respell(reading: str) -> list[str]:
    reading = unicodedata.normalize("NFD", reading)
    longest = max(len(signs) for signs in _RADIO)
    phones: list[str] = []
    stress = "0"
    position = 0
    while position < len(reading):
        length = longest
        while length > 1 and reading[position : position + length] not in _RADIO:
            length -= 1
        signs = reading[position : position + length]
        if signs == _STRESS:
            stress = "1"
        for phone in _RADIO.get(signs, "").split():
            vowel = phone[0] in "aeiou"
            phones.append(phone + stress if vowel else phone)
            stress = "0" if vowel else stress
        position += length
    return phones
