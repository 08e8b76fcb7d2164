"""Every step against what it promises: level, spectrum, decay, timing, and the same bytes again."""

import json
from itertools import islice

import numpy as np
import pytest
import yaml
from authenticity import audio
from authenticity.audio import SAMPLE_RATE, Limits
from authenticity.config import Config, view
from authenticity.errors import UserError
from authenticity.features import spectral, views
from authenticity.roots import Root
from checkout import REPOSITORY
from corpora import voice
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

LIMITS = Limits(min_seconds=0.25, silence_dbfs=-60, max_megabytes=10, max_seconds=60)
CONFIG = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
VIEWS = {name: [step.plain() for step in steps] for name, steps in Config.of(CONFIG).views.items()}
CODECS = [
    *({"step": "codec", "codec": "mp3", "bit_rate": rate} for rate in (8000, 32000, 160000)),
    *({"step": "codec", "codec": "opus", "bit_rate": rate} for rate in (6000, 12000, 128000)),
    *({"step": "codec", "codec": "aac", "bit_rate": rate} for rate in (8000, 24000, 96000)),
    *({"step": "codec", "codec": name} for name in ("g722", "g711_alaw", "g711_ulaw")),
]
CODEC_NAMES = [f"{step['codec']} {step.get('bit_rate', '')}".strip() for step in CODECS]
CLIP = voice(3, spoof=False, seconds=2.0)


def apply(samples: np.ndarray, steps: list[dict], seed_text: str) -> np.ndarray:
    return views.apply(samples, view(steps), seed_text)


@pytest.fixture(scope="module")
def speech() -> list[np.ndarray]:
    """Clips of the corpus that ships."""
    root = Root(REPOSITORY / "resources" / "demo" / "LA.zip")
    folder = "ASVspoof2019_LA_eval/flac"
    prefix = "" if root.has_folder(folder) else "LA/"
    names = islice(sorted(root.entries(prefix + folder)), 0, 400, 80)
    return [audio.load(root, f"{prefix}{folder}/{name}", LIMITS) for name in names]


def lag_seconds(degraded: np.ndarray, original: np.ndarray) -> float:
    """How much later one signal is than the other, from their spectra above 300 Hz.

    Below, a voice's period is longer than what is to be seen, and Opus shifts the phase.
    """
    highpass = signal.butter(4, 300, "highpass", fs=SAMPLE_RATE, output="sos")
    pair = [signal.sosfiltfilt(highpass, samples) for samples in (degraded, original)]
    correlation = signal.correlate(*pair, method="fft")
    return (int(np.argmax(correlation)) - (len(original) - 1)) / SAMPLE_RATE


def band_power_db(samples: np.ndarray, low: float, high: float) -> float:
    frequencies, density = signal.welch(samples, SAMPLE_RATE, nperseg=4096)
    inside = (frequencies >= low) & (frequencies < high)
    return 10 * np.log10(density[inside].mean())


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_that_ships_on_real_clips(name: str, speech):
    for number, clip in enumerate(speech):
        before = clip.copy()
        degraded = apply(clip, VIEWS[name], str(number))
        assert (clip == before).all()
        assert degraded.dtype == np.float32
        assert degraded.ndim == 1
        assert np.isfinite(degraded).all()
        assert np.abs(degraded).max() <= 1
        assert len(degraded) <= len(clip) if name == "trimmed" else len(degraded) == len(clip)
        assert (apply(clip, VIEWS[name], str(number)) == degraded).all()
        assert spectral.digest(degraded) != spectral.digest(clip) or name == "trimmed"


@settings(max_examples=30)
@given(
    length=st.integers(1600, 20000),
    name=st.sampled_from(sorted(set(VIEWS) - {"trimmed"})),
    content=st.binary(max_size=8),
)
def test_the_length_is_kept_however_odd_it_is(length: int, name: str, content: bytes):
    clip = voice(1, spoof=False, seconds=1.3)[:length]
    assert len(apply(clip, VIEWS[name], content.hex())) == len(clip)


def test_what_is_drawn_follows_from_the_clip_and_the_steps_alone():
    steps = VIEWS["noise_20db"]
    first = apply(CLIP, steps, "content")
    np.random.default_rng().standard_normal(7)
    assert (apply(CLIP, json.loads(json.dumps(steps)), "content") == first).all()
    assert (apply(CLIP, [dict(reversed(steps[0].items()))], "content") == first).all()
    assert (apply(CLIP, steps, "other content") != first).any()
    drawn = [apply(CLIP, [{**steps[0], "snr_db": snr}], "content") - CLIP for snr in (20, 26)]
    assert np.corrcoef(drawn)[0, 1] < 0.1


@pytest.mark.parametrize("colour", ["white", "pink", "speech_shaped"])
@pytest.mark.parametrize("snr_db", [0, 10, 20])
def test_the_signal_to_noise_ratio_is_that_of_the_speech(colour: str, snr_db: int):
    pause = np.zeros(2 * SAMPLE_RATE, np.float32)
    clip = np.concatenate([pause, 0.3 * CLIP, pause])
    steps = [{"step": "noise", "colour": colour, "snr_db": snr_db}]
    noise = apply(clip, steps, "x") - clip
    assert np.abs(apply(clip, steps, "x")).max() < 1
    speech_power = np.mean((0.3 * CLIP.astype(float)) ** 2)
    reached = 10 * np.log10(speech_power / np.mean(noise.astype(float) ** 2))
    assert reached == pytest.approx(snr_db, abs=0.5)


def test_the_colours_of_noise():
    long = np.tile(0.1 * CLIP, 10)

    def density(colour: str, low: float, high: float) -> float:
        step = {"step": "noise", "colour": colour, "snr_db": 0}
        return band_power_db(apply(long, [step], "x") - long, low, high)

    assert density("white", 100, 200) == pytest.approx(density("white", 6000, 7000), abs=0.7)
    # Pink noise has equal power in each octave: 3 dB less density.
    for low in (125, 500, 2000):
        fall = density("pink", low, 2 * low) - density("pink", 2 * low, 4 * low)
        assert fall == pytest.approx(3.01, abs=0.7)
    # Byrne et al.: third octaves at 500 Hz and 4 kHz differ by 16.5 dB, and are 8 times as wide.
    fall = density("speech_shaped", 450, 560) - density("speech_shaped", 3560, 4490)
    assert fall == pytest.approx(62.1 - 45.6 + 10 * np.log10(8), abs=1)


def test_a_band_lets_through_what_is_in_it_alone():
    noise = 0.1 * np.random.default_rng(1).standard_normal(10 * SAMPLE_RATE).astype(np.float32)
    telephone = apply(noise, [{"step": "band", "low_hz": 300, "high_hz": 3400}], "x")
    assert band_power_db(telephone, 400, 3300) == pytest.approx(
        band_power_db(noise, 400, 3300), abs=0.1
    )
    for low, high in ((0, 200), (3500, 8000)):
        assert band_power_db(telephone, low, high) < band_power_db(noise, low, high) - 40
    assert lag_seconds(telephone, noise) == 0


@pytest.mark.parametrize("rt60", [0.2, 0.6, 1.5])
@pytest.mark.parametrize("ratio_db", [-6, 0, 12])
def test_a_room_decays_as_it_should(rt60: float, ratio_db: float):
    response = views.impulse_response(rt60, ratio_db, np.random.default_rng(8))
    energy = response**2
    assert energy[0] == 1
    assert 10 * np.log10(energy[0] / energy[1:].sum()) == pytest.approx(ratio_db, abs=1e-6)
    # Schroeder 1965: the level falls along the backward integral of the energy; -5 to -35 dB, as
    # ISO 3382 takes it for T30, leaves the end out, where the response is cut.
    falling = 10 * np.log10(np.cumsum(energy[:0:-1])[::-1] / energy[1:].sum())
    chosen = np.flatnonzero((falling < -5) & (falling > -35))
    slope, _ = np.polyfit(chosen / SAMPLE_RATE, falling[chosen], 1)
    assert -60 / slope == pytest.approx(rt60, rel=0.1)


def test_reverberation_keeps_level_and_time():
    step = {"step": "reverberation", "rt60_seconds": 0.6, "direct_to_reverberant_db": 6}
    room = apply(0.3 * CLIP, [step], "x")
    assert spectral.mean_power(room) == pytest.approx(spectral.mean_power(0.3 * CLIP), rel=1e-4)
    clicks = np.zeros(SAMPLE_RATE, np.float32)
    clicks[4000] = 0.5
    assert np.argmax(np.abs(apply(clicks, [step], "x"))) == 4000


@pytest.mark.parametrize("step", CODECS, ids=CODEC_NAMES)
def test_a_codec_loses_something_but_neither_the_speech_nor_the_time(step, speech):
    for clip in speech[:3]:
        degraded = apply(clip, [step], "x")
        assert len(degraded) == len(clip)
        assert (degraded != clip).mean() > 0.5
        assert abs(lag_seconds(degraded, clip)) < 0.001
        assert np.corrcoef(degraded, clip)[0, 1] > 0.6
        # It stays in time to the end.
        assert abs(lag_seconds(degraded[-8000:], clip[-8000:])) < 0.001


def test_a_lower_bit_rate_loses_more(speech):
    for codec, rates in (("mp3", (8000, 32000)), ("opus", (6000, 24000)), ("aac", (8000, 48000))):
        errors = []
        for bit_rate in rates:
            step = {"step": "codec", "codec": codec, "bit_rate": bit_rate}
            spectra = [
                np.log10(1e-4 + np.abs(signal.stft(samples, nperseg=512)[2]))
                for samples in (apply(speech[0], [step], "x"), speech[0])
            ]
            errors.append(np.abs(spectra[0] - spectra[1]).mean())
        assert errors[0] > 1.2 * errors[1], codec


def test_g711_has_the_telephones_band(speech):
    degraded = apply(speech[0], VIEWS["telephone_g711"], "x")
    assert band_power_db(degraded, 5000, 8000) < band_power_db(degraded, 500, 3000) - 40


def test_g711_is_the_companding_of_the_standard():
    # 8-bit mu-law of full-scale sine waves: the signal-to-quantisation ratio that ITU-T G.711
    # gives over its range is about 38 dB, at any level in the upper 30 dB.
    tone = np.sin(2 * np.pi * 1019 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    for gain in (0.5, 0.05):
        degraded = apply(gain * tone, [{"step": "codec", "codec": "g711_ulaw"}], "x")
        inner = slice(500, -500)
        error = (degraded - gain * tone)[inner].astype(float)
        ratio = 10 * np.log10(np.mean((gain * tone[inner].astype(float)) ** 2) / np.mean(error**2))
        assert 34 < ratio < 42


@pytest.mark.parametrize(
    "algorithm", ["linear_nonlinear_convolutive", "impulsive", "stationary", "series"]
)
def test_rawboost_disturbs_within_its_parameters(algorithm: str):
    ratios, changed = [], []
    for number in range(30):
        step = {"step": "rawboost", "algorithm": algorithm}
        degraded = apply(0.5 * CLIP, [step], str(number))
        error = degraded - 0.5 * CLIP
        changed.append((error != 0).mean())
        ratios.append(
            10 * np.log10(np.mean((0.5 * CLIP) ** 2, dtype=float) / np.mean(error**2, dtype=float))
        )
    if algorithm == "impulsive":
        assert max(changed) <= 0.11
        assert np.mean(changed) == pytest.approx(0.05, abs=0.02)
    elif algorithm == "stationary":
        assert min(ratios) >= 10 - 0.01
        assert max(ratios) <= 40 + 0.01
        assert np.mean(ratios) == pytest.approx(25, abs=5)
    else:
        assert min(changed) > 0.99
    assert np.std(ratios) > 1


def test_trim_finds_known_silence_above_a_noise_floor():
    random = np.random.default_rng(5)
    lead, trail = int(0.7 * SAMPLE_RATE), int(0.4 * SAMPLE_RATE)
    clip = np.pad(CLIP, (lead, trail))
    clip += (random.standard_normal(len(clip)) * 0.1 * CLIP.std()).astype(np.float32)
    trimmed = apply(clip, [{"step": "trim"}], "x")
    assert len(trimmed) == pytest.approx(len(CLIP), abs=0.04 * SAMPLE_RATE)
    assert abs(lag_seconds(np.pad(trimmed, (lead, 0)), clip)) <= 0.02
    assert len(apply(trimmed, [{"step": "trim"}], "x")) == len(trimmed)


def test_steps_are_applied_in_their_order():
    band, noise = (
        {"step": "band", "low_hz": 300, "high_hz": 3400},
        {"step": "noise", "colour": "white", "snr_db": 10},
    )
    noise_last = apply(CLIP, [band, noise], "x")
    band_last = apply(CLIP, [noise, band], "x")
    assert band_power_db(band_last, 4000, 8000) < band_power_db(noise_last, 4000, 8000) - 30


def test_nothing_goes_beyond_full_scale():
    loud = CLIP / np.abs(CLIP).max()
    noisy = apply(loud, [{"step": "noise", "colour": "white", "snr_db": -5}], "x")
    assert np.abs(noisy).max() == 1
    assert (np.abs(noisy) == 1).sum() == 1  # scaled, not clipped


def test_a_missing_encoder_is_one_line(monkeypatch: pytest.MonkeyPatch):
    for steps in VIEWS.values():
        views.check("any", view(steps))
    # PyAV's wheel decodes GSM and cannot encode it.
    monkeypatch.setitem(views._CODECS, "opus", views._CODECS["opus"]._replace(encoder="gsm"))
    with pytest.raises(UserError, match=r"views\.phone.*cannot encode opus \(it lacks gsm\)"):
        views.check("phone", view(VIEWS["opus_12k"]))


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], r"views\.mine: expected 1 or more entries"),
        ([{}], "step: missing"),
        ([{"step": "trimm"}], "step: expected one of 'trim', .*, found 'trimm'"),
        ([{"step": "trim", "snr_db": 3}], "snr_db: unknown key"),
        ([{"step": "band", "low_hz": 500, "high_hz": 400}], "0: expected `low_hz` below `high_hz`"),
        ([{"step": "noise", "colour": "white"}], "snr_db: missing"),
        ([{"step": "noise", "colour": "blue", "snr_db": 3}], "colour: expected 'white'.* 'blue'"),
        ([{"step": "codec"}], "codec: missing"),
        ([{"step": "codec", "codec": "mp3"}], "bit_rate: missing"),
        ([{"step": "codec", "codec": "mp3", "bit_rate": 12000}], "bit_rate: .*, found 12000"),
        ([{"step": "codec", "codec": "opus", "bit_rate": 300}], "expected 6000 or more, found 300"),
        ([{"step": "codec", "codec": "g722", "bit_rate": 64000}], "bit_rate: unknown key"),
    ],
)
def test_a_mistaken_step_is_told_by_its_key(steps, message: str):
    with pytest.raises(UserError, match=message) as raised:
        Config.of({**CONFIG, "views": {**VIEWS, "mine": steps}})
    assert "views.mine" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_clean_is_no_name_for_a_view():
    with pytest.raises(UserError, match=r"views\.clean: expected another name"):
        Config.of({**CONFIG, "views": {**VIEWS, "clean": [{"step": "trim"}]}})


def test_inverting_twice_is_the_clip_again_and_turns_its_skewness():
    lopsided = np.maximum(CLIP, -0.1).astype(np.float32)
    inverted = apply(lopsided, [{"step": "invert"}], "x")
    assert np.array_equal(apply(inverted, [{"step": "invert"}], "x"), lopsided)
    skewness = [spectral.levels(samples)["skewness"] for samples in (inverted, lopsided)]
    assert skewness[0] == pytest.approx(-skewness[1])
