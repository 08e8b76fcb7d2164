"""How well does one plain number tell the classes of the corpus apart? Prints ROC-AUC by part.

    PYTHONPATH=tools python -m demo_corpus.shortcuts [ARCHIVE]

"People" are the clips of human speakers: bona fide, and copy-synthesis of the same voices.
"""

import sys

import numpy as np
from authenticity.features.spectral import describe
from sklearn.metrics import roc_auc_score

from demo_corpus.rank import BONAFIDE, PROTOCOLS, clips

NUMBERS = {
    "duration": "duration",
    "level": "level_dbfs",
    "peak": "peak_dbfs",
    "crest factor": "crest_db",
    "skewness of the waveform": "skewness",
    "dynamic range": "dynamic_range_db",
    "leading silence": "leading_silence",
    "trailing silence": "trailing_silence",
    "pauses": "pause_fraction",
    "95% roll-off": "rolloff_95",
}


def main(path: str = "resources/demo/LA.zip") -> None:
    """Print the table."""
    columns = {}
    for split in PROTOCOLS:
        found = [
            (speaker, attack, describe(samples)) for speaker, attack, samples in clips(path, split)
        ]
        spoof = np.array([attack != BONAFIDE for _, attack, _ in found])
        human = {speaker for speaker, attack, _ in found if attack == BONAFIDE}
        people = np.array([speaker in human for speaker, *_ in found])
        for title, these in ((split, people | True), (f"people: {split}", people)):
            columns[title] = [
                max(area, 1 - area)
                for name in NUMBERS.values()
                for values in [np.array([numbers[name] for *_, numbers in found])]
                for area in [roc_auc_score(spoof[these], values[these])]
            ]
    print(f"{'':25}", *(f"{title:>14}" for title in columns))
    for row, title in enumerate(NUMBERS):
        print(f"{title:25}", *(f"{column[row]:14.3f}" for column in columns.values()))


if __name__ == "__main__":
    main(*sys.argv[1:])
