"""Exported scores, read as the organisers' evaluation packages read them."""

from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
import scored
from authenticity import tables
from authenticity.evaluation import score_files


def as_2019(path):
    """`np.genfromtxt(dtype=str)`, columns by position, as evaluate_tDCF_asvspoof19.py."""
    found = np.genfromtxt(path, dtype=str)
    return dict(zip(found[:, 0], found[:, 3].astype(float), strict=True)), found


def as_2021(path):
    """`pandas.read_csv` at single blanks without a header, as evaluate.py."""
    found = pd.read_csv(path, sep=" ", header=None, skipinitialspace=True)
    assert found.shape[1] == 2
    return dict(zip(found[0], found[1], strict=True)), found


def as_5(path):
    """`pandas.read_csv` at tabs with a header, as util.py."""
    found = pd.read_csv(path, sep="\t", header=0).set_index("filename")
    return found["cm-score"].to_dict(), found


READERS = {"asvspoof2019": as_2019, "asvspoof2021": as_2021, "asvspoof5": as_5}


@pytest.mark.parametrize("form", score_files.FORMS)
@pytest.mark.parametrize("calibrated", [True, False])
def test_the_organisers_readers_find_every_eval_score_turned_round(tmp_path, form, calibrated):
    table = pd.concat([scored.trials("dev"), scored.trials("eval", seed=1)])
    path = scored.write(tmp_path / "scores.parquet", table, calibrated)
    score_files.write(tables.read(path), form, tmp_path / "out.txt")
    found, _ = READERS[form](tmp_path / "out.txt")
    written = tables.read(path).to_pandas().query("split == 'eval'").set_index("file")
    value = "llr" if calibrated else "score"
    assert found == {name: -number for name, number in written[value].items()}
    bonafide = [found[name] for name in written.index[written["label"] == 0]]
    spoof = [found[name] for name in written.index[written["label"] == 1]]
    assert np.mean(bonafide) > np.mean(spoof)


def test_the_2019_form_names_attack_and_key(tmp_path):
    path = scored.write(tmp_path / "scores.parquet", scored.trials("eval"))
    score_files.write(tables.read(path), "asvspoof2019", tmp_path / "out.txt")
    _, columns = as_2019(tmp_path / "out.txt")
    assert set(map(tuple, columns[:, 1:3])) == {
        ("-", "bonafide"),
        ("A01", "spoof"),
        ("A02", "spoof"),
    }


def test_an_attack_that_is_not_known_is_a_word_in_the_2019_form_alone(tmp_path):
    table = scored.trials("eval")
    path = scored.write(tmp_path / "all.parquet", table)
    table.loc[table["attack"] == "A02", "attack"] = None
    nameless = scored.write(tmp_path / "nameless.parquet", table)
    for form in score_files.FORMS:
        for each in (path, nameless):
            score_files.write(tables.read(each), form, each.with_suffix(".txt"))
        expected = path.with_suffix(".txt").read_text().replace(" A02 ", " unknown ")
        assert nameless.with_suffix(".txt").read_text() == expected


@pytest.mark.parametrize("form", score_files.FORMS)
def test_names_that_would_break_a_line_come_back(tmp_path, form):
    names = ["fake/en/my tts/a b.wav", "#1.wav", 'say "no"', "50%.wav", "tab\there", "é\u2028'.wav"]
    table = scored.trials("eval", n=3).assign(file=names)
    table.loc[table["label"] == 1, "attack"] = "my tts"
    path = scored.write(tmp_path / "scores.parquet", table)
    score_files.write(tables.read(path), form, tmp_path / "out.txt")
    found, _ = READERS[form](tmp_path / "out.txt")
    assert [unquote(name) for name in found] == names
    assert "fake/en/my%20tts/a%20b.wav" in found


def test_a_file_of_several_rounds_has_one_line_with_the_mean(tmp_path):
    table = pd.concat(
        [scored.trials("eval", name="first"), scored.trials("eval", name="second", seed=3)]
    )
    path = scored.write(tmp_path / "scores.parquet", table)
    score_files.write(tables.read(path), "asvspoof2021", tmp_path / "out.txt")
    found, _ = as_2021(tmp_path / "out.txt")
    llr = tables.read(path).to_pandas().groupby("file")["llr"].mean()
    assert len(found) == 120
    assert found["eval_0003"] == pytest.approx(-llr["eval_0003"], rel=1e-15)


def test_the_same_scores_are_the_same_bytes_and_no_eval_is_no_line(tmp_path):
    path = scored.write(tmp_path / "scores.parquet", scored.trials("eval"))
    for name in ("a.txt", "b.txt"):
        score_files.write(tables.read(path), "asvspoof5", tmp_path / name)
    assert (tmp_path / "a.txt").read_bytes() == (tmp_path / "b.txt").read_bytes()
    path = scored.write(tmp_path / "dev.parquet", scored.trials("dev"))
    score_files.write(tables.read(path), "asvspoof5", tmp_path / "c.txt")
    assert (tmp_path / "c.txt").read_text() == "filename\tcm-score\n"
