"""The benchmark's figure: a roofline of the encoder's stages, and a corpus's hours."""

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
    picture = Figure(figsize=(11, 4.6), layout="constrained")
    roof, bars = picture.subplots(1, 2, width_ratios=(1.15, 1))
    peak, bandwidth = facts[f"peak_{precision}"], facts["bandwidth"]
    intensity = np.geomspace(0.5, 1000, 200)
    roof.plot(intensity, np.minimum(peak, bandwidth * intensity), color="black", linewidth=1)
    roof.annotate(f"{precision} peak, {peak:.0f}", (1000, peak), (0, 4), ha="right",
                  textcoords="offset points")  # fmt: skip
    roof.annotate(f"memory, {bandwidth:.0f} GB/s", (0.6, bandwidth * 0.6), (0, 10), rotation=38,
                  textcoords="offset points")  # fmt: skip
    shown = {name: stage for name, stage in stages.items() if stage.operations}
    for (name, stage), colour, marker in zip(shown.items(), _COLOURS, _MARKERS, strict=True):
        label = f"{name}, {stage.rate:.0f} ({stage.rate / peak:.0%})"
        roof.loglog(stage.intensity, stage.rate, marker, color=colour, markersize=9, label=label)
    roof.set(
        xlabel="operations for each byte of weights, inputs and outputs",
        ylabel="GFLOP/s, one core",
        title="wav2vec2-base: achieved against the roof",
    )
    roof.legend(loc="lower right")
    rows = {
        "prototype: features": facts["spectral_prototype"],
        "here: spectral numbers": facts["spectral_here"],
        "prototype: features, last layer": facts["loop_prototype, one thread"],
        "here: spectral numbers, all layers": facts["loop_one core"],
    }
    hours = [_CLIPS * seconds / _CORES / 3600 for seconds in rows.values()]
    drawn = bars.barh(list(rows), hours, color=[_COLOURS[1], _COLOURS[0]] * 2)
    bars.bar_label(drawn, [_time(value) for value in hours], padding=3)
    bars.invert_yaxis()
    bars.set(
        xlim=(0, 1.2 * max(hours)), xlabel="hours", title=f"{_CLIPS:,} files on {_CORES} cores"
    )
    picture.supxlabel(
        f"Hours are CPU seconds a clip of {facts['clip_seconds']:.1f} s measured here, times "
        f"{_CLIPS:,}, over {_CORES}: cores as fast as these, all busy, no start-up.",
        fontsize=9,
    )
    picture.savefig(path, dpi=110)


def _time(hours: float) -> str:
    return f"{60 * hours:.1f} min" if hours < 1 else f"{hours:.1f} h"
