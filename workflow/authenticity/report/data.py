"""What the data are like: clips set aside, duplicates, and what single properties give away."""

from collections.abc import Iterator, Mapping, Sequence

from authenticity import estimates, wording
from authenticity.estimates import Estimate
from authenticity.evaluation.audit import (
    NO_SHORTCUT,
    audited,
    informative,
    known_voices,
    strongest,
)
from authenticity.evaluation.results import REPORTED, Tested
from authenticity.html import render
from authenticity.names import (
    CLEAN,
    INVERTED,
    TRIMMED,
    ordered_splits,
    ordered_views,
    split_name,
    view_name,
)
from authenticity.report.cells import Cell, Rows, estimate, marked
from authenticity.wording import Json

_CLASSES = ("bona fide", "spoof")


def rejected(verified: Json) -> str:
    """Return the page of clips that were set aside, with their reasons, and of duplicates."""
    rows = [
        [item["file"], _CLASSES[item["label"]], item["reason"]] for item in verified["rejected"]
    ]
    same, near = verified["duplicates"], verified["near_duplicates"]
    alike = {
        "Duplicates": (wording.duplicates(same), _examples(same)),
        "Near-duplicates": (wording.near_duplicates(near), _examples(near)),
    }
    return render("rejected.html.j2", used=wording.used(verified), rows=rows, alike=alike)


def _examples(groups: Json) -> list[list[str]]:
    return [[", ".join(files)] for files in groups["examples"]]


def audit(audits: Mapping[str, Json], items: Sequence[Tested]) -> str:
    """Return the page of what single properties of a clip score, beside what experiments score.

    Args:
        audits: by view; of each view that an experiment scores, at least.
        items: the experiments tested on the corpus; may be empty.
    """
    ordered = [(view, audits[view]) for view in ordered_views(audits)]
    names = {view: "" if [*audits] == [CLEAN] else f", {view_name(view)}" for view in audits}
    return render(
        "audit.html.j2",
        warnings=wording.warnings(items),
        split=REPORTED,
        experiments=[_beside(item) for item in items],
        strongest=filter(
            None, (_strongest_in_words(found, view, items) for view, found in ordered)
        ),
        views=[_audit_tables(found, names[view]) for view, found in ordered],
    )


def _audit_tables(audit: Json, heard: str) -> Iterator[tuple[str, Rows, list[str], Json]]:
    """Yield a table per split, and how it was made; `heard` names the view."""
    for split in sorted(ordered_splits(audit["splits"]), key=lambda split: split != REPORTED):
        of_split = audit["splits"][split]
        properties = of_split["properties"].values()
        strongest_first = sorted(properties, key=lambda item: -item["roc_auc"]["value"])
        count = f"{of_split['n_bonafide']:,} bona fide, {of_split['n_spoof']:,} spoof"
        learned = [f"{item['name']}: {item['how']}." for item in properties if "how" in item]
        rows = [_property(item) for item in strongest_first]
        yield f"{split_name(split)}{heard} ({count})", rows, learned, of_split["interval"]


def _property(item: Json) -> list[Cell]:
    """Return a row; several properties together, or an identity, have no unit and no median."""
    medians = [item["median_bonafide"], item["median_spoof"]]
    return [
        item["name"],
        item["unit"],
        estimate(Estimate(**item["roc_auc"])),
        item["direction"] or (None if informative(item) else NO_SHORTCUT),
        *(None if median is None else f"{median:.4g}" for median in medians),
    ]


def _beside(item: Tested) -> list[Cell]:
    """Show an experiment next to the strongest property, so that neither is read alone."""
    results = [item.on(REPORTED, view=view) for view in (CLEAN, TRIMMED, INVERTED)]
    return [marked(item), *(estimate(each.get("roc_auc")) for each in results)]


def _strongest_in_words(audit: Json, view: str, items: Sequence[Tested]) -> str:
    """Say which property the experiments that score a view are held against."""
    members = [item for item in items if item.view == view]
    audits = [each for item in members for each in audited(audit, item)]
    if not audits:
        return ""
    met = any(map(known_voices, members))
    names, auc = strongest(audits, met)
    where = REPORTED if view == CLEAN else f"{REPORTED}, {view_name(view)},"
    noun, verb = ("properties", "are") if len(names) > 1 else ("property", "is")
    return (
        f"The strongest {noun} on {where} {verb} {wording.listed(names)}: ROC-AUC "
        f"{estimates.whole(auc)}, without any model. An experiment that does no better has shown "
        "nothing about speech."
        + ("" if met else " Who speaks does not count: no experiment has met these speakers.")
    )
