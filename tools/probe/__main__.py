"""Print how well features find traces of vocoders: `python -m probe SPEECH`, see README.md."""

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from authenticity.errors import UserError

from probe import corpus, ranking

ENCODER = "resources/encoders/small"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the probe, and print its table."""
    parser = argparse.ArgumentParser(prog="probe", description=__doc__)
    parser.add_argument("speech", help="a folder of human speech")
    parser.add_argument("--encoder", nargs="+", default=[ENCODER], help="folders or hub names")
    parser.add_argument("--clips", type=int, default=500, help="human clips at most")
    parser.add_argument(
        "--methods", nargs="+", default=[*corpus.METHODS], choices=[*corpus.METHODS]
    )
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--kept", type=Path, default=corpus.KEPT, help="where clips are kept")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        with tempfile.TemporaryDirectory() as folder:
            loaded = ranking.encoders(given.encoder, given.seed, Path(folder))
            clips = corpus.clips(given.speech, given.clips, given.methods, given.seed, given.kept)
            described = ranking.Described.of(clips, loaded)
        print(ranking.table(described, given.methods, given.seed))
    except UserError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
