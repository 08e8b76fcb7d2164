"""The builders in tools/: they plan, and the library does without them."""

import subprocess
from pathlib import Path

import pytest
import warm
import yaml
from checkout import REPOSITORY, assert_one_line_in, check_out, environment


def planned(folder: Path, builder: str) -> subprocess.CompletedProcess[str]:
    """What a dry run prints."""
    dry = ("--dry-run", "--cores", "1", "--snakefile", f"tools/{builder}/Snakefile")
    return warm.run(["-m", "snakemake", *dry], folder, environment(folder))


def counts(printed: str) -> dict[str, int]:
    """How many jobs of each rule are planned."""
    words = [line.split() for line in printed.splitlines()]
    return {pair[0]: int(pair[1]) for pair in words if len(pair) == 2 and pair[1].isdigit()}


def test_the_demo_corpus_is_planned_from_its_packages(tmp_path: Path):
    from demo_corpus import attacks, classic, human

    run = planned(check_out(tmp_path / "checkout"), "demo_corpus")
    assert run.returncode == 0, run.stdout
    jobs = counts(run.stdout)
    assert jobs["clips"] == len(attacks.NAMES) + 1
    assert jobs["package"] == len({*human.SPEECH, *classic.PACKAGES})
    assert jobs["ship"] == 1


def test_pretraining_is_planned_from_speech_to_the_encoder_that_ships(tmp_path: Path):
    run = planned(check_out(tmp_path / "checkout"), "pretrain")
    assert run.returncode == 0, run.stdout
    jobs = counts(run.stdout)
    settings = yaml.safe_load((REPOSITORY / "tools" / "pretrain" / "config.yaml").read_text())
    n_trained = sum(len(run["steps"]) * len(run["seeds"]) for run in settings["grid"])
    assert jobs["encoder"] == jobs["judge"] == n_trained + len(settings["random_seeds"])
    assert jobs["clusters"] == 2
    for rule in ("speech", "clips", "choose", "ship"):
        assert jobs[rule] == 1, rule


def test_pretraining_without_speech_to_choose_by_is_one_clear_line(tmp_path: Path):
    folder = check_out(tmp_path / "checkout")
    asked = ("-m", "snakemake", "--cores", "1", "--snakefile", "tools/pretrain/Snakefile")
    run = warm.run(asked, folder, environment(folder) | {"SPEECH": ""})
    assert run.returncode == 1
    assert_one_line_in(run.stdout, "SPEECH: not given; name a folder of human speech")


@pytest.mark.parametrize(("builder", "key"), [("demo_corpus", "seed"), ("pretrain", "grid")])
def test_settings_are_checked(builder: str, key: str, tmp_path: Path):
    folder = check_out(tmp_path / "checkout")
    path = folder / "tools" / builder / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {key: "many"}))
    run = planned(folder, builder)
    assert run.returncode != 0
    assert "'many' is not of type" in run.stdout


def test_the_library_imports_nothing_of_the_builders():
    for path in (REPOSITORY / "workflow").rglob("*.py"):
        text = path.read_text()
        for builder in ("demo_corpus", "pretrain"):
            assert f"import {builder}" not in text and f"from {builder}" not in text, path
