"""What every script does first: log into the rule's file, end on a user's mistake in one line."""

import contextlib
import logging
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from authenticity import lean
from authenticity.errors import MORE_MEMORY, UserError, in_one_line, lacks_memory
from authenticity.names import printable
from authenticity.roots import Root


class _OneLine(logging.Formatter):
    """Makes every message printable: names of files in it could steer a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - of the library
        record.message = printable(record.message)
        return super().formatMessage(record)


@contextlib.contextmanager
def job(snakemake: Any) -> Iterator[logging.Logger]:
    """Log to the rule's log file and to the terminal; turn a user's mistake into one line.

    The traceback of any other exception goes to both.
    """
    lean.start()
    logger = logging.getLogger("authenticity")
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log on a full disk must not hide what is said of the disk
    handlers: list[logging.Handler] = []

    def log_to(handler: logging.Handler) -> None:
        handler.setFormatter(_OneLine("%(asctime)s %(message)s", "%H:%M:%S"))
        logger.addHandler(handler)
        handlers.append(handler)

    log_to(logging.StreamHandler(sys.stderr))
    try:
        if snakemake.log:
            log_to(logging.FileHandler(str(snakemake.log[0]), mode="w", encoding="utf-8"))
        yield logger
        _write_spent(snakemake)
    except KeyboardInterrupt:
        # As of a shell's command; the workflow says that it was interrupted. No thread is awaited.
        os._exit(130)
    except Exception as error:
        if lacks_memory(error):
            made = snakemake.output[0]
            logger.error(
                "error: %s: memory ran out in rule %s; %s", made, snakemake.rule, MORE_MEMORY
            )
            os._exit(1)  # what libraries do at the exit needs memory, too
        if isinstance(error, UserError | OSError):
            logger.error("error: %s", in_one_line(error))
            sys.exit(1)
        logger.exception("unexpected error in rule %s", snakemake.rule)
        raise
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            with contextlib.suppress(OSError):
                handler.close()


def _write_spent(snakemake: Any) -> None:
    """Write the job's time and memory, as Snakemake's benchmarks do: `benchmarks/` after `logs/`.

    Snakemake samples a job, and misses what comes after its last sample: of a job of 30 s half of
    the CPU time. A report's pages are left out, since one of them shows the costs.
    """
    if not snakemake.log or snakemake.rule.startswith("report"):
        return
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    path = Path("benchmarks", *Path(str(snakemake.log[0])).parts[1:]).with_suffix(".tsv")
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = f"{seconds_since_start():.2f}\t{cpu:.2f}\t{peak_bytes() / 2**20:.2f}"
    path.write_text(f"s\tcpu_time\tmax_rss\n{columns}\n")


def seconds_since_start() -> float:
    """Return how long this process has run."""
    import psutil  # Snakemake brings it

    started = psutil.Process().create_time()
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return time.time() - started
    # psutil knows in whole seconds when the machine started, and exactly how long after that this
    # process did.
    return time.clock_gettime(time.CLOCK_BOOTTIME) - (started - psutil.boot_time())


def peak_bytes() -> int:
    """Return the most memory that this process has had resident."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def corpus_root(snakemake: Any) -> Root:
    """Return where a job's corpus lies.

    It is no parameter of any rule, so that a moved corpus is not computed again.
    """
    return Root(snakemake.config["corpora"][snakemake.wildcards.corpus]["root"])
