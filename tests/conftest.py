"""Whole small runs of the real workflow, each in a checkout of its own."""

import os
from collections.abc import Callable
from pathlib import Path

import corpora
import hypothesis
import pytest
from checkout import Checkout, check_out_for_toys
from filelock import FileLock

# Begun first, since a long one that is begun last is waited for. The second needs the finished run
# that others need, too, and the first does not wait for it.
LONGEST = (
    *("test_detectors", "test_workflow", "test_cluster", "test_demo", "test_corpora_together"),
    *("test_scoring_command", "test_published_detectors", "test_installed", "test_scoring_page"),
    *("test_finetune", "test_crafted_corpora", "test_recordings"),
)


def pytest_configure() -> None:
    """Allow for two workers, which take this environment over."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # How long examples take, or take to make, says little while others compute.
    slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("shared", deadline=None, suppress_health_check=slow)
    hypothesis.settings.load_profile("shared")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    rank = {name: index for index, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture
def make_checkout(tmp_path: Path) -> Callable[..., Checkout]:
    """Return a function that makes a checkout with a toy corpus."""

    def make(name: str = "checkout", files: dict[str, bytes] | None = None) -> Checkout:
        corpus = corpora.write_folder(
            corpora.asvspoof2019_la() if files is None else files, tmp_path / f"{name}-corpus"
        )
        checkout = Checkout(check_out_for_toys(tmp_path / name), corpus)
        checkout.configure()
        return checkout

    return make


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Checkout:
    """A finished run of the toy corpus, on two cores and without interruption: only read it.

    The first worker that asks for it makes it, and the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    base = (base if worker_id == "master" else base.parent) / "finished"
    with FileLock(f"{base}.lock"):
        checkout = Checkout(base / "checkout", base / "corpus")
        if not (base / "whole").exists():
            corpora.write_folder(corpora.asvspoof2019_la(), checkout.corpus)
            check_out_for_toys(checkout.path)
            checkout.configure()
            result = checkout.run()
            assert result.returncode == 0, result.stdout
            (base / "whole").touch()
    return checkout


@pytest.fixture
def resumed_from(finished: Checkout, tmp_path: Path) -> Checkout:
    """A private copy of the finished run and of its corpus, to change and run again."""
    copy = finished.copied(tmp_path / "copy")
    copy.configure()
    return copy
