"""The workflow as its users run it: from nothing, again, after a crash, and with bad input."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import corpora
import pyarrow.parquet as pq
import pytest
from conftest import EXPERIMENTS, REPOSITORY, Checkout, check_out
from test_report import look_at_report

TRIALS = 36
EMBEDDINGS = "results/toy/embeddings/small/clean"


def jobs(output: str) -> dict[str, int]:
    """The counts of Snakemake's table of jobs, by rule; empty when there was nothing to do."""
    stats = output.partition("Job stats:")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", stats, re.MULTILINE)}


def read(path: Path) -> list[dict]:
    return pq.read_table(path).to_pylist()


def share_corpus(checkout: Checkout, finished: Checkout) -> None:
    """Use the very same corpus: where it lies and its files' times stand in the manifest."""
    checkout.configure(corpus={"root": str(finished.corpus)})


def key_of_shard(shard: str, suffix: str = "") -> str:
    """A new key, of training, that falls into a shard."""
    from authenticity.shards import shard_of

    return next(
        key for number in range(1000) if shard_of(key := f"LA_T_77{number:05}{suffix}", 3) == shard
    )


def test_a_run_makes_every_table_and_figure(finished: Checkout):
    results = finished.path / "results" / "toy"
    for name in EXPERIMENTS:
        scores = read(results / "scores" / f"{name}.parquet")
        assert {row["split"] for row in scores} == {"dev", "eval"}
        assert len(scores) == TRIALS * 2 // 3
        metrics = json.loads((results / "metrics" / f"{name}.json").read_text())
        figure = metrics["splits"]["eval"]["roc_auc"]
        assert 0 <= figure["low"] <= figure["high"] <= 1
        assert metrics["splits"]["eval"]["n_bonafide"] == TRIALS // 6
    for folder in ("spectral", EMBEDDINGS.removeprefix("results/toy/")):
        files = [row["file"] for path in sorted((results / folder).glob("*")) for row in read(path)]
        assert len(files) == len(set(files)) == TRIALS
    header = pq.read_schema(next((results / "spectral").glob("*"))).names
    assert header[:17] == ["file", "label", "centroid", "entropy"] + [
        f"mfcc_{index}" for index in range(13)
    ]


def test_a_second_run_has_nothing_to_do(finished: Checkout):
    again = finished.run()
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout


def test_one_core_gives_the_same_bytes(finished: Checkout, make_checkout: Callable[..., Checkout]):
    alone = make_checkout()
    share_corpus(alone, finished)
    result = alone.run("--until", "choose", cores=1)
    assert result.returncode == 0, result.stdout
    expected = finished.tables()
    for path, content in alone.tables().items():
        assert content == expected[path], path
    assert any("/scores/" in path for path in alone.tables())


def test_killed_run_resumes_to_the_same_bytes(
    finished: Checkout, make_checkout: Callable[..., Checkout]
):
    killed = make_checkout()
    share_corpus(killed, finished)
    spectral = killed.path / "results" / "toy" / "spectral"
    killed.run_and_kill(lambda: spectral.exists() and any(spectral.glob("*-of-3.parquet")))
    assert any((killed.path / ".snakemake" / "locks").iterdir()), "nothing was interrupted"
    assert len(list(spectral.glob("*-of-3.parquet"))) < 3, "the kill came too late"
    resumed = killed.run("--until", "evaluate_experiment")
    assert resumed.returncode == 0, resumed.stdout
    made = {path: table for path, table in finished.tables().items() if "/splices/" not in path}
    assert killed.tables() == made


def test_a_live_run_is_not_joined_by_a_second_one(make_checkout: Callable[..., Checkout]):
    checkout = make_checkout()
    locks = checkout.path / ".snakemake" / "locks"
    second = []

    def try_second() -> bool:
        if not (locks.exists() and any(locks.iterdir())):
            return False
        plan = checkout.run("--dry-run")
        second.extend([plan, checkout.run()])
        return True

    checkout.run_and_kill(try_second)
    plan, run = second
    assert plan.returncode == 0, plan.stdout
    assert run.returncode != 0
    assert_one_line_in(run.stdout, "another run works in this folder")


def test_one_more_file_computes_one_row(resumed_from: Checkout):
    before = resumed_from.tables()
    key = key_of_shard("2-of-3")
    protocol = resumed_from.corpus / corpora.PROTOCOLS / "ASVspoof2019.LA.cm.train.trn.txt"
    with protocol.open("a") as lines:
        lines.write(f"LA_0000 {key} - - bonafide\n")
    audio = resumed_from.corpus / "ASVspoof2019_LA_train" / "flac" / f"{key}.flac"
    audio.write_bytes(corpora.encoded(corpora.voice(5, spoof=False)))
    result = resumed_from.run("--until", "verify")
    assert result.returncode == 0, result.stdout
    assert jobs(result.stdout)["extract"] == 1
    assert "shard 2-of-3" in result.stdout
    assert "1 computed" in result.stdout
    after = resumed_from.tables()
    for path, content in before.items():
        unchanged = not any(part in path for part in ("2-of-3", "manifest", "trials"))
        assert (after[path] == content) == (unchanged or "rejected" in path), path
    files = [row["file"] for row in read(resumed_from.path / EMBEDDINGS / "2-of-3.parquet")]
    assert key in files
    assert files == sorted(files)


def test_a_touched_file_computes_nothing(resumed_from: Checkout):
    before = resumed_from.tables()
    audio = next((resumed_from.corpus / "ASVspoof2019_LA_train" / "flac").iterdir())
    audio.write_bytes(audio.read_bytes())
    result = resumed_from.run("--until", "verify")
    assert result.returncode == 0, result.stdout
    assert jobs(result.stdout)["extract"] == 1
    assert " 0 computed" in result.stdout
    after = resumed_from.tables()
    # The file's time stands in the manifest, and in the trials that are taken from it.
    assert {path for path in before if before[path] != after[path]} == {
        "results/toy/manifest.parquet",
        "results/toy/trials.parquet",
    }


def test_other_limits_recompute_nothing_that_still_meets_them(resumed_from: Checkout):
    before = resumed_from.tables()
    resumed_from.configure(audio={"max_megabytes": 2, "min_seconds": 0.65, "max_rejected": 1})
    result = resumed_from.run("--until", "verify")
    assert result.returncode == 0, result.stdout
    assert result.stdout.count(" 0 computed") == 3
    verified = json.loads((resumed_from.path / "results/toy/verified.json").read_text())
    assert verified["n_rejected"] == 9  # a quarter of the clips lasts 0.6 s
    assert all("too short: 0.600 s" in row["reason"] for row in verified["rejected"])
    resumed_from.configure()
    assert resumed_from.run("--until", "verify").returncode == 0
    assert resumed_from.tables() | {"results/toy/manifest.parquet": b""} == before | {
        "results/toy/manifest.parquet": b""
    }


def test_a_touched_encoder_plans_nothing(resumed_from: Checkout):
    resources = resumed_from.path / "resources"
    resources.unlink()
    shutil.copytree(REPOSITORY / "resources" / "encoders", resources / "encoders")
    (resources / "encoders" / "small" / "model.safetensors").touch()
    assert "Nothing to be done" in resumed_from.run().stdout


def test_another_number_of_shards_is_refused(resumed_from: Checkout):
    resumed_from.configure(corpus={"n_shards": 4})
    assert_one_line(resumed_from, "its tables are in 3 shards, the configuration says 4")


def test_a_moved_corpus_computes_nothing(resumed_from: Checkout):
    moved = resumed_from.corpus.rename(resumed_from.corpus.with_name("elsewhere"))
    resumed_from.configure(corpus={"root": str(moved)})
    assert "Nothing to be done" in resumed_from.run().stdout


def test_a_changed_grid_refits_and_extracts_nothing(resumed_from: Checkout):
    before = resumed_from.tables()
    changed_grid = EXPERIMENTS["layers"] | {"model": {"C": [0.5], "folds": 3}}
    resumed_from.configure(experiments={**EXPERIMENTS, "layers": changed_grid})
    plan = jobs(resumed_from.run("--dry-run").stdout)
    assert plan["candidate"] == 3
    assert not {"extract", "verify", "encoder"} & plan.keys()
    result = resumed_from.run("--until", "choose")
    assert result.returncode == 0, result.stdout
    changed = {path for path, content in resumed_from.tables().items() if before[path] != content}
    changed.discard("results/toy/manifest.parquet")  # it says where the copied corpus lies
    assert changed
    assert all("/candidates/layers/" in path or "scores/layers" in path for path in changed)


def test_a_corrupted_clip_is_set_aside_and_named(resumed_from: Checkout):
    audio = sorted((resumed_from.corpus / "ASVspoof2019_LA_train" / "flac").iterdir())[3]
    content = bytearray(audio.read_bytes())
    content[len(content) // 2 :] = b"\x55" * (len(content) - len(content) // 2)
    audio.write_bytes(content)
    result = resumed_from.run()
    assert result.returncode == 0, result.stdout
    verified = json.loads((resumed_from.path / "results/toy/verified.json").read_text())
    assert verified["n_rejected"] == 1
    assert verified["n_accepted"] == TRIALS - 1
    (rejected,) = verified["rejected"]
    assert rejected["file"] == audio.stem
    assert audio.name in rejected["reason"]
    assert audio.name in (resumed_from.path / "results/toy/tables/rejected.html").read_text()


def test_too_many_bad_clips_stop_the_run_and_lose_nothing(make_checkout: Callable[..., Checkout]):
    files = corpora.asvspoof2019_la()
    flacs = sorted(path for path in files if path.endswith(".flac"))
    files[flacs[0]] = b""
    files[flacs[1]] = b"this is text, not sound"
    checkout = make_checkout(files=files)
    result = checkout.run("--until", "verify")
    assert result.returncode != 0
    (line,) = [line for line in result.stdout.splitlines() if "audio.max_rejected" in line]
    assert "2 of 36 clips" in line
    assert "Traceback" not in result.stdout
    checkout.configure(audio={"max_rejected": 0.1})
    again = checkout.run("--until", "verify")
    assert again.returncode == 0, again.stdout
    assert "extract" not in jobs(again.stdout)


def without(files: dict[str, bytes], part: str) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if part not in path}


def with_line(files: dict[str, bytes], line: str) -> dict[str, bytes]:
    path = f"{corpora.PROTOCOLS}/ASVspoof2019.LA.cm.dev.trl.txt"
    return files | {path: files[path] + line.encode() + b"\n"}


EVAL_PROTOCOL = f"{corpora.PROTOCOLS}/ASVspoof2019.LA.cm.eval.trl.txt"

BAD_CORPORA = {
    "missing protocol": (lambda files: without(files, "cm.dev.trl"), "no such protocol"),
    "missing audio folder": (lambda files: without(files, "LA_dev/"), "ASVspoof2019_LA_dev/flac"),
    "not a corpus": (lambda files: {"readme.txt": b"hello"}, "ASVspoof2019_LA_cm_protocols"),
    "wrong number of fields": (
        lambda files: with_line(files, "LA_0100 LA_D_1 bonafide"),
        "line 13: expected 5 fields",
    ),
    "unknown label": (
        lambda files: with_line(files, "LA_0100 LA_D_1 - - genuine"),
        "unknown label 'genuine'",
    ),
    "label against attack": (
        lambda files: with_line(files, "LA_0100 LA_D_1 - A01 bonafide"),
        "line 13: expected the attack -",
    ),
    "duplicate key": (
        lambda files: with_line(files, "LA_0100 LA_D_1000000 - - bonafide"),
        "LA_D_1000000 is listed twice",
    ),
    "one class only": (
        lambda files: files | {EVAL_PROTOCOL: b"LA_02 LA_E_1000000 - - bonafide\n"},
        "split eval: 1 bona fide and 0 spoof",
    ),
}


@pytest.mark.parametrize("name", BAD_CORPORA)
def test_a_bad_corpus_is_one_clear_line(name: str, make_checkout: Callable[..., Checkout]):
    spoil, expected = BAD_CORPORA[name]
    checkout = make_checkout(files=spoil(corpora.asvspoof2019_la()))
    assert_one_line(checkout, expected)


WITH_LAYER_7 = EXPERIMENTS["layers"] | {"features": {"layers": [7]}}

BAD_CONFIGURATIONS = {
    "missing root": ({"corpus": {"root": "nowhere"}}, "nowhere: no such corpus root"),
    "unknown format": ({"corpus": {"format": "asvspoof1999"}}, "corpora.toy.format"),
    "unknown key": ({"audio": {"min_second": 1}}, "'min_second' was unexpected"),
    "no features": (
        {"experiments": EXPERIMENTS | {"layers": EXPERIMENTS["layers"] | {"features": {}}}},
        "experiments.layers.features: expected `spectral` or `layers`",
    ),
    "no experiments": ({"run": {"corpora": ["toy"], "experiments": []}}, "run.experiments"),
    "not a hub name": ({"encoder": {"model": "my encoders/small"}}, "neither a folder nor a name"),
    "wrong type": ({"audio": {"min_seconds": "long"}}, "audio.min_seconds"),
    "unknown experiment": (
        {"run": {"corpora": ["toy"], "experiments": ["magic"]}},
        "run.experiments: magic is not defined",
    ),
    "no such encoder": (
        {"encoder": {"model": "resources/encoders/none"}},
        "resources/encoders/none: no such encoder folder",
    ),
    "layer beyond the last": (
        {"experiments": EXPERIMENTS | {"layers": WITH_LAYER_7}},
        "has the layers 0 to 6, found 7",
    ),
    "hub without network": (
        {"encoder": {"model": "facebook/wav2vec2-base-960h"}},
        "facebook/wav2vec2-base-960h: not in the local model cache",
    ),
}


@pytest.mark.parametrize("name", BAD_CONFIGURATIONS)
def test_a_bad_configuration_is_one_clear_line(name: str, make_checkout: Callable[..., Checkout]):
    change, expected = BAD_CONFIGURATIONS[name]
    checkout = make_checkout()
    checkout.configure(**change)
    assert_one_line(checkout, expected)


def assert_one_line(checkout: Checkout, expected: str) -> None:
    result = checkout.run("--dry-run")
    assert result.returncode == 1, result.stdout
    assert_one_line_in(result.stdout, expected)


def assert_one_line_in(output: str, expected: str) -> None:
    assert "Traceback" not in output
    (line,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert expected in line


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Two corpora in one run: one fitted on and tested on the other, one dealt into folds."""
    base = tmp_path_factory.mktemp("side")
    own = corpora.write_folder(corpora.asvspoof2019_la(), base / "own")
    files = {}
    for index in range(18):
        spoof, speaker = index % 2 == 1, f"s{index // 2 % 9}"
        folder = f"spoof/tts{index // 6}/{speaker}" if spoof else f"bonafide/{speaker}"
        samples = corpora.voice(500 + index, spoof, 0.6)
        files[f"{folder}/{index:02}.flac"] = corpora.encoded(samples)
    files["bonafide/s0/copy.flac"] = files["bonafide/s0/00.flac"]
    other = corpora.write_folder(files, base / "other")
    checkout = Checkout(check_out(base / "checkout"), own)
    spectral = {"spectral": "standard"}
    model = {"C": [0.1], "folds": 3}
    both = {"spectral": "full", "layers": [0]}
    heads = {"kind": "contrastive", "epochs": 3, "seeds": [1, 2, 3], "C": [1], "folds": 3}
    tuned = {"kind": "finetune", "epochs": 1, "seeds": [1, 2, 3]}
    official = {"protocol": "official", "seed": 1}
    checkout.configure(
        run={
            "corpora": ["toy", "other"],
            "experiments": ["spectral", "folds", "heads", "tuned"],
            "comparisons": [["spectral", "heads"], ["spectral", "tuned"]],
            "views": ["trimmed"],
            "finetuned_views": ["trimmed"],
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
    own = json.loads((results / "toy/metrics/spectral.json").read_text())
    found = json.loads((results / "toy/applied/spectral/other/clean.json").read_text())
    assert (found["corpus"], found["target"]) == ("toy", "other")
    assert found["threshold"] == own["threshold"]
    assert found["chosen"] == own["chosen"]
    assert found["splits"].keys() == {"eval"}
    # The copy of a bona fide clip is removed and counted.
    verified = json.loads((results / "other/verified.json").read_text())
    assert verified["n_accepted"] == 19
    assert verified["duplicates"]["n_removed"] == 1
    counts = [found["splits"]["eval"][name] for name in ("n_bonafide", "n_spoof")]
    assert counts == [9, 9]
    assert found["splits"]["eval"]["per_attack"].keys() == {"tts0", "tts1", "tts2"}
    assert (results / "figures/matrix/spectral.svg").exists()
    page = (results / "other/tables/headline.html").read_text()
    assert "spectral, from toy" in page
    assert "folds" in page


def test_every_result_is_there_again_with_the_silence_trimmed(side_by_side: Checkout):
    results = side_by_side.path / "results"
    for path in ("toy/applied/spectral/toy", "toy/applied/spectral/other"):
        found = json.loads((results / path / "trimmed.json").read_text())
        assert found["view"] == "trimmed"
    assert (results / "other/applied/folds/other/trimmed.json").exists()
    assert not list((results / "toy/spectral/trimmed").glob("1-of-2*"))
    files = [row["file"] for row in read(results / "toy/spectral/trimmed/1-of-1.parquet")]
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
    lines = (results / "other/scores/folds.asvspoof2021.txt").read_text().splitlines()
    assert len(lines) == 18


def test_the_verdict_answers_each_pair_with_its_seeds_and_its_count(side_by_side: Checkout):
    results = side_by_side.path / "results"
    found = json.loads((results / "toy/verdict.json").read_text())
    asked = [[item["baseline"], item["candidate"]] for item in found["pairs"]]
    assert asked == [["spectral", "heads"], ["spectral", "tuned"]]
    for item in found["pairs"]:
        assert item["at_least_one_point"] in ("yes", "no", "cannot tell")
        assert item["seeds"] == ["1", "2", "3"]
        assert "n = 12" in item["headline"]
        assert item["headline"] in (results / "opening.html").read_text()
    assert (results / "toy/figures/verdict.svg").exists()
    assert not (results / "other/verdict.json").exists()
    assert (results / "toy/applied/heads/other/clean.json").exists()


def test_a_fine_tuned_encoder_is_one_that_the_workflow_takes(side_by_side: Checkout):
    from authenticity.features.encoder import Encoder, EncoderSource

    toy = side_by_side.path / "results" / "toy"
    folder = toy / "finetuned" / "tuned" / "layer_1-1"
    assert EncoderSource(str(folder)).n_layers == 2
    Encoder.load(str(folder), "float32", 30.0)
    assert not list((toy / "unfinished").rglob("*.pt"))
    rows = read(toy / "scores" / "tuned.parquet")
    assert {row["split"] for row in rows} == {"dev", "eval"}
    # In a view it hears the clips anew, and scores those of eval alone.
    applied = read(toy / "applied" / "tuned" / "toy" / "trimmed.parquet")
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
    counts = dict(re.findall(r"^(extract\w*|frames)\s+(\d+)$", planned, flags=re.M))
    assert counts == {"extract": "2", "extract_view": "2", "frames": "1"}
    assert "Nothing to be done" in side_by_side.run("--dry-run").stdout


def test_the_report_of_two_corpora_is_one_page_with_a_folder_for_each(side_by_side: Checkout):
    result = side_by_side.run("--report", "results/report.html")
    assert result.returncode == 0, result.stdout
    report = side_by_side.path / "results" / "report.html"
    look_at_report(report, side_by_side.path / "results")


def test_a_corpus_that_lacks_what_an_experiment_is_fitted_on_is_one_line(side_by_side: Checkout):
    run = {"corpora": ["other"], "experiments": ["spectral"], "views": []}
    result = side_by_side.run("--dry-run", "--config", f"run={json.dumps(run)}")
    assert result.returncode != 0
    assert_one_line_in(
        result.stdout, "its protocol official fits and chooses on the splits train and dev"
    )
