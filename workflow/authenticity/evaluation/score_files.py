"""Scores in the forms that the ASVspoof organisers' evaluation packages read.

In all of them a higher score means bona fide. Here, and nowhere else, the sign is turned.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from authenticity.files import write_text

# Kept as they are in names of files; anything else that is not a letter or digit is escaped.
_PLAIN = "/:,;=@+()[]"
_UNKNOWN = "unknown"  # the attack of a spoof, where it is not known; its column takes any word


def _row_2019(row: Mapping[str, Any]) -> str:
    key = "spoof" if row["label"] else "bonafide"
    return f"{row['file']} {row['attack']} {key} {row['score']!r}"


def _row_2021(row: Mapping[str, Any]) -> str:
    return f"{row['file']} {row['score']!r}"


def _row_5(row: Mapping[str, Any]) -> str:
    return f"{row['file']}\t{row['score']!r}"


FORMS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "asvspoof2019": ("", _row_2019),
    "asvspoof2021": ("", _row_2021),
    "asvspoof5": ("filename\tcm-score\n", _row_5),
}
"""Header and line of each form: `UTT ATTACK KEY SCORE`, `UTT SCORE`, and tab-separated columns.

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
    trials = scores.filter(pc.equal(scores["split"], "eval")).to_pandas()
    calibrated = np.isfinite(trials["llr"]).all()
    values = trials.groupby("file", sort=False).agg(
        label=("label", "first"),
        attack=("attack", "first"),
        score=("llr" if calibrated else "score", "mean"),
    )
    header, line = FORMS[form]
    rows = pd.DataFrame(
        {
            "file": [quote(name, safe=_PLAIN) for name in values.index],
            "label": values["label"].to_numpy(),
            "attack": [quote(name, safe=_PLAIN) for name in values["attack"].fillna(_UNKNOWN)],
            "score": [0.0 - value for value in values["score"].tolist()],
        }
    )
    lines = (line(row) for row in rows.to_dict("records"))
    write_text(path, header + "".join(f"{text}\n" for text in lines))
