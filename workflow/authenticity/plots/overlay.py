"""One recording as a picture: its spectrogram, and the scores along it.

The spectrogram is grey, dark where it is loud, so that colour is left to what the scores say; the
height of the line says the same. A page in dark colours may invert the picture.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from authenticity.features import spectral
from authenticity.files import atomic
from authenticity.plots.drawing import BLUE, GREY, STYLE, VERMILLION
from authenticity.scoring import words
from authenticity.scoring.decision import DISTRUST
from authenticity.scoring.result import Recording, Span
from authenticity.scoring.words import INTERVAL

# Inches. The panels below each other share the time axis, so that one playhead fits all of them.
_WIDTH, _HEIGHT, _DOTS_PER_INCH = 10.0, 4.76, 120
_LEFT, _RIGHT = 0.85, 8.05
_SCORES, _COLOURS, _POWER, _SOUND = (2.68, 1.43), (2.43, 0.17), (0.73, 1.64), (0.55, 0.1)
_WHOLE = (8.15, 0.45)

_INK, _QUIET = "#1D2733", "#4A5563"
_VERDICT_COLOURS = LinearSegmentedColormap.from_list("", [BLUE, "#C3C8CF", VERMILLION])
_JUST_BEYOND = 0.45  # how far a score is coloured that has just left the band: it must be seen
_N_SHADES = 41  # of the picture's palette, beside its greys; it saves two thirds of the bytes
_LEAST_DB, _MOST_DB = 30.0, 70.0  # from the loudest of the spectrogram, black, to white
_QUIETEST_PERCENT = 10  # of the spectrogram is white: the noise floor
_TICKS_HZ = (250, 500, 1000, 2000, 4000, 8000)
_STEPS_SECONDS = (
    *(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, 3600, 7200, 14400),
)
_MOST_TICKS = 12
_MOST_MARKS = 90  # windows; more would hide the line
_MOST_LETTERS = 80  # of a file's name


def write(path: str | Path, recording: Recording, lower: float, upper: float) -> Span:
    """Draw a recording as PNG, atomically; equal recordings are equal bytes.

    From the top: the calibrated log-likelihood ratio of each window at the window's centre, with
    the thresholds, and beside it that of the whole recording with its interval; the same scores as
    colours, grey between the thresholds; the power in mel bands; where there is sound.

    Args:
        path: of the picture.
        recording: as the detector returns it.
        lower: the log-likelihood ratio below which a recording lies where genuine ones do.
        upper: the one from which on it lies where synthetic ones do.

    Returns:
        Where the panels lie, for a playhead.
    """
    with mpl.rc_context(STYLE):
        canvas = FigureCanvasAgg(_drawn(recording, lower, upper))
        canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    with atomic(path) as temporary:
        indexed = picture.quantize(palette=_palette(), dither=Image.Dither.NONE)
        indexed.save(temporary, "PNG", optimize=True)
    top, bottom = sum(_SCORES), _SOUND[0]
    return Span(_LEFT / _WIDTH, _RIGHT / _WIDTH, 1 - top / _HEIGHT, 1 - bottom / _HEIGHT)


def _palette() -> Image.Image:
    """The colours of every picture: greys, and those of the scores."""
    # White has no grey beside it: Pillow looks colours up in steps of four.
    greys = np.append(np.arange(0, 250, 5), 255).repeat(3).astype(np.uint8)
    shades = _VERDICT_COLOURS(np.linspace(0, 1, _N_SHADES), bytes=True)[:, :3]
    image = Image.new("P", (1, 1))
    image.putpalette(bytes(greys) + shades.tobytes())
    return image


def _drawn(recording: Recording, lower: float, upper: float) -> Figure:
    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DOTS_PER_INCH)
    along = (_LEFT, _RIGHT - _LEFT)
    scores, colours, power, sound = panels = [
        _panel(figure, along, down) for down in (_SCORES, _COLOURS, _POWER, _SOUND)
    ]
    whole = _panel(figure, _WHOLE, _SCORES)
    _title(figure, recording)
    shades = _shades(recording.windows.llr, lower, upper)
    _draw_scores(scores, recording, shades)
    _draw_whole(whole, recording, _shades([recording.llr], lower, upper))
    _share_scale(scores, whole, recording, lower, upper)
    _draw_power(power, recording)
    _draw_strips(colours, sound, recording, shades)
    _time_axis(sound, recording.duration)
    for panel in panels:
        panel.set_xlim(0, recording.duration)
    return figure


def _panel(figure: Figure, across: tuple[float, float], down: tuple[float, float]) -> Axes:
    (left, width), (bottom, height) = across, down
    axes = figure.add_axes(
        (left / _WIDTH, bottom / _HEIGHT, width / _WIDTH, height / _HEIGHT), facecolor="none"
    )
    axes.grid(False)
    axes.tick_params(labelsize=9, colors=_QUIET)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.spines[:].set_color(_QUIET)
    return axes


def _title(figure: Figure, recording: Recording) -> None:
    place = {"x": _LEFT / _WIDTH, "parse_math": False}  # a dollar in a file's name is a dollar
    size = {"y": 1 - 0.25 / _HEIGHT, "fontsize": 11, "fontweight": "bold", "color": _INK}
    figure.text(s=_title_name(recording.file), **place, **size)
    told = f"{recording.verdict}: {_number(recording)}"
    figure.text(s=told, y=1 - 0.46 / _HEIGHT, fontsize=9.5, color=_QUIET, **place)


def _number(recording: Recording) -> str:
    """The number that stands for a recording, and what its interval is of."""
    if recording.p_synthetic is None:
        return "no number, for a severe caution"
    said = words.number(recording)
    if recording.p_trust != DISTRUST:
        said = f"probability of being synthetic {said} at a prior of {100 * recording.prior:g}%"
    return f"{said}; interval of {INTERVAL}"


def _title_name(file: str) -> str:
    """A file's name as the fonts can show it, without its middle where it is long."""
    known = mpl.ft2font.FT2Font(mpl.font_manager.findfont("DejaVu Sans")).get_charmap()
    name = "".join(
        sign if sign.isprintable() and ord(sign) in known else "\N{WHITE SQUARE}" for sign in file
    )
    if len(name) <= _MOST_LETTERS:
        return name
    return f"{name[: _MOST_LETTERS // 3]}…{name[-2 * _MOST_LETTERS // 3 :]}"


def _shades(llr: ArrayLike, lower: float, upper: float) -> NDArray[np.float64]:
    """The colours of scores: grey within the band, then ever stronger up to its width beyond.

    Not a number, which is a silent window, has no colour.
    """
    llr, width = np.asarray(llr), max(upper - lower, 1.0)
    above, below = (llr - upper) / width, (lower - llr) / width
    strength = np.clip(np.maximum(above, below), 0, 1) * (1 - _JUST_BEYOND) + _JUST_BEYOND
    side = (above >= 0).astype(float) - (below > 0)
    return _VERDICT_COLOURS((1 + side * strength) / 2)


def _draw_scores(axes: Axes, recording: Recording, shades: NDArray[np.float64]) -> None:
    windows = recording.windows
    centres, many = (windows.start + windows.end) / 2, len(windows.llr) > _MOST_MARKS
    # Level before the first centre and after the last, where there is no window.
    times = [0.0, *centres, recording.duration]
    ratios = [windows.llr[0], *windows.llr, windows.llr[-1]]
    axes.plot(times, ratios, color=_INK, linewidth=0.7 if many else 1.2, zorder=3)
    if not many:
        style = {"s": 20, "edgecolors": _INK, "linewidths": 0.7, "zorder": 4}
        axes.scatter(centres, windows.llr, c=shades, **style)
    axes.set_ylabel("LLR of windows\n(nats)", fontsize=9, color=_INK)


def _draw_whole(axes: Axes, recording: Recording, shades: NDArray[np.float64]) -> None:
    axes.set_xlim(-1, 1)
    axes.set_title("whole", fontsize=9, loc="center", pad=3, color=_INK)
    axes.tick_params(left=False, labelleft=False)
    axes.spines["left"].set_visible(False)
    axes.plot([0, 0], [recording.llr_low, recording.llr_high], color=_INK, linewidth=1.5, zorder=3)
    style = {"s": 46, "marker": "D", "edgecolors": _INK, "linewidths": 0.9, "zorder": 4}
    axes.scatter([0], [recording.llr], c=shades, **style)


def _share_scale(
    scores: Axes, whole: Axes, recording: Recording, lower: float, upper: float
) -> None:
    """Give the panels of scores one scale, and name the regions between which they lie."""
    ratios = recording.windows.llr[np.isfinite(recording.windows.llr)]
    values = [*ratios, recording.llr_low, recording.llr_high, lower, upper]
    lowest, highest = min(values), max(values)
    # A region without a score is still high enough for its name.
    margin, least = 0.12 * (highest - lowest), 0.35 * (highest - lowest)
    bottom = min(lowest - margin, lower - least)
    top = max(highest + margin, upper + least)
    for axes in (scores, whole):
        axes.set_ylim(bottom, top)
        axes.axhspan(lower, upper, color="#ECEEF1", linewidth=0, zorder=0)
        for threshold in (lower, upper):
            axes.axhline(threshold, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        axes.spines["bottom"].set_visible(False)
    middle = (lower + upper) / 2
    apart = 0.14 * (top - bottom)
    for name, height, colour in (
        ("like synthetic", max((upper + top) / 2, middle + apart), "#A84300"),
        ("in between", middle, _QUIET),
        ("like genuine", min((lower + bottom) / 2, middle - apart), BLUE),
    ):
        style = {"va": "center", "fontsize": 9, "color": colour}
        whole.text(1.2, height, name, **style)


def _draw_power(axes: Axes, recording: Recording) -> None:
    spectrogram = recording.spectrogram
    bands, columns = spectrogram.power_db.shape
    step = spectrogram.seconds_per_column
    quietest, loudest = np.percentile(spectrogram.power_db, [_QUIETEST_PERCENT, 100])
    axes.imshow(
        spectrogram.power_db,
        cmap="gray_r",
        vmin=loudest - np.clip(loudest - quietest, _LEAST_DB, _MOST_DB),
        vmax=loudest,
        origin="lower",
        aspect="auto",
        extent=(-step / 2, (columns - 0.5) * step, 0, bands),
        interpolation="antialiased",
    )
    places = np.interp(_TICKS_HZ, spectral.mel_edges(bands), np.arange(bands + 2) - 0.5)
    axes.set_yticks(places.clip(0, bands), [f"{hertz / 1000:g}" for hertz in _TICKS_HZ])
    axes.set_ylim(0, bands)
    axes.set_ylabel("mel frequency\n(kHz)", fontsize=9, color=_INK)


def _draw_strips(
    colours: Axes, sound: Axes, recording: Recording, shades: NDArray[np.float64]
) -> None:
    """Draw the scores as colours, each around its window's centre, and where there is sound."""
    windows, activity = recording.windows, recording.activity
    centres = (windows.start + windows.end) / 2
    edges = [0.0, *(centres[1:] + centres[:-1]) / 2, recording.duration]
    colours.pcolorfast(edges, [0, 1], shades[None])
    stretches = list(zip(activity.start, activity.end - activity.start, strict=True))
    sound.broken_barh(stretches, (0, 1), facecolors=_INK, linewidth=0)
    sound.set_ylim(0, 1)
    for axes, name in ((colours, "colour"), (sound, "sound")):
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        place = {"transform": axes.transAxes, "ha": "right", "va": "center"}
        axes.text(-0.008, 0.5, name, fontsize=9, color=_INK, **place)


def _time_axis(axes: Axes, duration: float) -> None:
    enough = (step for step in _STEPS_SECONDS if duration / step <= _MOST_TICKS)
    step = next(enough, _STEPS_SECONDS[-1])
    ticks = np.arange(0, duration * (1 + 1e-9), step)
    labels, unit = _clock(ticks, duration, step)
    axes.tick_params(axis="x", bottom=True, labelbottom=True)
    axes.set_xticks(ticks, labels)
    axes.set_xlabel(f"time ({unit})", fontsize=9, color=_INK, labelpad=2)


def _clock(ticks: NDArray[np.float64], duration: float, step: float) -> tuple[list[str], str]:
    if duration < 100:
        return [f"{tick:.{0 if step >= 1 else 2 if step < 0.1 else 1}f}" for tick in ticks], "s"
    whole = [round(tick) for tick in ticks]
    if duration < 3600:
        return [f"{tick // 60}:{tick % 60:02}" for tick in whole], "min:s"
    return [f"{tick // 3600}:{tick // 60 % 60:02}:{tick % 60:02}" for tick in whole], "h:min:s"
