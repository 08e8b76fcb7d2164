"""Losses that shape a projection, each over all pairs of a batch by matrix products.

A batch holds rows: a clip's projection by one branch, in one view of its audio. z_i is the
projection of row i, y_i its label (0 bona fide, 1 spoof), c_i its clip, T the temperature. A pair
is two distinct rows; a row that was drawn twice makes no pair with itself. E over no pairs is zero.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from authenticity.models.projection import CAPPED, FREE, UNIT

MARGIN = 1.0
"""Of `margin`: the distance beyond which pairs of different classes are left alone."""

SHARPNESS, BONA_FIDE_ABOVE, SPOOF_BELOW = 20.0, 0.9, 0.2
"""Of `oc_softmax`: alpha, m_0 and m_1 of Zhang, Jiang and Duan (2021)."""

_SMALLEST_SQUARE = 1e-12  # keeps the gradient of a distance finite where it is zero


@dataclass(frozen=True)
class Batch:
    """Projections and what is known of them.

    Attributes:
        projections: shape (rows, dimension), their norms as the loss asks.
        labels: 0 for bona fide, 1 for spoof; shape (rows,), integers.
        clips: the number of each row's clip; shape (rows,), integers.
        rows: the number of each row, the same where a row was drawn again; shape (rows,).
    """

    projections: Tensor
    labels: Tensor
    clips: Tensor
    rows: Tensor

    # Numbers, as a product with a mask takes a fifth of the time of filling where there is none.
    @cached_property
    def pairs(self) -> Tensor:
        """1.0 where a pair is of two distinct rows, shape (rows, rows)."""
        return 1 - _equal(self.rows)

    @cached_property
    def same_class(self) -> Tensor:
        """1.0 where a pair is of one class."""
        return self.pairs * _equal(self.labels)

    @cached_property
    def same_clip(self) -> Tensor:
        """1.0 where a pair is of one clip: in two views of it, or by two branches."""
        return self.pairs * _equal(self.clips)

    def products(self) -> Tensor:
        """Return z_i . z_j of all rows."""
        return self.projections @ self.projections.T


def margin(batch: Batch) -> Tensor:
    """Contrastive loss with a margin, which the prototype used.

    L = 1/2 E_{y_i = y_j}[d_ij^2] + 1/2 E_{y_i != y_j}[max(0, m - d_ij)^2], d_ij = |z_i - z_j|:
    both kinds of pairs count alike, however many there are.

    Source: Hadsell, Chopra and LeCun, Dimensionality Reduction by Learning an Invariant Mapping,
    CVPR 2006.
    """
    products = batch.products()
    squares = products.diagonal()
    squared = (squares[:, None] + squares - 2 * products).clip(min=_SMALLEST_SQUARE)
    apart = (MARGIN - squared.sqrt()).clip(min=0) ** 2
    different = batch.pairs - batch.same_class
    return (_mean(squared, batch.same_class) + _mean(apart, different)) / 2


def supcon(batch: Batch, temperature: float) -> Tensor:
    """Supervised contrastive loss: positives are the rows of the same class.

    L = E_i[-1/|P(i)| sum_{p in P(i)} log(exp(z_i.z_p / T) / sum_{a != i} exp(z_i.z_a / T))],
    P(i) = {p != i: y_p = y_i}.

    Source: Khosla et al., Supervised Contrastive Learning, NeurIPS 2020 (L_out).
    """
    return _softmax_over_pairs(batch, batch.same_class, temperature)


def info_nce(batch: Batch, temperature: float) -> Tensor:
    """Contrast of clips: positives are the other rows of the same clip; labels are not used.

    As `supcon`, with P(i) = {p != i: c_p = c_i}.

    Source: van den Oord, Li and Vinyals, Representation Learning with Contrastive Predictive
    Coding, 2018; over all other rows of the batch as in Chen et al., A Simple Framework
    for Contrastive Learning of Visual Representations, ICML 2020.
    """
    return _softmax_over_pairs(batch, batch.same_clip, temperature)


def spectral(batch: Batch) -> Tensor:
    """Spectral contrastive loss with positives of the same class, norms capped.

    L = -2 E_{y_i = y_j}[z_i.z_j] + E_{i, j}[(z_i.z_j)^2], the second over all pairs. Its minimum
    factorises the graph in which clips of one class are joined.

    Source: HaoChen, Wei, Gaidon and Ma, Provable Guarantees for Self-Supervised Deep Learning with
    Spectral Contrastive Loss, NeurIPS 2021; there the positives are augmentations of one clip.
    """
    return _Spectral.apply(batch.projections, batch.rows, batch.labels, batch.labels)


def spectral_views(batch: Batch) -> Tensor:
    """Spectral contrastive loss whose positives are of the same class and of the same clip.

    L = -E_{y_i = y_j}[z_i.z_j] - E_{c_i = c_j}[z_i.z_j] + E_{i, j}[(z_i.z_j)^2]: the graph of
    `spectral`, half the weight of its edges moved to those between the rows of one clip, so that
    classes part along what the encoder and the spectrum agree on. The form is this project's.
    """
    return _Spectral.apply(batch.projections, batch.rows, batch.labels, batch.clips)


class _Spectral(torch.autograd.Function):
    """E_{i, j}[(z_i.z_j)^2] less E[z_i.z_j] over the pairs within a group, for each grouping.

    With Z of the rows z_i, sum_ij (z_i.z_j)^2 = |Z^T Z|^2 and sum_ij z_i.z_j = |sum_i z_i|^2. So
    no product of each pair is needed. Both are of the form sum_i z_i.f_i; their gradients are
    4 f_i and 2 f_i. It takes two thirds of the time of pairs, masks and their gradients.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, rows: Tensor, *groupings: Tensor) -> Tensor:
        again, itself = _grouped(z, rows)  # a row makes no pair with itself
        push = z @ (z.T @ z) - again * z.square().sum(1, keepdim=True)
        push /= max(len(z) ** 2 - itself, 1)
        pull = torch.zeros_like(z)
        for groups in groupings:
            sums, number = _grouped(z, groups)
            pull += (sums - again) / max(number - itself, 1)
        ctx.save_for_backward(4 * push - 2 * pull)
        return (z * (push - pull)).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (of_z,) = ctx.saved_tensors
        return gradient * of_z, None, None, None


def _grouped(z: Tensor, groups: Tensor) -> tuple[Tensor, int]:
    """Return the sum of z over each row's group, and how many pairs are within groups."""
    _, group, sizes = groups.unique(return_inverse=True, return_counts=True)
    sums = z.new_zeros(len(sizes), z.shape[1]).index_add_(0, group, z)
    return sums.index_select(0, group), int(sizes.square().sum())


def oc_softmax(batch: Batch, direction: Tensor) -> Tensor:
    """One-class softmax: bona fide within a cone about a learned direction, spoof outside it.

    L = E_i[log(1 + exp(alpha (m_{y_i} - w.z_i) (-1)^{y_i}))], w and z_i of unit norm.

    Source: Zhang, Jiang and Duan, One-class Learning Towards Synthetic Voice Spoofing Detection,
    IEEE Signal Processing Letters 28, 2021.

    `direction`, (dimension,), is w before it is normalised, learned with the heads.
    """
    cosine = batch.projections @ functional.normalize(direction, dim=0)
    bona_fide = batch.labels == 0
    short = torch.where(bona_fide, BONA_FIDE_ABOVE - cosine, cosine - SPOOF_BELOW)
    return functional.softplus(SHARPNESS * short).mean()


def cross_entropy(batch: Batch, direction: Tensor) -> Tensor:
    """No contrast at all, as a control: logistic regression on the projection.

    L = E_i[log(1 + exp(-(2 y_i - 1) w.z_i))]. The heads' biases stand for its own. `direction`,
    (dimension,), is w, learned with the heads.
    """
    logits = batch.projections @ direction
    return functional.binary_cross_entropy_with_logits(logits, batch.labels.to(logits.dtype))


@dataclass(frozen=True)
class Loss:
    """A loss and what it asks for.

    Attributes:
        function: of the batch and, where it has one, of the temperature or the direction.
        norms: least and greatest norm of a projection.
        temperature: whether it has one.
        direction: whether it learns a direction with the heads.
        clips: whether it is nothing without several rows of a clip.
    """

    function: Callable[..., Tensor]
    norms: tuple[float, float]
    temperature: bool = False
    direction: bool = False
    clips: bool = False

    def __call__(self, batch: Batch, temperature: float, direction: Tensor) -> Tensor:
        """Return the loss of a batch; what it does not ask for is not used."""
        asked = [temperature] if self.temperature else [direction] if self.direction else []
        return self.function(batch, *asked)


LOSSES: dict[str, Loss] = {
    "margin": Loss(margin, UNIT),
    "supcon": Loss(supcon, UNIT, temperature=True),
    "info_nce": Loss(info_nce, UNIT, temperature=True, clips=True),
    "spectral": Loss(spectral, CAPPED),
    "spectral_views": Loss(spectral_views, CAPPED, clips=True),
    "oc_softmax": Loss(oc_softmax, UNIT, direction=True),
    "cross_entropy": Loss(cross_entropy, FREE, direction=True),
}


def _softmax_over_pairs(batch: Batch, positive: Tensor, temperature: float) -> Tensor:
    """Return the mean over rows that have positives of -log softmax, averaged over these."""
    similarity = batch.products() / temperature
    similarity = similarity.masked_fill(batch.pairs == 0, float("-inf"))
    log_share = similarity - similarity.logsumexp(dim=1, keepdim=True)
    number = positive.sum(dim=1)
    summed = log_share.masked_fill(positive == 0, 0).sum(dim=1)
    return _mean(-summed / number.clip(min=1), number.clip(max=1))


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    return (values * chosen).sum() / chosen.sum().clip(min=1)


def _equal(numbers: Tensor) -> Tensor:
    mask = torch.empty(len(numbers), len(numbers))  # converting booleans would take longer
    return torch.eq(numbers[:, None], numbers, out=mask)
