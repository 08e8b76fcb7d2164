"""Pages looked at in a headless Chromium, as a reader would."""

import os
import shutil
from pathlib import Path

import held
import pytest
from authenticity.files import read_json

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

PATIENCE = 1000 * held.GUARD_SECONDS  # of the browser, in ms


def find_chromium() -> str:
    """Return the browser's path; without one, skip, or fail where it is required."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    if os.environ.get("REQUIRE_CHROMIUM") == "1":
        pytest.fail("REQUIRE_CHROMIUM=1, but there is no chromium on PATH: install it")
    pytest.skip("no chromium on PATH")


ACROSS = "across corpora"


def look_at_report(page_path: Path, results: Path) -> None:
    """Open a report in headless Chromium and go through it as a reader would.

    Every result of the menu is opened; images must load, tables must have rows; nothing may be
    asked from the network, and no script may fail. The opening page must show the run's figures.
    """
    sync_api = pytest.importorskip("playwright.sync_api")
    problems: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_FLAGS, timeout=PATIENCE
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: problems.append(f"script: {error}"))
        page.on("request", lambda request: problems.extend(_outside(request.url)))
        page.goto(page_path.as_uri())
        rows = read_json(results / "headline.json")
        corpora = {row["corpus"] for row in rows}
        _look_at_opening(page, rows)
        names = [item for item in page.locator("nav li").all_inner_texts() if item[:1].isdigit()]
        assert {name[0] for name in names} >= {"0", "1", "2", "4"}
        for name in names:
            page.get_by_text(name, exact=True).click()
            # With several corpora, each has a folder of its own.
            for folder in set(page.locator("nav li").all_inner_texts()) & {*corpora, ACROSS}:
                page.locator("nav").first.get_by_text(folder, exact=True).click()
                _look_at_results(page)
                page.get_by_text(name, exact=True).first.click()
            if page.locator("nav tbody tr").count():
                _look_at_results(page)
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
        assert row["name"] in text
        assert f"{row['roc_auc']['value']:.4f}" in text
    page.wait_for_function(
        """() => {
          const image = document.querySelector('#opening img');
          return image.complete && image.naturalWidth > 0;
        }"""
    )
    assert page.eval_on_selector("#opening h1", "title => title.getBoundingClientRect().top >= 0")


def _look_at_results(page) -> None:
    rows = page.locator("nav tbody tr")
    rows.first.wait_for()
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
