"""The report of a finished run: its tables, its opening page, and the page in a real browser."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from authenticity import html, report, summary
from authenticity.errors import UserError
from authenticity.files import read_json, write_json
from conftest import Checkout

# Chromium as a child of a test, offline: nothing is looked up, updated or synchronised.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def estimate(value):
    return {"value": value, "low": value - 0.01, "high": value + 0.005}


def metrics(experiment="layers", auc=0.97, shared_speakers=0):
    found = {
        "n_bonafide": 1200,
        "n_spoof": 300,
        "n_speakers_bonafide": 3,
        "n_speakers_spoof": 12,
        "interval": {"method": "trial bootstrap", "why": "few speakers", "n_redrawn": 0},
        "roc_auc": estimate(auc),
        "eer": estimate(0.05),
        "average_precision": estimate(0.9),
    }
    attacks = {"A07": {"n_spoof": 300} | {name: found[name] for name in ("roc_auc", "eer")}}
    return {
        "experiment": experiment,
        "corpus": "toy",
        "protocol": "official",
        "chosen": {"candidate": "layer_3", "pooling": "mean_std", "C": 0.01},
        "interval": {"level": 0.95, "n_resamples": 1000, "seed": 1},
        "leak": {"shared_speakers": shared_speakers},
        "splits": {name: found | {"per_attack": attacks} for name in ("dev", "eval")},
    }


def test_the_headline_table_shows_figures_and_marks_eval():
    page = report.headline([metrics()])
    assert "0.9700" in page
    assert "(0.9600 to 0.9750)" in page
    assert "5.00%" in page
    assert "1,200 (3)" in page
    marked = re.findall(r'<tr class="chosen">.*', page)
    assert len(marked) == 1
    assert "<td>eval</td>" in marked[0]
    assert "Careful" not in page


def test_a_leak_is_said_wherever_the_figures_are():
    leaky = [metrics(shared_speakers=20)]
    assert "Careful with layers: 20 speakers" in report.headline(leaky)


def test_clips_set_aside_are_listed_and_their_names_are_only_text():
    reason = "silent & <b>short</b>"
    bad = {"file": "<script>alert(1)</script>", "label": 1, "reason": reason}
    verified = {"n_accepted": 9, "n_manifest": 10, "n_rejected": 1, "rejected": [bad]}
    page = report.rejected(verified)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "silent &amp; &lt;b&gt;short" in page
    none = report.rejected({"n_accepted": 9, "n_manifest": 9, "n_rejected": 0, "rejected": []})
    assert "none" in none


def test_the_chosen_candidate_is_marked():
    items = [
        {
            "candidate": name,
            "pooling": "mean",
            "C": 0.1,
            "cv_roc_auc": 0.9,
            "chosen": name == "layer_3",
            "splits": {"eval": {"method": "trial bootstrap"} | estimate(0.8)},
        }
        for name in ("layer_2", "layer_3")
    ]
    page = report.selection("layers", {"candidates": items, "folds": "5 folds"})
    (marked,) = re.findall(r'<tr class="chosen">.*', page)
    assert "layer_3" in marked


def test_the_audit_puts_the_strongest_shortcut_first():
    common = {"direction": "lower", "unit": "s", "median_bonafide": 1.0, "median_spoof": 2.0}
    properties = {
        name: common | {"name": name, "roc_auc": estimate(value)}
        for name, value in (("Duration", 0.6), ("Level", 0.9))
    }
    how = {"method": "trial bootstrap", "why": "few speakers"}
    split = {"n_bonafide": 4, "n_spoof": 5, "interval": how, "properties": properties}
    page = report.audit({"splits": {"eval": split}})
    assert page.index("Level") < page.index("Duration")
    assert "nothing to audit" in report.audit({"splits": {}})


def test_pages_are_whole_and_need_nothing_from_outside():
    for page in (report.headline([metrics()]), report.per_attack([metrics()])):
        assert page.startswith("<!doctype html>")
        assert "http" not in page
        assert '<th scope="col">' in page
        assert "prefers-color-scheme: dark" in page


def test_the_opening_names_the_experiment_that_is_best_on_dev(tmp_path):
    figure = tmp_path / "roc.svg"
    figure.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    verified = {"n_accepted": 1500, "n_rejected": 2}
    found = [metrics("one", 0.91), metrics("two", 0.97)]
    page = report.opening([(found, verified, figure)])
    assert "two, the best on dev, scores" in page
    assert "97.0 of 100 pairs" in page
    found[0]["splits"]["dev"]["roc_auc"] = estimate(0.99)
    page = report.opening([(found, verified, figure)])
    assert "one, the best on dev, scores" in page
    assert "91.0 of 100 pairs" in page
    assert "1,500 clips were used, 2 set aside" in page
    assert "shares no speaker with training" in page
    assert 'alt="ROC curves on eval of toy"' in page


def test_the_summary_prints_one_aligned_line_per_experiment(tmp_path, capsys):
    rows = report.headline_rows([metrics("one", 0.91), metrics("a_longer_name", 0.97)])
    write_json(tmp_path / "headline.json", rows)
    (tmp_path / "report.html").write_text("")
    summary.main(tmp_path)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5
    assert (
        len({line.index("eval" if number else "split") for number, line in enumerate(printed[:3])})
        == 1
    )
    assert "0.9700 (0.9600 to 0.9750)" in printed[2]
    assert "5.00% (4.00 to 5.50)" in printed[2]
    assert printed[4] == f"report: {(tmp_path / 'report.html').resolve()}"


def test_a_summary_without_a_run_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match="make run"):
        summary.main(tmp_path)


def test_a_number_with_its_interval_reads_well():
    assert html.estimate({"value": 0.5, "low": 0.25, "high": 0.75}, percent=True) == (
        '50.00% <span class="quiet">(25.00 to 75.00)</span>'
    )


def find_chromium() -> str:
    """Return the browser's path; without one, skip, or fail where it is required."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    if os.environ.get("REQUIRE_CHROMIUM") == "1":
        pytest.fail("REQUIRE_CHROMIUM=1, but there is no chromium on PATH: install it")
    pytest.skip("no chromium on PATH")


def look_at_report(page_path: Path, results: Path) -> None:
    """Open a report in headless Chromium and go through it as a reader would.

    Every result of the menu is opened; images must load, tables must have rows; nothing may be
    asked from the network, and no script may fail. The opening page must show the run's figures.
    """
    sync_api = pytest.importorskip("playwright.sync_api")
    problems: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("pageerror", lambda error: problems.append(f"script: {error}"))
        page.on("request", lambda request: problems.extend(_outside(request.url)))
        page.goto(page_path.as_uri())
        _look_at_opening(page, read_json(results / "headline.json"))
        names = [item for item in page.locator("nav li").all_inner_texts() if item[:1].isdigit()]
        assert [name[0] for name in names] == ["1", "2", "3", "4"]
        for name in names:
            _look_at_category(page, name)
            page.get_by_text("Results", exact=True).first.click()
        browser.close()
    assert not problems


def _outside(url: str) -> list[str]:
    inside = url.startswith(("file:", "data:", "blob:"))
    return [] if inside else [f"asks the network for {url[:80]}"]


def _look_at_opening(page, rows) -> None:
    page.wait_for_selector("#opening")
    text = page.inner_text("#opening")
    for row in rows:
        assert row["experiment"] in text
        assert f"{row['roc_auc']['value']:.4f}" in text
    assert page.eval_on_selector(
        "#opening img", "image => image.complete && image.naturalWidth > 0"
    )
    assert page.eval_on_selector("#opening h1", "title => title.getBoundingClientRect().top >= 0")


def _look_at_category(page, name: str) -> None:
    page.get_by_text(name, exact=True).click()
    rows = page.locator("nav tbody tr")
    assert rows.count() >= 1
    for index in range(rows.count()):
        rows.nth(index).locator("a").first.click()
        page.wait_for_function(_SHOWN)
    rows.first.locator("a").nth(1).click()
    caption = page.locator("nav .prose")
    caption.wait_for()
    assert len(caption.inner_text()) > 60


# An image that has loaded and is not cut off, or a page with a heading (in a frame of its own).
_SHOWN = """() => {
  const image = document.querySelector('div.p-3 > img');
  if (image) return image.complete && image.naturalWidth > 300
    && image.getBoundingClientRect().top >= 0;
  return document.querySelector('iframe') !== null;
}"""


def test_the_report_of_a_run_is_one_page_that_works_offline(finished: Checkout, tmp_path):
    find_chromium()
    page_path = tmp_path / "report.html"
    made = finished.run("--report", str(page_path))
    assert made.returncode == 0, made.stdout
    assert page_path.stat().st_size < 20e6
    look_at_report(page_path, finished.path / "results")


def test_a_run_writes_metrics_that_agree_with_its_headline(finished: Checkout):
    rows = read_json(finished.path / "results" / "headline.json")
    assert rows
    for row in rows:
        path = finished.path / "results" / row["corpus"] / "metrics" / f"{row['experiment']}.json"
        found = json.loads(path.read_text())["splits"]["eval"]
        assert row["roc_auc"] == found["roc_auc"]
        assert row["n_spoof"] == found["n_spoof"]
