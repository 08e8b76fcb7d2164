"""Detectors by name: trained by `make detector`, found, listed, and scored with."""

import json
import os
import re
import shutil
import string
import subprocess
import sys
from pathlib import Path

import corpora
import held
import pytest
import warm
import yaml
from authenticity import cli, detectors
from authenticity.config import Config
from authenticity.detectors import FOLDER, find
from authenticity.errors import UserError
from checkout import REPOSITORY, check_out_for_toys, environment, jobs
from encoders import make_encoder
from hypothesis import example, given
from hypothesis import strategies as st

HOSTILE = 'it\'s a "$x" `touch made`$(touch made)'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two detectors, and a bundle outside of it."""
    folder = tmp_path / "here"
    for place in (FOLDER / "la", FOLDER / "mine", FOLDER / ".la.new", "../outside", "bundle"):
        (folder / place).mkdir(parents=True)
        (folder / place / "bundle.json").write_text("{}")
    (folder / FOLDER / "notes").mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_detector_is_found_by_its_name_and_a_bundle_by_its_path(here: Path):
    assert find("la") == FOLDER / "la"
    assert find("bundle") == Path("bundle")
    shutil.copytree("bundle", "la")
    assert find("la") == Path("la"), "as it was before there were names"
    for path in ("detectors/la", "../outside", str(here / "bundle"), "detectors/none"):
        assert find(path) == Path(path)
    with pytest.raises(UserError, match=r"lo: expected a bundle.*the detectors there: la, mine$"):
        find("lo")


@given(st.lists(st.sampled_from([*"./\\ a\0", "..", "la", "outside"])).map("".join))
@example("../outside")
@example("la/../../outside")
@example("..")
@example(".la.new")
def test_a_path_is_never_followed_from_the_detectors(tmp_path_factory, text: str):
    base = tmp_path_factory.getbasetemp() / "names"
    for place in (FOLDER / "la", FOLDER / ".la.new", "../outside"):
        (base / "here" / place).mkdir(parents=True, exist_ok=True)
        (base / "here" / place / "bundle.json").touch()
    before = Path.cwd()
    os.chdir(base / "here")
    try:
        found = find(text)
    except UserError:
        return
    finally:
        os.chdir(before)
    assert found == Path(text) or found == FOLDER / "la"


@given(st.text(string.printable, max_size=5))
@example("../x")
@example("a/b")
@example("..")
@example("")
def test_a_name_is_that_of_a_folder_in_the_folder(name: str):
    assert not detectors.is_name(name) or (FOLDER / name).parent == FOLDER
    assert not detectors.is_name(f"{name}/") and not detectors.is_name(f"..{name}")


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        ("gone $x.zip", "la", "DATA=gone $x.zip: no such file or folder; expected ASVspoof 2019"),
        ("", "la", "DATA=: no such file"),
        ("empty", "la", "empty: expected ASVspoof2019_LA_cm_protocols"),
        ("file", "la", "file: expected a folder or a zip archive"),
        ("empty", "../la", "NAME=../la: expected the name of a folder"),
        ("empty", "taken", "taken: not a detector; move it away"),
    ],
)
def test_invalid_usage_is_one_line(
    data: str,
    name: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    (tmp_path / "config").symlink_to(REPOSITORY / "config")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("no archive")
    (tmp_path / FOLDER / "taken").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert detectors.main([f"--name={name}", "--cores=1", "--", data]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and expected in line
    assert "configuration" not in line


def test_a_bundle_takes_the_place_of_an_earlier_one_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        bundle = tmp_path / f"bundle{number}"
        (bundle / "encoder").mkdir(parents=True)
        (bundle / "bundle.json").write_text(str(number))
        (bundle / "card.md").write_text("card")
        (bundle / f"only-{number}").touch()
        (tmp_path / FOLDER / ".la.new").mkdir(parents=True)  # left over by a run that was killed
        target = detectors.install(bundle, "la")
        assert sorted(path.name for path in target.iterdir()) == sorted(
            path.name for path in bundle.iterdir()
        )
    at = target.stat().st_ino
    assert detectors.install(bundle, "la").stat().st_ino == at
    (target / "only-2").unlink()
    assert (detectors.install(bundle, "la") / "only-2").exists(), "what is damaged is mended"
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["la"]


def test_one_that_is_damaged_is_listed_as_that(here: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["detectors"]) == cli.DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["la", "mine"]
    assert all("cannot be used: " in line for line in lines)
    shutil.rmtree(FOLDER)
    assert cli.main(["detectors"]) == cli.DONE
    assert "no detectors in" in capsys.readouterr().out


def test_its_configuration_is_valid_and_no_layer_is_computed_that_no_candidate_takes():
    values, overlay = (
        yaml.safe_load((REPOSITORY / "config" / f"{name}.yaml").read_text())
        for name in ("config", "detector")
    )
    for section, changes in overlay.items():
        values[section] |= changes
    found = Config.of(values)
    features = found.experiments["detector"].features
    assert max(features.layers) == found.encoder.layers
    assert {"clean", *found.run.views, *features.train_views} <= {"clean", *found.views}


def test_it_is_measured_with_all_layers_where_a_sample_is_to_say_how_many():
    values, overlay = (
        yaml.safe_load((REPOSITORY / "config" / f"{name}.yaml").read_text())
        for name in ("config", "detector")
    )
    tiny = {"model": "nobody/has-this", "layers": "auto"}
    overlay["experiments"]["detector"]["features"]["layers"] = "each"
    for section, changes in (overlay | {"encoder": tiny}).items():
        values[section] |= changes
    lines = list(detectors._measured(Config.of(values), {"clean": 10}, 10, 1))
    assert lines[0].startswith("time ")
    assert lines[-1].endswith(": nobody/has-this")


def test_from_the_archive_to_a_detector_by_name(tmp_path: Path):
    """All of `make detector`, on stand-in audio and an encoder of random weights."""
    checkout = check_out_for_toys(tmp_path / "checkout")
    for name in ("Makefile", "requirements.txt", "requirements.in", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, checkout)
    # Each view costs as much as any other: it is trained in one, and clean, and tested in another.
    settings = checkout / "config" / "detector.yaml"
    shorter = re.sub(r"(views: \[(?:clean|trimmed), inverted),.*\]", r"\1]", settings.read_text())
    settings.write_text(shorter)
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {warm.python()} "$@"\n')
    python.chmod(0o755)
    (checkout / ".venv" / ".installed").touch()
    data = corpora.write_archive(
        corpora.asvspoof2019_la(prefix="LA/"), tmp_path / f"LA {HOSTILE}.zip"
    )
    encoder = make_encoder(tmp_path / f"encoder {HOSTILE}", num_hidden_layers=6)

    def run(*command: str) -> str:
        done = subprocess.run(
            command,
            cwd=checkout,
            env=environment(checkout),
            capture_output=True,
            text=True,
            timeout=held.GUARD_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    training = ["make", "detector", f"DATA={data}", f"NAME={HOSTILE}", f"ENCODER={encoder}"]
    said = run(*training, "CORES=2")
    needs = said[: said.index("Building DAG")]
    for word in ("36 clips", "time ", "disk ", "memory ", "download  nothing", "go"):
        assert word in needs
    assert jobs(said)["extract"] == 3  # clean, and the views that it is trained or tested in
    detector = checkout / FOLDER / HOSTILE
    about = json.loads((detector / "bundle.json").read_text())
    assert (about["corpus"], about["features"]["spectral"]) == ("asvspoof2019_la", "dynamics")
    assert about["encoder"]["n_layers"] == 5, "the lowest four of six layers, and their input"
    assert set(about["decision"]["views"]) == {"trimmed", "inverted"}
    assert (detector / "card.md").read_text().startswith("# Model card")

    made = {path: path.stat().st_mtime_ns for path in detector.rglob("*")}
    again = run(*training, "CORES=2")
    assert not jobs(again)
    assert {path: path.stat().st_mtime_ns for path in detector.rglob("*")} == made

    command = (sys.executable, "-m", "authenticity")
    shutil.copytree(detector, checkout / detectors.DEMONSTRATION)
    line, other = run(*command, "detectors").splitlines()
    assert other.startswith(f"{detectors.DEMONSTRATION}: ")
    assert line.startswith(f"{HOSTILE}: asvspoof2019_la, experiment detector. On dev it takes ")
    assert "of 6 genuine clips for synthetic" in line and "Verdicts that it gives" in line
    clip = tmp_path / "clip.wav"
    clip.write_bytes(corpora.clip(1, spoof=True))
    scored = run(*command, "score", f"--bundle={HOSTILE}", "--no-pictures", str(clip))
    assert "1 file: 1 scored" in scored
    assert not list(checkout.rglob("made"))
