"""Check a corpus's tables against its manifest before anything is built on them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from authenticity import tables
from authenticity.errors import UserError
from authenticity.features import fingerprints

VERSION = "5"
"""Raise it when the checks or the counts change."""


def verify(
    corpus: str,
    manifest: pa.Table,
    spectral: Sequence[str | Path],
    rejected: Sequence[str | Path],
    max_rejected: float,
) -> dict[str, Any]:
    """Check that each trial is accepted or rejected exactly once, and that tables are sound.

    Sound tables are of one version, without damage, and all of their numbers are finite. A share of
    `max_rejected` of the trials may be rejected, and one trial however small the corpus.

    Returns:
        The counts, and the rejected trials with their reasons.

    Raises:
        UserError: a table is damaged or inconsistent, or too many trials were rejected.
    """
    for paths in (spectral, rejected):
        tables.require_one_version(paths)
        for path in paths:
            tables.require_finite(path)
    described = tables.read_many(spectral, ["file"])["file"].to_pylist()
    set_aside = tables.read_many(rejected, ["file", "label", "reason"])
    tabled, expected = Counter(described), Counter(manifest["key"].to_pylist())
    tabled.update(set_aside["file"].to_pylist())
    if odd := sorted((tabled - expected) + (expected - tabled)):
        raise UserError(
            f"corpus {corpus}: the spectral and rejected tables do not hold each accepted trial "
            f"exactly once ({len(odd)} differ, first {odd[0]}); delete the corpus's tables in "
            "results and run again"
        )
    reasons = set_aside.sort_by("file").to_pylist()
    allowed = max(1, int(max_rejected * len(manifest)))
    if len(reasons) > allowed:
        examples = "; ".join(f"{row['file']}: {row['reason']}" for row in reasons[:3])
        raise UserError(
            f"corpus {corpus}: {len(reasons)} of {len(manifest)} clips were set aside, more than "
            f"the {allowed} that `audio.max_rejected` = {max_rejected:g} allows ({examples}); "
            "correct the files or raise the limit: nothing that was computed is lost"
        )
    frame = manifest.select(["key", "split", "label"]).to_pandas()
    counts = frame[frame.key.isin(described)].groupby(["split", "label"]).size()
    by_split: dict[str, dict[str, int]] = {}
    for (split, label), count in counts.items():
        by_split.setdefault(split, {})["spoof" if label else "bonafide"] = int(count)
    return {
        "corpus": corpus,
        "n_manifest": len(manifest),
        "n_accepted": len(described),
        "n_rejected": len(reasons),
        "rejected": reasons,
        "by_split": by_split,
    }


def used_trials(
    manifest: pa.Table, spectral: Sequence[str | Path], duplicates: str
) -> tuple[pa.Table, dict[str, Any]]:
    """Return the trials that models and figures see: accepted, and perhaps without duplicates.

    Trials of the same decoded audio are duplicates. With `duplicates` at `remove`, of those with
    one label the first by key stays; of those under both labels, which contradict each other, none.
    With `keep`, for corpora whose official trials must all be scored, they are only counted.

    The spectral tables say what was accepted and digest its audio.

    Returns:
        The trials, `tables.TRIALS` (`near` is null, see `with_near_duplicates`) and the corpus's
        conditions; and counts, with some examples.

    Raises:
        UserError: the trials have labels, and none is left.
    """
    described = tables.read_many(spectral, ["file", "audio"])
    row = pc.index_in(manifest["key"], value_set=described["file"].combine_chunks())
    there = pc.is_valid(row)
    trials = manifest.filter(there)
    trials = trials.append_column("audio", described["audio"].take(row.filter(there)))
    trials = trials.append_column("near", pa.nulls(len(trials), pa.string()))
    frame = trials.select(["key", "label", "audio"]).to_pandas()
    groups = frame[frame.duplicated("audio", keep=False)].groupby("audio", sort=False)
    conflict = groups["label"].transform("nunique") > 1
    removed = groups.cumcount().gt(0) | conflict
    counts = {
        "policy": duplicates,
        "n_groups": int(groups.ngroups),
        "n_trials": len(removed),
        "n_removed": int(removed.sum()) if duplicates == "remove" else 0,
        "n_conflicts": int(groups["label"].nunique().gt(1).sum()),
        "examples": _examples(groups),
    }
    if duplicates == "remove":
        gone = frame.index.isin(removed[removed].index)
        trials = trials.filter(pa.array(~gone))
    if not len(trials) and not manifest["label"].null_count:
        raise UserError(
            f"corpus {manifest['corpus'][0]}: none of its {len(manifest)} trials can be used: "
            f"{len(manifest) - len(frame)} were set aside, and {len(frame)} have the audio of a "
            "trial with the other label; correct the files or the labels"
        )
    schema = tables.with_conditions(tables.TRIALS, trials.column_names)
    return trials.select(schema.names), counts


def with_near_duplicates(trials: pa.Table, clips: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Group the near-duplicates among trials: copies of one recording whose samples differ.

    They are only counted, whatever the policy on duplicates. Equal audio is certain, while
    near-duplicates are found by a radius; and a corpus may hold several codecs' copies of each
    recording on purpose, as ASVspoof 2021 DF does. `clips` are `fingerprints.of_trials`.

    Returns:
        The trials, with the groups in `near`; and counts, with some examples.
    """
    near = fingerprints.groups(clips, trials)
    trials = trials.set_column(trials.schema.get_field_index("near"), "near", near)
    frame = trials.select(["key", "near"]).to_pandas().dropna()
    groups = frame.groupby("near")["key"]
    counts = {
        "n_groups": int(groups.ngroups),
        "n_trials": len(frame),
        "n_steady": clips["fingerprint"].null_count,
        "examples": [keys.tolist() for _, keys in list(groups)[:5]],
    }
    return trials, counts


def _examples(groups: Any) -> list[list[str]]:
    """Return the keys of some groups, those under both labels first and with their labels."""
    conflicts, others = [], []
    for _, group in groups:
        if group["label"].nunique() > 1:
            words = group["label"].map({0: "bona fide", 1: "spoof"})
            conflicts.append((group["key"] + " (" + words + ")").tolist())
        else:
            others.append(group["key"].tolist())
    return [*conflicts[:20], *others[:5]]


def lines(report: Mapping[str, Any]) -> list[str]:
    """Say in words what was found."""
    text = [
        f"corpus {report['corpus']}: {report['n_accepted']} of {report['n_manifest']} trials "
        f"accepted, {report['n_rejected']} set aside"
    ]
    if (shared := report.get("duplicates")) and shared["n_groups"]:
        text.append(
            f"corpus {report['corpus']}: {shared['n_trials']} trials share their audio with "
            f"another (such as {' = '.join(shared['examples'][0][:2])}); {shared['n_removed']} "
            f"were left out, {shared['n_conflicts']} groups have both labels"
        )
    if (near := report.get("near_duplicates")) and near["n_groups"]:
        text.append(
            f"corpus {report['corpus']}: {near['n_trials']} trials are near-duplicates of another "
            f"(such as {' and '.join(near['examples'][0][:2])}), in {near['n_groups']} groups; all "
            "were kept"
        )
    return text
