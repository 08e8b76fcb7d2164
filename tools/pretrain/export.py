"""The pretrained encoder as a folder that `AutoModel.from_pretrained` takes."""

import json
from pathlib import Path

import torch
from authenticity.features.encoder import write_folder
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model

from pretrain.targets import SAMPLE_RATE


def export(encoder: Wav2Vec2Model, folder: str | Path) -> None:
    """Write a pretrained encoder, its weights in half precision.

    The configuration asks for float32: the halves are a way to store the weights, not to compute.
    """
    preprocessing = Wav2Vec2FeatureExtractor(
        sampling_rate=SAMPLE_RATE, do_normalize=True, return_attention_mask=False
    )
    write_folder(encoder, json.loads(preprocessing.to_json_string()), torch.float16, folder)
