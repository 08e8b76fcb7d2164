"""The console command `authenticity`: score recordings of one's own, list detectors.

Exit codes, for scripts: 0 all scored, 2 invalid usage, 3 some files were set aside, 130
interrupted; what was finished by then is kept, and the same command goes on from there.
"""

import argparse
import contextlib
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from authenticity import __version__, detectors, lean
from authenticity.errors import UserError, in_one_line
from authenticity.limits import Limits
from authenticity.names import printable

DONE, USAGE, SOME_REJECTED, INTERRUPTED = 0, 2, 3, 130

# Of the checkout that the library lies in; one that is installed elsewhere finds nothing there.
_CHECKOUT = Path(__file__).resolve().parents[2]
# Beyond that many processes, memory is what a laptop runs out of first.
_MOST_JOBS = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; a user's mistake is one line on standard error."""
    _open_closed_streams()
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # no name stops a terminal without Unicode
    try:
        return options.run(options)
    except (UserError, OSError) as error:
        with contextlib.suppress(OSError):
            print(f"error: {printable(in_one_line(error))}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED


def _open_closed_streams() -> None:
    """Put an empty file in the place of standard streams that were closed by the caller."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - until the end


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="authenticity", description="Is a recording a person speaking, or a machine?"
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser(
        "detectors", help="list the detectors that are here, and what they are worth"
    ).set_defaults(run=_list)
    score = commands.add_parser(
        "score",
        help="score recordings",
        description="Score recordings, and write tables, pictures and a page on them. "
        f"Recordings are {Limits()}, unless the bundle sets other limits.",
        epilog="Exit codes: 0 all scored, 2 invalid usage, 3 some files were set aside, 130 "
        "interrupted. The same command goes on from where it was interrupted.",
    )
    score.set_defaults(run=_score)
    _add_options(score)
    return parser


def _add_options(score: argparse.ArgumentParser) -> None:
    add = score.add_argument
    meaning = "recordings or videos, folders, patterns; - for a list on standard input"
    add("paths", nargs="+", metavar="PATH", help=meaning)
    meaning = "folder of the results (default: scored)"
    add("--output", metavar="DIR", type=Path, default=Path("scored"), help=meaning)
    meaning = (
        "the model: a detector's name or a bundle's folder (default: AUTHENTICITY_BUNDLE, or the "
        "demonstration's); or a published detector, a folder or a hub name, for scores"
    )
    bundle = os.environ.get("AUTHENTICITY_BUNDLE") or str(_CHECKOUT / detectors.DEMONSTRATION)
    add("--bundle", metavar="NAME", type=_folder, default=bundle, help=meaning)
    meaning = "share of synthetic recordings that probabilities are given for (default: 0.5)"
    add("--prior", metavar="P", type=_share, default=0.5, help=meaning)
    meaning = "files at once, or threads of a single one (default here: %(default)s)"
    add("--jobs", metavar="N", type=_count, default=min(_MOST_JOBS, _cores()), help=meaning)
    meaning = "tables alone: no pictures, no sounds, no page"
    add("--no-pictures", action="store_true", help=meaning)
    add("--quiet", action="store_true", help="print errors alone")


def _folder(text: str) -> Path:
    """Return a bundle's folder, where its `bundle.json` may be named for it."""
    path = Path(text)
    return path.parent if path.name == "bundle.json" and path.is_file() else path


def _share(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (share := float(text)) < 1:
            return share
    raise argparse.ArgumentTypeError(f"expected a share between 0 and 1, such as 0.5, found {text}")


def _count(text: str) -> int:
    with contextlib.suppress(ValueError):
        if (count := int(text)) >= 1:
            return count
    raise argparse.ArgumentTypeError(f"expected a whole number, 1 or more, found {text}")


def _cores() -> int:
    """How many cores this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _list(options: argparse.Namespace) -> int:
    lines = list(detectors.lines())
    none = f"no detectors in {detectors.FOLDER.absolute()}; `make detector` trains one"
    print(*(lines or [none]), sep="\n")
    return DONE


def _score(options: argparse.Namespace) -> int:
    started = time.monotonic()
    lean.one_thread_each()  # before a numerical library is loaded
    lean.start()
    logging.getLogger("authenticity").setLevel(logging.ERROR if options.quiet else logging.WARNING)
    # Imported here, so that help and mistakes in the call need not wait for numerical libraries.
    from authenticity.scoring import inputs

    paths = inputs.collect(options.paths, sys.stdin.buffer, options.output)
    from authenticity.scoring import batch, uncalibrated, words
    from authenticity.scoring.bundle import Bundle
    from authenticity.scoring.display import Display, line

    if options.bundle == _CHECKOUT / detectors.DEMONSTRATION and not options.bundle.exists():
        raise UserError(
            "no model: name a bundle's folder with --bundle or AUTHENTICITY_BUNDLE; `make run` in "
            f"a checkout of the project makes one, {detectors.DEMONSTRATION}"
        )
    if detector := uncalibrated.detector_at(options.bundle):
        return _score_uncalibrated(paths, detector, options, started)
    bundle = Bundle.load(detectors.find(options.bundle))
    _ = bundle.encoder  # what is wrong with one from the hub is said before all else
    identity = bundle.about["identity"]
    settings = batch.Settings(bundle.folder, identity, options.prior, not options.no_pictures)
    inputs.require_own(options.output, [batch.KEPT, batch.UNFINISHED])
    answers = batch.Answers(options.output)
    display = Display(len(paths), words.opening(bundle.about), options.quiet, started)
    scored = batch.score(paths, answers, settings, options.jobs)
    with display, contextlib.closing(scored):
        for answer, is_reused in scored:
            text = line(answer, bundle.about["decision"])
            display.answer(text, answer.status == "scored", is_reused)
    from authenticity.scoring import outputs  # no answer need wait for it

    counts = outputs.write(
        options.output, answers.of(paths), bundle, settings, display.wall_seconds()
    )
    display.summary(options.output, counts)
    return SOME_REJECTED if counts["rejected"] else DONE


def _score_uncalibrated(
    paths: Sequence[str], detector: Any, options: argparse.Namespace, started: float
) -> int:
    """Score with a published detector that no bundle calibrates."""
    from authenticity.scoring import batch, inputs, outputs, uncalibrated
    from authenticity.scoring.display import Display

    # A bundle's results would be replaced in part.
    marks = [] if (options.output / batch.KEPT).exists() else [inputs.TABLE]
    inputs.require_own(options.output, marks)
    rows = []
    try:
        with Display(len(paths), [uncalibrated.WHY], options.quiet, started) as display:
            for row in uncalibrated.score(paths, detector, options.jobs):
                display.answer(uncalibrated.line(row), row["status"] == "scored")
                rows.append(row)
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was kept, the same command starts anew", file=sys.stderr)
        return INTERRUPTED
    outputs.write_tables(options.output, rows)
    return SOME_REJECTED if any(row["status"] == "rejected" for row in rows) else DONE
