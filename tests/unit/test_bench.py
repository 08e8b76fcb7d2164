"""The benchmark: what it counts and judges is right, whatever the machine's speed."""

from pathlib import Path

import numpy as np
import pytest
from authenticity.features.encoder import Encoder
from bench import arithmetic, clips, figure, planning
from bench.__main__ import Line
from encoders import make_encoder


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_operations_are_those_of_the_shapes(precision: str, tmp_path: Path):
    folder = make_encoder(tmp_path / "tiny")
    config, length = Encoder.load(folder).network.config, 16_000
    found = arithmetic.stages(folder, precision, [1.0])
    frames, convolutions, channels = length, 0, 1
    for out, kernel, stride in zip(
        config.conv_dim, config.conv_kernel, config.conv_stride, strict=True
    ):
        frames = (frames - kernel) // stride + 1
        convolutions += 2 * frames * out * channels * kernel
        channels = out
    layers, width, inner = (
        config.num_hidden_layers,
        config.hidden_size,
        config.intermediate_size,
    )
    attention = 4 * 2 * frames * width**2 + 2 * 2 * frames**2 * width
    assert found["convolutions"].operations == convolutions
    assert found["attention"].operations == layers * attention
    assert found["feed-forward"].operations == layers * 2 * 2 * frames * width * inner
    assert all(stage.seconds > 0 for stage in found.values())


@pytest.mark.parametrize(
    ("value", "bound", "at_least", "status"),
    [(3.0, 3.0, True, "met"), (2.9, 3.0, True, "short"), (2.9, 3.0, False, "met"),
     (3.1, 3.0, False, "short"), (0.1, None, True, "reported")],
)  # fmt: skip
def test_a_value_is_held_against_its_bound(value, bound, at_least, status):
    line = Line("a", value, "x", 9.0, bound, at_least, "how")
    assert line.status == status
    assert str(line).count("|") == 7


def test_both_ways_hear_the_same_and_every_worker_has_its_share():
    chosen = clips.files(3)
    for data in chosen:
        theirs, ours = clips.Prototype._decoded(data), clips.Spectral()(data)
        np.testing.assert_allclose(theirs, ours, atol=1e-4)
    ways = {
        "one": [clips.Worker(clips.Spectral, single=True)],
        "two": [clips.Worker(clips.Spectral, single=single) for single in (True, False)],
    }
    found = clips.least(ways, chosen, number=1)
    assert found.keys() == ways.keys()
    assert all(wall > 0 and cpu > 0 for wall, cpu in found.values())


def test_a_listed_corpus_is_planned_by_the_real_workflow(tmp_path: Path):
    planning.lay_out(tmp_path, 400)
    seconds, memory = planning.plan(tmp_path)
    assert seconds > 0
    assert 20 < memory < 2000
    assert planning.job(tmp_path)[0] < seconds
    with pytest.raises(RuntimeError, match="no-such-target"):
        planning.run(tmp_path, "-m", "snakemake", "-n", "no-such-target")


def test_the_figure_is_drawn(tmp_path: Path):
    names = ("convolutions", "positions", "attention", "feed-forward", "the rest")
    stages = {name: arithmetic.Stage(1e9, 1e8, 0.1) for name in names[:-1]}
    stages[names[-1]] = arithmetic.Stage(seconds=0.1)
    facts = {"peak_float32": 80.0, "bandwidth": 20.0, "clip_seconds": 2.0}
    spent = ("spectral_prototype", "spectral_here", "loop_prototype, one thread", "loop_one core")
    figure.draw(stages, facts | dict.fromkeys(spent, 0.1), "float32", tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
