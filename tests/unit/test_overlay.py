"""The picture of a scored recording."""

import warnings

import numpy as np
import pytest
import recordings
from authenticity.plots import overlay
from authenticity.scoring.result import Windows
from matplotlib.figure import Figure
from PIL import Image
from recordings import LOWER, UPPER

ORANGE, BLUE = np.array([213, 94, 0]), np.array([0, 114, 178])


def drawn(path, recording, lower=LOWER, upper=UPPER):
    """Draw; return the span and the picture, (height, width, 3)."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        span = overlay.write(path, recording, lower, upper)
    return span, np.asarray(Image.open(path).convert("RGB")).astype(int)


def colours_along(span, picture):
    """The panel of colours, which is the most coloured row of pixels, (columns, 3)."""
    height, width, _ = picture.shape
    first, last = round(span.left * width) + 1, round(span.right * width) - 1
    rows = picture[int(span.top * height) : int(span.bottom * height), first:last]
    return rows[np.argmax(np.ptp(rows, axis=2).sum(axis=1))]


def like(columns, colour):
    """Whether columns have more of this colour than of the other one."""
    other = BLUE if colour is ORANGE else ORANGE
    away = [np.abs(columns - each).sum(axis=1) for each in (colour, other)]
    return (away[0] < away[1]) & (np.ptp(columns, axis=1) > 60)


def test_the_same_recording_is_the_same_bytes_of_modest_size(tmp_path):
    recording = recordings.recording(seconds=150.0, llr=-3.0, spliced=(40, 60))
    for name in ("one.png", "two.png"):
        drawn(tmp_path / name, recording)
    content = (tmp_path / "one.png").read_bytes()
    assert content == (tmp_path / "two.png").read_bytes()
    assert len(content) < 200_000


def test_colours_say_where_the_synthetic_part_is(tmp_path):
    windows = Windows(
        start=np.arange(37.0),
        end=np.arange(37.0) + 4,
        score=np.zeros(37),
        llr=np.repeat([-6.0, 6.0, -6.0], [12, 13, 12]),
        speech=np.ones(37),
    )
    recording = recordings.recording(seconds=40.0, llr=-4.0, windows=windows)
    columns = colours_along(*drawn(tmp_path / "a.png", recording))
    seconds = (np.arange(len(columns)) + 0.5) / len(columns) * 40
    # Windows centred on 14 to 26 s; each colours half a second around its centre.
    inside, outside = abs(seconds - 20) < 6.4, abs(seconds - 20) > 6.6
    assert like(columns, ORANGE)[inside].all()
    assert like(columns, BLUE)[outside].all()


def test_between_the_thresholds_there_is_no_colour_and_silence_has_none_either(tmp_path):
    recording = recordings.recording(seconds=30.0, llr=0.0)
    recording.windows.llr[:] = 1.0
    recording.windows.llr[10:20] = np.nan
    span, picture = drawn(tmp_path / "a.png", recording)
    height, width, _ = picture.shape
    panels = picture[:, round(span.left * width) : round(span.right * width)]
    assert np.ptp(panels[int(span.top * height) :], axis=2).max() < 40


@pytest.mark.parametrize("hertz", [500, 1000, 4000])
def test_a_tone_stands_at_the_tick_of_its_frequency(hertz):
    tone = 0.5 * np.sin(2 * np.pi * hertz * np.arange(32_000) / 16_000, dtype=np.float32)
    recording = recordings.recording(samples=tone)
    axes = Figure().subplots()
    overlay._draw_power(axes, recording)
    names = [text.get_text() for text in axes.get_yticklabels()]
    places = dict(zip(names, axes.get_yticks(), strict=True))
    brightest = recording.spectrogram.power_db.mean(axis=1).argmax() + 0.5
    assert places[f"{hertz / 1000:g}"] == pytest.approx(brightest, abs=1)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 99.0, 101.0, 3700.0])
def test_recordings_of_all_lengths_are_drawn(tmp_path, seconds):
    samples = recordings.sound(min(seconds, 100.0))
    recording = recordings.recording(samples=samples, llr=3.0)
    if seconds > 100:
        times = np.arange(0.0, seconds - 4)
        windows = Windows(times, times + 4, times, np.sin(times), np.ones(len(times)))
        recording = recordings.recording(samples=samples, duration=seconds, windows=windows)
    _, picture = drawn(tmp_path / "a.png", recording)
    assert tuple(picture[0, 0]) == (255, 255, 255)


@pytest.mark.parametrize(
    ("duration", "step", "labels", "unit"),
    [
        (1.0, 0.1, ["0.0", "0.1"], "s"),
        (0.4, 0.05, ["0.00", "0.05"], "s"),
        (70.0, 10, ["0", "10"], "s"),
        (600.0, 60, ["0:00", "1:00"], "min:s"),
        (3700.0, 600, ["0:00:00", "0:10:00"], "h:min:s"),
    ],
)
def test_time_is_written_as_long_as_the_recording_asks(duration, step, labels, unit):
    assert overlay._clock(np.array([0, step]), duration, step) == (labels, unit)


@pytest.mark.parametrize("name", ["$x_1$ & \\frac.wav", "録音 \U0001f3a4.flac", "a\nb\x00.wav"])
def test_any_file_name_is_drawn_as_text_without_a_warning(tmp_path, name):
    drawn(tmp_path / "a.png", recordings.recording(file=name, seconds=5.0))


def test_a_long_name_keeps_both_its_ends(tmp_path):
    said = overlay._title_name("first/" + "x" * 200 + "/last.wav")
    assert said.startswith("first/xx")
    assert said.endswith("xx/last.wav")
    assert len(said) <= overlay._MOST_LETTERS + 2


def test_thresholds_without_a_band_and_far_scores_are_drawn(tmp_path):
    drawn(tmp_path / "a.png", recordings.recording(seconds=8.0, llr=60.0), 0.5, 0.5)
    silent = recordings.recording(seconds=8.0)
    silent.windows.llr[:] = np.nan
    drawn(tmp_path / "b.png", silent)
