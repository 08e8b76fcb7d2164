"""Detectors that others have published: classifiers of audio as transformers saves them.

Such a classifier is an encoder, a linear layer, the mean over time, and another linear layer
(`Wav2Vec2ForSequenceClassification` and its kin, after SUPERB, Yang et al. 2021). All that follows
the encoder is linear, so the difference of the two logits is the mean over time of that difference
in each frame: here, an encoder with one layer of one dimension.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from authenticity import lean
from authenticity.audio import SAMPLE_RATE
from authenticity.errors import UserError
from authenticity.features import encoder
from authenticity.features.encoder import Encoder
from authenticity.features.sources import CONFIG, FAMILIES, PREPROCESSOR, WEIGHTS, EncoderSource
from authenticity.files import read_json

if TYPE_CHECKING:
    import torch

_SAYS_SPOOF = frozenset({"spoof", "spoofed", "fake", "synthetic", "deepfake", "generated", "ai"})
_SAYS_BONAFIDE = frozenset({"bonafide", "real", "human", "genuine", "authentic"})
_EXTRACTORS = ("Wav2Vec2FeatureExtractor", "Wav2Vec2Processor")


class DetectorSource(EncoderSource):
    """Where a published detector comes from: a local folder, or a name on the model hub."""

    weights = (WEIGHTS,)
    setting = "`model.id` of the experiment or `--bundle`"
    remark = "; weights are read from model.safetensors alone, as a pickle (.bin) can run code"

    n_layers = 1
    dimension = 1

    @cached_property
    def labels(self) -> list[str]:
        """The model's own names of its two classes, in the order of its logits.

        Raises:
            UserError: it is no classifier of that shape, or hears something else than samples at
                16 kHz; in one line that says what was found.
        """
        path, expected = self.json(CONFIG), "a classifier of audio into two classes"
        config = read_json(path)
        named = ", ".join(map(str, config.get("architectures") or ["no `architectures`"]))
        kind = config.get("model_type")
        if kind not in FAMILIES or not named.endswith("ForSequenceClassification"):
            families = f"of type {', '.join(FAMILIES)} (…ForSequenceClassification)"
            raise _refusal(path, f"{expected}, {families}", f"{named} of type {kind}")
        named = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
        labels = [str(named[index]) for index in sorted(named, key=int)]
        if len(labels) != 2:
            raise _refusal(path, expected, f"{len(labels)}: {', '.join(labels)}")
        path = self.json(PREPROCESSOR)
        heard = read_json(path)
        extractor = heard.get("feature_extractor_type", _EXTRACTORS[0])
        rate, width = heard.get("sampling_rate"), heard.get("feature_size", 1)
        if extractor not in _EXTRACTORS or (rate, width) != (SAMPLE_RATE, 1):
            found = f"{extractor} at {rate} Hz with feature_size {width}"
            raise _refusal(path, f"samples at {SAMPLE_RATE} Hz as input", found)
        return labels


def _refusal(path: Path, expected: str, found: str) -> UserError:
    return UserError(f"{path}: expected {expected}, found {found}; choose another model")


def sign(labels: Sequence[str], spoof: str | None) -> float:
    """Return 1 where the second of two labels means spoof, -1 where the first one does.

    `spoof` is the label that means it; None where the labels say it themselves.

    Raises:
        UserError: they do not say it, or `spoof` is none of them.
    """
    if spoof is None:
        meant = [_means(label) for label in labels]
        if set(meant) != {"spoof", "bonafide"}:
            raise UserError(
                f"its labels {labels[0]} and {labels[1]} do not say which one means spoof; set "
                "`spoof` to that label in an experiment of kind `published`"
            )
        spoof = labels[meant.index("spoof")]
    if spoof not in labels:
        raise UserError(f"`spoof` is {spoof}; expected one of its labels {labels[0]}, {labels[1]}")
    return 1.0 if labels[1] == spoof else -1.0


def _means(label: str) -> str | None:
    words = [word.lower() for word in re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", label)]
    parts = {*words, "".join(words)}
    if bool(parts & _SAYS_SPOOF) == bool(parts & _SAYS_BONAFIDE):
        return None
    return "spoof" if parts & _SAYS_SPOOF else "bonafide"


class Published(Encoder):
    """A published detector as an encoder: of each frame, its second logit minus its first."""

    _source = DetectorSource

    @staticmethod
    def _network(folder: Path, dtype: "torch.dtype") -> "torch.nn.Module":
        kind = lean.transformers().AutoModelForAudioClassification
        network, loaded = kind.from_pretrained(
            folder, dtype=dtype, local_files_only=True, output_loading_info=True
        )
        if lacking := sorted(loaded["missing_keys"]):  # they would be random numbers
            raise ValueError(f"its weights lack {', '.join(lacking[:3])}")
        return network

    def cut_above(self, layer: int) -> None:
        """Stay whole: its only layer is what its last part makes."""

    def _hidden_states(
        self, signal: "torch.Tensor", layers: Sequence[int] | None = None
    ) -> "list[torch.Tensor]":
        """Return the differences, shape (frames, 1), float64."""
        import torch

        network = self.network
        weighted = network.config.use_weighted_layer_sum
        with torch.inference_mode():
            output = network.base_model(
                signal.to(network.dtype)[None], output_hidden_states=weighted
            )
            states = output.last_hidden_state
            if weighted:
                weights = torch.softmax(network.layer_weights, dim=-1)
                states = (torch.stack(output.hidden_states) * weights.view(-1, 1, 1, 1)).sum(0)
            logits = network.classifier(network.projector(states)).double()
        return [logits[0, :, 1:] - logits[0, :, :1]]


def identify(source: DetectorSource) -> dict[str, Any]:
    """Say exactly which detector this is; see `encoder.identify`. Its `labels` stand beside."""
    # In the precision that it was published for: what is measured is the detector as it is.
    return {**encoder.identify(source, "float32", Published), "labels": source.labels}
