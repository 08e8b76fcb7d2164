"""Every spectral number against librosa's own functions, SciPy's, or arithmetic by hand."""

import hashlib
import itertools
import tracemalloc
from pathlib import Path

import librosa
import numpy as np
import pyarrow as pa
import pytest
import scipy.special
import scipy.stats
from authenticity import growing, tables
from authenticity.audio import SAMPLE_RATE, Limits, decode
from authenticity.config import view
from authenticity.features import matrix, spectral, views
from corpora import encoded, voice
from hypothesis import given, settings
from hypothesis import strategies as st

CLIP = voice(3, spoof=False, seconds=2.3)


def test_the_prototypes_header_in_its_order():
    assert spectral.SCHEMA.names[:17] == [
        *("file", "label", "centroid", "entropy"),
        *(f"mfcc_{index}" for index in range(13)),
    ]


def test_the_mel_filters_are_librosas():
    expected = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=2048, n_mels=128)
    np.testing.assert_array_equal(spectral._mel_filters(), expected, strict=True)


def test_parity_with_librosa():
    numbers = spectral.describe(CLIP)
    mel = librosa.feature.melspectrogram(y=CLIP, sr=SAMPLE_RATE)
    expected = {
        "centroid": librosa.feature.spectral_centroid(y=CLIP, sr=SAMPLE_RATE).mean(),
        "rolloff_95": librosa.feature.spectral_rolloff(
            y=CLIP, sr=SAMPLE_RATE, roll_percent=0.95
        ).mean(),
        "entropy": scipy.stats.entropy(mel.astype(np.float64)).mean(),
        "entropy_prototype": scipy.special.entr(mel.astype(np.float64)).sum(),
    }
    mfcc = librosa.feature.mfcc(y=CLIP, sr=SAMPLE_RATE, n_mfcc=13).mean(axis=1)
    expected |= {f"mfcc_{index}": value for index, value in enumerate(mfcc)}
    for name, value in expected.items():
        assert numbers[name] == pytest.approx(value, rel=1e-6, abs=1e-6), name


def test_log_mel_statistics_against_librosa():
    numbers = spectral.describe(CLIP)
    mel = librosa.feature.melspectrogram(y=CLIP, sr=SAMPLE_RATE)
    log_mel = librosa.power_to_db(mel.astype(np.float64), ref=1.0, amin=1e-10, top_db=None)
    np.testing.assert_allclose(numbers["logmel_mean"], log_mel.mean(axis=1), atol=1e-3)
    np.testing.assert_allclose(numbers["logmel_std"], log_mel.std(axis=1), atol=1e-3)
    silence_below = spectral.describe(np.pad(CLIP, (0, 32 * SAMPLE_RATE)))["logmel_mean"]
    assert (silence_below > -100).all() and (silence_below < -80).all()


def short_time_spectra(samples: np.ndarray, size: int, hop: int) -> np.ndarray:
    """Spectra of Hann-windowed frames in double precision, (frames, bins)."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    starts = range(0, len(samples) - size + 1, hop)
    return np.array([np.fft.rfft(samples[start : start + size] * window) for start in starts])


def test_dynamics_are_as_they_are_defined():
    numbers = spectral.describe(CLIP)
    mel = librosa.feature.melspectrogram(y=CLIP, sr=SAMPLE_RATE)
    log_mel = librosa.power_to_db(mel.astype(np.float64), ref=1.0, amin=1e-10, top_db=None)
    fine = np.abs(short_time_spectra(CLIP, 128, 80)[:, 1:-1]) ** 2
    steps = np.diff(10 * np.log10(np.maximum(fine, 1e-10)), axis=0)
    expected = {
        "logmel_std": log_mel.std(axis=1),
        "logmel_step_std": np.diff(log_mel, axis=1).std(axis=1),
        "step_std": steps.std(axis=0),
        "step_skewness": scipy.stats.skew(steps),
        "bend_skewness": scipy.stats.skew(np.diff(steps, axis=0)),
    }
    assert tuple(expected) == spectral.DYNAMICS
    for name, value in expected.items():
        np.testing.assert_allclose(numbers[name], value, atol=1e-3, err_msg=name)


def test_dynamics_are_columns_that_models_read(tmp_path: Path):
    clips = {"b": CLIP, "a": bursts(1)}
    described = {key: spectral.describe(clip) for key, clip in clips.items()}
    rows = [
        {"file": key, "label": 0, "content": "", "audio": "", **numbers}
        for key, numbers in described.items()
    ]
    table = pa.Table.from_pylist(rows, schema=spectral.SCHEMA)
    tables.write(tmp_path / "spectral", table, spectral.SCHEMA)
    read = matrix.Tables([tmp_path / "spectral"], [])
    files, features = read.load("spectral", "dynamics", "none", 0)
    assert files == ["a", "b"] and features.shape == (2, matrix.n_spectral("dynamics"))
    for file, row in zip(files, features, strict=True):
        expected = [described[file][name] for name in spectral.DYNAMICS]
        np.testing.assert_array_equal(row, np.concatenate(expected))


@settings(max_examples=20)
@given(seed=st.integers(0, 2**16), gain=st.floats(0.5, 4))
def test_dynamics_depend_on_the_direction_of_time_and_not_on_the_level(seed: int, gain: float):
    clip = bursts(seed) + noise_floor(2 * SAMPLE_RATE, -40, seed)
    clip = clip[: 129 + 300 * 80]  # of a frame, the first sample weighs nothing
    once = spectral.spectrum(clip)
    louder = spectral.spectrum(clip * np.float32(gain))
    backwards = spectral.spectrum(clip[::-1].copy())
    for name in spectral.DYNAMICS:
        np.testing.assert_allclose(louder[name], once[name], atol=0.02, err_msg=name)
    for name, sign in (("step_std", 1), ("step_skewness", -1), ("bend_skewness", 1)):
        np.testing.assert_allclose(backwards[name], sign * once[name], atol=0.02, err_msg=name)


def test_a_steady_sound_has_no_dynamics():
    for steady in (np.zeros(1600, np.float32), np.full(100, 0.1, np.float32)):
        numbers = spectral._fine_steps(steady)
        assert not any(value.any() for value in numbers.values())


@pytest.mark.parametrize("frames", [1, 7, 100])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, frames: int):
    whole = spectral.describe(CLIP)
    monkeypatch.setattr(spectral, "_BLOCK_FRAMES", frames)
    for name, value in spectral.describe(CLIP).items():
        np.testing.assert_allclose(value, whole[name], rtol=1e-5, atol=1e-5, err_msg=name)


def test_entropy_of_known_distributions():
    def entropy(mel: np.ndarray) -> float:
        return spectral._mean_entropy(*spectral._power_and_entropy(mel))

    flat, peak = np.ones((3, 128)), np.zeros((3, 128))
    peak[:, 5] = 2.0
    assert entropy(flat) == pytest.approx(np.log(128))
    assert entropy(peak) == pytest.approx(0)
    peak[1] = 0  # a frame without power has no distribution
    assert entropy(peak) == pytest.approx(0)


@settings(max_examples=25)
@given(gain=st.floats(0.01, 3.0), repeats=st.integers(2, 4))
def test_entropy_does_not_depend_on_level_or_length_but_the_prototypes_does(gain, repeats):
    noise = np.random.default_rng(4).standard_normal(SAMPLE_RATE).astype(np.float32) * 0.1
    once = spectral.describe(noise)
    louder = spectral.describe(noise * np.float32(gain))
    longer = spectral.describe(np.tile(noise, repeats))
    assert louder["entropy"] == pytest.approx(once["entropy"], abs=1e-4)
    assert longer["entropy"] == pytest.approx(once["entropy"], abs=0.02)
    ratio = longer["entropy_prototype"] / once["entropy_prototype"]
    assert ratio == pytest.approx(repeats, rel=0.2)


def test_levels_by_hand():
    tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    silence = np.zeros(SAMPLE_RATE // 2)
    clip = np.concatenate([silence, tone, silence[:4000], tone, silence[:1600]]).astype(np.float32)
    numbers = spectral.levels(clip)
    seconds = len(clip) / SAMPLE_RATE
    assert numbers["duration"] == seconds
    assert numbers["peak_dbfs"] == pytest.approx(20 * np.log10(0.5), abs=0.01)
    assert numbers["level_dbfs"] == pytest.approx(10 * np.log10(0.125 * 2 / seconds), abs=0.01)
    assert numbers["crest_db"] == pytest.approx(numbers["peak_dbfs"] - numbers["level_dbfs"])
    # Frames are 20 ms: one that reaches into sound is not silent.
    assert numbers["leading_silence"] == pytest.approx(0.5, abs=0.02)
    assert numbers["trailing_silence"] == pytest.approx(0.1, abs=0.02)
    assert numbers["pause_fraction"] == pytest.approx(0.25 / 2.25, abs=0.02)


def pulsed(seconds: float) -> np.ndarray:
    """Syllables: five a second, each falling to a twentieth of its level, never silent."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    envelope = 0.05 + 0.95 * np.abs(np.sin(np.pi * 5 * time + 0.4))
    return (0.3 * envelope * np.sin(2 * np.pi * 150 * time)).astype(np.float32)


def noise_floor(length: int, level_dbfs: float, seed: int = 6) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(length, np.float32)
    return noise * np.float32(10 ** (level_dbfs / 20))


@pytest.mark.parametrize("snr_db", [None, 40, 30, 20, 15])
@pytest.mark.parametrize(("lead", "trail"), [(0.5, 0.3), (0.0, 0.8), (1.5, 0.0), (0.0, 0.0)])
def test_silence_is_found_whatever_the_noise_floor(snr_db, lead: float, trail: float):
    speech = pulsed(2.0)
    silences = [np.zeros(int(seconds * SAMPLE_RATE), np.float32) for seconds in (lead, trail)]
    clip = np.concatenate([silences[0], speech, silences[1]])
    if snr_db is not None:
        level = 10 * np.log10(np.mean(speech**2))
        clip = clip + noise_floor(len(clip), level - snr_db)
    numbers = spectral.levels(clip)
    assert numbers["leading_silence"] == pytest.approx(lead, abs=0.02)
    assert numbers["trailing_silence"] == pytest.approx(trail, abs=0.02)
    first, end = spectral.active_span(clip)
    assert first / SAMPLE_RATE == pytest.approx(lead, abs=0.02)
    assert end / SAMPLE_RATE == pytest.approx(lead + 2.0, abs=0.02)


def test_a_word_in_a_long_noisy_silence_is_found():
    clip = noise_floor(30 * SAMPLE_RATE, -45)
    clip[20 * SAMPLE_RATE : 21 * SAMPLE_RATE] += pulsed(1.0)
    first, end = spectral.active_span(clip)
    assert (first / SAMPLE_RATE, end / SAMPLE_RATE) == pytest.approx((20, 21), abs=0.02)


@pytest.mark.parametrize(
    "steady",
    [
        noise_floor(SAMPLE_RATE, -20),
        np.sin(np.arange(SAMPLE_RATE) / 5).astype(np.float32),
        CLIP,
        np.full(160, 0.1, np.float32),
        np.full(1, 0.1, np.float32),
    ],
    ids=["noise", "tone", "speech without pauses", "10 ms", "one sample"],
)
def test_what_is_steady_has_no_silence(steady: np.ndarray):
    numbers = spectral.levels(steady)
    assert numbers["leading_silence"] == numbers["trailing_silence"] == 0
    assert numbers["pause_fraction"] == 0
    assert spectral.active_span(steady) == (0, len(steady))


def test_the_level_of_speech_leaves_pauses_out():
    tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    clip = np.concatenate([np.zeros(SAMPLE_RATE * 3), tone]).astype(np.float32)
    assert spectral.mean_power(clip) == pytest.approx(0.125 / 4, rel=1e-3)
    assert spectral.active_power(clip) == pytest.approx(0.125, rel=0.01)


def test_the_digest_is_of_the_16_bit_samples():
    integers = np.array([0, 1, -1, 32767, -32768, 1234], "<i2")
    samples = integers.astype(np.float32) / 32768
    expected = hashlib.sha256(integers.tobytes()).hexdigest()[:32]
    assert spectral.digest(samples) == expected
    assert spectral.digest(samples + np.float32(1e-6)) == expected
    assert spectral.digest(samples[:-1]) != expected
    assert spectral.digest(np.array([2.0, -2.0], np.float32)) == spectral.digest(
        np.array([32767 / 32768, -1.0], np.float32)
    )


def test_the_digest_does_not_depend_on_the_container():
    integers = np.rint(CLIP * 32768).astype(np.int16)
    copies = [encoded(integers), encoded(integers, format="WAV")]
    limits = Limits(min_seconds=0.1, silence_dbfs=-60, max_megabytes=1, max_seconds=60)
    digests = {spectral.digest(decode(copy, limits)) for copy in copies}
    assert len(digests) == 1


@settings(max_examples=40)
@given(st.integers(1600, 20000), st.integers(0, 2**32 - 1))
def test_any_accepted_clip_gives_finite_numbers(length: int, seed: int):
    random = np.random.default_rng(seed)
    clip = np.zeros(length, np.float32)
    clip[random.integers(length)] = 0.5  # one click in digital silence
    numbers = spectral.describe(clip)
    assert all(np.isfinite(value).all() for value in numbers.values())
    assert set(numbers) == set(spectral.SCHEMA.names) - {"file", "label", "content", "audio"}


@pytest.mark.parametrize("offset", [0.0, 0.2])
def test_the_skewness_is_that_of_scipy(offset):
    samples = np.random.default_rng(0).gamma(2.0, 0.05, 20_000).astype(np.float32) + offset
    expected = scipy.stats.skew(samples.astype(np.float64))
    found = spectral.levels(samples.astype(np.float32))["skewness"]
    assert found == pytest.approx(expected, rel=1e-4)
    assert spectral.levels(np.full(500, 0.25, np.float32))["skewness"] == 0


def test_digital_silence_has_no_roll_off_and_takes_none_away():
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    muted = np.concatenate([noise, np.zeros(32_000, np.float32)])
    whole, half = (spectral.describe(each)["rolloff_95"] for each in (noise, muted))
    assert half == pytest.approx(whole, rel=0.02)


def in_a_room(samples: np.ndarray, rt60_seconds: float) -> np.ndarray:
    step = {"step": "reverberation", "rt60_seconds": rt60_seconds, "direct_to_reverberant_db": 0}
    return views.apply(samples, view([step]), "0" * 32)


def bursts(seed: int, seconds: float = 2.0) -> np.ndarray:
    """Noise in syllables that rise as they fall, each at its own rate."""
    random = np.random.default_rng(seed)
    lengths = (random.uniform(0.08, 0.25, int(9 * seconds)) * SAMPLE_RATE).astype(int)
    envelope = np.concatenate([np.hanning(length) ** 2 for length in lengths])[
        : int(seconds * SAMPLE_RATE)
    ]
    return (0.2 * envelope * random.standard_normal(len(envelope))).astype(np.float32)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**16), gain=st.floats(0.05, 4), rt60=st.floats(0.4, 1.2))
def test_a_room_skews_the_slopes_of_the_level(seed: int, gain: float, rt60: float):
    dry = bursts(seed, 4.0)
    heard, forth = in_a_room(dry, rt60), spectral.slope_skewness(dry)
    assert abs(forth) < 0.2
    assert spectral.slope_skewness(heard) > forth + 0.15
    # Backwards, what dies away slowly rises slowly; how loud it is does not matter.
    whole = dry[: spectral._SLOPE_FRAME + 150 * spectral._SLOPE_HOP]
    backwards = spectral.slope_skewness(whole[::-1].copy())
    assert backwards == pytest.approx(-spectral.slope_skewness(whole), abs=0.02)
    assert spectral.slope_skewness(np.float32(gain) * heard) == pytest.approx(
        spectral.slope_skewness(heard), abs=0.01
    )


def test_silence_and_noise_are_no_room():
    dry, silence = bursts(1), np.zeros(8000, np.float32)
    noise = np.random.default_rng(2).standard_normal(len(dry)).astype(np.float32)
    for heard in (np.concatenate([silence, dry, silence]), dry + 0.005 * noise, 0.1 * noise):
        assert abs(spectral.slope_skewness(heard)) < 0.35
    for nothing in (silence, noise[:100], np.zeros(0, np.float32)):
        assert spectral.slope_skewness(nothing) == 0


def test_the_skewness_of_slopes_is_scipys(monkeypatch: pytest.MonkeyPatch):
    """Of the lines that NumPy fits, in each band on its own."""
    clip, found = bursts(3), []
    monkeypatch.setattr(spectral, "_BLOCK_FRAMES", 50)
    # The bands' edges are equally far apart on the mel scale, from 200 to 7000 Hz.
    power = np.abs(short_time_spectra(clip, 512, 160)) ** 2
    edges = [6, 9, 12, 15, 19, 23, 27, 31, 37, 42, 48, 55, 62, 70, 78, 88, 98, 109, 122, 135, 150]
    bands = spectral._band_levels(clip).T
    for band, (low, high) in enumerate(itertools.pairwise(edges)):
        expected = 10 * np.log10(power[:, low:high].sum(axis=1))
        np.testing.assert_allclose(bands[band], expected, atol=1e-3)
    for band in bands:
        floor = np.quantile(band, 0.95) - 20
        for first in range(len(band) - 8):
            piece = band[first : first + 9]
            if piece.max() > floor:
                found.append(np.polyfit(np.arange(9), np.maximum(piece, floor), 1)[0])
    assert spectral.slope_skewness(clip) == pytest.approx(scipy.stats.skew(found), rel=1e-3)


def test_memory_does_not_grow_with_the_length_of_a_clip(monkeypatch: pytest.MonkeyPatch):
    """Not even with its mel spectrogram; all numbers of a part in a file are those in memory."""
    short, long = (np.tile(bursts(1, 60.0), minutes) for minutes in (1, 12))
    in_memory = spectral.describe(long)  # imports, besides
    monkeypatch.setattr(growing.Growing.__init__, "__defaults__", ((), 1 << 18))

    def peak(samples: np.ndarray) -> int:
        tracemalloc.start()
        found = spectral.describe(samples)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        if samples is long:
            assert all(np.array_equal(found[name], in_memory[name]) for name in in_memory)
        return most

    mel_spectrogram = spectral.N_MELS * len(long) / spectral._HOP * 4
    assert peak(long) - peak(short) < 0.5 * mel_spectrogram
