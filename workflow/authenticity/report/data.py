"""What the data are like: clips set aside, duplicates, and what single properties give away."""

from collections.abc import Iterator, Mapping, Sequence

from authenticity import estimates
from authenticity.evaluation.audit import NO_SHORTCUT, informative
from authenticity.html import render
from authenticity.names import (
    CLEAN,
    INVERTED,
    SPEAKER,
    TRIMMED,
    ordered_splits,
    ordered_views,
    split_name,
    view_name,
)
from authenticity.report import wording
from authenticity.report.wording import REPORTED, Cell, Json, Rows, estimate

_CLASSES = ("bona fide", "spoof")


def rejected(verified: Json) -> str:
    """Return the page of clips that were set aside, with their reasons, and of duplicates."""
    words = (
        f"{verified['n_accepted'] - verified['duplicates']['n_removed']:,} of "
        f"{verified['n_manifest']:,} clips were used, {verified['n_rejected']:,} set aside, "
        f"{verified['duplicates']['n_removed']:,} left out as duplicates."
    )
    rows = [
        [item["file"], _CLASSES[item["label"]], item["reason"]] for item in verified["rejected"]
    ]
    same, near = verified["duplicates"], verified["near_duplicates"]
    alike = {
        "Duplicates": (duplicates(same), _examples(same)),
        "Near-duplicates": (near_duplicates(near), _examples(near)),
    }
    return render("rejected.html.j2", used=words, rows=rows, alike=alike)


def duplicates(found: Json) -> str:
    """Say how many clips have the same decoded audio, and what was done about them."""
    if not found["n_groups"]:
        return "No two clips have the same decoded audio."
    said = (
        f"{wording.counted(found['n_trials'], 'clip')} have the same decoded audio as another, in "
        f"{wording.counted(found['n_groups'], 'group')}. "
    )
    if found["policy"] == "remove":
        said += f"{wording.counted(found['n_removed'], 'clip').capitalize()} were removed. "
    else:
        said += "All were kept. "
    if found["n_conflicts"]:
        groups = wording.counted(found["n_conflicts"], "group")
        said += f"In {groups} the same audio is called bona fide and spoof: a label is wrong"
        said += ", and none of their clips was used." if found["policy"] == "remove" else "."
    return said.strip()


def near_duplicates(found: Json) -> str:
    """Say how many clips are copies of another whose samples differ."""
    steady = (
        f" {wording.counted(found['n_steady'], 'clip').capitalize()} of steady sound could not be "
        "compared."
        if found["n_steady"]
        else ""
    )
    if not found["n_groups"]:
        return f"No two clips are near-duplicates (encoded again, louder, or cut shorter).{steady}"
    return (
        f"{wording.counted(found['n_trials'], 'clip')} are near-duplicates of another (encoded "
        f"again, louder, or cut shorter), in {wording.counted(found['n_groups'], 'group')}. All "
        f"were kept.{steady}"
    )


def _examples(found: Json) -> list[list[str]]:
    return [[", ".join(files)] for files in found["examples"]]


def audit(audits: Mapping[str, Json], metrics: Sequence[Json], applied: Sequence[Json]) -> str:
    """Return the page of what single properties of a clip score, beside what experiments score.

    Args:
        audits: by view; of each view that an experiment scores, at least.
        metrics: of the experiments tested on the corpus; may be empty.
        applied: their metrics in the views.
    """
    names = {view: "" if [*audits] == [CLEAN] else f", {view_name(view)}" for view in audits}
    ordered = [(view, audits[view]) for view in ordered_views(audits)]
    return render(
        "audit.html.j2",
        warnings=wording.warnings(metrics),
        split=REPORTED,
        experiments=_beside(metrics, applied),
        strongest=filter(None, (_strongest_in_words(of, view, metrics) for view, of in ordered)),
        views=[_audit_tables(found, names[view]) for view, found in ordered],
    )


def _audit_tables(found: Json, heard: str) -> Iterator[tuple[str, Rows, list[str], Json]]:
    """Yield a table per split, and how it was made; `heard` names the view."""
    for split in sorted(ordered_splits(found["splits"]), key=lambda split: split != REPORTED):
        figures = found["splits"][split]
        properties = figures["properties"].values()
        strongest_first = sorted(properties, key=lambda item: -item["roc_auc"]["value"])
        count = f"{figures['n_bonafide']:,} bona fide, {figures['n_spoof']:,} spoof"
        learned = [f"{item['name']}: {item['how']}." for item in properties if "how" in item]
        rows = [_property(item) for item in strongest_first]
        yield f"{split_name(split)}{heard} ({count})", rows, learned, figures["interval"]


def _property(item: Json) -> list[Cell]:
    """Return a row; several properties together, or an identity, have no unit and no median."""
    medians = [item["median_bonafide"], item["median_spoof"]]
    return [
        item["name"],
        item["unit"],
        estimate(item["roc_auc"]),
        item["direction"] or (None if informative(item) else NO_SHORTCUT),
        *(None if median is None else f"{median:.4g}" for median in medians),
    ]


def _beside(metrics: Sequence[Json], applied: Sequence[Json]) -> Rows:
    """Show the experiments next to the strongest property, so that neither is read alone."""
    seen = wording.by_view(metrics, applied)
    rows = []
    for item in metrics:
        views = [seen[item["name"]].get(view) for view in (CLEAN, TRIMMED, INVERTED)]
        aucs = [view and estimate(view["splits"][REPORTED]["roc_auc"]) for view in views]
        rows.append([wording.marked(item), *aucs])
    return rows


def _strongest_in_words(audit: Json, view: str, metrics: Sequence[Json]) -> str:
    """Say which property the experiments that score a view are held against."""
    members = [item for item in metrics if item["view"] == view]
    found = [each for item in members for each in audited(audit, item)]
    if not found:
        return ""
    met = any(map(known_voices, members))
    names, auc = strongest(found, met)
    where = REPORTED if view == CLEAN else f"{REPORTED}, {view_name(view)},"
    noun, verb = ("properties", "are") if " and " in names else ("property", "is")
    return (
        f"The strongest {noun} on {where} {verb} {names}: ROC-AUC {estimates.whole(auc)}, "
        "without any model. An experiment that does no better has shown nothing about speech."
        + ("" if met else " Who speaks does not count: no experiment has met these speakers.")
    )


def audited(audit: Json, item: Json) -> list[Json]:
    """Return the audits of the partitions that an experiment is reported on."""
    return [
        audit["splits"][name] for name in item["partitions"][REPORTED] if name in audit["splits"]
    ]


def strongest(audits: Sequence[Json], known_voices: bool) -> tuple[str, Json]:
    """Return the property that separates the classes of an audited partition best, and its ROC-AUC.

    Properties whose ROC-AUC is the same to the printed digits are all named. Who speaks is one that
    a model can use only where it has met the voices (`known_voices`).
    """
    properties = [
        item
        for found in audits
        for name, item in found["properties"].items()
        if known_voices or name != SPEAKER
    ]
    best = max(properties, key=lambda item: item["roc_auc"]["value"])["roc_auc"]
    tied = [
        item["name"]
        for item in properties
        if estimates.value(item["roc_auc"]) == estimates.value(best)
    ]
    return wording.listed(list(dict.fromkeys(tied))), best


def known_voices(item: Json) -> bool:
    """Tell whether an experiment is reported on speakers whom it was fitted on."""
    return bool(item["leak"]["speakers"]["train_eval"])
