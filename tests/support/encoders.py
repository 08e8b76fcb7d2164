"""Small encoders of every kind, with random weights."""

from pathlib import Path

import torch
import transformers

TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}

KINDS = {
    "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model, {}),
    "wav2vec2, layer norm as in XLS-R": (
        transformers.Wav2Vec2Config,
        transformers.Wav2Vec2Model,
        {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True},
    ),
    "hubert": (transformers.HubertConfig, transformers.HubertModel, {}),
    "wavlm": (transformers.WavLMConfig, transformers.WavLMModel, {}),
}
ALL_KINDS = KINDS | {
    f"{family}, layer norm": (
        *KINDS[family][:2],
        {"do_stable_layer_norm": True, "feat_extract_norm": "layer"},
    )
    for family in ("hubert", "wavlm")
}


def make_encoder(
    folder: Path, kind: str = "wav2vec2", normalise: bool = True, **changes: int
) -> Path:
    """A small encoder with random weights, saved as transformers saves them."""
    config, model, options = ALL_KINDS[kind]
    torch.manual_seed(1)
    model(config(**TINY | options | changes)).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise).save_pretrained(folder)
    return folder


def make_detector(
    folder: Path, kind: str = "wav2vec2", labels: tuple[str, ...] = ("fake", "real"), **options
) -> Path:
    """A small classifier of audio with random weights, saved as transformers saves them."""
    config, model, own = KINDS[kind]
    network = getattr(transformers, model.__name__.replace("Model", "ForSequenceClassification"))
    named = {"id2label": dict(enumerate(labels)), "label2id": {y: x for x, y in enumerate(labels)}}
    torch.manual_seed(1)
    made = network(config(**TINY, **own, **named, classifier_proj_size=8, **options))
    made.save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder
