"""Who is fitted on, who is chosen on, who is reported on; the folds within the first; leaks.

A protocol has one round or several, each with a model of its own. `train` trials are fitted on;
`dev` trials chosen, calibrated and thresholded on; `eval` trials reported on.

scikit-learn and pandas are imported where they are used: every parse imports this module.
"""

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from authenticity.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from authenticity.config import Protocol

Folds = list[tuple[NDArray[np.intp], NDArray[np.intp]]]
Parts = NDArray[np.str_]
Voices = list[tuple[NDArray[np.intp], NDArray[np.str_]]]
"""Positions of trials, and what each of these stays together with: its speaker, or its own key."""

ONE_ROUND = "all"
_SIDES = (("train", "eval"), ("dev", "eval"), ("train", "dev"))
_SHARED = {
    "speakers": "speaker",
    "duplicates": "audio",
    "near_duplicates": "near",
    "attacks": "attack",
}


@dataclass(frozen=True)
class Round:
    """One round of a protocol.

    Attributes:
        name: unique in the protocol.
        parts: of each trial: `train`, `dev`, `eval`, or empty for none; shape (trials,).
    """

    name: str
    parts: Parts


def partitions(protocol: "Protocol", present: Iterable[str]) -> dict[str, list[str]]:
    """Return which of a corpus's partitions, those `present`, a protocol uses, by part."""
    if protocol.kind == "partitions":
        names = {"train": protocol.fit, "dev": protocol.choose, "eval": protocol.report}
        return {part: [name] for part, name in names.items()}
    if protocol.kind == "random":
        return {part: [protocol.partition] for part in ("train", "eval")}
    used = [*(protocol.partitions or sorted(set(present)))]
    return dict.fromkeys(("train", "dev", "eval"), used)


def reported_elsewhere(protocol: "Protocol", present: Iterable[str]) -> list[str]:
    """Return the partitions of another corpus that an experiment is tested on.

    They are the one to report on, and clips that are in no partition, if they are `present`. Only
    protocols of the kind `partitions` have one model that is fitted on partitions.
    """
    if protocol.kind != "partitions":
        return []
    return [name for name in (protocol.report, "none") if name in set(present)]


def rounds(trials: pa.Table, protocol: "Protocol", seed: int) -> list[Round]:
    """Give each trial its part in every round of a protocol.

    Args:
        trials: columns `key`, `split`, `label`, `attack` and `speaker`; the last two are null where
            they are not known.
        protocol: from the configuration; config/README.md explains its kinds. With
            `leave_one_attack_out` each trial is reported on once, by a model that has met neither
            its attack nor its speaker: a round for each attack in each group of speakers.
        seed: of what is drawn at random.

    Raises:
        UserError: there are too few speakers for the protocol, or one that leaves out speakers or
            attacks does not know all of them.
    """
    splits = np.asarray(trials["split"].to_pylist())
    if protocol.kind == "partitions":
        parts = _parts(len(splits))
        for part, names in partitions(protocol, splits).items():
            parts[np.isin(splits, names)] = part
        return [Round(ONE_ROUND, parts)]
    if protocol.kind == "random":
        return [Round(ONE_ROUND, _random(splits, protocol, seed))]
    members = np.flatnonzero(np.isin(splits, partitions(protocol, splits)["eval"]))
    speakers = np.asarray(trials["speaker"].to_pylist())[members]
    keys = np.asarray(trials["key"].to_pylist())[members]
    labels = trials["label"].to_numpy()[members]
    group = _groups(labels, _voices(speakers, keys), protocol.number, seed)
    if protocol.kind == "speaker_folds":
        held_out = [(f"fold {index + 1}", group == index) for index in range(group.max() + 1)]
        made = _left_out(group, held_out)
    elif protocol.kind == "leave_one_speaker_out":
        made = _left_out(group, _each_speaker(speakers))
    else:
        attacks = np.asarray(trials["attack"].to_pylist())[members]
        made = _leave_one_attack_out(group, labels == 0, attacks)
    found = []
    for name, members_parts in made:
        parts = _parts(len(splits))
        parts[members] = members_parts
        found.append(Round(name, parts))
    return found


def _parts(number: int, part: str = "") -> Parts:
    return np.full(number, part, dtype="<U5")


def _random(splits: NDArray, protocol: "Protocol", seed: int) -> Parts:
    parts = _parts(len(splits))
    members = np.flatnonzero(splits == protocol.partition)
    n_test = math.ceil(protocol.test_fraction * len(members))
    if not 0 < n_test < len(members):
        return parts
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(members, test_size=n_test, random_state=seed, shuffle=True)
    parts[train], parts[test] = "train", "eval"
    return parts


def _groups(labels: NDArray, voices: Voices, wanted: int, seed: int) -> NDArray[np.intp]:
    """Deal speakers into groups that hold both classes; return each trial's group."""
    counts = _voices_of_each_class(labels, voices)
    if not min(counts):
        missing = "spoof" if counts[0] else "bona fide"
        raise UserError(f"it has no {missing} clips, and both classes are needed; add some")
    for number in range(min(wanted, *counts), 2, -1):
        group = _dealt(labels, voices, number, seed)
        if all(both_classes(labels[group == index]) for index in range(number)):
            return group
    raise UserError(
        f"its {counts[0]} bona fide and {counts[1]} spoof speakers cannot be dealt into three "
        "groups, to fit, choose and report on, that each hold both classes; add speakers, or give "
        "the experiment another protocol"
    )


def _voices_of_each_class(labels: NDArray, voices: Voices) -> list[int]:
    return [
        sum(len(np.unique(names[labels[chosen] == label])) for chosen, names in voices)
        for label in (0, 1)
    ]


def _voices(speakers: NDArray, keys: NDArray) -> Voices:
    """Return the trials of known speakers with those, and the others with their keys."""
    nameless = unknown(speakers)
    groups = (np.flatnonzero(~nameless), speakers), (np.flatnonzero(nameless), keys)
    return [(chosen, names[chosen].astype(str)) for chosen, names in groups]


def unknown(names: Sequence[str | None] | NDArray) -> NDArray[np.bool_]:
    """Tell of each speaker or attack whether it is not known: null, None or NaN."""
    return np.asarray(pa.array(names, from_pandas=True).is_null())


def _dealt(labels: NDArray, voices: Voices, number: int, seed: int) -> NDArray[np.intp]:
    """Deal trials into groups of like shares of the classes; return each trial's group.

    Trials of one voice stay together.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    group = np.empty(len(labels), np.intp)
    for chosen, names in voices:
        n_names = len(np.unique(names))
        if n_names < number or np.bincount(labels[chosen], minlength=2).max() < number:
            group[chosen] = np.unique(names, return_inverse=True)[1] % number
            continue
        # With one trial to a name, plain folds are the same and save seconds for 100,000 trials.
        alone = n_names == len(chosen)
        kind = StratifiedKFold if alone else StratifiedGroupKFold
        splitter = kind(number, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            # A class with fewer trials than groups: callers check the groups.
            warnings.simplefilter("ignore", UserWarning)
            dealt = splitter.split(chosen, labels[chosen], None if alone else names)
            for index, (_, held) in enumerate(dealt):
                group[chosen[held]] = index
    return group


def _left_out(
    group: NDArray[np.intp], held_out: Iterable[tuple[str, NDArray[np.bool_]]]
) -> Iterable[tuple[str, Parts]]:
    """Report on some trials of a group in each round, and choose on the next group."""
    for name, held in held_out:
        parts = _parts(len(group), "train")
        parts[group == (group[held][0] + 1) % (group.max() + 1)] = "dev"
        parts[held] = "eval"
        yield name, parts


def _each_speaker(speakers: NDArray) -> Iterable[tuple[str, NDArray[np.bool_]]]:
    if n_unknown := unknown(speakers).sum():
        raise UserError(
            f"{n_unknown} of its trials have no known speaker, so speakers cannot be left out one "
            "by one; name the speakers, or give the experiment the protocol of speaker folds"
        )
    return [(f"without speaker {name}", speakers == name) for name in np.unique(speakers)]


def _leave_one_attack_out(
    group: NDArray[np.intp], bonafide: NDArray[np.bool_], attacks: NDArray
) -> Iterable[tuple[str, Parts]]:
    if n_unknown := unknown(attacks[~bonafide]).sum():
        raise UserError(
            f"{n_unknown} of its spoof trials have no known attack, so attacks cannot be left out "
            "one by one; name the attacks, or give the experiment another protocol"
        )
    attacks = np.where(bonafide, None, attacks)
    number, names = group.max() + 1, np.unique(attacks[~bonafide].astype(str))
    if len(names) < 2:
        raise UserError(
            f"the corpus has one attack only ({', '.join(names)}), and without it nothing is left "
            "to fit on; name the attacks, or give the experiment another protocol"
        )
    for index in range(number):
        held = group == index
        others = [(index + step) % number for step in range(1, number)]
        present = [attack for attack in names if (held & (attacks == attack)).any()]
        for turn, attack in enumerate(present):
            left_out = attacks == attack
            parts = _parts(len(group), "train")
            # The next group that has both classes left.
            whole = (one for one in others if both_classes(bonafide[~left_out & (group == one)]))
            parts[group == next(whole, others[0])] = "dev"
            parts[held | left_out] = ""
            # Attacks share the group's bona fide trials out: each is reported on once.
            parts[np.flatnonzero(held & bonafide)[turn :: len(present)]] = "eval"
            parts[held & left_out] = "eval"
            yield f"without {attack}, group {index + 1}", parts


def require_both_classes(
    corpus: str, trials: pa.Table, protocol: "Protocol", fitted_in: Sequence[Round]
) -> None:
    """Check that each part of a protocol has bona fide and spoofed trials, else raise `UserError`.

    Trials reported on are taken over all rounds. A corpus may lack the partition to report on
    altogether: it is trained on, and others are reported on.
    """
    labels, splits = trials["label"].to_numpy(), trials["split"].to_pylist()
    used = partitions(protocol, splits)
    reports = any(name in splits for name in used["eval"])
    for part, names in used.items():
        if part == "eval":
            whole = np.any([item.parts == part for item in fitted_in], axis=0)
            masks = [(ONE_ROUND, whole)] if reports else []
        else:
            masks = [(item.name, item.parts == part) for item in fitted_in]
        for name, mask in masks:
            where = "" if name == ONE_ROUND else f", round {name!r}"
            require_labels(corpus, f"{' + '.join(names)}{where}, used as {part}", labels[mask])


def require_labels(corpus: str, split: str, labels: Sequence[int]) -> None:
    """Raise `UserError` unless these trials of a corpus, in a `split`, have both labels."""
    counts = np.bincount(np.asarray(labels, np.intp), minlength=2)
    if not counts.all():
        raise UserError(
            f"corpus {corpus}, split {split}: {counts[0]} bona fide and {counts[1]} spoof trials, "
            "and both classes are needed; complete the corpus and its `splits`, take it out of "
            "`run.corpora`, or choose another protocol for the experiment"
        )


def folds(
    labels: NDArray[np.integer],
    speakers: Sequence[str | None],
    keys: Sequence[str],
    wanted: int,
    by: str,
    seed: int,
) -> tuple[Folds, str]:
    """Make cross-validation folds, and say in words how.

    Grouped by speaker, no speaker is on both sides of a fold. There can be no more such folds than
    either class has speakers, so fewer are made where a class has fewer; where a class has one
    speaker only, or no grouping leaves both classes in every fold, folds are by trial.

    Args:
        labels: 0 for bona fide, 1 for spoof; shape (n,).
        speakers: of each trial; one that is not known stands for itself.
        keys: of each trial; a trial that is there in several views is never parted.
        wanted: number of folds.
        by: `speaker` or `trial`.
        seed: of the shuffling.
    """
    labels, keys = np.asarray(labels), np.asarray(keys)
    if by == "speaker":
        voices = _voices(np.asarray(speakers), keys)
        number = min(wanted, *_voices_of_each_class(labels, voices))
        if number >= 2:
            made = _as_folds(_dealt(labels, voices, number, seed), number)
            if all(both_classes(labels[part]) for fold in made for part in fold):
                return made, f"{number} folds, speaker-disjoint"
    number = min(wanted, *(len(np.unique(keys[labels == label])) for label in (0, 1)))
    if number < 2:
        raise UserError(
            f"cross-validation needs two trials of each class to fit on, found "
            f"{(labels == 0).sum()} bona fide and {(labels == 1).sum()} spoof; add trials"
        )
    how = f"{number} folds by trial"
    if by == "speaker":
        how += " (too few speakers of one class for speaker-disjoint folds)"
    trials = [(np.arange(len(labels)), keys.astype(str))]
    return _as_folds(_dealt(labels, trials, number, seed), number), how


def _as_folds(group: NDArray[np.intp], number: int) -> Folds:
    return [(np.flatnonzero(group != one), np.flatnonzero(group == one)) for one in range(number)]


def leaks(
    trials: pa.Table, fitted_in: Sequence[Round], reported: pa.Table | None = None
) -> dict[str, Any]:
    """Count what is on two sides of a protocol: each shared speaker or duplicate is a leak.

    The trials are those of `rounds`, with the columns `audio` and `near`. Each round reports on its
    own eval unless trials of another corpus, `reported`, are given. Speakers are compared by name:
    two corpora may call different people alike.

    Returns:
        How many `speakers`, `attacks`, `duplicates` (the same decoded audio) and `near_duplicates`
        (groups; one whose audio is all the same is a duplicate, and not counted again) are on both
        sides in any round, by pair of sides; how many of the trials that take part have an unknown
        speaker; and whether the protocol `leaks`: an attack that is met again is no leak.
    """
    import pandas as pd

    fitted = _shareable(trials)
    elsewhere = None if reported is None else _shareable(reported)
    shared = {kind: {"_".join(pair): set() for pair in _SIDES} for kind in _SHARED}
    for item in fitted_in:
        sides = {side: fitted[item.parts == side] for side in ("train", "dev", "eval")}
        if elsewhere is not None:
            sides["eval"] = elsewhere
        values = {
            side: {kind: set(rows[column].dropna()) for kind, column in _SHARED.items()}
            for side, rows in sides.items()
        }
        for one, other in _SIDES:
            both = {kind: values[one][kind] & values[other][kind] for kind in _SHARED}
            near = pd.concat([sides[side][["near", "audio"]] for side in (one, other)])
            n_different = near.groupby("near")["audio"].nunique()
            both["near_duplicates"] &= set(n_different.index[n_different > 1])
            for kind in _SHARED:
                shared[kind][f"{one}_{other}"] |= both[kind]
    counts = {
        kind: {pair: len(found) for pair, found in pairs.items()} for kind, pairs in shared.items()
    }
    used = fitted[np.any([item.parts != "" for item in fitted_in], axis=0)]
    speakers = [part["speaker"] for part in (used, elsewhere) if part is not None]
    kinds = ("speakers", "duplicates", "near_duplicates")
    return counts | {
        "unknown_speakers": int(sum(names.isna().sum() for names in speakers)),
        "leaks": any(counts[kind][side] for kind in kinds for side in ("train_eval", "dev_eval")),
    }


def _shareable(trials: pa.Table) -> "pd.DataFrame":
    """Return what sides may share: null where it is not known, and for the attack of bona fide."""
    table = trials.select(["label", *_SHARED.values()]).to_pandas()
    table["attack"] = table["attack"].where(table["label"] == 1)
    return table


def both_classes(labels: Sequence[int] | NDArray[np.integer]) -> bool:
    """Return whether labels hold bona fide and spoof."""
    return len(np.unique(labels)) == 2
