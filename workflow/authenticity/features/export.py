"""An encoder as a folder that `AutoModel.from_pretrained` and `Encoder.load` take."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch

from authenticity.features.sources import CONFIG, PREPROCESSOR, WEIGHTS
from authenticity.files import atomic, write_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_TRAINING_ONLY = "masked_spec_embed"  # the vector that stands for a hidden frame


def write(
    encoder: "PreTrainedModel",
    preprocessing: Mapping[str, Any],
    precision: torch.dtype,
    folder: str | Path,
) -> None:
    """Write the configuration, the preprocessing and the weights into a folder.

    Masking and its vector, which only training needs, are left out, so that no mode of the loaded
    model changes its input.

    Args:
        encoder: wav2vec2, HuBERT or WavLM.
        preprocessing: the content of `preprocessor_config.json`.
        precision: in which the weights are stored.
        folder: made where it is absent.
    """
    folder = Path(folder)
    config = copy.deepcopy(encoder.config)
    config.name_or_path = ""
    config.architectures = [type(encoder).__name__]
    config.dtype = torch.float32
    config.mask_time_prob = config.mask_feature_prob = 0.0
    config.apply_spec_augment = False
    weights = {
        name: value.to(precision).contiguous()
        for name, value in encoder.state_dict().items()
        if name != _TRAINING_ONLY
    }
    write_json(folder / CONFIG, json.loads(config.to_json_string()))
    write_json(folder / PREPROCESSOR, preprocessing)
    with atomic(folder / WEIGHTS) as temporary:
        temporary.write_bytes(safetensors.torch.save(weights, metadata={"format": "pt"}))
