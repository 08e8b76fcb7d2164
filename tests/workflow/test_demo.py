"""The shipped demonstration, run as `make run` runs it."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import warm
import yaml
from authenticity import tables
from browser import look_at_report
from checkout import check_out, environment, results_of, with_splices

# As `make run` runs it, less what takes time and whole runs of the toy corpus test as well: all
# that hears with an encoder.
EXPERIMENTS = ["baseline_spectral", "baseline_full"]
RUN = {"corpora": ["demo"], "experiments": EXPERIMENTS, "views": ["inverted"]}
N_SPLICES = 12  # one of each attack, not 30
SNAKEMAKE = ("snakemake", "--cores", "2", "--configfile", "part.yaml")


def run(folder: Path, *arguments: str) -> str:
    result = warm.run(["-m", *arguments], folder, environment(folder))
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = with_splices(check_out(tmp_path_factory.mktemp("demo") / "checkout"), N_SPLICES)
    (folder / "part.yaml").write_text(yaml.safe_dump({"run": RUN}))
    run(folder, *SNAKEMAKE, "--report", "results/report.html", "--report-after-run")
    return folder


def test_every_trial_is_accounted_for(demo: Path):
    verified = json.loads((demo / "results/demo/verified/clean.json").read_text())
    assert verified["n_manifest"] == verified["n_accepted"] + verified["n_rejected"] > 1000
    assert verified["n_rejected"] == 0


def test_spectral_numbers_tell_machines_from_unseen_people(demo: Path):
    """Well above chance, with an interval and a count; and chosen without a look at eval."""
    item = results_of(demo / "results/demo", "baseline_full", "demo")
    auc = item.reported["roc_auc"]
    assert auc.low > 0.6
    assert item.reported["eer"].high < 0.45
    assert auc.n_bonafide >= 200
    assert auc.n_spoof >= 400
    assert len(item.on("eval", "attack").each("roc_auc")) == 12
    assert not item.leaks
    # Known attacks, with other voices.
    assert item.leak["attacks"]["train_eval"] == len(item.known_attacks) == 5
    assert item.leak["unknown_speakers"] == 0
    known, unknown = item.on("eval", "attacks").each("roc_auc").values()
    assert known.value > unknown.value > 0.5
    assert known.n_spoof + unknown.n_spoof == auc.n_spoof
    model = json.loads((demo / "results/demo/models/baseline_full.json").read_text())
    best = max(model["selection"], key=lambda row: row["dev_roc_auc"])
    (chosen,) = model["rounds"]
    assert (chosen["candidate"], chosen["pooling"]) == (best["candidate"], best["pooling"])


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_metrics_and_scores_hold_to_the_contract(demo: Path, experiment: str):
    from sklearn.metrics import roc_auc_score

    item = results_of(demo / "results/demo", experiment, "demo")
    scores = pq.read_table(demo / f"results/demo/scores/{experiment}.parquet").to_pandas()
    assert scores.columns.tolist() == tables.SCORES.names
    for split in item.splits:
        part = scores[scores.split == split]
        expected = roc_auc_score(part.label, part.score)
        assert item.on(split)["roc_auc"].value == pytest.approx(expected)


def test_the_summary_ends_with_the_report(demo: Path):
    printed = run(demo, "authenticity.summary", "results").splitlines()
    assert [line.split()[1] for line in printed[1 : 1 + len(EXPERIMENTS)]] == EXPERIMENTS
    assert printed[-1].endswith("results/report.html")


def test_a_second_run_does_nothing(demo: Path):
    assert "Nothing to be done" in run(demo, *SNAKEMAKE)


def test_the_report_is_read_in_a_browser(demo: Path):
    look_at_report(demo / "results" / "report.html", demo / "results")


def test_windows_find_the_synthetic_stretch_of_each_attack(demo: Path):
    found = json.loads((demo / "results/demo/splices/baseline_full.json").read_text())
    assert list(found["polarity"]) == ["as recorded", "by chance"]
    for version in found["polarity"].values():
        assert (version["n_recordings"], version["people"]) == (N_SPLICES, 5)
        assert len(version["attacks"]) == 12
    # Polarity is dealt out by chance in the demonstration itself: the two are of a kind.
    for version in found["polarity"].values():
        assert version["roc_auc"]["low"] > 0.6
        assert version["found"] > version["by_chance"]
    windows = tables.read(demo / "results/demo/splices/baseline_full.parquet")
    assert len(windows) == 2 * N_SPLICES * 67
    page = (demo / "results/demo/tables/splices/baseline_full.html").read_text()
    assert "polarity is inverted" in page


def test_polarity_is_no_shortcut_of_the_demonstration(demo: Path):
    """Half of the clips are upside down: what told the classes apart once must not come back."""
    audit = json.loads((demo / "results/demo/audit/clean.json").read_text())
    for split in audit["splits"].values():
        assert split["properties"]["skewness"]["roc_auc"]["low"] < 0.52
    trust = json.loads((demo / "results/demo/tables/trust.json").read_text())
    (full,) = (item for item in trust["experiments"] if item["name"] == "baseline_full")
    (check,) = (check for check in full["checks"] if check["name"] == "Polarity")
    assert check["status"] == "trust"
