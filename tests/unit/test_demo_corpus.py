"""The demo corpus as it ships, and the code that makes it."""

import io
import re
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from authenticity.errors import UserError
from checkout import REPOSITORY
from demo_corpus import attacks, channel, copy_synthesis, debian, human, phonemes, plan, produce
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

ROOT = REPOSITORY
ARCHIVE = ROOT / "resources" / "demo" / "LA.zip"
PROTOCOLS = {"train": "train.trn", "dev": "dev.trl", "eval": "eval.trl"}
GRID = (1.5, 1.7, 1.9, 2.1, 2.3)
FILTERED = pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"), reason="Python 3.11.4 or newer unpacks packages safely"
)


# --- the archive ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trials() -> list[tuple[str, str, str, str, str]]:
    """(split, speaker, utterance, attack, key) of every protocol line."""
    found = []
    with zipfile.ZipFile(ARCHIVE) as archive:
        for split, suffix in PROTOCOLS.items():
            name = f"LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{suffix}.txt"
            for line in archive.read(name).decode("ascii").splitlines():
                speaker, utterance, system, attack, key = line.split(" ")
                assert system == "-"
                found.append((split, speaker, utterance, attack, key))
    return found


def measure(samples: np.ndarray) -> dict[str, float]:
    """Seconds of the clip and of quiet at its ends (30 dB below the loudest 10 ms), and dBFS."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160).astype(np.float64)
    power = np.mean(frames**2, axis=1)
    loud = np.flatnonzero(power > power.max() * 1e-3)
    return {
        "duration": len(samples) / channel.SAMPLE_RATE,
        "level": 10 * np.log10(power.mean()),
        "leading_silence": loud[0] / 100,
        "trailing_silence": (len(power) - 1 - loud[-1]) / 100,
    }


@pytest.fixture(scope="module")
def measured(trials) -> list[tuple[str, int, dict[str, float]]]:
    """(split, label, numbers) of every clip, all of them decoded."""
    rows = []
    with zipfile.ZipFile(ARCHIVE) as archive:
        for split, _, utterance, _, key in trials:
            content = archive.read(f"LA/ASVspoof2019_LA_{split}/flac/{utterance}.ogg")
            samples, rate = soundfile.read(io.BytesIO(content), dtype="float32")
            assert rate == channel.SAMPLE_RATE and samples.ndim == 1
            rows.append((split, int(key == "spoof"), measure(samples)))
    return rows


def test_archive_is_small_and_every_member_is_stored():
    assert ARCHIVE.stat().st_size <= 10_000_000
    with zipfile.ZipFile(ARCHIVE) as archive:
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_archive_holds_exactly_what_the_protocols_list(trials):
    with zipfile.ZipFile(ARCHIVE) as archive:
        audio = sorted(name for name in archive.namelist() if name.endswith(".ogg"))
        assert len(archive.namelist()) == len(audio) + len(PROTOCOLS)
    assert audio == sorted(f"LA/ASVspoof2019_LA_{row[0]}/flac/{row[2]}.ogg" for row in trials)
    assert len(set(audio)) == len(audio)


def test_counts_are_those_of_the_plan(trials):
    voices = [("-", voice) for voice in attacks.BONAFIDE]
    voices += [(each.name, voice) for each in attacks.SYNTHESISERS for voice in each.voices]
    voices += [(each.name, voice) for each in attacks.VOCODERS for voice in each.speakers]
    planned = Counter()
    for attack, voice in voices:
        for split in PROTOCOLS:
            planned[split, attack, voice.speaker] += getattr(voice, split)
    shipped = Counter((split, attack, speaker) for split, speaker, _, attack, _ in trials)
    assert shipped == +planned


def test_bona_fide_is_what_has_no_attack(trials):
    assert {(attack == "-", key) for *_, attack, key in trials} == {
        (True, "bonafide"),
        (False, "spoof"),
    }
    assert sum(key == "bonafide" for *_, key in trials) >= 500


def test_every_part_has_speakers_of_its_own(trials):
    speakers = {split: {row[1] for row in trials if row[0] == split} for split in PROTOCOLS}
    assert not speakers["train"] & speakers["dev"]
    assert not (speakers["train"] | speakers["dev"]) & speakers["eval"]


def test_eval_holds_known_and_unknown_attacks_and_dev_holds_one_out(trials):
    spoof = {split: {row[3] for row in trials if row[0] == split} - {"-"} for split in PROTOCOLS}
    assert len(spoof["train"]) == 5
    assert spoof["train"] < spoof["eval"]
    assert len(spoof["eval"] - spoof["train"]) == 7
    (held_out,) = spoof["dev"] - spoof["train"]
    assert held_out not in spoof["eval"]


def test_every_person_is_heard_on_both_sides_in_the_same_proportion(trials):
    """Or who speaks, and from which recording, would tell the class."""
    people = {row[1] for row in trials if row[4] == "bonafide"}
    for split, number in (("train", 6), ("dev", 4), ("eval", 5)):
        shares = {
            person: sum(rows) / len(rows)
            for person in people
            if (rows := [row[4] == "spoof" for row in trials if row[:2] == (split, person)])
        }
        assert len(shares) == number
        assert len(set(shares.values())) == 1


def test_order_of_names_says_nothing_about_the_class(trials):
    for split in PROTOCOLS:
        rows = sorted((row[2], row[4] == "spoof") for row in trials if row[0] == split)
        area = roc_auc_score([spoof for _, spoof in rows], range(len(rows)))
        assert 0.4 < area < 0.6


def test_durations_are_one_grid_dealt_evenly_to_both_classes(measured):
    for label in (0, 1):
        durations = Counter(round(row[2]["duration"], 6) for row in measured if row[1] == label)
        assert set(durations) == set(GRID)
        assert max(durations.values()) - min(durations.values()) < 0.2 * min(durations.values())


@pytest.mark.parametrize(
    ("number", "allowed"),
    [("duration", 0.02), ("level", 0.07), ("leading_silence", 0.04), ("trailing_silence", 0.04)],
)
def test_what_is_not_speech_does_not_tell_the_classes_apart(measured, number, allowed):
    for split in PROTOCOLS:
        rows = [row for row in measured if row[0] == split]
        area = roc_auc_score([row[1] for row in rows], [row[2][number] for row in rows])
        assert abs(area - 0.5) < allowed, split


# --- Debian packages -----------------------------------------------------------------------------


def ar(*members: tuple[str, bytes]) -> bytes:
    """Pack members: a 60-byte header in decimal before each, at even offsets."""
    packed = b"!<arch>\n"
    for name, content in members:
        header = f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n"
        packed += header.encode() + content + b"\n" * (len(content) % 2)
    return packed


def package(path: Path, members: list[tarfile.TarInfo | tuple[str, bytes]], mode="w:xz") -> Path:
    """Write a small `.deb` whose data holds these members, under any name they like."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            name, content = member
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    suffix = mode.partition(":")[2]
    name = f"data.tar.{suffix}" if suffix else "data.tar"
    version, control = ("debian-binary", b"2.0\n"), ("control.tar", b"odd")
    path.write_bytes(ar(version, control, (name, data.getvalue())))
    return path


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = tarfile.SYMTYPE
    member.linkname = target
    return member


@given(st.lists(st.binary(max_size=40), max_size=5))
@settings(max_examples=50)
def test_ar_members_come_back_as_they_were(contents):
    members = [(f"member{number}", content) for number, content in enumerate(contents)]
    assert list(debian.ar_members(ar(*members), "x.deb")) == members


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_damaged_archives_end_in_one_line_and_never_in_a_traceback(noise):
    with pytest.raises(UserError, match=r"x\.deb"):
        list(debian.ar_members(b"!<arch>\n" + noise + b"?", "x.deb"))


@pytest.mark.parametrize("mode", ["w:xz", "w:gz", "w:bz2", "w:"])
def test_files_and_notice_are_read_from_a_package(tmp_path, mode):
    notice = "./usr/share/doc/voice/copyright"
    path = package(tmp_path / "voice.deb", [(notice, b"free"), ("./usr/lib/a", b"12")], mode)
    assert {str(name): content for name, content in debian.files(path)} == {
        "usr/share/doc/voice/copyright": b"free",
        "usr/lib/a": b"12",
    }
    assert debian.read_notice(path) == "free"


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "usr/../../outside"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    path = package(tmp_path / "bad.deb", [(name, b"!")])
    with pytest.raises(UserError, match="unsafe name"):
        list(debian.files(path))


@FILTERED
@pytest.mark.parametrize(
    "members",
    [
        [("../outside", b"!")],
        [link("usr/door", "/usr"), ("usr/door/outside", b"!")],
        [link("usr/door", "../../.."), ("usr/door/outside", b"!")],
    ],
)
def test_unpacking_never_leaves_its_folder(tmp_path, members):
    folder = tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    with pytest.raises(UserError, match=r"bad\.deb"):
        debian.unpack(package(tmp_path / "bad.deb", members), folder)
    assert not [path for path in tmp_path.rglob("outside") if path.is_file()]


@FILTERED
def test_unpacking_keeps_links_inside(tmp_path):
    members = [("usr/lib/libx.so.1.0", b"code"), link("usr/lib/libx.so.1", "libx.so.1.0")]
    debian.unpack(package(tmp_path / "x.deb", members), tmp_path / "root")
    assert (tmp_path / "root" / "usr" / "lib" / "libx.so.1").read_bytes() == b"code"


def test_what_is_no_package_is_named(tmp_path):
    (tmp_path / "page.deb").write_text("<html>not found</html>")
    with pytest.raises(UserError, match=r"page\.deb: expected a Debian package"):
        debian.open_data(tmp_path / "page.deb")
    (tmp_path / "empty.deb").write_bytes(ar(("debian-binary", b"2.0\n")))
    with pytest.raises(UserError, match=r"holds no data\.tar"):
        debian.open_data(tmp_path / "empty.deb")


# --- the channel ---------------------------------------------------------------------------------


def tone(seconds: float, level: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * channel.SAMPLE_RATE)) / channel.SAMPLE_RATE
    return (level * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * channel.SAMPLE_RATE), np.float32)


def test_silence_is_cut_to_what_is_kept():
    parts = [silence(0.5), tone(1.0), silence(0.7), tone(1.0), silence(0.3)]
    kept = channel.speech_only(np.concatenate(parts))
    assert len(kept) / channel.SAMPLE_RATE == pytest.approx(0.06 + 1 + 0.08 + 1 + 0.06, abs=0.03)


def test_short_pauses_and_speech_from_the_first_sample_on_stay():
    spoken = np.concatenate([tone(0.4), silence(0.05), tone(0.4)])
    assert np.array_equal(channel.speech_only(spoken), spoken)
    assert not len(channel.speech_only(silence(1.0)))


@given(st.integers(0, 2**31), st.sampled_from(GRID))
@settings(max_examples=10)
def test_the_channel_keeps_length_and_sets_the_level(seed, seconds):
    rng = np.random.default_rng(seed)
    sent = channel.transmit(channel.crop(tone(2.5), seconds, rng), rng)
    assert len(sent) == round(seconds * channel.SAMPLE_RATE)
    level = 20 * np.log10(np.sqrt(np.mean(sent**2)))
    low, high = channel.LEVEL_DBFS
    assert low - 0.01 <= level <= high + 0.01


def test_noise_is_as_loud_as_asked():
    clean = tone(2.0)
    noise = channel.add_noise(clean, 15.0, np.random.default_rng(1)) - clean
    assert 20 * np.log10(np.std(clean) / np.std(noise)) == pytest.approx(15.0, abs=0.01)


def test_crops_need_enough_samples():
    with pytest.raises(ValueError, match="16000 samples"):
        channel.crop(tone(1.0), 1.5, np.random.default_rng(0))


@pytest.mark.parametrize("codec", [channel.vorbis, channel.g722])
def test_codecs_pass_the_signal_on(codec):
    sent = tone(1.0)
    received = codec(sent)
    assert len(received) == len(sent)
    lags = np.arange(-40, 41)
    agreement = [np.corrcoef(sent[4000:8000], received[4000 + k : 8000 + k])[0, 1] for k in lags]
    assert max(agreement) > 0.98


def test_opus_is_deterministic_and_as_long_as_what_was_sent():
    sent = tone(1.7)
    encoded = channel.opus(sent, 24_000)
    assert encoded == channel.opus(sent, 24_000)
    received, rate = soundfile.read(io.BytesIO(encoded))
    assert rate == channel.SAMPLE_RATE and len(received) == len(sent)


# --- plan, phonemes, copy-synthesis --------------------------------------------------------------


@pytest.fixture(scope="module")
def planned():
    return make_plan(seed=1).to_pylist()


def make_plan(seed: int):
    rng = np.random.default_rng(0)
    prompts = {
        (voice.speaker, voice.language): {
            f"prompt-{number}": float(seconds)
            for number, seconds in enumerate(rng.uniform(1.0, 9.0, 300))
        }
        for voice in attacks.BONAFIDE
    }
    return plan.make(prompts, plan.read_sentences(), GRID, seed)


def test_the_plan_depends_on_its_seed_alone(planned):
    assert make_plan(seed=1).to_pylist() == planned
    assert make_plan(seed=2).to_pylist() != planned


def test_half_of_the_clips_of_each_voice_and_part_are_upside_down(planned):
    groups: dict[tuple, list[int]] = {}
    for row in planned:
        of = tuple(row[name] for name in ("split", "attack", "speaker", "language", "voice"))
        groups.setdefault(of, []).append(row["polarity"])
    assert {abs(sum(polarities)) for polarities in groups.values()} == {0, 1}
    # And not by the length that was dealt out as evenly.
    for seconds in GRID:
        drawn = [row["polarity"] for row in planned if row["seconds"] == seconds]
        assert abs(np.mean(drawn)) < 0.2


def test_the_planned_polarity_is_what_the_channel_is_sent(monkeypatch):
    samples = tone(2.5)
    rows = [{"key": key, "seed": 1, "seconds": 1.5, "polarity": int(key)} for key in ("1", "-1")]
    # The noise and the codecs after it are not those of the clip the other way up.
    monkeypatch.setattr(channel, "transmit", lambda sent, rng: sent)
    encoded = produce.encode(((row["key"], samples) for row in rows), rows, 24_000)
    upright, inverted = (
        soundfile.read(io.BytesIO(audio))[0] for audio in encoded["audio"].to_pylist()
    )
    assert np.corrcoef(upright, inverted)[0, 1] < -0.99


def test_a_prompt_is_used_by_one_attack_only_and_a_piece_once(planned):
    people = {voice.speaker for voice in attacks.BONAFIDE}
    users: dict[tuple, set[str]] = {}
    pieces = Counter()
    for row in planned:
        if row["speaker"] in people:
            for piece in row["source"].split(plan.JOIN):
                prompt = piece.rpartition(" ")[0]
                users.setdefault((row["speaker"], prompt), set()).add(row["attack"])
                pieces[row["speaker"], piece] += 1
    assert all(len(names) == 1 for names in users.values())
    assert set(pieces.values()) == {1}


def test_too_little_speech_is_one_line():
    prompts = {(voice.speaker, voice.language): {"one": 2.0} for voice in attacks.BONAFIDE}
    with pytest.raises(UserError, match="said too little"):
        plan.make(prompts, plan.read_sentences(), GRID, 1)


def test_phrases_keep_every_word():
    assert (
        plan.phrases("L'eau monte, dit-il; il faut partir.")
        == "L'eau monte dit-il; il faut partir."
    )


def test_human_speech_is_found_by_speaker(tmp_path):
    wave = io.BytesIO()
    soundfile.write(wave, tone(0.5), channel.SAMPLE_RATE, format="OGG", subtype="VORBIS")
    names = ("a/b_desc_fr.ogg", "a/b_desc_ru.ogg", "a/b_desc.ogg", "symbols/1_desc_fr.ogg")
    members = [(f"./usr/share/tuxpaint/stamps/{name}", wave.getvalue()) for name in names]
    path = package(tmp_path / "tuxpaint-stamps-default.deb", members)
    clips = human.recordings(path)
    assert [(clip.name, clip.speaker, clip.language) for clip in clips] == [
        ("a-b_desc_fr", "stamps-fr", "fr"),
        ("a-b_desc_ru", "stamps-ru", "ru"),
    ]
    assert len(clips[0].samples) == pytest.approx(0.5 * human.SAMPLE_RATE, abs=10)
    assert human.recordings(path, names={"a-b_desc_ru"})[0].speaker == "stamps-ru"


def test_pieces_are_where_the_plan_says():
    samples = np.arange(10)
    assert plan.piece_of(samples, "some prompt 2/2").tolist() == [5, 6, 7, 8, 9]


def test_sentences_are_distinct_and_of_the_length_that_fits_a_clip():
    for texts in plan.read_sentences().values():
        assert len(set(texts)) == len(texts) >= 30
        assert all(45 <= len(text) <= 110 for text in texts)


def test_archive_bytes_depend_on_content_alone(tmp_path, planned):
    rows = [row for row in planned if row["split"] == "dev"]
    table = pa.Table.from_pylist(rows, schema=plan.PLAN)
    keys = [row["key"] for row in rows]
    forward = pa.table({"key": keys, "audio": [key.encode() for key in keys]})
    backward = forward.take(list(range(len(keys)))[::-1])
    produce.archive(tmp_path / "a.zip", table, forward)
    produce.archive(tmp_path / "b.zip", table, backward)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_respelling_takes_the_longest_match_and_keeps_stress(monkeypatch):
    monkeypatch.setattr(phonemes, "ipa", lambda text, language: "tʃˈaj mɔ̃, vʲˈot.")
    assert phonemes.american_words("", "fr") == [
        (["ch", "aa1", "y"], False),
        (["m", "ao0", "n"], True),
        (["v", "ow1", "t"], False),
    ]


def test_sinusoids_give_back_a_steady_tone():
    spoken = copy_synthesis.sinusoidal(tone(1.0), seed=1)
    assert len(spoken) == channel.SAMPLE_RATE
    middle = spoken[4000:12_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * channel.SAMPLE_RATE / len(middle) == pytest.approx(440, abs=4)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


def test_griffin_lim_keeps_length_and_depends_on_its_seed():
    human = tone(0.5) * np.linspace(0.2, 1.0, 8000, dtype=np.float32)
    first, again, other = (copy_synthesis.griffin_lim(human, seed) for seed in (1, 1, 2))
    assert len(first) == len(human)
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_conda_environment_lists_the_same_pins():
    def pins(*names: str) -> list[str]:
        texts = [(ROOT / name).read_text(encoding="utf-8") for name in names]
        found = re.findall(r"^(?: +- )?([\w.-]+==[\w.]+)", "\n".join(texts), re.MULTILINE)
        return sorted(pin.lower().replace("_", "-") for pin in found)

    asked = ("requirements.txt", "requirements.in", "tools/demo_corpus/requirements.txt")
    assert pins("tools/demo_corpus/environment.yaml") == pins(*asked)
