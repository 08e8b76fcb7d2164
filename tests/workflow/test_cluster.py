"""The workflow on a real Slurm of two nodes, through all that goes wrong there."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import cluster
import held
import pytest
from checkout import Checkout, environment

# The executor looks for ended jobs ten seconds later each time, whatever it is told.
IMPATIENT = """
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
RemoteExecutor.next_seconds_between_status_checks = property(lambda _: 1, lambda *_: None)
from snakemake.cli import main
main()
"""


@contextlib.contextmanager
def begun(checkout: Checkout) -> Iterator[subprocess.Popen[str]]:
    """Start the command that a user types, with checks every second; kill it at the end."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", IMPATIENT, "--workflow-profile", "slurm"),
            *("--configfile", "toy.yaml", "--latency-wait", "5"),
        ],
        cwd=checkout.path,
        env=environment(checkout.path, cores=1),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def extracting(but: Sequence[cluster.Job] = ()) -> list[cluster.Job]:
    """The jobs of both shards, once both run."""
    found = [job for job in cluster.jobs() if "extract" in job.comment and job.state == "RUNNING"]
    new = [job for job in found if job not in but]
    return new if len(new) == 2 else []


@pytest.mark.skipif(bool(cluster.missing()), reason=cluster.missing())
@pytest.mark.skipif(
    importlib.util.find_spec("snakemake_executor_plugin_slurm") is None,
    reason="snakemake-executor-plugin-slurm is not installed",
)
def test_a_run_outlives_its_main_process_and_a_node_on_a_cluster(
    finished: Checkout, resumed_from: Checkout, tmp_path: Path
):
    """Killed while both shards are computed, run again, and a node lost: the tables of one core."""
    resumed_from.configure(
        run={"corpora": ["toy"], "experiments": ["spectral"], "bundles": [], "views": []}
    )
    shutil.rmtree(resumed_from.path / "results" / "toy")
    (resumed_from.path / "results" / "results.parquet").unlink()
    folder = tmp_path / "cluster"
    folder.mkdir()
    with cluster.running(folder):
        with begun(resumed_from) as killed:
            held.until(extracting, killed)
        left = extracting()
        assert len(left) == 2, "jobs outlive the process that submitted them"
        # A job of the user's own in the same folder is none of the run's.
        own = cluster.said(
            *("sbatch", "--parsable", "--hold", "--comment=own", "--mem=10", "--wrap=sleep 1"),
            *("-D", str(resumed_from.path)),
        )
        with begun(resumed_from) as resumed:
            held.until(lambda: extracting(left), resumed)
            states = {job.number: job.state for job in cluster.jobs()}
            assert {states[job.number] for job in left} == {"CANCELLED"}
            assert states[own] == "PENDING"
            for state in ("down", "resume"):
                cluster.said("scontrol", "update", "nodename=n2", f"state={state}", "reason=test")
            output, _ = resumed.communicate(timeout=held.GUARD_SECONDS)
        jobs = cluster.jobs()
    assert resumed.returncode == 0, output
    assert "jobs that a killed run left on the cluster: 2, cancelled\n" in output
    assert "Trying to restart job" in output

    ended = Counter(job.state for job in jobs)
    assert ended == {"CANCELLED": 2, "NODE_FAIL": 1, "PENDING": 1, "COMPLETED": 7}, jobs
    done = [job.comment for job in jobs if job.state == "COMPLETED"]
    assert len(set(done)) == len(done), "no job is done twice"
    assert sum("report" in comment for comment in done) == 1, "all pages are one job"
    expected = finished.tables()
    tables = resumed_from.tables()
    assert {"results/toy/scores/spectral.parquet", "results/toy/metrics/spectral/toy.parquet"} < (
        tables.keys()
    )
    for path, content in tables.items():
        if path != "results/results.parquet":  # of two experiments there
            assert content == expected[path], path
