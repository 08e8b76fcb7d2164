"""Who is fitted on, who is chosen on, who is reported on; and the folds within the first.

scikit-learn is imported where it is used: every parse of the workflow imports this module.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from authenticity.errors import UserError

Folds = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


def assign(splits: Sequence[str], protocol: Mapping[str, Any], seed: int) -> NDArray[np.str_]:
    """Give each trial its part in a protocol.

    Args:
        splits: the corpus's own partition of each trial, in the manifest's order.
        protocol: from the configuration; `kind` is `partitions` (its `fit`, `choose` and `report`
            name the corpus's partitions) or `random` (`partition` is split at random, a share
            `test_fraction` of it is reported on).
        seed: of the random split.

    Returns:
        `train` for trials to fit on, `dev` to choose on, `eval` to report on, empty for none.
    """
    own = np.asarray(splits)
    parts = np.full(len(own), "", dtype="<U5")
    if protocol["kind"] == "partitions":
        for part, name in (("train", "fit"), ("dev", "choose"), ("eval", "report")):
            parts[own == protocol[name]] = part
        return parts
    members = np.flatnonzero(own == protocol["partition"])
    n_test = math.ceil(protocol["test_fraction"] * len(members))
    if not 0 < n_test < len(members):
        return parts
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(members, test_size=n_test, random_state=seed, shuffle=True)
    parts[train], parts[test] = "train", "eval"
    return parts


def require_both_classes(
    corpus: str,
    parts: NDArray[np.str_],
    labels: NDArray[np.integer],
    protocol: Mapping[str, Any],
) -> None:
    """Check that each part of a protocol has bona fide and spoofed trials.

    Args:
        corpus: its name, for the message.
        parts: what `assign` returned.
        labels: 0 for bona fide, 1 for spoof.
        protocol: see `assign`.

    Raises:
        UserError: one has not.
    """
    if protocol["kind"] == "partitions":
        sources = {"train": protocol["fit"], "dev": protocol["choose"], "eval": protocol["report"]}
    else:
        sources = dict.fromkeys(["train", "eval"], f"{protocol['partition']}, at random")
    for part, source in sources.items():
        counts = np.bincount(labels[parts == part], minlength=2)
        if not counts.all():
            raise UserError(
                f"corpus {corpus}, split {source}: {counts[0]} bona fide and {counts[1]} spoof "
                f"trials to use as {part}, and both classes are needed; complete the corpus and "
                "its `splits`, or choose another protocol for the experiment"
            )


def folds(
    labels: NDArray[np.integer], speakers: Sequence[str], wanted: int, by: str, seed: int
) -> tuple[Folds, str]:
    """Make cross-validation folds, and say in words how.

    Grouped by speaker, no speaker is on both sides of a fold. There can be no more such folds than
    either class has speakers, so fewer are made where a class has fewer; where a class has one
    speaker only, or no grouping leaves both classes in every fold, folds are by trial.

    Args:
        labels: 0 for bona fide, 1 for spoof; shape (n,).
        speakers: of each trial.
        wanted: number of folds.
        by: `speaker` or `trial`.
        seed: of the shuffling.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    labels, speakers = np.asarray(labels), np.asarray(speakers)
    nothing = np.zeros(len(labels))
    if by == "speaker":
        counts = [len(np.unique(speakers[labels == label])) for label in (0, 1)]
        number = min(wanted, *counts)
        if number >= 2:
            splitter = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
            made = list(splitter.split(nothing, labels, speakers))
            if all(_both_classes(labels[part]) for fold in made for part in fold):
                return made, f"{number} folds, speaker-disjoint"
    number = min(wanted, *np.bincount(labels, minlength=2))
    if number < 2:
        raise UserError(
            f"cross-validation needs two trials of each class to fit on, found "
            f"{(labels == 0).sum()} bona fide and {(labels == 1).sum()} spoof; add trials"
        )
    splitter = StratifiedKFold(number, shuffle=True, random_state=seed)
    how = f"{number} folds by trial"
    if by == "speaker":
        how += " (too few speakers of one class for speaker-disjoint folds)"
    return list(splitter.split(nothing, labels)), how


def shared(parts: NDArray[np.str_], values: Sequence[str]) -> int:
    """Count the speakers, or attacks, that are both fitted on and reported on: each is a leak.

    Args:
        parts: what `assign` returned.
        values: of each trial; `-`, the attack of bona fide, does not count.
    """
    values = np.asarray(values)
    common = np.intersect1d(values[parts == "train"], values[parts == "eval"])
    return int((common != "-").sum())


def _both_classes(labels: NDArray[np.integer]) -> bool:
    return len(np.unique(labels)) == 2
