"""The report of a finished run in a browser."""

from browser import find_chromium, look_at_report
from checkout import Checkout


def test_the_report_of_a_run_is_one_page_that_works_offline(finished: Checkout, tmp_path):
    find_chromium()
    page_path = tmp_path / "report.html"
    made = finished.run("--report", str(page_path))
    assert made.returncode == 0, made.stdout
    assert page_path.stat().st_size < 20e6
    look_at_report(page_path, finished.path / "results")
