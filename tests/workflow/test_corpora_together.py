"""Two corpora in one run of the workflow: fitted on one, tested on the other."""

import html
import json
import re
from collections import Counter
from collections.abc import Callable

import corpora
import pytest
import yaml
from browser import look_at_report
from checkout import (
    EXPERIMENTS,
    Checkout,
    assert_one_line_in,
    check_out,
    jobs,
    read,
    results_of,
)


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Two corpora in one run: one fitted on and tested on the other, one dealt into folds."""
    base = tmp_path_factory.mktemp("side")
    own = corpora.write_folder(corpora.asvspoof2019_la(), base / "own")
    files = {}
    for index in range(18):
        spoof, speaker = index % 2 == 1, f"s{index // 2 % 9}"
        folder = f"spoof/tts{index // 6}/{speaker}" if spoof else f"bonafide/{speaker}"
        folder = "spoof" if index == 17 else folder  # neither its attack nor its speaker is known
        samples = corpora.voice(500 + index, spoof, 0.6)
        files[f"{folder}/{index:02}.flac"] = corpora.encoded(samples)
    files["bonafide/s0/copy.flac"] = files["bonafide/s0/00.flac"]
    other = corpora.write_folder(files, base / "other")
    checkout = Checkout(check_out(base / "checkout"), own)
    spectral = {"spectral": "standard"}
    model = {"C": [0.1], "folds": 3}
    both = {"spectral": "full", "layers": [0, 1]}  # two candidates have pages of their own
    heads = {"kind": "contrastive", "epochs": 3, "seeds": [1, 2], "C": [1], "folds": 3}
    tuned = {"kind": "finetune", "epochs": 1, "seeds": [1, 2]}
    official = {"protocol": "official", "seed": 1}
    checkout.configure(
        run={
            "corpora": ["toy", "other"],
            "experiments": ["spectral", "folds", "heads", "tuned"],
            "comparisons": [["spectral", "heads"], ["spectral", "tuned"]],
            "views": ["inverted"],
            "finetuned_views": ["inverted"],
        },
        corpora={
            "toy": {"format": "asvspoof2019_la", "root": str(own), "n_shards": 1},
            "other": {"format": "folder", "root": str(other), "n_shards": 1},
        },
        experiments={
            "spectral": EXPERIMENTS["spectral"],
            "heads": {"features": both, "model": heads, **official},
            "tuned": {"features": {"layers": [1]}, "model": tuned, **official},
            "folds": {"features": spectral, "model": model, "protocol": "speaker_folds", "seed": 1}
            | {"corpora": ["other"]},
        },
    )
    result = checkout.run()
    assert result.returncode == 0, result.stdout
    return checkout


def test_a_corpus_is_tested_on_another_with_what_its_own_dev_decided(side_by_side: Checkout):
    results = side_by_side.path / "results"
    own, found = (results_of(results / "toy", "spectral", target) for target in ("toy", "other"))
    assert (found.corpus, found.target) == ("toy", "other")
    assert found.threshold == own.threshold
    assert found.chosen == own.chosen
    assert found.splits == ["eval"]
    # The copy of a bona fide clip is removed and counted.
    verified = json.loads((results / "other/verified/clean.json").read_text())
    assert verified["n_accepted"] == 19
    assert verified["duplicates"]["n_removed"] == 1
    auc = found.reported["roc_auc"]
    assert (auc.n_bonafide, auc.n_spoof) == (9, 9)
    attacks = found.on("eval", "attack").names("group_value")
    assert attacks == ["tts0", "tts1", "tts2", "not known"]
    assert found.leak["unknown_speakers"] == 1
    said = "1 clip of its protocol without a known speaker"
    assert said in (results / "other/tables/attacks.html").read_text()
    assert (results / "figures/matrix/spectral.svg").exists()
    page = (results / "other/tables/headline.html").read_text()
    assert "spectral, from toy" in page
    assert "folds" in page


def test_every_result_is_there_again_in_the_other_polarity(side_by_side: Checkout):
    results = side_by_side.path / "results"
    for target in ("toy", "other"):
        item = results_of(results / "toy", "spectral", target)
        assert (item.view, item.views) == ("clean", ["clean", "inverted"])
    assert (results / "other/applied/folds/other.parquet").exists()
    assert not list((results / "toy/spectral/inverted").glob("1-of-2*"))
    files = [row["file"] for row in read(results / "toy/spectral/inverted/1-of-1.parquet")]
    assert len(files) == 12, "of its own corpus, only what is reported on is heard through a view"
    assert all("_E_" in file for file in files)


def test_folds_report_each_trial_once_by_a_model_of_other_speakers(side_by_side: Checkout):
    results = side_by_side.path / "results"
    model = json.loads((results / "other/models/folds.json").read_text())
    assert len(model["rounds"]) == 5
    assert not model["leak"]["leaks"]
    rows = [row for row in read(results / "other/scores/folds.parquet") if row["split"] == "eval"]
    assert len({row["file"] for row in rows}) == len(rows) == 18
    assert all(row["score"] == row["llr"] for row in rows)
    lines = (results / "other/score_files/folds/other.asvspoof2021.txt").read_text().splitlines()
    assert len(lines) == 18


def test_the_verdict_answers_each_pair_with_its_seeds_and_its_count(side_by_side: Checkout):
    results = side_by_side.path / "results"
    found = json.loads((results / "toy/verdict.json").read_text())
    asked = [[item["baseline"], item["candidate"]] for item in found["pairs"]]
    assert asked == [["spectral", "heads"], ["spectral", "tuned"]]
    for item in found["pairs"]:
        assert item["at_least_one_point"] in ("yes", "no", "cannot tell")
        assert item["seeds"] == ["1", "2"]
        assert "n = 12" in item["headline"]
        assert item["headline"] in html.unescape((results / "toy/tables/verdict.html").read_text())
        opening = (results / "opening.html").read_text()
        assert f"{item['candidate']} against {item['baseline']}" in opening
    assert (results / "toy/figures/verdict.svg").exists()
    assert not (results / "other/verdict.json").exists()
    assert (results / "toy/metrics/heads/other.parquet").exists()


def test_a_fine_tuned_encoder_is_one_that_the_workflow_takes(side_by_side: Checkout):
    from authenticity.features.encoder import Encoder, EncoderSource

    toy = side_by_side.path / "results" / "toy"
    folder = toy / "finetuned" / "tuned"
    assert EncoderSource(str(folder)).n_layers == 2
    Encoder.load(str(folder), "float32", 30.0)
    assert not list((toy / "unfinished").rglob("*.pt"))
    rows = read(toy / "scores" / "tuned.parquet")
    assert {row["split"] for row in rows} == {"dev", "eval"}
    # In a view it scores the clips of eval alone.
    applied = read(toy / "applied" / "tuned" / "toy" / "inverted.parquet")
    assert {row["view"] for row in applied} == {"inverted"}
    clean = {row["file"]: row["score"] for row in rows if row["split"] == "eval"}
    assert {row["file"] for row in applied} == set(clean)
    assert any(row["score"] != clean[row["file"]] for row in applied)


def test_features_of_another_version_are_made_anew_in_every_view(side_by_side: Checkout):
    """Also where what stands before an ancient input has to run again."""
    module = side_by_side.path / "workflow" / "authenticity" / "features" / "spectral.py"
    text = module.read_text()
    try:
        module.write_text(re.sub(r'^VERSION = "\d+"', 'VERSION = "next"', text, flags=re.M))
        planned = side_by_side.run("--dry-run").stdout
    finally:
        module.write_text(text)
    counts = dict(re.findall(r"^(extract|embed\w*)\s+(\d+)$", planned, flags=re.M))
    assert counts == {"extract": "4", "embed": "2", "embed_with_frames": "2"}
    assert "Nothing to be done" in side_by_side.run("--dry-run").stdout


def planned_with(side_by_side: Checkout, change: Callable[[dict], None]) -> Counter[str]:
    """Return how many jobs of each rule a change of the configuration plans."""
    overlay = side_by_side.path / "toy.yaml"
    text = overlay.read_text()
    settings = yaml.safe_load(text)
    change(settings)
    try:
        overlay.write_text(yaml.safe_dump(settings))
        planned = side_by_side.run("--dry-run").stdout
    finally:
        overlay.write_text(text)
        side_by_side.run("--dry-run")  # the lists of trials are again those of before
    return Counter({rule: int(n) for rule, n in re.findall(r"^(\w+)\s+(\d+)$", planned, re.M)})


def test_views_that_are_added_together_are_all_there_after_one_run(side_by_side: Checkout):
    """Frames hang on an ancient input alone, which Snakemake overlooks if what makes it is due."""

    def two_more(settings: dict) -> None:
        settings["run"]["views"] += ["trimmed", "noise_20db"]
        settings["run"]["finetuned_views"].append("trimmed")

    planned = planned_with(side_by_side, two_more)
    assert planned["verify_view"] == 4
    assert planned["embed_with_frames"] == 1
    assert planned["apply_finetuned"] == 1


def test_an_experiment_with_a_view_of_its_own_runs_no_other_again(side_by_side: Checkout):
    def coded(settings: dict) -> None:
        settings["run"]["experiments"].append("coded")
        spectral = settings["experiments"]["spectral"]
        features = spectral["features"] | {"train_views": ["clean", "mp3_32k"]}
        settings["experiments"]["coded"] = spectral | {"features": features}

    planned = planned_with(side_by_side, coded)
    assert (planned["fit"], planned["apply"], planned["evaluate"]) == (1, 2, 2)


@pytest.mark.parametrize("table", ["toy/embeddings/small/inverted", "other/spectral/inverted"])
def test_a_table_of_a_view_that_is_deleted_by_hand_comes_back(side_by_side: Checkout, table: str):
    path = side_by_side.path / "results" / table / "1-of-1.parquet"
    kept = path.rename(path.with_suffix(".kept"))
    try:
        planned = side_by_side.run("--dry-run").stdout
    finally:
        kept.rename(path)
    assert jobs(planned)["embed_with_frames" if "embeddings" in table else "extract"] == 1


def test_the_report_of_two_corpora_is_one_page_with_a_folder_for_each(side_by_side: Checkout):
    result = side_by_side.run("--report", "results/report.html")
    assert result.returncode == 0, result.stdout
    report = side_by_side.path / "results" / "report.html"
    assert report.stat().st_size < 20e6
    text = report.read_text()
    assert "AUC per layer" in text and "Table of candidates" in text
    look_at_report(report, side_by_side.path / "results")


def test_a_corpus_that_lacks_what_an_experiment_is_fitted_on_is_one_line(side_by_side: Checkout):
    run = {"corpora": ["other"], "experiments": ["spectral"], "views": []}
    result = side_by_side.run("--dry-run", "--config", f"run={json.dumps(run)}")
    assert result.returncode != 0
    assert_one_line_in(
        result.stdout, "its protocol official fits and chooses on the splits train and dev"
    )
