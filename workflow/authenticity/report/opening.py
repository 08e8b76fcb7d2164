"""The report's opening: question, data, answer and one figure per corpus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from authenticity import wording
from authenticity.evaluation.results import ATTACK, ATTACKS, KNOWN, REPORTED, UNKNOWN, Tested
from authenticity.html import render
from authenticity.names import POINT
from authenticity.report.cells import estimate, marked
from authenticity.report.comparison import in_short
from authenticity.report.rating import coloured, counted
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
        on_dev: the ROC-AUC of each experiment, by name, on the dev that it was chosen on.
    """

    verified: Json
    tested: Sequence[Tested]
    ratings: Mapping[str, str]
    figure: Path | None
    compared: Json | None = None
    on_dev: Mapping[str, float] = field(default_factory=dict)


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
    by_novelty = {item.name: item.on(REPORTED, ATTACKS).each("roc_auc") for item in corpus.tested}
    novelty = [
        name for name in (KNOWN, UNKNOWN) if any(name in each for each in by_novelty.values())
    ]
    # What the experiments have in common has been said above the table.
    several = ["Protocol"] if len(protocols) > 1 else []
    return section | {
        "columns": ["Experiment", "ROC-AUC", *novelty, "EER", *several, "Trust"],
        "answer": _in_words(corpus),
        "warnings": wording.warnings(corpus.tested),
        "rows": [
            [
                marked(item),
                estimate(item.reported["roc_auc"]),
                *(estimate(by_novelty[item.name].get(name)) for name in novelty),
                estimate(item.reported["eer"], percent=True),
                *([item.protocol] if several else []),
                coloured(corpus.ratings[item.name]),
            ]
            for item in corpus.tested
        ],
        "pairs": in_short(corpus.compared, corpus.tested) if corpus.compared else [],
        "ratings": counted([corpus.ratings[item.name] for item in corpus.tested]),
    }


def _protocol(item: Tested) -> str:
    auc, attacks = item.reported["roc_auc"], item.on(REPORTED, ATTACK).names("group_value")
    where = "" if item.corpus == item.target else f" on {item.corpus}"
    return (
        f"In the {item.protocol} protocol, {REPORTED} has {auc.n_bonafide:,} bona fide and "
        f"{auc.n_spoof:,} spoof clips of {wording.attacks(attacks)}, and shares "
        f"{wording.shared_with_training(item.leak)} with training{where}."
    )


def _in_words(corpus: Corpus) -> str:
    """Say in a reader's terms what the experiment that does best on dev reaches on eval.

    A control is never the answer: it is there for others to be held against. Naming the best on
    eval would be a choice made on eval, and so too good a value; naming the first would be one
    made by the order in the configuration, which says nothing. One whose protocol leaks is named
    only where all leak: its results answer another question.
    """
    contenders = [item for item in corpus.tested if not item.control]
    if not contenders:
        return "Only controls were run, and a control is no answer."
    sound = [item for item in contenders if not item.leaks]
    # A protocol may have no dev.
    best = max(sound or contenders, key=lambda item: corpus.on_dev.get(item.name, -1.0))
    why = ", the best on dev," if best.name in corpus.on_dev else ""
    if why and len(contenders) < len(corpus.tested):
        why = ", the best on dev of those that are no controls,"
    pairs, wrong = (100 * best.reported[name].value for name in ("roc_auc", "eer"))
    words = (
        f"{best.name}{why} scores the spoof higher in {pairs:.1f} of 100 pairs of one "
        f"clip of each kind on {REPORTED} (ROC-AUC; guessing gives 50). With the threshold where "
        f"both kinds of error are equally frequent, it is wrong on {wrong:.1f}% of the clips (EER)."
    )
    rating = corpus.ratings[best.name]
    if rating != "trust":
        words += f" The rating of these results: {rating}; the first page of the menu says why."
    return words
