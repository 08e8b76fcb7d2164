"""The plan of the corpus: which clip is made how, of what, how long, and under which name.

Everything random about the selection is drawn here, once, from one seed, so that the jobs that make
the clips can run in any order and on any number of cores.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from authenticity.errors import UserError

from demo_corpus.attacks import BONAFIDE, SYNTHESISERS, VOCODERS, Voice

SPLITS = ("train", "dev", "eval")
# A crop should seldom touch the natural beginning or end of a prompt, because it seldom touches
# those of a long synthetic sentence: speech has to be this much longer than what is cut out.
SPARE_SECONDS = 0.5
# What the channel may cut out of each prompt at the joins.
JOIN_SECONDS = 0.2
# Shorter prompts are left out: a clip would be made of joins.
SHORTEST_SECONDS = 0.5
# A long prompt is cut into equal pieces at least this long, each for a clip of its own.
PIECE_SECONDS = 2.5
JOIN = " + "
# Most human clips join short prompts; three of four synthetic ones say phrases of so many words.
PHRASE_WORDS = 3

PLAN = pa.schema(
    [
        ("key", pa.string()),
        ("split", pa.string()),
        ("attack", pa.string()),
        ("speaker", pa.string()),
        ("language", pa.string()),
        ("voice", pa.string()),
        ("source", pa.string()),
        ("seconds", pa.float64()),
        ("polarity", pa.int8()),
        ("seed", pa.int64()),
    ]
)


def read_sentences() -> dict[str, list[str]]:
    """Read the sentences written for this corpus: language -> texts, one per line of its file."""
    folder = Path(__file__).parent / "sentences"
    return {
        path.stem: path.read_text(encoding="utf-8").splitlines()
        for path in sorted(folder.glob("*.txt"))
    }


def make(
    prompts: Mapping[tuple[str, str], Mapping[str, float]],
    sentences: Mapping[str, Sequence[str]],
    lengths: Sequence[float],
    seed: int,
) -> pa.Table:
    """Plan every clip of the corpus.

    `prompts` gives the seconds of speech of each prompt by (speaker, language), `sentences` the
    texts by language, `lengths` the grid of clip lengths in seconds. In each group (voice and part)
    the lengths are dealt out evenly, so that duration tells nothing about the class, and so is the
    polarity of the waveform, 1 or -1.
    """
    rng = np.random.default_rng(seed)
    recordings = [("-", voice) for voice in BONAFIDE]
    recordings += [(vocoder.name, voice) for vocoder in VOCODERS for voice in vocoder.speakers]
    rows = [row for attack, voice in recordings for row in _rows(attack, voice, lengths, rng)]
    for pool in prompts:
        mine = [row for row in rows if (row["speaker"], row["language"]) == pool]
        _choose_prompts(mine, prompts[pool], rng)
    for attack in SYNTHESISERS:
        for voice in attack.voices:
            mine = _rows(attack.name, voice, lengths, rng)
            _choose_sentences(mine, sentences[voice.language], rng)
            rows += mine
    _deal_polarity(rows, seed)
    return _named(rows, rng)


def _rows(
    attack: str, voice: Voice, lengths: Sequence[float], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """One row for each clip of a voice, without its source."""
    return [
        {
            "split": split,
            "attack": attack,
            "speaker": voice.speaker,
            "language": voice.language,
            "voice": voice.voice,
            "seconds": float(seconds),
            "seed": int(rng.integers(2**31)),
        }
        for split in SPLITS
        for seconds in _deal(lengths, getattr(voice, split), rng)
    ]


def _deal_polarity(rows: list[dict[str, Any]], seed: int) -> None:
    """Give half of the clips of each voice and part the opposite polarity, in place.

    Microphones differ in polarity and nobody hears it, but a model of waveforms does: left alone,
    it names the microphone, and with it the class. Drawn from a generator of its own, so that
    nothing else in the plan depends on it.
    """
    rng = np.random.default_rng([seed, 1])
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        of = tuple(row[name] for name in ("split", "attack", "speaker", "language", "voice"))
        groups.setdefault(of, []).append(row)
    for group in groups.values():
        for row, polarity in zip(group, _deal((1, -1), len(group), rng), strict=True):
            row["polarity"] = int(polarity)


def _choose_prompts(
    rows: list[dict[str, Any]], prompts: Mapping[str, float], rng: np.random.Generator
) -> None:
    """Give each row random pieces of prompts, as many as it needs to be long enough.

    Each piece is used once, and all pieces of a prompt for one attack (or as bona fide): what is
    heard from a vocoder is never heard from the human as well.
    """
    pieces = [
        (prompt, f"{prompt} {index}/{parts}", seconds / parts)
        for prompt, seconds in sorted(prompts.items())
        for parts in [max(1, int(seconds / PIECE_SECONDS))]
        for index in range(1, parts + 1)
        if seconds / parts >= SHORTEST_SECONDS
    ]
    user: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: -row["seconds"]):
        chosen, missing = [], row["seconds"] + SPARE_SECONDS
        while missing > 0:
            free = [piece for piece in pieces if user.get(piece[0], row["attack"]) == row["attack"]]
            if not free:
                raise UserError(
                    f"demo corpus: {row['speaker']} has said too little; use fewer clips"
                )
            piece = free[rng.integers(len(free))]
            pieces.remove(piece)
            user[piece[0]] = row["attack"]
            chosen.append(piece[1])
            missing -= piece[2] - JOIN_SECONDS
        row["source"] = JOIN.join(chosen)


def piece_of(samples: np.ndarray, source: str) -> np.ndarray:
    """Cut a piece, one of those that a plan's `source` joins ("prompt 2/3"), out of its prompt."""
    index, parts = map(int, source.rpartition(" ")[2].split("/"))
    return np.array_split(samples, parts)[index - 1]


def _choose_sentences(
    rows: list[dict[str, Any]], sentences: Sequence[str], rng: np.random.Generator
) -> None:
    """Give each row a random sentence, each used once by a voice; three of four as phrases."""
    if len(rows) > len(sentences):
        raise UserError(f"demo corpus: {len(sentences)} sentences for {len(rows)} clips; add some")
    for number, (row, index) in enumerate(zip(rows, rng.permutation(len(sentences)), strict=False)):
        row["source"] = phrases(sentences[index]) if number % 4 else sentences[index]


def phrases(sentence: str) -> str:
    """Cut a sentence into short phrases with a pause after each, as short prompts are joined."""
    words = re.findall(r"[\w'’-]+", sentence)
    starts = range(0, len(words), PHRASE_WORDS)
    return "; ".join(" ".join(words[start : start + PHRASE_WORDS]) for start in starts) + "."


def _deal(lengths: Sequence[float], count: int, rng: np.random.Generator) -> np.ndarray:
    """Give out the grid of lengths evenly, in random order, starting at a random one."""
    first = rng.integers(len(lengths))
    dealt = [lengths[(first + index) % len(lengths)] for index in range(count)]
    return rng.permutation(dealt)


def _named(rows: list[dict[str, Any]], rng: np.random.Generator) -> pa.Table:
    """Give names that say nothing: numbered in a random order within each part."""
    named = []
    for split in SPLITS:
        part = [row for row in rows if row["split"] == split]
        for number, index in enumerate(rng.permutation(len(part)), start=1):
            named.append({"key": f"DEMO_{split[0].upper()}_{number:07d}", **part[index]})
    return pa.Table.from_pylist(named, schema=PLAN)
