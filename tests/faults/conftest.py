"""A run that nothing disturbs, for others to be held against."""

import time

import corpora
import faults
import pytest
from checkout import Checkout, check_out_for_toys


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, float]:
    """A finished run of a toy corpus, as `faults.configure` says, and its seconds: only read it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    corpus = corpora.write_folder(corpora.asvspoof2019_la(), folder / "corpus")
    checkout = Checkout(check_out_for_toys(folder / "checkout"), corpus, as_users=True)
    faults.configure(checkout)
    begun = time.monotonic()
    result = checkout.run()
    assert result.returncode == 0, result.stdout
    return checkout, time.monotonic() - begun


def pytest_report_header() -> str:
    """Print what repeats the kills."""
    return f"FAULTS_SEED={faults.SEED}"
