"""One run at a time in a folder, and what a killed run left there: locks, jobs, temporary files."""

import contextlib
import fcntl
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from authenticity.errors import MORE_MEMORY, UserError, in_one_line
from authenticity.files import remove_left_over
from authenticity.names import printable

_held_lock: TextIO | None = None  # for the life of the process
_PATIENCE_SECONDS = 5.0
_CONTROLLER_SECONDS = 30.0  # a cluster's has answered by then, or is down
_ENDING_SECONDS = 300.0  # Slurm gives jobs 30 s to end before it kills them
# Options of Snakemake that run no job and change nothing.
_LOOKS = (
    *("dryrun", "report", "lint", "dag", "rulegraph", "filegraph", "d3dag", "list_rules"),
    *("list_target_rules", "summary", "detailed_summary", "list_changes", "list_input_changes"),
    *("list_params_changes", "list_untracked", "list_conda_envs", "print_compilation"),
    "containerize",
)


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process on a user's mistake with its one line and status 1, without a traceback."""
    try:
        yield
    except (UserError, OSError) as error:
        print(f"error: {printable(in_one_line(error))}", file=sys.stderr)
        raise SystemExit(1) from None


def only_looks(arguments: Sequence[str]) -> bool:
    """Tell from Snakemake's arguments whether it will plan or report without running any job.

    A workflow is not told while Snakemake parses it, so they are read again.
    """
    from snakemake.cli import get_argument_parser

    options, _ = get_argument_parser().parse_known_args(arguments)
    asked = {name for name in _LOOKS if getattr(options, name)}
    return bool(asked - {"report"} if options.report_after_run else asked)


@contextlib.contextmanager
def folder_taken(directory: Path, only_look: bool) -> Iterator[bool]:
    """Make sure that no other run works here, and remove what a killed one left.

    Snakemake's locks name files, not processes, so they outlive a crash and then refuse the command
    that would resume. A run holds an operating-system lock for the life of its process: where it is
    granted, no other run is alive, and Snakemake's locks and jobs on a cluster are left over.

    A command that runs no job (`only_look`) may go on beside a live run, and gives the lock back
    when the block ends. Any other is a `UserError` there.

    Yields:
        Whether manifests may be refreshed: not while another run reads them.
    """
    global _held_lock
    state = directory / ".snakemake"
    state.mkdir(exist_ok=True)
    lock = (state / "run.flock").open("w")
    taken = _locked(lock, patience_seconds=0 if only_look else _PATIENCE_SECONDS)
    if taken:
        _back_from_the_future(directory / "results")
    if only_look:
        logging.getLogger("snakemake.logging").addFilter(_without_error)
        with lock:
            yield taken
        return
    if not taken:
        raise UserError(
            f"{directory}: locked, another run works in this folder; wait for it or end it"
        )
    _held_lock = lock
    logging.getLogger("snakemake.logging").addFilter(_with_deaths)
    _cancel_left_jobs(directory)
    remove_left_over(directory / "results")
    shutil.rmtree(state / "locks", ignore_errors=True)
    yield True


def _cancel_left_jobs(directory: Path) -> None:
    """Cancel the jobs that a killed run left on a Slurm cluster, and wait until they have ended.

    Snakemake does not know them any more: it would submit them again, and two jobs would write the
    same files. Jobs that do not end are a `UserError`.
    """
    if shutil.which("squeue") is None:
        return

    def left() -> list[str]:
        # The user may have other jobs in this folder. Snakemake's have a rule as their comment.
        listed = subprocess.run(
            ("squeue", "--me", "--noheader", "--format=%i|%.5k|%Z"),
            capture_output=True,
            text=True,
            errors="surrogateescape",  # as in paths
            check=False,  # a machine may have the command and no cluster
            timeout=_CONTROLLER_SECONDS,
        )
        jobs = (line.partition("|") for line in listed.stdout.splitlines())
        return [number for number, _, where in jobs if where == f"rule_|{directory}"]

    try:
        if jobs := left():
            print(
                f"jobs that a killed run left on the cluster: {len(jobs)}, cancelled",
                file=sys.stderr,
            )
            subprocess.run(("scancel", *jobs), check=False, timeout=_CONTROLLER_SECONDS)
        deadline = time.monotonic() + _ENDING_SECONDS
        while jobs := left():
            if time.monotonic() >= deadline:
                raise UserError(
                    f"{directory}: jobs that a killed run left on the cluster do not end: "
                    f"{', '.join(jobs)}; end them, and run the same command again"
                )
            time.sleep(1)
    except subprocess.TimeoutExpired as silent:
        print(
            f"{silent.cmd[0]}: no answer from the cluster in {silent.timeout:g} s, so jobs that "
            "an earlier run may have left could not be looked for; if there are any, end them",
            file=sys.stderr,
        )


def _back_from_the_future(results: Path) -> None:
    """Make all files older by the same time if one is newer than now: a clock was set back.

    Otherwise new results seem older than their inputs, and Snakemake deletes them.
    """
    times = {path: path.stat().st_mtime_ns for path in results.rglob("*")}
    ahead = max(times.values(), default=0) - time.time_ns()
    if ahead > 0:
        for path, made in times.items():
            os.utime(path, ns=(made - ahead, made - ahead))


def _without_error(record: logging.LogRecord) -> bool:
    """Reword what Snakemake calls an error, though its plan goes on."""
    if "Another Snakemake instance is running" in str(record.msg):
        record.msg = "another run works in this folder: this is what it has left to do"
    return True


def _with_deaths(record: logging.LogRecord) -> bool:
    """Say in one line that a job was killed; Snakemake has just caught its exception."""
    rule, reason = getattr(record, "rule_name", None), str(sys.exc_info()[1])
    # C++ aborts where an error of memory is not caught.
    if rule and ("died with <Signals.SIGKILL" in reason or "died with <Signals.SIGABRT" in reason):
        made = record.output[0].partition(" (")[0]
        print(
            f"error: {made}: its job of rule {rule} was killed, as happens when memory runs out; "
            f"{MORE_MEMORY}",
            file=sys.stderr,
        )
    return True


def _locked(lock: TextIO, patience_seconds: float) -> bool:
    """Try to lock a file; patience outlasts a plan that holds it for a moment."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.2)
