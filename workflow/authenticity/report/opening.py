"""The report's opening: question, data, answer and one figure per corpus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from authenticity import html
from authenticity.report import wording
from authenticity.report.comparison import answers
from authenticity.report.rating import coloured
from authenticity.report.wording import REPORTED, Json

_OPENING_STYLE = """<style>
/* The report's page is narrow, and centres content higher than the window so that its top cannot
   be reached. */
.prose:has(#opening) { max-width: 62rem !important; }
.h-screen:has(#opening) { align-items: flex-start; }
#opening { padding: 0 1rem 2rem; }
#opening h1 { font-size: 1.6rem; margin: .2rem 0 .6rem; }
#opening h2 { font-size: 1.1rem; margin: 1.2rem 0 .3rem; }
#opening table { border-collapse: collapse; width: auto; margin: .6rem 0; }
#opening caption { text-align: left; font-weight: 600; padding: .3rem 0; }
#opening th, #opening td { padding: .25rem .9rem .25rem 0; text-align: left;
  border-bottom: 1px solid #d4d8dd; }
#opening img { width: 100%; max-width: 54rem; margin: .6rem 0; }
#opening .quiet { color: #586473; }
#opening .notice { border-left: .3rem solid #a32a00; padding-left: .7rem; }
#opening .good, #opening .doubt, #opening .bad { font-weight: 600; white-space: nowrap; }
#opening .good { color: #00664a; }
#opening .doubt { color: #7a4f00; }
#opening .bad { color: #a32a00; }
#opening .scroll { overflow-x: auto; }
</style>
"""


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
    parts = [_QUESTION]
    for corpus in corpora:
        if corpus.compared:
            said = answers(corpus.compared, corpus.metrics)
            parts.append(f"<h2>Is it better, and by a point?</h2>\n{said}")
    for corpus in corpora:
        parts.append(_data(corpus))
        if corpus.figure:
            name = corpus.verified["corpus"]
            parts.append(_answer(corpus))
            parts.append(html.image(corpus.figure, f"ROC curves on {REPORTED} of {name}"))
    return f'<div id="opening">{_OPENING_STYLE}{"".join(parts)}{_READ_ON}</div>\n'


_QUESTION = (
    "<h1>Is this a person speaking, or a machine?</h1>\n"
    "<p>A countermeasure gives each clip of speech a score: the higher, the more likely a machine "
    "made it. This report says how well such scores tell bona fide from spoofed speech, and which "
    "of its figures can be trusted.</p>\n"
)
_READ_ON = (
    "<p>The menu on the left leads to figures and tables, first to which figures to trust; the "
    "sign beside each says how to read it. The graph on this page is the workflow that made them: "
    "click a step for its code.</p>\n"
)


def _data(corpus: Corpus) -> str:
    verified, metrics = corpus.verified, corpus.metrics
    removed = verified["duplicates"]["n_removed"]
    used = f"{verified['n_accepted'] - removed:,} clips were used"
    if verified["n_rejected"]:
        used += f", {verified['n_rejected']:,} set aside with reasons"
    if removed:
        used += f", {removed:,} left out as duplicates"
    protocols = {(item["protocol"], item["corpus"]): item for item in metrics}
    said = " ".join(_protocol(item) for item in protocols.values())
    if not metrics:
        said = "No experiment was trained on it: it is there to test on."
    heading = f"The data: corpus {verified['corpus']}"
    return f"<h2>{escape(heading)}</h2>\n{html.paragraph(f'{used}. {said}')}"


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


def _answer(corpus: Corpus) -> str:
    rows = []
    for item in corpus.metrics:
        found = item["splits"][REPORTED]
        auc, eer = html.estimate(found["roc_auc"]), html.estimate(found["eer"], percent=True)
        rating = coloured(corpus.ratings[item["name"]])
        rows.append([wording.marked(item), auc, eer, item["protocol"], rating])
    columns = ["Experiment", "ROC-AUC", "EER", "Protocol", "Trust"]
    caption = f"Figures on {REPORTED}, 95% intervals in brackets"
    parts = [
        html.paragraph(_in_words(corpus)),
        html.table(caption, columns, rows),
        wording.warnings(corpus.metrics),
    ]
    return f"<h2>The answer</h2>\n{''.join(parts)}"


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
