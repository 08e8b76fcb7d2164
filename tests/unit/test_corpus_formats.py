"""Every other corpus format, on its exact layout, in a folder and in an archive."""

import re
import time
import unicodedata
from collections import Counter
from pathlib import Path
from posixpath import splitext
from typing import get_args

import corpora
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import run_files
import yaml
from authenticity import audio, config, manifest, names, tables, trust
from authenticity.audio import Limits
from authenticity.corpora import FORMATS
from authenticity.corpora.reading import given as given_value
from authenticity.corpora.reading import known, unique_keys
from authenticity.errors import UserError
from authenticity.evaluation import splits
from authenticity.roots import Root
from authenticity.trust import CAUTION
from checkout import REPOSITORY
from corpora import write_archive, write_folder
from hypothesis import given
from hypothesis import strategies as st

LIMITS = Limits(min_seconds=0.25, silence_dbfs=-60, max_megabytes=10, max_seconds=60)
WRITERS = {"folder": write_folder, "archive": write_archive}


class Corpus:
    """A small corpus on disk, and what is read of it."""

    def __init__(self, base: Path, name: str, files: dict[str, bytes], kind: str = "folder"):
        self.base, self.format = base, name
        self.root = WRITERS[kind](files, base / kind)

    def refresh(self, **settings) -> str | None:
        """Bring the manifest up to date and return what is said of it."""
        return manifest.refresh(
            self.base / "manifest.parquet",
            "toy",
            config.Corpus(format=self.format, root=str(self.root), **settings),
        )

    def rows(self) -> dict[str, dict]:
        """The manifest's rows, by key."""
        table = pq.read_table(self.base / "manifest.parquet").to_pylist()
        return {row["key"]: row for row in table}

    def conditions(self) -> list[str]:
        """The manifest's condition columns."""
        return tables.conditions(pq.read_schema(self.base / "manifest.parquet").names)

    def asv_scores(self) -> list[dict]:
        """The rows of the table beside the manifest."""
        return pq.read_table(self.base / "asv_scores.parquet").to_pylist()

    def all_are_there_and_readable(self) -> None:
        """Every row's file is where it says and holds sound."""
        for row in self.rows().values():
            assert row["bytes"] > 0, row
            assert len(audio.load(Root(self.root), row["path"], LIMITS)) > 4000


# name, builder, bona fide and spoof trials, conditions
LAYOUTS = {
    "asvspoof2021_la": (
        corpora.asvspoof2021_la,
        (4, 4),
        ["codec", "transmission", "trim", "subset"],
    ),
    "asvspoof2021_df": (
        corpora.asvspoof2021_df,
        (2, 3),
        [
            *("compression", "source", "trim", "subset", "vocoder"),
            *("task", "team", "gender_pair", "language"),
        ],
    ),
    "asvspoof5": (
        corpora.asvspoof5,
        (12, 12),
        ["gender", "codec", "codec_quality", "attack_tag"],
    ),
    "fakeavceleb": (corpora.fakeavceleb, (4, 4), ["category", "method", "race", "gender"]),
    "in_the_wild": (corpora.in_the_wild, (6, 6), []),
    "wavefake": (corpora.wavefake, (2, 5), ["source"]),
    "mlaad": (corpora.mlaad, (3, 6), ["language", "architecture"]),
    "folder": (corpora.folder, (3, 4), []),
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("name", LAYOUTS)
def test_each_format_reads_its_layout(name: str, kind: str, tmp_path: Path):
    build, counts, conditions = LAYOUTS[name]
    corpus = Corpus(tmp_path, name, build(), kind)
    assert corpus.refresh()
    rows = corpus.rows()
    assert corpus.conditions() == conditions
    labels = Counter(row["label"] for row in rows.values())
    assert (labels[0], labels[1]) == counts
    assert all((row["label"] == 1) == (row["attack"] != "-") for row in rows.values())
    assert {row["split"] for row in rows.values()} == set(FORMATS[name].splits)
    assert all(value != "" for row in rows.values() for value in row.values())
    corpus.all_are_there_and_readable()
    assert corpus.refresh() is None


def test_every_format_is_tested_configured_and_explained():
    assert get_args(config.Corpus.model_fields["format"].annotation) == tuple(FORMATS)
    explained = (REPOSITORY / "config" / "README.md").read_text()
    for name in FORMATS:
        assert name in LAYOUTS or name in ("asvspoof2019_la", "csv", "recordings")
        assert f"`{name}.yaml`" in explained
        assert f"`{name}`" in explained


@pytest.mark.parametrize("name", FORMATS)
def test_overlays_are_valid_and_fit_their_formats(name: str):
    values = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    overlay = yaml.safe_load((REPOSITORY / "config" / f"{name}.yaml").read_text())
    for section, changes in overlay.items():
        values[section] |= changes
    found = config.Config.of(values)
    used = {corpus: found.corpora[corpus] for corpus in found.run.corpora}
    for corpus, settings in used.items():
        assert manifest.splits_of(corpus, settings)
    assert name in {settings.format for settings in used.values()}


# ASVspoof -----------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", ["keys/LA", "LA-keys-full/keys/LA"])
def test_2021_la_has_its_conditions_and_asv_scores(keys: str, tmp_path: Path):
    corpus = Corpus(tmp_path, "asvspoof2021_la", corpora.asvspoof2021_la(keys))
    assert corpus.refresh() == (
        "corpus toy: 8 trials (eval 4 bona fide + 4 spoof); "
        "3 scores of speaker verification; trials of other subsets left out: 2"
    )
    row = corpus.rows()["LA_E_9000011"]
    assert (row["speaker"], row["attack"], row["codec"]) == ("LA_0001", "A07", "alaw")
    assert (row["transmission"], row["trim"], row["subset"]) == ("ita_tx", "notrim", "eval")
    assert corpus.asv_scores() == [
        {"split": "eval", "kind": "nontarget", "attack": "-", "score": -5.5},
        {"split": "eval", "kind": "target", "attack": "-", "score": 12.25},
        {"split": "eval", "kind": "spoof", "attack": "A07", "score": 3.0},
    ]
    assert corpus.refresh(subsets=["eval", "progress", "hidden"])
    assert Counter(row["subset"] for row in corpus.rows().values()) == {
        "eval": 8,
        "progress": 1,
        "hidden": 1,
    }
    assert len(corpus.asv_scores()) == 4


@pytest.mark.parametrize("change", [lambda lines: lines[:-1], lambda lines: lines[::-1]])
def test_2021_asv_scores_must_be_those_of_the_key(change, tmp_path: Path):
    files = corpora.asvspoof2021_la()
    path = "keys/LA/ASV/ASVTorch_Kaldi/score.txt"
    files[path] = corpora.text(change(files[path].decode().splitlines()))
    with pytest.raises(UserError, match="download the challenge's keys again"):
        Corpus(tmp_path, "asvspoof2021_la", files).refresh()


@pytest.mark.parametrize(
    "folders",
    [
        tuple(f"ASVspoof2021_DF_eval_part{n:02}/ASVspoof2021_DF_eval/flac" for n in range(4)),
        tuple(f"ASVspoof2021_DF_eval_part{n:02}/flac" for n in range(4)),
        ("ASVspoof2021_DF_eval_part00/flac", "ASVspoof2021_DF_eval/flac"),
    ],
)
def test_2021_df_is_found_in_its_parts(folders: tuple[str, ...], tmp_path: Path):
    corpus = Corpus(tmp_path, "asvspoof2021_df", corpora.asvspoof2021_df(folders))
    corpus.refresh()
    rows = corpus.rows()
    assert all(row["bytes"] for row in rows.values())
    assert {row["path"].rpartition("/")[0] for row in rows.values()} <= set(folders)
    spoof, bonafide = rows["DF_E_2000013"], rows["DF_E_2000028"]
    assert (spoof["attack"], spoof["vocoder"]) == (
        "Task1-team20",
        "neural_vocoder_nonautoregressive",
    )
    assert [spoof[name] for name in ("task", "team", "gender_pair", "language")] == [
        *("Task1", "team20", "FF", "E")
    ]
    assert (bonafide["attack"], bonafide["vocoder"], bonafide["source"]) == ("-", None, "vcc2018")
    assert [bonafide[name] for name in ("task", "team", "language")] == [None] * 3


@pytest.mark.parametrize("protocols", ["ASVspoof5_protocols/", ""])
def test_asvspoof5_reads_the_ninth_column(protocols: str, tmp_path: Path):
    corpus = Corpus(tmp_path, "asvspoof5", corpora.asvspoof5(protocols))
    corpus.refresh(splits=["train", "eval"])
    rows = corpus.rows()
    assert {row["split"] for row in rows.values()} == {"train", "eval"}
    coded, plain = rows["E_0000000005"], rows["T_0000000000"]
    assert (coded["attack"], coded["attack_tag"], coded["label"]) == ("A10", "AC1", 1)
    assert (coded["codec"], coded["codec_quality"], coded["gender"]) == ("C05", "3", "M")
    assert (plain["attack"], plain["attack_tag"]) == ("-", None)
    assert (plain["codec"], plain["codec_quality"]) == ("none", None)


# FakeAVCeleb --------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "FakeAVCeleb_v1.2/"])
@pytest.mark.parametrize("form", corpora.FAKEAVCELEB_HEADERS)
def test_fakeavceleb_is_read_however_its_list_is_named(form: str, prefix: str, tmp_path: Path):
    corpus = Corpus(tmp_path, "fakeavceleb", corpora.fakeavceleb(form, prefix))
    assert corpus.refresh() == "corpus toy: 8 trials (4 bona fide + 4 spoof)"
    rows = corpus.rows()
    assert all(row["bytes"] for row in rows.values())
    place = "Caucasian (European)/women/id00220"
    for category, name, label, method in (
        ("RealVideo-RealAudio", "00109", 0, "real"),
        ("FakeVideo-RealAudio", "00109_id00476_Isiqutin", 0, "faceswap"),
        ("RealVideo-FakeAudio", "00109_fake", 1, "rtvc"),
        ("FakeVideo-FakeAudio", "00109_0_id00476_wavtolip", 1, "wav2lip"),
    ):
        row = rows[f"{category}/{place}/{name}"]
        assert (row["label"], row["method"], row["category"]) == (label, method, category)
        assert (row["speaker"], row["race"], row["gender"]) == (
            "id00220",
            "Caucasian (European)",
            "women",
        )
        assert row["attack"] == ("SV2TTS" if label else "-")


def test_the_audio_of_a_fake_picture_is_that_of_its_source(tmp_path: Path):
    corpus = Corpus(tmp_path, "fakeavceleb", corpora.fakeavceleb())
    corpus.refresh()
    rows, root = corpus.rows(), Root(corpus.root)
    real, same, fake = (
        audio.load(root, rows[f"{category}/African/men/id00076/{name}"]["path"], LIMITS)
        for category, name in (
            ("RealVideo-RealAudio", "00109"),
            ("FakeVideo-RealAudio", "00109_id00476_Isiqutin"),
            ("RealVideo-FakeAudio", "00109_fake"),
        )
    )
    np.testing.assert_array_equal(real, same)
    assert not np.array_equal(real, fake)
    assert manifest.duplicates_policy(config.Corpus(format="fakeavceleb", root="x")) == "remove"


# Trees --------------------------------------------------------------------------------------


def test_wavefake_tells_vocoder_source_and_voice(tmp_path: Path):
    corpus = Corpus(tmp_path, "wavefake", corpora.wavefake())
    corpus.refresh()
    rows = corpus.rows()
    facts = {
        key.partition("/")[2]: (row["attack"], row["source"], row["speaker"])
        for key, row in rows.items()
    }
    assert facts == {
        "ljspeech_melgan/LJ001-0001_gen": ("melgan", "ljspeech", "LJSpeech"),
        "ljspeech_multi_band_melgan/LJ001-0001_gen": ("multi_band_melgan", "ljspeech", "LJSpeech"),
        "ljspeech_hifiGAN/LJ001-0001_generated": ("hifiGAN", "ljspeech", "LJSpeech"),
        "jsut_multi_band_melgan/BASIC5000_0001_gen": ("multi_band_melgan", "jsut", "JSUT"),
        "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech/gen_0": (
            *("conformer_fastspeech2_pwg", "ljspeech", "LJSpeech"),
        ),
        "wavs/LJ001-0001": ("-", "ljspeech", "LJSpeech"),
        "basic5000/wav/BASIC5000_0001": ("-", "jsut", "JSUT"),
    }


@pytest.mark.parametrize("name", ["wavefake", "mlaad"])
def test_what_has_spoof_alone_is_read_without_bona_fide(name: str, tmp_path: Path):
    build = LAYOUTS[name][0]
    corpus = Corpus(tmp_path, name, build(reals=False))
    news = corpus.refresh()
    assert news is not None
    assert "(0 bona fide + " in news


def test_mlaad_has_names_with_spaces_and_unquoted_text(tmp_path: Path):
    files = corpora.mlaad()
    files["fake/en/OpenAI TTS-1 HD/forgotten.wav"] = corpora.clip(3, True)
    del files["fake/de/griffin_lim/a clip 1.wav"]
    corpus = Corpus(tmp_path, "mlaad", files)
    news = corpus.refresh()
    assert news is not None
    assert news.endswith("absent or empty, first fake/de/griffin_lim/a clip 1.wav")
    rows = corpus.rows()
    system = rows["fake/en/OpenAI TTS-1 HD/a clip 0"]
    assert (system["attack"], system["speaker"]) == ("OpenAI TTS-1 HD", "OpenAI TTS-1 HD")
    assert (system["language"], system["architecture"]) == ("en", None)
    forgotten = rows["fake/en/OpenAI TTS-1 HD/forgotten"]
    assert (forgotten["label"], forgotten["architecture"]) == (1, None)
    copied = rows["fake/de/griffin_lim/a clip 0"]
    reader = rows["de_DE/by_book/female/eva_k/grune_haus/wavs/grune_haus_01_f000001"]
    assert copied["speaker"] == reader["speaker"] == "eva_k"
    assert (reader["label"], reader["language"], reader["architecture"]) == (0, "de", None)
    mixed = rows["de_DE/by_book/mix/erzaehlungen/wavs/erzaehlungen_01_f000001"]
    assert mixed["speaker"] is None


@pytest.mark.parametrize("base", ["", "mine/", "a/b/"])
@pytest.mark.parametrize(("bonafide", "spoof"), [("bonafide", "spoof"), ("Real", "FAKE")])
def test_folders_tell_label_attack_and_speaker(
    bonafide: str, spoof: str, base: str, tmp_path: Path
):
    files = corpora.folder(bonafide, spoof, base)
    files |= {f"{base}{bonafide}/anna/one.txt": b"what she said", f"{base}._x.wav": b"Mac"}
    corpus = Corpus(tmp_path, "folder", files)
    assert corpus.refresh() == (
        "corpus toy: 7 trials (3 bona fide + 4 spoof); other files left out: 1"
    )
    facts = {
        key.removeprefix(base): (row["label"], row["attack"], row["speaker"])
        for key, row in corpus.rows().items()
    }
    assert facts == {
        f"{bonafide}/anna/one": (0, "-", "anna"),
        f"{bonafide}/bert/one": (0, "-", "bert"),
        f"{bonafide}/loose": (0, "-", None),
        f"{spoof}/xtts/anna/one": (1, "xtts", "anna"),
        f"{spoof}/xtts/two words": (1, "xtts", None),
        f"{spoof}/loose.wav": (1, None, None),
        f"{spoof}/loose.flac": (1, None, None),
    }


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("human/spoof/x/2.wav", "its folder human says bona fide and its folder spoof says spoof"),
        ("deepfake/real/y.wav", "its folder real says bona fide and its folder deepfake says"),
        ("spoof/xtts/human/3.wav", "its folder human says bona fide and its folder spoof says"),
        ("mine/Genuine/anna/Fake/4.wav", "its folder Genuine says bona fide and its folder Fake"),
    ],
)
def test_a_path_with_words_of_both_classes_is_named(path: str, said: str, tmp_path: Path):
    corpus = Corpus(tmp_path, "folder", corpora.folder() | {path: corpora.clip(8, True)})
    with pytest.raises(UserError, match=said) as raised:
        corpus.refresh()
    assert path in str(raised.value)
    assert "rename the one that does not tell the class" in str(raised.value)


def test_the_folders_above_the_root_and_words_of_one_class_tell_nothing_else(tmp_path: Path):
    files = corpora.folder("bonafide", "fake", "real_vs_fake/")
    files["real_vs_fake/fake/spoof/1/5.wav"] = corpora.clip(8, True)
    corpus = Corpus(tmp_path / "real" / "fake", "folder", files)
    corpus.refresh()
    rows = corpus.rows()
    assert Counter(row["label"] for row in rows.values()) == {0: 3, 1: 5}
    row = rows["real_vs_fake/fake/spoof/1/5"]
    assert (row["attack"], row["speaker"]) == ("spoof", "1")


def test_a_tree_is_walked_through_links_but_never_in_circles(tmp_path: Path):
    corpus = Corpus(tmp_path, "folder", corpora.folder())
    elsewhere = write_folder({"three.wav": corpora.clip(9, False)}, tmp_path / "elsewhere")
    (corpus.root / "bonafide" / "cara").symlink_to(elsewhere)
    (corpus.root / "bonafide" / "again").symlink_to(corpus.root)
    (corpus.root / "spoof" / "vits").symlink_to(elsewhere)
    (corpus.root / "spoof" / "lost.wav").symlink_to("nowhere")
    news = corpus.refresh()
    assert news is not None
    assert news.endswith("1 of the files are absent or empty, first spoof/lost.wav")
    rows = corpus.rows()
    assert rows["bonafide/cara/three"]["speaker"] == "cara"
    assert rows["spoof/vits/three"]["attack"] == "vits"
    assert (rows["spoof/lost"]["label"], rows["spoof/lost"]["bytes"]) == (1, 0)
    assert len(rows) == 10


def test_a_change_anywhere_in_a_tree_is_seen(tmp_path: Path):
    corpus = Corpus(tmp_path, "folder", corpora.folder())
    assert corpus.refresh()
    changed = corpus.root / "spoof/xtts/anna/one.wav"
    changed.write_bytes(changed.read_bytes() + b"\0")
    assert corpus.refresh()
    changed.rename(changed.with_name("other.wav"))
    assert corpus.refresh()
    assert "spoof/xtts/anna/other" in corpus.rows()


# Tables -------------------------------------------------------------------------------------


def own(tmp_path: Path, content: list[str] | bytes, *names: str, base: str = "") -> Corpus:
    return Corpus(tmp_path, "csv", corpora.own_csv(content, names, base))


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.replace(",", ";").replace("one; two", "one, two").encode(),
        lambda text: text.replace(",", "\t").replace("one\t two", "one, two").encode(),
        lambda text: ("," + text.replace("\n", "\n7,")).removesuffix("7,").encode(),
    ],
)
def test_a_table_is_read_however_it_was_saved(encode, tmp_path: Path):
    content = (
        "Path,Label,Split,Attack,Speaker,Room\n"
        '"one, two.wav",bona-fide,train,,Anna,"the ""big"" one"\n'
        "deep/er/two.wav,SPOOF,TEST,XTTS v2,Zoë Q,\n"
    )
    corpus = own(tmp_path, encode(content), "one, two.wav", "deep/er/two.wav", "unlisted.wav")
    assert corpus.refresh() == (
        "corpus toy: 2 trials (train 1 bona fide + 0 spoof, eval 0 bona fide + 1 spoof); "
        "other files left out: 1"
    )
    assert corpus.conditions() == ["room"]
    first, second = (corpus.rows()[key] for key in ("one, two", "deep/er/two"))
    assert (first["split"], first["label"], first["attack"]) == ("train", 0, "-")
    assert (first["speaker"], first["room"]) == ("Anna", 'the "big" one')
    assert (second["split"], second["label"], second["attack"]) == ("eval", 1, "XTTS v2")
    assert (second["speaker"], second["room"]) == ("Zoë Q", None)
    corpus.all_are_there_and_readable()


@pytest.mark.parametrize(
    ("word", "label"),
    [
        *((word, 0) for word in ("bonafide", "Bona-Fide", "bona fide", "genuine", "REAL", "0")),
        *((word, 1) for word in ("spoof", "Fake", "synthetic", "DEEPFAKE", "1")),
        ("human", 0),
    ],
)
def test_labels_are_the_words_of_the_field(word: str, label: int, tmp_path: Path):
    corpus = own(tmp_path, ["path,label", f"a.wav,{word}"], "a.wav")
    corpus.refresh()
    row = corpus.rows()["a"]
    assert (row["label"], row["attack"]) == (label, ("-", None)[label])
    assert (row["split"], row["speaker"]) == ("none", None)


def test_a_table_lists_paths_from_where_it_is(tmp_path: Path):
    lines = ["path,label", r".\wavs\a.wav,real", "./wavs//b.wav,fake", "wavs/.///./c.wav,fake"]
    corpus = own(tmp_path, lines, "wavs/a.wav", "wavs/b.wav", base="mine/")
    news = corpus.refresh(list="mine/clips.csv")
    assert news is not None
    assert news.endswith("; 1 of the files are absent or empty, first mine/wavs/c.wav")
    rows = corpus.rows()
    assert rows["wavs/a"]["path"] == "mine/wavs/a.wav"
    assert [row["bytes"] > 0 for _, row in sorted(rows.items())] == [True, True, False]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_table_may_spell_a_name_in_another_normal_form(form: str, tmp_path: Path):
    named, listed = (unicodedata.normalize(each, "é/ä.wav") for each in ("NFD", form))
    corpus = own(tmp_path, ["path,label", f"{listed},real"], named)
    corpus.refresh()
    (row,) = corpus.rows().values()
    assert row["path"] == named
    corpus.all_are_there_and_readable()


def test_only_the_partitions_asked_for_are_taken_from_a_table(tmp_path: Path):
    corpus = own(tmp_path, ["path,label,split", "a.wav,0,dev", "b.wav,1,test"], "a.wav", "b.wav")
    news = corpus.refresh(splits=["dev"])
    assert news == (
        "corpus toy: 1 trials (dev 1 bona fide + 0 spoof); trials of other partitions left out: 1"
    )


BAD_TABLES = {
    "unknown label": (
        ["path,label", "a.wav,real", "b.wav,maybe"],
        r"line 3: unknown label 'maybe'",
    ),
    "no label column": (["path,class", "a.wav,real"], "line 1: expected a table with the columns"),
    "empty": ([], "line 1: expected a table"),
    "only a header": (["path,label"], "clips.csv: it lists no trial; complete it"),
    "absolute path": (["path,label", "/data/a.wav,real"], "line 2: expected a path relative"),
    "path of Windows": (["path,label", r"C:\data\a.wav,real"], "line 2: expected a path relative"),
    "path that leads out": (["path,label", "x/../../a.wav,real"], "line 2: expected a path rela"),
    "path on two lines": (
        b'path,label\n"a\nb.wav",real\n',
        "line 3: expected a file name in UTF-8",
    ),
    "no path": (["path,label", ",real"], "line 2: expected a path relative"),
    "twice": (["path,label", "a.wav,real", "./a.wav,fake"], "line 3: a.wav is listed twice"),
    "fields": (["path,label", "a.wav,real", "b, c.wav,fake"], "line 3: expected 2 fields"),
    "unknown split": (["path,label,split", "a.wav,real,later"], "line 2: unknown split 'later'"),
    "bona fide attack": (["path,label,attack", "a.wav,real,xtts"], "line 2: bona fide with the"),
    "reserved name": (["path,label,score", "a.wav,real,3"], "line 1: score is a name"),
    "same names": (["path,label,Room,room", "a.wav,real,3,4"], "line 1: two columns"),
    "open quote": (["path,label", '"a.wav,real'], "not a table"),
    "not UTF-8": ("path,label\nä.wav,real\n".encode("latin-1"), "expected text in UTF-8"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_is_one_clear_line(name: str, tmp_path: Path):
    content, expected = BAD_TABLES[name]
    with pytest.raises(UserError, match=expected) as raised:
        own(tmp_path, content, "a.wav").refresh()
    assert "\n" not in str(raised.value)


# What is not known --------------------------------------------------------------------------

NOT_KNOWN = ["-", "", "unknown", "Unknown", "N/A", "na", "NONE", "null", "nan", "?"]


@given(st.sampled_from(NOT_KNOWN), st.sampled_from(["", " ", "  "]), st.booleans())
def test_words_for_not_known_are_none_however_they_are_written(word, space, upper):
    text = space + (word.upper() if upper else word) + space
    assert known(text) is None
    assert given_value(text) == (text if word == "NONE" else None)


def test_names_that_hold_such_a_word_are_names():
    assert known("Zoe\u0308") == known("Zo\u00eb") == "Zo\u00eb"
    for name in ("unknown soldier", "Nan", "none other", "--", "anna", "N"):
        assert (known(name) is None) == (name == "Nan")
    # What a report calls a null is never the name of anything else.
    assert known(names.NOT_KNOWN) is given_value(names.NOT_GIVEN) is None


@pytest.mark.parametrize("word", NOT_KNOWN)
def test_a_table_has_one_null_for_what_is_not_known(word: str, tmp_path: Path):
    lines = ["path,label,attack,speaker,room", f"a.wav,fake,{word},{word},{word}"]
    lines.append(f"b.wav,real,{word},{word},hall")
    corpus = own(tmp_path, lines, "a.wav", "b.wav")
    corpus.refresh()
    spoof, bonafide = corpus.rows()["a"], corpus.rows()["b"]
    assert (spoof["attack"], spoof["speaker"]) == (None, None)
    assert (bonafide["attack"], bonafide["speaker"]) == ("-", None)
    assert spoof["room"] == ("NONE" if word == "NONE" else None)


def test_every_reader_has_the_same_null(tmp_path: Path):
    changes = {
        "fakeavceleb": (corpora.fakeavceleb, "meta_data.csv", "id00076,", "Unknown,"),
        "in_the_wild": (corpora.in_the_wild, "meta.csv", "Barack Obama", "N/A"),
        "asvspoof5": (corpora.asvspoof5, "train.tsv", "T_0000 ", "unknown "),
    }
    for name, (build, path, old, new) in changes.items():
        files = {
            place: content.replace(old.encode(), new.encode()) if place.endswith(path) else content
            for place, content in build().items()
        }
        corpus = Corpus(tmp_path / name, name, files)
        corpus.refresh()
        speakers = [row["speaker"] for row in corpus.rows().values()]
        assert None in speakers, name
        assert new.strip(" ,") not in speakers
    files = {
        "bonafide/unknown/1.wav": corpora.clip(1, False),
        "spoof/Unknown/N A/2.wav": corpora.clip(2, True),
        "spoof/tts/n.a/3.wav": corpora.clip(3, True),
        "spoof/none/-/4.wav": corpora.clip(4, True),
    }
    corpus = Corpus(tmp_path / "folder", "folder", files)
    corpus.refresh()
    found = [(row["attack"], row["speaker"]) for row in corpus.rows().values()]
    assert found == [("-", None), (None, "N A"), (None, None), ("tts", "n.a")]
    recordings = Corpus(tmp_path / "recordings", "recordings", files)
    assert recordings.refresh() == "corpus toy: 4 trials (no labels)"
    assert {row["speaker"] for row in recordings.rows().values()} == {None}


def test_speakers_called_unknown_on_both_sides_are_counted_and_no_leak(tmp_path: Path):
    files = {
        path: re.sub(rb"LA_..0[01] ", b"unknown ", content) if path.endswith(".txt") else content
        for path, content in corpora.asvspoof2019_la(per_split=12).items()
    }
    corpus = Corpus(tmp_path, "asvspoof2019_la", files)
    corpus.refresh()
    table = tables.read(tmp_path / "manifest.parquet")
    table = table.append_column("audio", table["key"])
    table = table.append_column("near", pa.nulls(len(table), pa.string()))
    official = config.Partitions(kind="partitions", fit="train", choose="dev", report="eval")
    found = splits.leaks(table, splits.rounds(table, official, 1))
    assert found["speakers"] == {"train_eval": 0, "dev_eval": 0, "train_dev": 0}
    assert found["unknown_speakers"] == table["speaker"].null_count == 24
    item = run_files.tested(leak=found)
    evidence = trust.Evidence(item, run_files.audit(), run_files.verified())
    (check,) = [check for check in trust.checks(evidence) if check.name == "Leak"]
    assert check.status == CAUTION
    assert "24 clips of its protocol without a known speaker" in check.sentence


# Mistakes of other kinds --------------------------------------------------------------------

BAD_CORPORA = {
    "no keys": (
        "asvspoof2021_la",
        lambda: {"ASVspoof2021_LA_eval/flac/LA_E_1.flac": b""},
        "expected keys/LA/CM/trial_metadata.txt in it",
    ),
    "keys of a repository without its large files": (
        "asvspoof2021_df",
        lambda: (
            corpora.asvspoof2021_df()
            | {"keys/DF/CM/trial_metadata.txt": b"version https://git-lfs.github.com/spec/v1\n"}
        ),
        "line 1: expected 13 fields",
    ),
    "no audio": (
        "asvspoof2021_df",
        lambda: {"keys/DF/CM/trial_metadata.txt": b"x"},
        "expected a folder ASVspoof2021_DF_eval/flac",
    ),
    "FakeAVCeleb without list": ("fakeavceleb", lambda: {"a.mp4": b""}, "expected meta_data.csv"),
    "FakeAVCeleb with a folder of another name": (
        "fakeavceleb",
        lambda: {
            "meta_data.csv": corpora.text(
                [
                    corpora.FAKEAVCELEB_HEADERS["as published"],
                    "id1,-,-,real,A,RealVideo-RealAudio,African,men,1.mp4,FakeAVCeleb/Real/id1",
                ]
            )
        },
        "line 2: expected a folder that begins with one of RealVideo-RealAudio",
    ),
    "FakeAVCeleb's list cut off": (
        "fakeavceleb",
        lambda: {
            "meta_data.csv": corpora.text(
                [corpora.FAKEAVCELEB_HEADERS["repaired"], "RealVideo-RealAudio/A/men/id1/1.mp4"]
            )
        },
        "line 2: expected at least 8 fields",
    ),
    "two lists": (
        "in_the_wild",
        lambda: corpora.in_the_wild("a/") | corpora.in_the_wild("b/"),
        "expected one meta.csv, found a/meta.csv and b/meta.csv",
    ),
    "another label": (
        "in_the_wild",
        lambda: {"meta.csv": b"file,speaker,label\n0.wav,x,genuin\n"},
        "line 2: unknown label 'genuin'",
    ),
    "no generated audio": ("wavefake", lambda: {"a.wav": b""}, "expected a folder generated_audio"),
    "no fakes": ("mlaad", lambda: {"a.wav": b""}, "expected clips in fake/LANGUAGE/SYSTEM"),
    "MLAAD's list cut off": (
        "mlaad",
        lambda: (
            corpora.mlaad()
            | {"fake/de/griffin_lim/meta.csv": (corpora.MLAAD_HEADER + "\nfake/de\n").encode()}
        ),
        "griffin_lim/meta.csv, line 2: expected 9 fields",
    ),
    "no folders": (
        "folder",
        lambda: {"a.wav": b""},
        "side by side with audio in them, found neith",
    ),
    "folders of partitions": (
        "folder",
        lambda: corpora.folder(base="train/") | corpora.folder(base="test/"),
        "found some in test and train",
    ),
    "no table": ("csv", lambda: {"a.wav": b""}, r"expected the list of clips clips.csv in it"),
    "an empty protocol": (
        "asvspoof2021_la",
        lambda: corpora.asvspoof2021_la() | {"keys/LA/CM/trial_metadata.txt": b"\n"},
        r"CM/trial_metadata.txt: it lists no trial; complete it",
    ),
    "no recordings": ("recordings", lambda: {"a.txt": b""}, "no trials in the splits none; add"),
}


@pytest.mark.parametrize("name", BAD_CORPORA)
def test_a_bad_corpus_is_one_clear_line(name: str, tmp_path: Path):
    format_name, files, expected = BAD_CORPORA[name]
    with pytest.raises(UserError, match=expected) as raised:
        Corpus(tmp_path, format_name, files()).refresh()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("folder", {"splits": ["train"]}, "has no partition train; expected none"),
        ("asvspoof2021_la", {"splits": ["dev"]}, "has no partition dev; expected eval"),
        ("folder", {"list": "a.csv"}, r"corpora\.toy\.list: the format folder has no such setting"),
        ("asvspoof5", {"subsets": ["eval"]}, r"corpora\.toy\.subsets: the format asvspoof5 has no"),
    ],
)
def test_settings_of_other_formats_are_refused(
    name: str, settings: dict, expected: str, tmp_path: Path
):
    with pytest.raises(UserError, match=expected):
        Corpus(tmp_path, name, LAYOUTS[name][0]()).refresh(**settings)


def test_a_file_name_that_is_not_text_is_one_clear_line(tmp_path: Path):
    corpus = Corpus(tmp_path, "folder", corpora.folder())
    (corpus.root / "spoof" / "b\udce4r.wav").write_bytes(b"x")
    with pytest.raises(UserError, match="expected a file name in UTF-8"):
        corpus.refresh()


def test_policies_on_duplicates():
    challenges = {name for name in FORMATS if name.startswith("asvspoof")}
    for name in FORMATS:
        settings = config.Corpus(format=name, root="x")
        policy = manifest.duplicates_policy(settings)
        assert policy == ("keep" if name in {*challenges, "recordings"} else "remove")
        assert (
            manifest.duplicates_policy(settings.model_copy(update={"duplicates": "keep"})) == "keep"
        )


@given(st.lists(st.text("ab./", min_size=1), unique=True))
def test_keys_are_unique_whatever_the_names(paths: list[str]):
    keys = unique_keys(pa.array(paths, pa.string())).to_pylist()
    assert len(set(keys)) == len(paths)
    stems = Counter(splitext(path)[0] for path in paths)
    for path, key in zip(paths, keys, strict=True):
        stem = splitext(path)[0]
        is_unique = stems[stem] == 1 and stem not in {*paths} - {path}
        assert key == (stem if is_unique else path)


def test_forty_thousand_files_are_planned_in_seconds(tmp_path: Path):
    """Of an archive, since making so many files takes longer than the test may."""
    names = [f"{side}/s{n % 97}/{n}.wav" for n in range(20_000) for side in ("bonafide", "spoof")]
    corpus = Corpus(tmp_path, "folder", dict.fromkeys(names, b""), "archive")
    start = time.process_time()  # what others compute meanwhile does not count
    corpus.refresh()
    assert len(corpus.rows()) == 40_000
    read = time.process_time()
    assert corpus.refresh() is None
    assert read - start < 8
    assert time.process_time() - read < 3
