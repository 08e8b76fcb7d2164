"""The page of scored recordings: its words, and the page in a real browser."""

import dataclasses
import json
import re
import time
from html import unescape

import av
import held
import numpy as np
import pytest
import recordings
import run_files
from authenticity import report, trust
from authenticity.plots import overlay
from authenticity.scoring import cautions, decision, outputs, page, words
from authenticity.scoring.decision import Band
from authenticity.scoring.result import Rejected, Windows, plain, restored
from authenticity.scoring.worker import BIT_RATE, write_sound
from browser import CHROMIUM_FLAGS, PATIENCE, find_chromium
from PIL import Image
from recordings import LOWER, UPPER

HOSTILE = "<script>document.title='owned'</script> & \"'><img src=x onerror=alert(1)>.wav"
LABELS = np.repeat([0, 1], 100)
DEV = decision.outcomes(Band(LOWER, UPPER), 6.0 * LABELS - 3, LABELS, ["one"] * 200, seed=1)
ABOUT = {
    "corpus": "demo",
    "experiment": "baseline_layer",
    "demonstration": True,
    "statement": "A demonstration: rely on no verdict of it.",
    "trust": None,
    "decision": {
        "lower": LOWER,
        "upper": UPPER,
        "provenance": "set on 200 dev clips",
        "dev": DEV,
        "eval": None,
        "views": {},
        "issued": dict.fromkeys(decision.WRONG, True),
    },
}
COUNTS = {
    "wall_seconds": 3.2,
    "peak_bytes": 412_000_000,
    "model_bytes": 7_200_000,
    "parameters": 1_912_345,
}
REJECTED = [
    Rejected(file="broken <b>.mp3", reason="not readable as audio"),
    Rejected(file="a.txt", reason="empty: the file has 0 bytes"),
]


def write_page(folder, answers):
    page.write(folder, answers, ABOUT, outputs.summary(answers) | COUNTS)


def entry(folder, number, **values):
    """A recording whose picture and sound lie in the folder."""
    samples = recordings.sound(values.pop("seconds", 6.0), number)
    result = recordings.recording(seed=number, samples=samples, **values)
    picture, sound = f"overlays/{number}.png", f"audio/{number}.mp3"
    span = overlay.write(folder / picture, result, LOWER, UPPER)
    write_sound(folder / sound, samples)
    result = dataclasses.replace(result, picture=picture, span=span, preview=sound)
    # As it comes back from a shard's JSON lines.
    return restored(json.loads(json.dumps(plain(result), allow_nan=False)))


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scored")
    (folder / "audio").mkdir()
    found = [
        entry(folder, 1, file="interview.wav", seconds=40.0, llr=-3.0, spliced=(15, 25)),
        entry(folder, 2, file=HOSTILE, llr=0.3),
        entry(folder, 3, file="podcast 10.mp3", llr=5.2),
        entry(folder, 4, file="podcast 9.mp3", llr=3.0, cautions=(recordings.NARROW,)),
        entry(
            *(folder, 5),
            file="voicemail.m4a",
            seconds=1.0,
            llr=3.1,
            verdict="cannot tell",
            cautions=(recordings.SHORT, recordings.NARROW),
        ),
    ]
    write_page(folder, [*found, *REJECTED])
    return folder, found


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    path = find_chromium()
    flags = [*CHROMIUM_FLAGS, "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=flags, timeout=PATIENCE)
        yield running
        running.close()


@pytest.fixture
def show(browser):
    """Return a function that opens a page; afterwards nothing may have gone wrong on any."""
    problems, contexts = [], []

    def opened(path, **options):
        contexts.append(browser.new_context(**options))
        shown = contexts[-1].new_page()
        shown.set_default_timeout(PATIENCE)
        shown.on("pageerror", lambda error: problems.append(f"script: {error}"))
        shown.on("console", lambda line: problems.append(f"console: {line.text}"))
        shown.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
        shown.on("request", lambda request: asked(request.url))
        shown.goto(path.as_uri())
        return shown

    def asked(url):
        if not url.startswith(("file:", "blob:")):
            problems.append(f"asks for {url[:80]}")

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


def test_the_ratings_of_ten_experiments_fit_the_page(show, tmp_path):
    names = [f"baseline_with_a_name_{number}" for number in range(10)]
    found = [
        trust.Evidence(run_files.tested(name), run_files.audit(), run_files.verified())
        for name in names
    ]
    (tmp_path / "trust.html").write_text(report.rating(trust.judge_all("toy", found)))
    page = show(tmp_path / "trust.html", viewport={"width": 1280, "height": 900})
    table = page.locator(".scroll").first
    wanted, given = table.evaluate("each => [each.scrollWidth, each.clientWidth]")
    assert wanted <= given
    assert table.locator("thead").inner_text().count("baseline_with_a_name") == 10
    page.set_viewport_size({"width": 400, "height": 900})
    assert table.locator("caption").bounding_box()["width"] <= 400, "a caption is not cut"


@pytest.fixture
def shown(show, entries):
    return show(entries[0] / "index.html")


def names(shown):
    """The files of the rows that can be seen, from the top."""
    return shown.locator(".row:visible .open").all_inner_texts()


def open_row(shown, name):
    shown.get_by_role("button", name=name, exact=True).click()
    until(shown, "document.querySelector('audio').readyState >= 1")
    return shown.locator(".detail")


def until(shown, condition):
    """Wait for a condition: playwright's own way evaluates strings, which the page forbids."""
    deadline = time.monotonic() + held.GUARD_SECONDS
    while not shown.evaluate(condition):
        assert time.monotonic() < deadline, f"never: {condition}"
        shown.wait_for_timeout(20)


# --- words ---


def test_no_probability_is_rounded_to_certainty():
    assert words.percent(0.99951) == ">99.9"
    assert words.percent(0.99949) == "99.9"
    assert words.percent(1e-9) == "<0.1"
    assert words.interval(0.5, 0.9999) == "50.0 to >99.9"
    assert words.interval(0.9996, 0.9999) == ">99.9"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *((0.0234, "0.02 s"), (0.999, "1.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s")),
        *((605.4, "10 min 05 s"), (3599.7, "1 h 00 min"), (7260, "2 h 01 min")),
    ],
)
def test_durations_have_units(seconds, said):
    assert words.duration(seconds) == said


def test_a_ratio_that_rounds_to_nothing_has_no_sign():
    assert [words.signed(value) for value in (-0.001, 0.004, -1.25)] == ["0.00", "0.00", "−1.25"]


# --- sound ---


def test_a_preview_is_small_and_lasts_as_long(tmp_path):
    samples = recordings.sound(30.0)
    write_sound(tmp_path / "a.mp3", samples)
    assert (tmp_path / "a.mp3").stat().st_size == pytest.approx(30 * BIT_RATE / 8, rel=0.02)
    with av.open(tmp_path / "a.mp3") as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert len(heard) == len(samples)
    # The same moment is the same moment: the encoder's delay is taken out.
    assert np.corrcoef(heard, samples)[0, 1] > 0.9


def test_the_shortest_clip_has_a_preview(tmp_path):
    write_sound(tmp_path / "a.mp3", np.full(10, 0.5, np.float32))
    with av.open(tmp_path / "a.mp3") as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 0


# --- the page without a browser ---


def test_the_same_entries_in_any_order_are_the_same_bytes(entries):
    folder, found = entries
    before = (folder / "index.html").read_bytes()
    write_page(folder, [*REJECTED[::-1], *found[::-1]])
    assert (folder / "index.html").read_bytes() == before


def test_silent_windows_are_null_in_json_and_come_back():
    result = recordings.recording(seconds=8.0, llr=1.0)
    result.windows.llr[2] = np.nan
    line = json.dumps(plain(result), allow_nan=False)
    assert json.loads(line)["windows"]["llr"][2] is None
    back = restored(json.loads(line))
    np.testing.assert_array_equal(back.windows.llr, result.windows.llr)
    assert back.cautions == result.cautions
    assert plain(back) == plain(result)


def test_stretches_cover_the_recording_and_join_windows_that_say_the_same():
    start = np.arange(6.0)
    llr = np.array([-3, UPPER, 2.5, np.nan, LOWER, 0.0])
    windows = Windows(start, start + 4, llr, llr, np.ones(6))
    found = cautions.stretches(windows, 9.0, Band(LOWER, UPPER))
    joined = [dataclasses.astuple(item) for item in found]
    assert joined == [
        ("genuine", 0.0, 2.5, -3, -3),
        ("synthetic", 2.5, 4.5, UPPER, 2.5),
        ("silent", 4.5, 5.5, None, None),
        ("unsure", 5.5, 9.0, LOWER, 0.0),
    ]


def test_no_probability_where_none_is_worth_anything(tmp_path):
    """Neither beside a severe caution nor, with any weight, where checks speak against it."""
    (tmp_path / "overlays").mkdir()
    (tmp_path / "audio").mkdir()
    found = [
        entry(tmp_path, 1, llr=5.0, file="worse.wav", cautions=(recordings.SHORT,)),
        entry(tmp_path, 2, llr=6.0, file="bad.wav", cautions=(recordings.SHORT,)),
        entry(tmp_path, 3, llr=3.0, file="doubtful.wav", p_trust="do not trust"),
        entry(tmp_path, 4, llr=-3.0, file="fine.wav"),
    ]
    write_page(tmp_path, found)
    made = (tmp_path / "index.html").read_text()
    rows = re.findall(r'<tr role="row" class="row".*?</tr>', made, re.DOTALL)
    assert [re.search(r"(\w+)\.wav", row)[1] for row in rows] == [
        *("doubtful", "fine", "bad", "worse"),
    ]
    probability = [
        re.search(r'"Probability synthetic" .*?</td>', row, re.DOTALL)[0] for row in rows
    ]
    assert "do not trust: 95.3% (90.0 to 98.4)" in probability[0]
    assert 'class="scale' not in probability[0]
    assert "4.7%" in probability[1]
    for cell in probability[2:]:
        assert "none: severe caution" in cell
        assert "%" not in cell
    assert "95% interval, calibration clips only" in made


def test_why_there_is_no_verdict_stands_beside_it(tmp_path):
    (tmp_path / "audio").mkdir()
    write_page(tmp_path, [entry(tmp_path, 1, llr=0.3)])
    made = (tmp_path / "index.html").read_text()
    why = "Its LLR of +0.30 is between −2.00 and +2.00."
    assert f'cannot tell</span> <span class="quiet why">{why}</span>' in made


def test_signs_that_do_not_show_are_escaped_on_the_page(tmp_path):
    (tmp_path / "audio").mkdir()
    name = "a\u202egpj.\x1b[2J\nb.wav"
    rejected = Rejected(file=f"x{name}", reason="not readable")
    write_page(tmp_path, [entry(tmp_path, 1, file=name), rejected])
    made = (tmp_path / "index.html").read_text()
    assert not {"\u202e", "\x1b"} & set(made)
    assert made.count("a\\u202egpj.\\x1b[2J\\nb.wav") >= 2


def test_what_is_known_of_the_model_is_on_the_page(entries):
    made = (entries[0] / "index.html").read_text()
    for sentence in words.known(ABOUT):
        assert sentence in made


def test_a_hostile_name_is_escaped_and_a_page_of_rejected_files_has_no_table(entries, tmp_path):
    made = (entries[0] / "index.html").read_text()
    assert "<script>document" not in made
    assert "<img" not in made
    assert unescape(made).count(f">{HOSTILE}</button>") == 1
    write_page(tmp_path, [Rejected(file=HOSTILE, reason="not readable")])
    made = (tmp_path / "index.html").read_text()
    assert HOSTILE in unescape(made)
    assert "<script" not in made
    assert 'id="recordings"' not in made


def test_beyond_the_budget_files_stay_beside_the_page(entries, monkeypatch, show):
    folder, found = entries
    whole = (folder / "index.html").read_bytes()
    pictures = sum((folder / item.picture).stat().st_size for item in found)
    monkeypatch.setattr(page, "EMBEDDED_BYTES", pictures + 10)
    write_page(folder, [*found, *REJECTED])
    shown = show(folder / "index.html")
    assert "This page contains 5 of 5 pictures and 0 sounds" in shown.inner_text("main")
    detail = open_row(shown, "podcast 9.mp3")
    assert detail.locator("audio").get_attribute("src") == "audio/4.mp3"
    assert detail.locator("img").get_attribute("src").startswith("blob:")
    (folder / "index.html").write_bytes(whole)


def test_a_recording_without_picture_and_sound_has_its_numbers(entries, tmp_path, show):
    _, found = entries
    bare = [dataclasses.replace(item, picture=None, preview=None, span=None) for item in found]
    write_page(tmp_path, bare)
    shown = show(tmp_path / "index.html")
    assert "would make it too large" not in shown.inner_text("main")
    shown.get_by_role("button", name="podcast 9.mp3", exact=True).click()
    detail = shown.locator(".detail")
    assert "Its picture and its sound could not be made." in detail.inner_text()
    assert detail.locator("img, audio").count() == 0
    assert detail.get_by_role("region", name="Evidence").locator("tbody tr").count()


def test_one_recording_is_one_and_a_small_prior_is_not_rounded_to_nothing(tmp_path, show):
    write_page(tmp_path, [entry(tmp_path, 1, prior=2e-6)])
    shown = show(tmp_path / "index.html")
    assert shown.get_by_role("status").inner_text() == "1 recording shown"
    assert "at a prior of 0.0002%" in open_row(shown, "a.wav").inner_text()


def test_a_page_of_rejected_files_only_says_so(tmp_path, show):
    write_page(tmp_path, REJECTED)
    shown = show(tmp_path / "index.html")
    assert "not readable as audio" in shown.inner_text("main")
    assert shown.locator("#recordings").count() == 0


# --- the page in a browser ---


def test_the_page_shows_verdicts_counts_cautions_and_cost(shown):
    assert names(shown) == [
        "podcast 10.mp3", "podcast 9.mp3", HOSTILE, "interview.wav", "voicemail.m4a",
    ]  # fmt: skip
    assert shown.locator("fieldset").inner_text().split("\n")[1:] == [
        *("5", "all", "2", "▲ likely synthetic", "2", "◆ cannot tell"),
        *("1", "▼ likely genuine", "2", "set aside"),
    ]
    row = shown.locator(".row").nth(4).inner_text()
    assert "◆ cannot tell" in row
    assert "none: severe caution" in row
    assert "95.7%" not in row
    assert "severe: too short" in row
    assert "95.3% (90.0 to 98.4)" in shown.locator(".row").nth(1).inner_text()
    assert "A demonstration" in shown.inner_text("header")
    cost = shown.inner_text("footer")
    assert "59.0 s of sound in 3.2 s" in cost
    assert "real-time factor 0.048" in cost
    assert "peak memory 412 MB; model of 7.2 MB with 1,912,345 parameters" in cost
    rejected = shown.locator("#rejected tbody").inner_text()
    assert rejected.index("a.txt") < rejected.index("broken <b>.mp3")


def test_columns_sort_by_mouse_and_by_keyboard(shown):
    heading = shown.locator("#recordings").get_by_role("columnheader", name="File")
    assert shown.get_by_role("columnheader", name="LLR").get_attribute("aria-sort") == "descending"
    heading.get_by_role("button").click()
    assert names(shown) == [
        HOSTILE, "interview.wav", "podcast 9.mp3", "podcast 10.mp3", "voicemail.m4a",
    ]  # fmt: skip
    assert heading.get_attribute("aria-sort") == "ascending"
    assert shown.locator("[aria-sort]").count() == 1
    shown.get_by_role("button", name="Duration").focus()
    shown.keyboard.press("Enter")
    assert names(shown)[0] == "interview.wav"
    shown.keyboard.press("Space")
    assert names(shown)[0] == "voicemail.m4a"
    assert "sorted by Duration, ascending" in shown.get_by_role("status").inner_text()
    for _ in range(2):
        shown.get_by_role("button", name="Probability synthetic").click()
        assert names(shown)[-1] == "voicemail.m4a", "what has no probability is last both ways"
    shown.get_by_role("button", name="Like synthetic").click()
    shown.get_by_role("button", name="Like synthetic").click()
    assert names(shown)[:2] == [HOSTILE, "interview.wav"]


def test_an_opened_row_stays_with_its_file_when_sorted(shown):
    open_row(shown, "podcast 9.mp3")
    shown.get_by_role("button", name="Cautions").click()
    after = shown.locator(".row:has([aria-expanded=true]) + tr")
    assert "detail" in after.get_attribute("class")
    assert shown.locator(".detail audio").get_attribute("aria-label") == "Sound of podcast 9.mp3"


def test_filters_by_name_and_verdict_are_announced(shown):
    shown.get_by_label("Find a file").fill("POD")
    assert names(shown) == ["podcast 10.mp3", "podcast 9.mp3"]
    assert shown.get_by_role("status").inner_text() == "2 of 5 recordings shown"
    shown.get_by_label("Find a file").fill("")
    shown.get_by_role("radio", name="all").focus()
    shown.keyboard.press("ArrowRight")
    assert names(shown) == ["podcast 10.mp3", "podcast 9.mp3"]
    shown.get_by_role("radio", name="cannot tell").check()
    assert names(shown) == [HOSTILE, "voicemail.m4a"]


def test_a_file_name_is_text_wherever_it_is_shown(shown):
    detail = open_row(shown, HOSTILE)
    assert HOSTILE in detail.locator("img").get_attribute("alt")
    assert shown.title() == "Real or synthetic? demo, baseline_layer"
    assert shown.locator("img").count() == 1


def test_details_say_why_and_what_the_score_is_made_of(shown):
    detail = open_row(shown, "voicemail.m4a")
    said = detail.inner_text()
    assert "Severe caution: The recording is 1.0 s long" in said
    rows = detail.get_by_role("region", name="Evidence").locator("tbody tr")
    cells = [rows.nth(index).inner_text().split("\t")[:2] for index in range(rows.count())]
    values = {name: float(value.replace("−", "-")) for name, value in cells}
    total = values.pop("sum: the model’s score")
    assert total == pytest.approx(1.3 * 3.1 + 0.2, abs=0.01)
    assert sum(values.values()) == pytest.approx(total, abs=0.03)
    assert values["layer 3, mean over time"] == pytest.approx(0.9 * 3.1, abs=0.01)


def test_where_a_recording_is_like_synthetic_is_a_click_away(shown):
    row = shown.locator(".row", has_text="interview.wav").inner_text()
    seconds = float(re.search(r"([\d.]+) s\b", row.split("\t")[4])[1])
    assert 5 < seconds < 13
    detail = open_row(shown, "interview.wav")
    button = detail.locator("tr", has_text="▲ like synthetic").get_by_role("button").first
    note = "sound => sound.onseeked = () => { sound.dataset.sought = sound.currentTime; }"
    detail.locator("audio").evaluate(note)
    button.click()
    until(shown, "document.querySelector('audio').dataset.sought !== undefined")
    assert 15 <= float(detail.locator("audio").get_attribute("data-sought")) < 25


_HEAD = """() => {
  const middle = (box) => (box.left + box.right) / 2;
  const image = document.querySelector('.frame img').getBoundingClientRect();
  const head = document.querySelector('.playhead').getBoundingClientRect();
  return [(middle(head) - image.left) / image.width, document.querySelector('audio').currentTime];
}"""


# A sound that begins again never ends, however long a test takes to look at it.
_PLAY = "sound => { sound.loop = true; return sound.play(); }"
# The page has moved the playhead by the time that it hears of the pause.
_PAUSE = "sound => new Promise((paused) => { sound.onpause = () => paused(); sound.pause(); })"


def at(span, seconds, duration):
    return span.left + (span.right - span.left) * seconds / duration


def test_the_sound_plays_and_the_playhead_moves_along_the_picture(shown, entries):
    item = entries[1][0]
    detail = open_row(shown, "interview.wav")
    audio = detail.locator("audio")
    assert audio.evaluate("sound => sound.duration") == pytest.approx(40, abs=0.01)
    place, _ = shown.evaluate(_HEAD)
    assert place == pytest.approx(at(item.span, 0, 40), abs=1e-3)
    audio.evaluate(_PLAY)
    until(shown, "document.querySelector('audio').currentTime > 0.6")
    audio.evaluate(_PAUSE)
    place, time = shown.evaluate(_HEAD)
    assert time > 0
    assert place == pytest.approx(at(item.span, time, 40), abs=1e-3)
    assert detail.locator(".readout").inner_text().startswith(f"0:{time:04.1f} of 0:40.0 · LLR −")


def test_the_playhead_is_where_the_picture_has_that_time(entries):
    """The colours' panel begins and ends, to a pixel, where the page is told."""
    folder, found = entries
    item = found[0]
    picture = np.asarray(Image.open(folder / item.picture).convert("RGB")).astype(int)
    height, width, _ = picture.shape
    # Strongly blue or orange over a whole run of rows: the band of colours.
    coloured = np.ptp(picture, axis=2) > 60
    band = coloured[int(item.span.top * height) : int(item.span.bottom * height)]
    columns = np.flatnonzero(band.sum(axis=0) >= 15)
    inside = columns[columns < 0.82 * width]
    assert inside[0] / width == pytest.approx(item.span.left, abs=2 / width)
    assert (inside[-1] + 1) / width == pytest.approx(item.span.right, abs=2 / width)


def test_seeking_by_mouse_and_by_keyboard(shown, entries):
    item = entries[1][0]
    detail = open_row(shown, "interview.wav")
    slider = detail.get_by_role("slider", name="Position in the recording")
    box = slider.bounding_box()
    slider.click(position={"x": box["width"] / 2, "y": 30})
    place, time = shown.evaluate(_HEAD)
    assert time == pytest.approx(20, abs=0.1)
    assert place == pytest.approx(at(item.span, 20, 40), abs=2e-3)
    slider.focus()
    for key, expected in (
        *(("ArrowRight", 20.8), ("PageDown", 12.8), ("End", 40), ("ArrowRight", 40), ("Home", 0)),
        *(("ArrowLeft", 0), ("ArrowUp", 0.8)),
    ):
        shown.keyboard.press(key)
        assert shown.evaluate(_HEAD)[1] == pytest.approx(expected, abs=0.1), key
    assert slider.get_attribute("aria-valuenow") == "0.8"
    assert "0:00.8 of 0:40.0" in slider.get_attribute("aria-valuetext")
    detail.locator("audio").evaluate("sound => { sound.loop = true; }")
    shown.keyboard.press("Space")
    until(shown, "document.querySelector('audio').currentTime > 1.2")
    shown.keyboard.press("Space")
    assert shown.evaluate("document.querySelector('audio').paused")


def test_one_sound_plays_at_a_time_and_a_closed_row_is_silent(shown):
    open_row(shown, "interview.wav")
    open_row(shown, "podcast 9.mp3")
    for index in (0, 1):
        shown.locator("audio").nth(index).evaluate(_PLAY)
    playing = "[...document.querySelectorAll('audio')].map((sound) => !sound.paused)"
    assert shown.evaluate(playing) == [False, True]
    shown.get_by_label("Find a file").fill("podcast")
    assert shown.locator(".detail:visible").count() == 1
    shown.get_by_role("button", name="podcast 9.mp3").click()
    assert shown.locator(".detail:visible").count() == 0


def test_a_screen_reader_finds_landmarks_names_and_states(shown):
    open_row(shown, "podcast 9.mp3")
    said = shown.locator("body").aria_snapshot()
    for expected in (
        *("- banner:", "- main:", "- contentinfo:", 'heading "Real or synthetic?" [level=1]'),
        'region "Recordings"',
        'group "Show recordings whose verdict is"',
        'radio "5 all" [checked]',
        'searchbox "Find a file"',
        "- status: 5 recordings shown",
        'table "Recordings; a button',
        'columnheader "File"',
        'rowheader "podcast 9.mp3"',
        'button "podcast 9.mp3" [expanded]',
        'cell "▲ likely synthetic"',
        'slider "Position in the recording"',
        'img "Spectrogram of podcast 9.mp3',
        'list "Cautions"',
        'region "Where in time"',
        'button "Play from 0:00.0"',
        'region "Files set aside"',
    ):
        assert expected in said, said
    assert not re.findall(r"- (button|link|radio|searchbox|slider|img)(:| \[|$)", said, re.M)


def test_a_phone_shows_cards_that_stay_a_table_within_the_screen(show, entries):
    shown = show(
        entries[0] / "index.html",
        viewport={"width": 400, "height": 800},
        color_scheme="dark",
        reduced_motion="reduce",
    )
    open_row(shown, "interview.wav")
    assert shown.evaluate("document.documentElement.scrollWidth") <= 400
    assert 'cell "Verdict ▼ likely genuine"' in shown.locator("body").aria_snapshot()
    shown.get_by_role("button", name="Duration").click()
    assert names(shown)[0] == "interview.wav"
    # The picture is wider than the screen, and scrolls along with the sound.
    shown.locator("audio").evaluate("sound => { sound.currentTime = 34; return sound.play(); }")
    until(shown, "document.querySelector('.picture').scrollLeft > 100")
    assert 0 < shown.locator(".playhead").bounding_box()["x"] < 400


@pytest.mark.parametrize("width", [400, 768, 1025, 1100])
def test_no_window_is_too_narrow_for_the_page(show, entries, width):
    """In neither of its forms, table or cards, and with a row open or not."""
    shown = show(entries[0] / "index.html", viewport={"width": width, "height": 800})
    widest = "document.documentElement.scrollWidth"
    assert shown.evaluate(widest) <= width
    open_row(shown, "interview.wav")
    assert shown.evaluate(widest) <= width


_CONTRAST = """(selectors) => {
  const shade = (text) => {
    const canvas = document.createElement('canvas').getContext('2d', { colorSpace: 'srgb' });
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const linear = [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((part) =>
      part / 255 <= .03928 ? part / 255 / 12.92 : ((part / 255 + .055) / 1.055) ** 2.4);
    return .2126 * linear[0] + .7152 * linear[1] + .0722 * linear[2];
  };
  const paper = (element) => {
    for (; element; element = element.parentElement) {
      const found = getComputedStyle(element).backgroundColor;
      if (found !== 'rgba(0, 0, 0, 0)') return shade(found);
    }
    return 1;
  };
  return selectors.map((selector) => {
    const element = document.querySelector(selector);
    const pair = [shade(getComputedStyle(element).color), paper(element)].sort((a, b) => b - a);
    return (pair[0] + .05) / (pair[1] + .05);
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(show, entries, scheme):
    """Contrast of at least 4.5, as WCAG 2.2 asks (success criterion 1.4.3)."""
    shown = show(entries[0] / "index.html", color_scheme=scheme)
    open_row(shown, "interview.wav")
    selectors = [
        *("header p", ".notice", ".count.synthetic", ".count.genuine", ".count.unsure"),
        *(".open", ".row .verdict.synthetic", ".row .verdict.genuine", ".row .verdict.unsure"),
        *(".row .quiet", ".caution", ".detail p", ".detail .verdict.synthetic", ".detail dt"),
        *(".detail a", ".go", ".readout", "footer p", "#status", ".detail .verdict.genuine"),
    ]
    found = dict(zip(selectors, shown.evaluate(_CONTRAST, selectors), strict=True))
    assert min(found.values()) >= 4.5, found


def test_a_thousand_recordings_stay_usable(tmp_path, entries, show):
    _, found = entries
    (tmp_path / "overlays").mkdir()
    (tmp_path / "audio").mkdir()
    for item in found:
        for name in (item.picture, item.preview):
            (tmp_path / name).write_bytes((entries[0] / name).read_bytes())
    many = [
        dataclasses.replace(found[index % 5], file=f"clip {index}.wav") for index in range(1000)
    ]
    write_page(tmp_path, many)
    shown = show(tmp_path / "index.html")
    session = shown.context.new_cdp_session(shown)
    session.send("Performance.enable")
    before = _spent(session)
    shown.evaluate("""() => {
      document.querySelector('.sort').click();
      document.body.getBoundingClientRect();
      const field = document.getElementById('find');
      field.value = '99';
      field.dispatchEvent(new Event('input'));
      document.body.getBoundingClientRect();
    }""")
    after = _spent(session)
    assert names(shown)[:3] == ["clip 99.wav", "clip 199.wav", "clip 299.wav"]
    assert shown.get_by_role("status").inner_text() == "19 of 1000 recordings shown"
    assert after["LayoutCount"] - before["LayoutCount"] < 10, "laid out anew for each row"
    assert after["ThreadTime"] - before["ThreadTime"] < 2, "seconds of CPU, to sort and to find"


def _spent(session):
    """What the page has cost up to now: counts, and seconds of its own thread."""
    found = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in found}
