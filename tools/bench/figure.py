"""The benchmark's figure: a roofline of the encoder's stages, and a corpus's time."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from bench.arithmetic import Stage

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")  # of Okabe and Ito
_MARKERS = "osD^"
_CLIPS, _CORES = 25_000, 11


def draw(
    stages: Mapping[str, Stage], facts: Mapping[str, float], precision: str, path: Path
) -> None:
    """Draw the figure.

    Args:
        stages: of the encoder's forward pass.
        facts: `peak_{precision}` in GFLOP/s, `bandwidth` in GB/s, `clip_seconds`, and seconds a
            clip: CPU time of `spectral_*` and `loop_*`.
        precision: that the encoder ran in.
        path: where to.
    """
    picture = Figure(figsize=(11, 5.2), layout="constrained")
    roof, bars = picture.subplots(1, 2, width_ratios=(1.15, 1))
    peak, bandwidth = facts[f"peak_{precision}"], facts["bandwidth"]
    intensity = np.geomspace(0.5, 1000, 200)
    roofed = f"roof: {peak:.0f} GFLOP/s in {precision}, {bandwidth:.0f} GB/s"
    roof.plot(intensity, np.minimum(peak, bandwidth * intensity), color="black", label=roofed)
    shown = {name: stage for name, stage in stages.items() if stage.operations}
    for (name, stage), colour, marker in zip(shown.items(), _COLOURS, _MARKERS, strict=True):
        label = f"{name}, {stage.rate:.0f} ({stage.rate / peak:.0%})"
        roof.plot(stage.intensity, stage.rate, marker, color=colour, markersize=9, label=label)
    roof.set(
        xlabel="operations for each byte of weights, inputs and outputs",
        ylabel="GFLOP/s, one core",
        title="wav2vec2-base: achieved against the roof",
        xscale="log",
        ylim=(0, 1.1 * peak),
    )
    roof.legend(loc="upper center", bbox_to_anchor=(0.4, -0.14), ncols=2, fontsize=9)
    rows = {
        "prototype: features": facts["spectral_prototype"],
        "here: spectral numbers": facts["spectral_here"],
        "prototype: features, last layer": facts["loop_prototype, one thread"],
        "here: spectral numbers, all layers": facts["loop_one core"],
    }
    minutes = [_CLIPS * seconds / _CORES / 60 for seconds in rows.values()]
    drawn = bars.barh(list(rows), minutes, color=[_COLOURS[1], _COLOURS[0]] * 2)
    bars.bar_label(drawn, [f"{value:.1f}" for value in minutes], padding=3)
    bars.invert_yaxis()
    bars.set(xlim=(0, 1.2 * max(minutes)), xlabel="minutes")
    bars.set_title(f"{_CLIPS:,} files on {_CORES} cores")
    picture.supxlabel(
        f"Minutes: CPU time of one thread for a clip of {facts['clip_seconds']:.1f} s here, times "
        f"{_CLIPS:,}, over {_CORES}: cores as fast as these, all busy, no start-up.",
        fontsize=9,
    )
    picture.savefig(path, dpi=110)
