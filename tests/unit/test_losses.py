"""Every loss against a direct loop over pairs in plain Python, and its gradient."""

import math

import numpy as np
import pytest
import torch
from authenticity.models import losses
from authenticity.models.losses import LOSSES, Batch
from authenticity.models.projection import Projection
from hypothesis import given, settings
from hypothesis import strategies as st

TEMPERATURE = 0.3


def batch(seed: int = 1, n_clips: int = 7, views: int = 2, dimension: int = 5) -> Batch:
    """Clips of both classes in two views, one of them drawn twice, norms up to one."""
    generator = torch.Generator().manual_seed(seed)
    clips = torch.cat([torch.arange(n_clips), torch.tensor([0])]).repeat(views)
    rows = clips + n_clips * torch.arange(views).repeat_interleave(n_clips + 1)
    shape = (n_clips * views, dimension)
    each = torch.randn(shape, generator=generator, dtype=torch.float64)
    each = each / each.norm(dim=1).max()
    return Batch(each[rows], clips % 2, clips, rows)


def direction(dimension: int = 5) -> torch.Tensor:
    return torch.linspace(-1, 0.7, dimension, dtype=torch.float64)


def dot(a, b) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 0.0


class _Slow:
    """The equations as they are printed, one pair at a time."""

    def __init__(self, batch: Batch):
        self.z = batch.projections.tolist()
        self.y, self.clip = batch.labels.tolist(), batch.clips.tolist()
        rows = batch.rows.tolist()
        number = range(len(self.z))
        self.pairs = [(i, j) for i in number for j in number if rows[i] != rows[j]]
        self.same_class = [(i, j) for i, j in self.pairs if self.y[i] == self.y[j]]
        self.same_clip = [(i, j) for i, j in self.pairs if self.clip[i] == self.clip[j]]

    def product(self, i: int, j: int) -> float:
        return dot(self.z[i], self.z[j])

    def margin(self) -> float:
        near = mean(math.dist(self.z[i], self.z[j]) ** 2 for i, j in self.same_class)
        far = mean(
            max(0.0, losses.MARGIN - math.dist(self.z[i], self.z[j])) ** 2
            for i, j in self.pairs
            if self.y[i] != self.y[j]
        )
        return near / 2 + far / 2

    def over_pairs(self, positives: list) -> float:
        terms = []
        for anchor in range(len(self.z)):
            own = [j for i, j in positives if i == anchor]
            others = [j for i, j in self.pairs if i == anchor]
            if not own:
                continue
            total = sum(math.exp(self.product(anchor, j) / TEMPERATURE) for j in others)
            terms.append(
                -mean(
                    math.log(math.exp(self.product(anchor, j) / TEMPERATURE) / total) for j in own
                )
            )
        return mean(terms)

    def supcon(self) -> float:
        return self.over_pairs(self.same_class)

    def info_nce(self) -> float:
        return self.over_pairs(self.same_clip)

    def spectral(self) -> float:
        positive = mean(self.product(i, j) for i, j in self.same_class)
        return -2 * positive + mean(self.product(i, j) ** 2 for i, j in self.pairs)

    def spectral_views(self) -> float:
        by_class = mean(self.product(i, j) for i, j in self.same_class)
        by_clip = mean(self.product(i, j) for i, j in self.same_clip)
        return -by_class - by_clip + mean(self.product(i, j) ** 2 for i, j in self.pairs)

    def oc_softmax(self) -> float:
        w = direction().tolist()
        w = [value / math.sqrt(dot(w, w)) for value in w]
        m = (0.9, 0.2)
        return mean(
            math.log(1 + math.exp(20 * (m[y] - dot(w, z)) * (-1) ** y))
            for y, z in zip(self.y, self.z, strict=True)
        )

    def cross_entropy(self) -> float:
        w = direction().tolist()
        return mean(
            -math.log(1 / (1 + math.exp(-(2 * y - 1) * dot(w, z))))
            for y, z in zip(self.y, self.z, strict=True)
        )


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("views", [1, 2, 3])
def test_against_the_loop(name: str, views: int):
    rows = batch(views=views)
    value = LOSSES[name](rows, TEMPERATURE, direction()).item()
    assert value == pytest.approx(getattr(_Slow(rows), name)(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_through_the_norm_too(name: str):
    rows = batch(n_clips=4)
    loss = LOSSES[name]

    def value(projections: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        # A head that does nothing but keep the norms within the loss's.
        eye = torch.eye(5, dtype=torch.float64)
        head = [(eye, torch.zeros(5, dtype=torch.float64))]
        ones = torch.ones(1, dtype=torch.float64)
        (bounded,) = Projection(0, ones, [head], loss.norms).branches(projections * 1.7)
        return loss(Batch(bounded, rows.labels, rows.clips, rows.rows), TEMPERATURE, weight)

    # A row drawn twice lies on the margin's kink of zero distance to itself: each one once.
    once = torch.tensor([0, 1, 2, 3, 5, 6, 7, 8])
    rows = Batch(rows.projections[once], rows.labels[once], rows.clips[once], rows.rows[once])
    inputs = (rows.projections.clone().requires_grad_(), direction().requires_grad_())
    assert torch.autograd.gradcheck(value, inputs)


@pytest.mark.parametrize("name", ["spectral", "spectral_views"])
@pytest.mark.parametrize("views", [1, 2])
def test_gradients_of_a_row_that_is_drawn_twice(name: str, views: int):
    rows = batch(n_clips=4, views=views)
    _, first, drawn = np.unique(rows.rows, return_index=True, return_inverse=True)

    def value(each: torch.Tensor) -> torch.Tensor:
        return LOSSES[name](Batch(each[drawn], rows.labels, rows.clips, rows.rows), 0.1, None)

    assert torch.autograd.gradcheck(value, rows.projections[first].clone().requires_grad_())


@pytest.mark.parametrize("name", LOSSES)
def test_rows_that_coincide_have_finite_gradients(name: str):
    same = torch.zeros(6, 5, dtype=torch.float64, requires_grad=True)
    number = torch.arange(6)
    LOSSES[name](Batch(same, number % 2, number // 2, number), 0.1, direction()).backward()
    assert torch.isfinite(same.grad).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(seed: int):
    rows = batch(seed)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(rows.rows)))
    fields = (rows.projections, rows.labels, rows.clips, rows.rows)
    other = Batch(*(values[order] for values in fields))
    for loss in LOSSES.values():
        own, others = (loss(each, TEMPERATURE, direction()).item() for each in (rows, other))
        assert own == pytest.approx(others, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", ["margin", "supcon", "spectral", "spectral_views"])
def test_classes_apart_cost_less_than_mixed(name: str):
    apart = torch.eye(4, dtype=torch.float64)[torch.tensor([0, 0, 1, 1, 0, 0, 1, 1])]
    clips = torch.arange(8) // 2
    number = torch.arange(8)
    costs = [
        LOSSES[name](Batch(apart, labels, clips, number), 0.1, direction(4)).item()
        for labels in (clips % 2, clips // 2)
    ]
    assert costs[0] < costs[1]


def test_one_class_softmax_by_hand():
    projections = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    rows = Batch(projections, torch.tensor([0, 1]), torch.arange(2), torch.arange(2))
    value = losses.oc_softmax(rows, torch.tensor([3.0, 0.0], dtype=torch.float64)).item()
    expected = (math.log1p(math.exp(20 * -0.1)) + math.log1p(math.exp(20 * -0.2))) / 2
    assert value == pytest.approx(expected)
