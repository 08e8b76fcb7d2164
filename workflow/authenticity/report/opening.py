"""The report's opening, and the page that says which results to trust; `trust` rates them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from authenticity import wording
from authenticity.evaluation.results import ATTACK, ATTACKS, KNOWN, REPORTED, UNKNOWN, Tested
from authenticity.html import render
from authenticity.names import POINT, labelled
from authenticity.report.cells import RATINGS, Rows, coloured, estimate, marked, tabulated
from authenticity.report.comparison import in_short
from authenticity.wording import Json


@dataclass(frozen=True)
class Corpus:
    """What the opening says of one corpus.

    Attributes:
        verified: its verification.
        tested: the experiments tested on it.
        ratings: the overall rating of `trust` by name.
        figure: the ROC curves; None without experiments.
        compared: the verdicts on pairs of experiments; None without any.
        on_dev: the ROC-AUC of each experiment on the dev that it was chosen on, by the corpus that
            it was fitted on and its name there.
    """

    verified: Json
    tested: Sequence[Tested]
    ratings: Mapping[str, str]
    figure: Path | None
    compared: Json | None = None
    on_dev: Mapping[tuple[str, str], float] = field(default_factory=dict)


def opening(corpora: Sequence[Corpus]) -> str:
    """Return the opening page's content, a fragment that the report puts into its page."""
    return render(
        "opening.html.j2",
        split=REPORTED,
        point=POINT,
        compared=any(corpus.compared for corpus in corpora),
        corpora=[_section(corpus) for corpus in corpora],
    )


def _section(corpus: Corpus) -> Json:
    protocols = {(item.protocol, item.corpus): item for item in corpus.tested}
    section = {
        "name": corpus.verified["corpus"],
        "used": wording.used(corpus.verified),
        "protocols": [_protocol(item) for item in protocols.values()],
        "figure": corpus.figure,
    }
    if not corpus.figure:
        return section
    counts = Counter(corpus.ratings[item.name] for item in corpus.tested)
    rated = [f"“{name}” ({counts[name]})" for name in RATINGS if counts[name]]
    return section | {
        "answer": _answer(corpus),
        "warnings": wording.warnings(corpus.tested),
        "results": _results(corpus, several=len(protocols) > 1),
        "pairs": in_short(corpus.compared, corpus.tested) if corpus.compared else [],
        "ratings": wording.listed(rated),
    }


def _results(corpus: Corpus, several: bool) -> tuple[list[str], Rows]:
    """Return the table; a single protocol is named in the sentences above it, not in a column."""
    rows = []
    for item in corpus.tested:
        by_novelty = item.on(REPORTED, ATTACKS).each("roc_auc")
        rows.append(
            {
                "Experiment": marked(item),
                "ROC-AUC": estimate(item.reported["roc_auc"]),
                **{name: estimate(by_novelty.get(name)) for name in (KNOWN, UNKNOWN)},
                "EER": estimate(item.reported["eer"], percent=True),
                "Protocol": item.protocol if several else None,
                "Trust": coloured(corpus.ratings[item.name]),
            }
        )
    return tabulated(rows)


def _protocol(item: Tested) -> str:
    auc, attacks = item.reported["roc_auc"], item.on(REPORTED, ATTACK).names("group_value")
    where = "" if item.corpus == item.target else f" on {item.corpus}"
    return (
        f"In the {item.protocol} protocol, {REPORTED} has {auc.n_bonafide:,} bona fide and "
        f"{auc.n_spoof:,} spoof clips of {wording.attacks(attacks)}, and shares "
        f"{wording.shared_with_training(item)} with training{where}."
    )


_PREFERRED = {
    "are no controls": lambda item: not item.control,
    "do not leak": lambda item: not item.leaks,
    "were fitted on this corpus": lambda item: item.corpus == item.target,
}


def _answer(corpus: Corpus) -> str:
    """Say in a reader's terms what the experiment that does best on dev reaches on eval.

    The choice is made on dev: a choice made on eval would make the value too good. Controls are
    never named: they are there for others to be held against. An experiment that leaks is named
    only where all leak, because its results answer another question; and one that was fitted on
    another corpus only where all were, because its dev is another one.
    """
    if all(item.control for item in corpus.tested):
        return "Only controls were run, and a control is no answer."
    contenders, limits = corpus.tested, []
    for limit, meets in _PREFERRED.items():
        kept = [item for item in contenders if meets(item)]
        if 0 < len(kept) < len(contenders):
            contenders = kept
            limits.append(limit)
    # A protocol may have no dev.
    aucs = [corpus.on_dev.get((item.corpus, item.experiment), -1.0) for item in contenders]
    best, why = contenders[aucs.index(max(aucs))], ""
    if max(aucs) >= 0:
        others = f" of those that {wording.listed(limits)}" if limits else ""
        why = f", the best on dev{others},"
    pairs, wrong = (100 * best.reported[name].value for name in ("roc_auc", "eer"))
    words = (
        f"{best.name}{why} scores the spoof higher in {pairs:.1f} of 100 pairs of one "
        f"clip of each kind on {REPORTED} (ROC-AUC; guessing gives 50). With the threshold where "
        f"both kinds of error are equally frequent, it is wrong on {wrong:.1f}% of the clips (EER)."
    )
    rated = corpus.ratings[best.name]
    if rated != "trust":
        words += f" The rating of these results: {rated}; the first page of the menu says why."
    return words


def rating(ratings: Json) -> str:
    """Return the page of `trust.judge_all`: per experiment its rating, then each check."""
    experiments = ratings["experiments"]
    labels = [labelled(item["name"], item["control"]) for item in experiments]
    by_experiment = [
        item["ratings"] | {check["name"]: check["status"] for check in item["checks"]}
        for item in experiments
    ]
    names = dict.fromkeys(name for column in by_experiment for name in column)
    checks = [
        [[each["name"], coloured(each["status"]), each["sentence"]] for each in item["checks"]]
        for item in experiments
    ]
    return render(
        "rating.html.j2",
        corpus=ratings["corpus"],
        split=ratings["split"],
        titles=["Kinds of metric, then checks", *labels],
        overview=[
            [name, *(coloured(each[name]) if name in each else None for each in by_experiment)]
            for name in names
        ],
        kinds=range(len(experiments[0]["ratings"])),
        experiments=zip(labels, experiments, checks, strict=True),
        thresholds=[[f"{item['value']:g}", item["reason"]] for item in ratings["thresholds"]],
    )
