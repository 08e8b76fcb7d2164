"""Scores in the forms that the ASVspoof organisers' evaluation packages read.

In all of them a higher score means bona fide. Here, and nowhere else, the sign is turned.
"""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa

from authenticity import tables
from authenticity.files import write_text

# Kept as they are in names of files; anything else that is not a letter or digit is escaped.
_PLAIN = "/:,;=@+()[]"
_UNKNOWN = "unknown"  # the attack of a spoof, where it is not known; its column takes any word

FORMS: dict[str, dict[str, Any]] = {
    "asvspoof2019": {"columns": ["filename", "attack", "key", "cm-score"], "header": False},
    "asvspoof2021": {"columns": ["filename", "cm-score"], "header": False},
    "asvspoof5": {"columns": ["filename", "cm-score"], "sep": "\t"},
}
"""The columns of each form, parted by blanks, or by tabs below a header.

Read by `evaluate_tDCF_asvspoof19.py` of 2019, `evaluate.py` of
github.com/asvspoof-challenge/2021, and `evaluation.py` of github.com/asvspoof-challenge/asvspoof5.
"""


def write(scores: pa.Table, form: str, path: str | Path) -> None:
    """Write the eval scores of a table for the organisers' tools, at full precision.

    The value is the log-likelihood ratio of bona fide against spoof where the experiment is
    calibrated, which is what ASVspoof 5's actual cost and Cllr expect; else the log-odds. A file
    that several rounds test has one line, with the mean of their values.

    Those tools split lines at blanks, and one takes "#" for a comment: in names such characters,
    quotation marks, per cent signs and what is not ASCII are escaped as in web addresses (a blank
    is "%20"), which `urllib.parse.unquote` takes back. Names of the challenges' own clips have none
    and stay as they are.

    Args:
        scores: `tables.SCORES`, at least.
        form: a name of `FORMS`.
        path: of the text file, written atomically; it has no line where nothing is eval.
    """
    trials = tables.where(scores, split="eval").to_pandas()
    calibrated = np.isfinite(trials["llr"]).all()
    values = trials.groupby("file", sort=False).agg(
        label=("label", "first"),
        attack=("attack", "first"),
        score=("llr" if calibrated else "score", "mean"),
    )
    rows = pd.DataFrame(
        {
            "filename": [quote(name, safe=_PLAIN) for name in values.index],
            "attack": [quote(name, safe=_PLAIN) for name in values["attack"].fillna(_UNKNOWN)],
            "key": values["label"].map({0: "bonafide", 1: "spoof"}).to_numpy(),
            "cm-score": 0.0 - values["score"].to_numpy(),
        }
    )
    write_text(path, rows.to_csv(index=False, **{"sep": " "} | FORMS[form]))
