"""The candidates among which an experiment's features were chosen."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, median_low

from authenticity.evaluation.results import CANDIDATE, Row, Tested
from authenticity.names import POOLING_WORDS
from authenticity.report.cells import estimate, page
from authenticity.tables import candidate_column
from authenticity.wording import Json


@dataclass(frozen=True)
class Candidate:
    """One candidate with one pooling.

    Attributes:
        name: layer, layers or spectral numbers.
        pooling: over time.
        C: of its logistic regression; over several rounds the lower median of theirs;
            None where nothing was fitted.
        cv_roc_auc: cross-validated on train, the mean over rounds; None where C was chosen on dev.
        n_chosen: in how many rounds it was chosen.
        roc_auc: by split; over several rounds the mean of theirs.
    """

    name: str
    pooling: str
    C: float | None
    cv_roc_auc: float | None
    n_chosen: int
    roc_auc: Mapping[str, Row]


def candidates(item: Tested, model: Json) -> list[Candidate]:
    """Return an experiment's candidates; `model` is its JSON, which has C and the choice."""
    by_split = {split: item.on(split, CANDIDATE).each("roc_auc") for split in item.splits}
    chosen = Counter((each["candidate"], each["pooling"]) for each in model["rounds"])
    fits: dict[tuple[str, str], list[Json]] = {}
    for fit in model["selection"]:
        fits.setdefault((fit["candidate"], fit["pooling"]), []).append(fit)
    found = []
    for key, by_round in fits.items():
        C, cv = ([fit[name] for fit in by_round] for name in ("C", "cv_roc_auc"))
        aucs = {split: auc.get(candidate_column(*key)) for split, auc in by_split.items()}
        found.append(
            Candidate(
                *key,
                C=None if None in C else median_low(C),
                cv_roc_auc=None if None in cv else fmean(cv),
                n_chosen=chosen[key],
                roc_auc={split: auc for split, auc in aucs.items() if auc},
            )
        )
    return found


def selection(item: Tested, model: Json) -> str:
    """Return the page of an experiment's candidates; the chosen ones are marked.

    `model` is its JSON, see `candidates`.
    """
    found, n_rounds = candidates(item, model), len(model["rounds"])
    rows = [
        [
            each.name,
            POOLING_WORDS[each.pooling],
            None if each.C is None else f"{each.C:g}",
            None if each.cv_roc_auc is None else f"{each.cv_roc_auc:.4f}",
            *(estimate(each.roc_auc.get(split)) for split in item.splits),
            _chosen(each.n_chosen, n_rounds),
        ]
        for each in found
    ]
    caption = "95% intervals in brackets"
    if n_rounds > 1:
        caption = f"Means over {n_rounds} rounds, each with models of its own"
    aucs = [f"AUC on {split}" for split in item.splits]
    return page(
        "selection.html.j2",
        [item],
        name=item.label,
        caption=caption,
        columns=["Candidate", "Pooling", "C", "Cross-validated AUC", *aucs, "Chosen"],
        rows=rows,
        chosen=[index for index, each in enumerate(found) if each.n_chosen],
        folds="; ".join(dict.fromkeys(each["folds"] for each in model["rounds"])),
    )


def _chosen(n_chosen: int, n_rounds: int) -> str:
    if not n_chosen:
        return ""
    return "chosen" if n_rounds == 1 else f"in {n_chosen} of {n_rounds} rounds"
