"""The plan of the corpus: which clip is made how, of what, how long, and under which name.

Everything random about the selection is drawn here, once, from one seed, so that the jobs that make
the clips can run in any order and on any number of cores.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from authenticity.demo.attacks import BONAFIDE, SYNTHESISERS, VOCODERS, Voice
from authenticity.errors import UserError

SPLITS = ("train", "dev", "eval")
# Sentences at the end of each list that only dev speaks.
DEV_SENTENCES = {"en": 18, "es": 12, "it": 18}
# A crop should seldom touch the natural beginning or end of a prompt, because it never touches
# those of a long synthetic sentence: a prompt has to be this much longer than what is cut out.
SPARE_SECONDS = 0.2

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
    the lengths are dealt out evenly, so that duration tells nothing about the class.
    """
    rng = np.random.default_rng(seed)
    recordings = [("-", voice) for voice in BONAFIDE]
    recordings += [(vocoder.name, voice) for vocoder in VOCODERS for voice in vocoder.speakers]
    rows = [row for attack, voice in recordings for row in _rows(attack, voice, lengths, rng)]
    for pool in prompts:
        mine = [row for row in rows if (row["speaker"], row["language"]) == pool]
        _choose_prompts(mine, dict(prompts[pool]), rng)
    for attack in SYNTHESISERS:
        for voice in attack.voices:
            mine = _rows(attack.name, voice, lengths, rng)
            _choose_sentences(mine, sentences[voice.language], rng)
            rows += mine
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


def _choose_prompts(
    rows: list[dict[str, Any]], prompts: dict[str, float], rng: np.random.Generator
) -> None:
    """Give each row a random prompt, each used once; long clips choose first, so that all fit."""
    for row in sorted(rows, key=lambda row: -row["seconds"]):
        enough = row["seconds"] + SPARE_SECONDS
        fitting = sorted(name for name, seconds in prompts.items() if seconds >= enough)
        if not fitting:
            raise UserError(f"demo corpus: no prompt of {enough:.1f} s is left; plan fewer clips")
        row["source"] = fitting[rng.integers(len(fitting))]
        del prompts[row["source"]]


def _choose_sentences(
    rows: list[dict[str, Any]], sentences: Sequence[str], rng: np.random.Generator
) -> None:
    """Give each row a random sentence, each used once by a voice in a part."""
    for split in SPLITS:
        mine = [row for row in rows if row["split"] == split]
        texts = _texts(sentences, mine[0]["language"], split) if mine else []
        if len(mine) > len(texts):
            raise UserError(f"demo corpus: {len(texts)} sentences for {len(mine)} clips; add some")
        for row, index in zip(mine, rng.permutation(len(texts)), strict=False):
            row["source"] = texts[index]


def _deal(lengths: Sequence[float], count: int, rng: np.random.Generator) -> np.ndarray:
    """Give out the grid of lengths evenly, in random order, starting at a random one."""
    first = rng.integers(len(lengths))
    dealt = [lengths[(first + index) % len(lengths)] for index in range(count)]
    return rng.permutation(dealt)


def _texts(sentences: Sequence[str], language: str, split: str) -> Sequence[str]:
    held = DEV_SENTENCES.get(language, 0)
    if split == "dev":
        return sentences[len(sentences) - held :]
    return sentences[: len(sentences) - held]


def _named(rows: list[dict[str, Any]], rng: np.random.Generator) -> pa.Table:
    """Give names that say nothing: numbered in a random order within each part."""
    named = []
    for split in SPLITS:
        part = [row for row in rows if row["split"] == split]
        for number, index in enumerate(rng.permutation(len(part)), start=1):
            named.append({"key": f"DEMO_{split[0].upper()}_{number:07d}", **part[index]})
    return pa.Table.from_pylist(named, schema=PLAN)
