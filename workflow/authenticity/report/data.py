"""What the data are like: clips set aside, duplicates, and what single properties give away."""

from collections.abc import Iterator, Mapping, Sequence

from authenticity import estimates, wording
from authenticity.estimates import Estimate
from authenticity.evaluation.audit import audited, known_voices, strongest
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
from authenticity.report.cells import Rows, estimate, marked, page
from authenticity.wording import Json


def rejected(verified: Json) -> str:
    """Return the page of clips that were set aside, with their reasons, and of duplicates."""
    classes = ("bona fide", "spoof")
    rows = [[item["file"], classes[item["label"]], item["reason"]] for item in verified["rejected"]]
    same, near = verified["duplicates"], verified["near_duplicates"]
    sentences = (wording.duplicates(same), wording.near_duplicates(near))
    examples = ([[", ".join(files)] for files in groups["examples"]] for groups in (same, near))
    return render(
        "rejected.html.j2",
        used=wording.used(verified),
        rows=rows,
        alike=zip(("Duplicates", "Near-duplicates"), sentences, examples, strict=True),
    )


def audit(audits: Mapping[str, Json], items: Sequence[Tested]) -> str:
    """Return the page of what single properties of a clip score, beside what experiments score.

    Args:
        audits: by view; of each view that an experiment scores, at least.
        items: the experiments tested on the corpus; may be empty.
    """
    ordered = {view: audits[view] for view in ordered_views(audits)}
    names = {view: "" if [*audits] == [CLEAN] else f", {view_name(view)}" for view in audits}
    views = (CLEAN, TRIMMED, INVERTED)
    # Next to the strongest property, so that neither is read alone.
    experiments = [
        [marked(item), *(estimate(item.on(REPORTED, view=view).get("roc_auc")) for view in views)]
        for item in items
    ]
    strongest = (
        _strongest_in_words(found, view, met, items)
        for view, found in ordered.items()
        for met in (False, True)
    )
    return page(
        "audit.html.j2",
        items,
        experiments=experiments,
        strongest=filter(None, strongest),
        views=[_audit_tables(found, names[view]) for view, found in ordered.items()],
    )


def _audit_tables(audit: Json, heard: str) -> Iterator[tuple[str, Rows, list[str], Json]]:
    """Yield a table per split, and how it was made; `heard` names the view.

    Several properties together, or an identity, have no unit and no median.
    """
    for split in sorted(ordered_splits(audit["splits"]), key=lambda split: split != REPORTED):
        found = audit["splits"][split]
        properties = found["properties"].values()
        count = f"{found['n_bonafide']:,} bona fide, {found['n_spoof']:,} spoof"
        learned = [f"{item['name']}: {item['how']}." for item in properties if "how" in item]
        medians = ("median_bonafide", "median_spoof")
        rows = [
            [
                item["name"],
                item["unit"],
                estimate(auc),
                item["direction"] or (None if auc.value > 0.5 else "no better than guessing"),
                *(None if item[name] is None else f"{item[name]:.4g}" for name in medians),
            ]
            for item in sorted(properties, key=lambda item: -item["roc_auc"]["value"])
            for auc in [Estimate(**item["roc_auc"])]
        ]
        yield f"{split_name(split)}{heard} ({count})", rows, learned, found["interval"]


def _strongest_in_words(audit: Json, view: str, met: bool, items: Sequence[Tested]) -> str | None:
    """Say which property is held against the experiments that score a view.

    Those that have met the speakers (`met`) are held against who speaks too.
    """
    members = [item for item in items if item.view == view and known_voices(item) == met]
    audits = [each for item in members for each in audited(audit, item)]
    if not audits:
        return None
    names, auc = strongest(audits, met)
    where = REPORTED if view == CLEAN else f"{REPORTED}, {view_name(view)},"
    noun, verb = ("properties", "are") if len(names) > 1 else ("property", "is")
    words = (
        f"The strongest {noun} on {where} {verb} {wording.listed(names)}: ROC-AUC "
        f"{estimates.whole(auc)}, without any model. An experiment that does no better has shown "
        "nothing about speech. "
    )
    if met:
        return f"{words}This holds for experiments that have met these speakers."
    return f"{words}Who speaks does not count: these experiments have not met the speakers."
