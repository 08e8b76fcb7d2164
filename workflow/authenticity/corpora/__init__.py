"""One module per kind of corpus format: each turns lists and folders into manifest rows.

A format is one entry in `FORMATS`; what it offers is in `reading.Format`. A new corpus is one
specification (`asvspoof.Layout`, `listed.Listing`, `trees.Tree`) and one test.
"""

from collections.abc import Mapping

from authenticity.corpora import asvspoof, listed, trees
from authenticity.corpora.reading import Format

FORMATS: Mapping[str, Format] = {
    "asvspoof2019_la": asvspoof.ASVSPOOF2019_LA,
    "asvspoof2021_la": asvspoof.ASVSPOOF2021_LA,
    "asvspoof2021_df": asvspoof.ASVSPOOF2021_DF,
    "asvspoof5": asvspoof.ASVSPOOF5,
    "fakeavceleb": trees.FAKEAVCELEB,
    "in_the_wild": listed.IN_THE_WILD,
    "wavefake": trees.WAVEFAKE,
    "mlaad": trees.MLAAD,
    "folder": trees.FOLDER,
    "csv": listed.CSV,
    "recordings": trees.RECORDINGS,
}
"""Readers by the name that `format` has in the configuration."""

VERSION = "4"
"""Raise it when a reader makes other rows of the same corpus."""
