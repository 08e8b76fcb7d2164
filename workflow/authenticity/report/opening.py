"""The report's opening: question, data, answer and one figure per corpus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from authenticity.html import render
from authenticity.names import POINT
from authenticity.report import wording
from authenticity.report.comparison import in_short
from authenticity.report.rating import coloured, counted
from authenticity.report.wording import REPORTED, Cell, Json, estimate


@dataclass(frozen=True)
class Corpus:
    """What the opening says of one corpus.

    Attributes:
        verified: its verification.
        metrics: of the experiments tested on it.
        ratings: the overall rating of `trust` by name.
        figure: the ROC curves; None without experiments.
        compared: the verdicts on pairs of experiments; None without any.
    """

    verified: Json
    metrics: Sequence[Json]
    ratings: Mapping[str, str]
    figure: Path | None
    compared: Json | None = None


def opening(corpora: Sequence[Corpus]) -> str:
    """Return the opening page's content, a fragment that the report puts into its page."""
    return render(
        "opening.html.j2",
        split=REPORTED,
        point=POINT,
        compared=any(corpus.compared for corpus in corpora),
        corpora=[_said(corpus) for corpus in corpora],
    )


def _said(corpus: Corpus) -> Json:
    verified, metrics = corpus.verified, corpus.metrics
    removed = verified["duplicates"]["n_removed"]
    used = f"{verified['n_accepted'] - removed:,} clips were used"
    if verified["n_rejected"]:
        used += f", {verified['n_rejected']:,} set aside with reasons"
    if removed:
        used += f", {removed:,} left out as duplicates"
    protocols = {(item["protocol"], item["corpus"]): item for item in metrics}
    found = {
        "name": verified["corpus"],
        "used": used,
        "protocols": [_protocol(item) for item in protocols.values()],
        "figure": corpus.figure,
    }
    if corpus.figure:
        found |= {"answer": _in_words(corpus), "warnings": wording.warnings(metrics)}
        found["rows"] = [_row(item, corpus.ratings[item["name"]]) for item in metrics]
        found["pairs"] = in_short(corpus.compared, metrics) if corpus.compared else []
        found["ratings"] = counted([corpus.ratings[item["name"]] for item in metrics])
    return found


def _row(item: Json, rating: str) -> list[Cell]:
    found = item["splits"][REPORTED]
    auc, eer = estimate(found["roc_auc"]), estimate(found["eer"], percent=True)
    return [wording.marked(item), auc, eer, item["protocol"], coloured(rating)]


def _protocol(item: Json) -> str:
    found, leak = item["splits"][REPORTED], item["leak"]
    shared = [
        wording.counted(leak[kind]["train_eval"], noun)
        for kind, noun in (
            ("speakers", "known speaker" if leak["unknown_speakers"] else "speaker"),
            ("attacks", "attack"),
            ("duplicates", "duplicate clip"),
            ("near_duplicates", "near-duplicate clip"),
        )
    ]
    attacks = wording.attacks(found)
    where = "" if item["corpus"] == item["target"] else f" on {item['corpus']}"
    return (
        f"In the {item['protocol']} protocol, {REPORTED} has {found['n_bonafide']:,} bona fide and "
        f"{found['n_spoof']:,} spoof clips of {attacks}, and shares {wording.listed(shared)} with "
        f"training{where}."
    )


def _in_words(corpus: Corpus) -> str:
    """Say in a reader's terms what the experiment that does best on dev reaches on eval.

    A control is never the answer: it is there for others to be held against. Naming the best on
    eval would be a choice made on eval, and so too good a figure; naming the first would be one
    made by the order in the configuration, which says nothing. One whose protocol leaks is named
    only where all leak: its figures answer another question.
    """
    contenders = [item for item in corpus.metrics if not item["control"]]
    if not contenders:
        return "Only controls were run, and a control is no answer."
    sound = [item for item in contenders if not item["leak"]["leaks"]]
    chosen = max(sound or contenders, key=_roc_auc_on_dev)
    found = chosen["splits"][REPORTED]
    pairs, wrong = 100 * found["roc_auc"]["value"], 100 * found["eer"]["value"]
    why = "" if _roc_auc_on_dev(chosen) < 0 else ", the best on dev,"
    if why and len(contenders) < len(corpus.metrics):
        why = ", the best on dev of those that are no controls,"
    words = (
        f"{chosen['name']}{why} scores the spoof higher in {pairs:.1f} of 100 pairs of one "
        f"clip of each kind on {REPORTED} (ROC-AUC; guessing gives 50). With the threshold where "
        f"both kinds of error are equally frequent, it is wrong on {wrong:.1f}% of the clips (EER)."
    )
    rating = corpus.ratings[chosen["name"]]
    if rating != "trust":
        words += f" The rating of these figures: {rating}; the first page of the menu says why."
    return words


def _roc_auc_on_dev(metrics: Json) -> float:
    """That of the corpus it was fitted on, or -1 where a protocol has no dev part."""
    return -1.0 if metrics["dev_roc_auc"] is None else metrics["dev_roc_auc"]
