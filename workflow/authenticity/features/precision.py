"""How an encoder computes: in which precision, and where in a faster way than transformers'.

Embeddings are as near to exact arithmetic as by transformers' own ways. Gains are shares of the
time that wav2vec2-base takes for a clip of 2.9 s, on one core. A network that computes so is only
to be used: a copy of it would go on with this one's weights, and it cannot be trained.
"""

import platform
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional

from authenticity.audio import SAMPLE_RATE
from authenticity.errors import UserError
from authenticity.features.sources import FAMILIES

_ATTENDS_AT_ONCE = 14.0  # seconds; beyond, torch's attention in blocks is faster


def native_precision(device: str = "cpu") -> str:
    """Return `bfloat16` where the CPU multiplies it natively (twice as fast), else `float32`.

    With the device `auto` in place of `cpu`, return `float16` where torch finds a GPU.
    """
    if device == "auto" and torch.cuda.is_available():
        return "float16"
    capabilities = torch.cpu.get_capabilities()
    native = any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return "bfloat16" if native else "float32"


def in_precision(network: torch.nn.Module, precision: str) -> torch.nn.Module:
    """Return a network that computes in a precision, as fast as it can; it may be changed itself.

    In float32 its weights stay as they are.

    `int8` is torch's dynamic quantisation of linear layers: weights are rounded, each output's on a
    scale of its own, and so are inputs, on a scale of their own in each call. On a core with AVX2
    alone, wav2vec2-base is 1.46 times as fast as in float32.

    Args:
        network: in float32, or in the precision.
        precision: `float32`, `bfloat16`, `int8`, or `float16`, which a GPU computes.

    Raises:
        UserError: there is no GPU.
    """
    if precision == "float16":
        if not torch.cuda.is_available():
            raise UserError(
                "the encoder was to compute in float16 on a GPU, and torch finds none; set "
                "`encoder.device: cpu`"
            )
        return network.to("cuda", torch.float16)
    if precision != "int8":
        network = network.to(getattr(torch, precision))
    _compute_faster(network.base_model, precision)
    if precision != "int8":
        return network
    kind = torch.ao.quantization.per_channel_dynamic_qconfig
    rounded = {name: kind for name, _ in _linear(network, network.config)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # later versions of torch leave it to a package of its own
        return torch.ao.quantization.quantize_dynamic(network, rounded, inplace=True)


def _compute_faster(network: torch.nn.Module, precision: str) -> None:
    """Replace calls of an encoder's parts, where it has such parts, by faster ones."""
    layers, config = getattr(network, "encoder", None), network.config
    positions = getattr(getattr(layers, "pos_conv_embed", None), "conv", None)
    if isinstance(positions, torch.nn.Conv1d) and positions.stride == positions.dilation == (1,):
        positions.forward = _by_frequency(positions)
    if config.model_type not in FAMILIES or precision != "bfloat16":
        return
    if not any(getattr(config, name, None) for name in ("add_adapter", "adapter_attn_dim")):
        _add_up_in_float32(layers)
    if not _packs_bfloat16():
        return
    for name, linear in _linear(layers, config):
        joined = name.endswith("intermediate_dense") and config.hidden_act == "gelu"
        _pack_linear(linear, "gelu" if joined else "none")
    for layer in layers.layers if config.hidden_act == "gelu" else ():
        layer.feed_forward.intermediate_act_fn = torch.nn.Identity()
    if config.feat_extract_norm == "group" and config.feat_extract_activation == "gelu":
        for layer in network.feature_extractor.conv_layers:
            _pack_convolution(layer)


def _add_up_in_float32(encoder: torch.nn.Module) -> None:
    """Compute norms, and the sums that layers pass on, in float32; products stay in bfloat16.

    It takes 1% more time. In the last layer of the encoder that ships, the part of the error that
    differs between clips falls by a quarter.
    """

    def cast_input(kind: torch.dtype) -> Callable[..., tuple]:
        return lambda _, arguments: (arguments[0].to(kind), *arguments[1:])

    for layer in encoder.layers:
        for part in (layer.attention, layer.feed_forward):
            part.register_forward_pre_hook(cast_input(torch.bfloat16))
    norms = [module for module in encoder.modules() if isinstance(module, torch.nn.LayerNorm)]
    for module in (*norms, *encoder.layers[:1]):
        module.register_forward_pre_hook(cast_input(torch.float32))
    for norm in norms:
        norm.float()


def _packs_bfloat16() -> bool:
    """Whether oneDNN is there, with layouts of its own for weights in bfloat16."""
    return (
        platform.machine() == "x86_64"
        and torch.backends.mkldnn.is_available()
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


def _linear(network: torch.nn.Module, config: Any) -> Iterator[tuple[str, torch.nn.Linear]]:
    """Yield linear layers by name, but WavLM's attention, which reads its weights as they are."""
    is_wavlm = config.model_type == "wavlm"
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Linear) and not (is_wavlm and "attention" in name):
            yield name, module


def _pack_linear(layer: torch.nn.Linear, activation: str) -> None:
    """Lay out a layer's weights for oneDNN once, where else each call does it: 6% less time.

    torch's own compiler packs weights with these operations. The packed weights take the place of
    the others, so that memory stays the same. An activation, `gelu` or `none`, is computed with the
    product: 1% less.
    """
    operations = torch.ops.mkldnn
    packed, bias = operations._reorder_linear_weight(layer.weight.detach(), None), layer.bias
    layer.forward = lambda inputs: operations._linear_pointwise(
        inputs, packed, bias, activation, [], "none"
    )
    layer.weight = None


def _pack_convolution(layer: torch.nn.Module) -> None:
    """Do the same for a convolution followed by GELU, which become one call: 5% less time.

    The lowest layer has a group norm between the two. It keeps channels last, so that the next
    convolution need not rearrange them: 3% less.
    """
    convolution, operations = layer.conv, torch.ops.mkldnn
    norm = getattr(layer, "layer_norm", None)
    bias, shape = convolution.bias, [1, convolution.in_channels, 1, SAMPLE_RATE]
    how = [0, *convolution.padding], [1, *convolution.stride], [1, *convolution.dilation], 1
    weight = convolution.weight.detach()[:, :, None]
    packed = operations._reorder_convolution_weight(weight, *how, shape)

    def forward(inputs: torch.Tensor) -> torch.Tensor:
        """Take and return channels over time, shape (clips, channels, samples)."""
        activation = "none" if norm else "gelu"
        found = operations._convolution_pointwise(
            inputs[:, :, None], packed, bias, *how, activation, [], "none"
        )
        return (functional.gelu(norm(found)) if norm else found)[:, :, 0]

    layer.forward = forward
    convolution.weight = None


def attention(seconds: float) -> str:
    """Return how layers should attend in bfloat16, in transformers' words.

    In short stretches to all frames at once (`eager`), which takes half the time of `sdpa`, in
    blocks: 5% less for an encoder, 15% less for a step of fine-tuning. By itself it is less exact,
    since it rounds more in between; embeddings do not show it.
    """
    return "eager" if seconds < _ATTENDS_AT_ONCE else "sdpa"


def _by_frequency(convolution: torch.nn.Conv1d) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a convolution over time as products of Fourier transforms, in float32.

    Its kernel is long: 128 taps. Blocks of the signal overlap by so many ("overlap-save", Oppenheim
    and Schafer, Discrete-Time Signal Processing, section 8.7.3). 5% less time, in float32 too.
    """
    (taps,), (margin,), groups = convolution.kernel_size, convolution.padding, convolution.groups
    size = 2 * taps  # shorter transforms waste more on the overlap, longer ones need more memory
    step, n_frequencies = size - taps + 1, size // 2 + 1
    kernels: list[torch.Tensor] = []  # once it is used

    def forward(signal: torch.Tensor) -> torch.Tensor:
        """Take and return channels over time, shape (clips, channels, frames)."""
        if not kernels:
            kernels.append(spectra())
        clips, channels, frames = signal.shape
        heard = frames + 2 * margin - taps + 1
        blocks = -(-heard // step)
        padded = functional.pad(signal.float(), (margin, margin + blocks * step - heard))
        parts = torch.fft.rfft(padded.unfold(2, size, step))
        parts = parts.view(clips, groups, -1, blocks, n_frequencies).permute(4, 1, 0, 3, 2)
        products = torch.bmm(parts.reshape(len(kernels[0]), clips * blocks, -1), kernels[0])
        products = products.view(n_frequencies, groups, clips, blocks, -1).permute(2, 1, 4, 3, 0)
        whole = torch.fft.irfft(products, size)[..., taps - 1 :].reshape(clips, channels, -1)
        return (whole[..., :heard] + convolution.bias[:, None].float()).to(signal.dtype)

    def spectra() -> torch.Tensor:
        """Return the kernels' transforms, shape (frequencies x groups, inputs, outputs)."""
        # Layers correlate; reversed kernels make that a convolution.
        weight = convolution.weight.detach().float().flip(2)
        found = torch.fft.rfft(weight, size)
        found = found.view(groups, -1, found.shape[1], n_frequencies).permute(3, 0, 2, 1)
        return found.reshape(n_frequencies * groups, *found.shape[2:])

    return forward
