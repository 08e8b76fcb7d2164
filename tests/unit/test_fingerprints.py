"""Near-duplicates: copies of a clip are found, and other clips are not taken for copies."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from authenticity import tables, verification
from authenticity.audio import SAMPLE_RATE, Limits, load
from authenticity.config import view
from authenticity.features import fingerprints, spectral, views
from authenticity.roots import Root
from checkout import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st

ARCHIVE = REPOSITORY / "resources/demo/LA.zip"
NUMBERS = (1, 3, 7, 9, 15, 19)  # bona fide clips of one voice

COPIES = {
    "mp3": [{"step": "codec", "codec": "mp3", "bit_rate": 64000}],
    "opus": [{"step": "codec", "codec": "opus", "bit_rate": 24000}],
    "aac": [{"step": "codec", "codec": "aac", "bit_rate": 64000}],
    "g722": [{"step": "codec", "codec": "g722"}],
    "telephone": [
        {"step": "band", "low_hz": 300, "high_hz": 3400},
        {"step": "codec", "codec": "g711_alaw"},
    ],
    "inverted": [{"step": "invert"}],
}


@pytest.fixture(scope="module")
def speech() -> list[np.ndarray]:
    root, limits = Root(ARCHIVE), Limits(0.25, -60, 10, 60)
    folder = "LA/ASVspoof2019_LA_dev/flac"
    return [load(root, f"{folder}/DEMO_D_{number:07}.ogg", limits) for number in NUMBERS]


def described(clips: dict[str, np.ndarray]) -> pa.Table:
    """The columns of a spectral table that fingerprints are made of."""
    rows = []
    for key, samples in clips.items():
        numbers = spectral.describe(np.ascontiguousarray(samples, np.float32))
        about = {"file": key, "label": 0, "content": "", "audio": spectral.digest(samples)}
        rows.append(about | numbers)
    return pa.Table.from_pylist(rows, schema=spectral.SCHEMA)


def of(clips: dict[str, np.ndarray], folder: Path) -> pa.Table:
    tables.write(folder / "1.parquet", described(clips), spectral.SCHEMA)
    return fingerprints.read([folder / "1.parquet"])


def grouped(clips: pa.Table, label=None, attack=None) -> list[str | None]:
    label = np.zeros(len(clips), int) if label is None else label
    attack = pa.nulls(len(clips), pa.string()) if attack is None else attack
    trials = pa.table({"label": label, "attack": attack})
    return fingerprints.groups(clips, trials).to_pylist()


@pytest.mark.parametrize("copy", [*COPIES, "quieter", "cut at the start", "cut at the end"])
def test_a_copy_is_grouped_with_its_clip_and_with_no_other(copy, speech, tmp_path):
    changes = {
        "quieter": lambda samples: np.rint(samples * 0.1 * 2**15) / 2**15,
        "cut at the start": lambda samples: samples[round(0.02 * SAMPLE_RATE) :],
        "cut at the end": lambda samples: samples[: -round(0.02 * SAMPLE_RATE)],
    }
    change = changes.get(copy, lambda samples: views.apply(samples, view(COPIES[copy]), "x"))
    clips = {f"clip {index}": samples for index, samples in enumerate(speech)}
    copies = {f"copy {index}": change(samples) for index, samples in enumerate(speech)}
    near = grouped(of(clips | copies, tmp_path))
    assert near == 2 * list(clips)


def test_other_clips_of_a_voice_are_not_near_duplicates(speech, tmp_path):
    clips = of({str(index): samples for index, samples in enumerate(speech)}, tmp_path)
    assert grouped(clips) == [None] * len(speech)


def test_clips_of_another_kind_or_length_are_not_compared(speech, tmp_path):
    samples = speech[0]
    louder = samples * np.float32(1.1)
    clips = of({"a": samples, "b": louder, "c": np.tile(louder, 2)}, tmp_path)
    assert grouped(clips) == ["a", "a", None]
    assert grouped(clips, label=[0, 1, 0]) == [None] * 3
    assert grouped(clips, attack=[None, None, "A01"]) == ["a", "a", None]


def test_equal_audio_alone_is_no_near_duplicate(speech, tmp_path):
    samples = speech[0]
    twice = of({"b": samples, "a": samples.copy(), "c": speech[1]}, tmp_path)
    assert grouped(twice) == [None] * 3
    with_copy = of({"b": samples, "c": samples * np.float32(0.5), "a": samples.copy()}, tmp_path)
    assert grouped(with_copy) == ["a"] * 3


def test_steady_noise_has_no_fingerprint(tmp_path):
    noise = np.random.default_rng(1).standard_normal((2, 2 * SAMPLE_RATE)) * 0.1
    clips = of(dict(zip("ab", noise.astype(np.float32), strict=True)), tmp_path)
    assert clips["fingerprint"].null_count == 2
    assert grouped(clips) == [None] * 2


def test_no_clips_have_no_groups():
    assert grouped(fingerprints.SCHEMA.empty_table()) == []


def made(vectors: np.ndarray, duration: np.ndarray, audio: list[str]) -> pa.Table:
    keys = [f"k{index:04}" for index in range(len(vectors))]
    flat = pa.array(vectors.astype(np.float32).ravel())
    column = pa.FixedSizeListArray.from_arrays(flat, fingerprints.WIDTH)
    return pa.table([keys, audio, duration, column], schema=fingerprints.SCHEMA)


@settings(deadline=None, max_examples=60)
@given(
    gain=st.floats(-60, 20),
    tilt=st.floats(-10, 10),
    seconds=st.floats(0.5, 30),
    seed=st.integers(0, 1000),
)
def test_gain_and_the_slope_of_a_microphone_do_not_matter(gain, tilt, seconds, seed):
    random = np.random.default_rng(seed)
    mean, deviation = random.normal(-60, 10, (1, 128)), random.uniform(6, 14, (1, 128))
    changed = mean + gain + tilt * np.cos(np.pi * (np.arange(128) - 15.5) / 72)
    duration = np.array([seconds])
    one, _ = fingerprints.fingerprints(mean, deviation, duration)
    other, steady = fingerprints.fingerprints(changed, deviation, duration)
    np.testing.assert_allclose(one, other, atol=1e-3)
    assert not steady.any()


@settings(deadline=None, max_examples=60)
@given(
    members=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), min_size=1, max_size=16),
    seed=st.integers(0, 1000),
)
def test_groups_are_those_of_comparing_all_pairs_in_any_order(members, seed):
    """Clips scatter around six recordings; those of one recording may be near or not."""
    random = np.random.default_rng(seed)
    centres = random.normal(0, 0.35, (6, fingerprints.WIDTH))
    recording, label = np.array(members).T
    scale = np.where(np.arange(fingerprints.WIDTH) < 10, 0.03, 0.07)  # far less than the tree's
    vectors = centres[recording] + scale * random.normal(size=(len(members), len(scale)))
    duration = 2.0 + 0.02 * random.integers(0, 3, len(members))
    clips = made(vectors, duration, [f"a{index}" for index in range(len(members))])
    near = grouped(clips, label)
    vectors = vectors.astype(np.float32)
    distance = np.linalg.norm(vectors[:, np.newaxis] - vectors, axis=2)
    joined = (distance < fingerprints.RADIUS) & (label[:, np.newaxis] == label)
    for _ in members:  # as many steps as the longest chain can have
        joined = joined @ joined
    keys = clips["key"].to_pylist()
    expected = [keys[np.flatnonzero(row)[0]] if row.sum() > 1 else None for row in joined]
    assert near == expected
    order = random.permutation(len(members))
    assert grouped(clips.take(order), label[order]) == [near[index] for index in order]


def test_trials_are_given_their_groups_within_a_corpus_and_across(speech, tmp_path):
    one = {"a": speech[0], "b": speech[1], "c": speech[0] * np.float32(0.5), "removed": speech[2]}
    other = {"a": speech[1][160:], "b": speech[3]}
    found = []
    for name, clips in (("one", one), ("other", other)):
        (tmp_path / name).mkdir()
        of(clips, tmp_path / name)
        keys = [key for key in reversed(clips) if key != "removed"]
        n = len(keys)
        columns = {"key": keys, "label": pa.array([0] * n, pa.int8()), "attack": ["-"] * n}
        trials = pa.table(columns | {"near": pa.nulls(n, pa.string())})
        vectors = fingerprints.of_trials(trials, [tmp_path / name / "1.parquet"])
        assert vectors["key"].to_pylist() == keys
        found.append((*verification.with_near_duplicates(trials, vectors), vectors))
    (trials, counts, vectors), (others, no_counts, other_vectors) = found
    assert trials["near"].to_pylist() == ["a", None, "a"]
    expected = {"n_groups": 1, "n_trials": 2, "n_steady": 0, "examples": [["c", "a"]]}
    assert counts == expected
    assert no_counts == {"n_groups": 0, "n_trials": 0, "n_steady": 0, "examples": []}
    report = {"corpus": "one", "n_manifest": 4, "n_accepted": 4, "n_rejected": 0}
    assert verification.lines(report | {"near_duplicates": counts})[1] == (
        "corpus one: 2 trials are near-duplicates of another (such as c and a), in 1 groups; all "
        "were kept"
    )
    together = fingerprints.grouped_together([trials, others], [vectors, other_vectors])
    names = [table["near"].to_pylist() for table in together]
    assert names[0][0] == names[0][2]
    assert names[0][1] == names[1][1]
    assert names[0][1] is not None
    assert names[1][0] is None
