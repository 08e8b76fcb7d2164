"""What is said of an experiment wherever its figures stand: leaks, orientation, its choice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from authenticity import estimates
from authenticity.evaluation.probabilities import Chance
from authenticity.features.matrix import LOGITS
from authenticity.names import NOT_KNOWN, POOLING_WORDS, labelled, view_name

REPORTED = "eval"
"""The split whose figures are the headline: models were fitted and chosen without it."""
Json = Mapping[str, Any]

NO_WIDTH = (
    "An interval of no width comes from resamples that are all alike, as where the clips at hand "
    "are separated without an error. It is not certainty, least of all with few clips."
)


class Words(NamedTuple):
    """Words in a table's cell, in a style: `quiet`, `change`, `good`, `doubt` or `bad`."""

    text: str
    style: str


Cell = Sequence[str | Words] | str | int | None
"""What a cell of a table holds; texts and words that stand in a row are set apart by spaces."""
Rows = Sequence[Sequence[Cell]]

_PAIRS = {
    "train_eval": "train and eval",
    "dev_eval": "dev and eval",
    "train_dev": "train and dev",
}


def counted(number: int, thing: str) -> str:
    """Return a number with its noun: "no speaker", "1 clip", "1,024 clips"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}" if number else f"no {thing}"


def attacks(found: Json) -> str:
    """Say how many attacks a split has, as far as they are known."""
    known = [name for name in found["per_attack"] if name != NOT_KNOWN]
    if not known:
        return "unknown attacks"
    more = "" if len(known) == len(found["per_attack"]) else " and unknown ones"
    return f"{counted(len(known), 'attack')}{more}"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def audio(item: Json) -> str:
    """Say which views an experiment was fitted on and which it scores."""
    fitted, scored = [view_name(view) for view in item["train_views"]], view_name(item["view"])
    return scored if fitted == [scored] else f"fitted on {listed(fitted)}; {scored} is scored"


def by_view(metrics: Sequence[Json], applied: Sequence[Json]) -> dict[str, dict[str, Json]]:
    """Sort metrics by experiment and view: the one it is made for, then those it is tested in."""
    found = {item["name"]: {item["view"]: item} for item in metrics}
    for item in applied:
        found[item["name"]][item["view"]] = item
    return found


def shared(leak: Json, speaker: str = "speaker") -> str:
    """Say what is on both sides: "train and eval share 20 speakers and 3 duplicates".

    `speaker` is what a shared speaker is called; of another corpus, only the name is known.
    """
    said = []
    for pair, sides in _PAIRS.items():
        things = [
            counted(leak[kind][pair], noun)
            for kind, noun in (
                ("speakers", speaker),
                ("duplicates", "duplicate clip"),
                ("near_duplicates", "near-duplicate clip"),
            )
            if leak[kind][pair]
        ]
        if things:
            said.append(f"{sides} share {listed(things)}")
    return "; ".join(said)


def leak(item: Json) -> str | None:
    """Say that a protocol leaks, with the counts; None where it does not."""
    if not item["leak"]["leaks"]:
        return None
    speaker = "speaker" if item["corpus"] == item["target"] else "speaker name"
    return (
        f"{item['name']} leaks: in its protocol {item['protocol']}, "
        f"{shared(item['leak'], speaker)}. "
        "Its figures are too good for speakers and clips that it has not met."
    )


def turned(item: Json) -> list[float]:
    """Return the negative slopes of an experiment's calibrations on dev, of each round."""
    slopes = [each["calibration"]["slope"] for each in item["chosen"] if each.get("calibration")]
    return [slope for slope in slopes if slope < 0]


def orientation(item: Json, split: str) -> str | None:
    """Say that scores point the wrong way or nowhere on a split, or did so on dev; else None."""
    found, round_turned = item["splits"][split], _turned(item, split)
    interval = estimates.interval(found["roc_auc"]).strip("()")
    if found["orientation"] == "flipped":
        said = (
            f"{item['name']} is flipped on {split}: its ROC-AUC lies wholly below 0.5 "
            f"({interval}), so bona fide clips score higher than spoof. "
        )
        return said + (
            round_turned
            or "Turning the scores round now would be a choice made on the clips that are reported."
        )
    if found["orientation"] == "undecided":
        said = (
            f"{item['name']} is not told apart from guessing on {split}: the interval of its "
            f"ROC-AUC ({interval}) holds 0.5."
        )
        return f"{said} {round_turned}" if round_turned else said
    return f"{item['name']} points another way on dev. {round_turned}" if round_turned else None


def _turned(item: Json, split: str) -> str | None:
    """Say that calibration turned the scores round, and which figures are of which scores."""
    slopes, rounds = turned(item), len(item["chosen"])
    if not slopes:
        return None
    if rounds > 1:
        return (
            f"In {len(slopes)} of {rounds} rounds the calibration on dev turned the scores round, "
            "and the score of every round is the calibrated one."
        )
    way = {"flipped": "the right way", "undecided": "no way", "as expected": "the wrong way"}
    return (
        f"The calibration on dev turned the scores round (slope {slopes[0]:.3g}), because lower "
        "scores pointed to spoof there. ROC-AUC, EER, average precision and error rates at the "
        "threshold are of the raw score; Cllr, the detection costs, Brier score and ECE after "
        "calibration and the exported score files are of the calibrated log-likelihood ratio, "
        f"which points {way[item['splits'][split]['orientation']]} on {split}."
    )


def unknown_speakers(item: Json) -> str | None:
    """Say how many clips have no known speaker; None where all are known."""
    number = item["leak"]["unknown_speakers"]
    if not number:
        return None
    return (
        f"{item['name']}: {counted(number, 'clip')} of its protocol without a known speaker. "
        "Whether speakers are on both sides cannot be said of them."
    )


def warnings(metrics: Sequence[Json], split: str = REPORTED) -> list[str]:
    """Return all that must be said beside the figures of these experiments."""
    said = []
    for item in metrics:
        said += [leak(item), orientation(item, split) if split in item["splits"] else None]
    unknown = [unknown_speakers(item) for item in metrics]
    # Several experiments of one protocol do not need it said several times.
    return [words for words in dict.fromkeys([*said, *unknown]) if words]


def marked(item: Json) -> Cell:
    """Return an experiment's name, marked where it is a control or its protocol leaks."""
    return [*quietly(label(item)), *([Words("leaks", "bad")] if item["leak"]["leaks"] else [])]


def quietly(words: str) -> list[str | Words]:
    """Return "value (more)" with what stands in brackets set back."""
    value, bracket, more = words.partition(" (")
    return [value, *([Words(f"({more}", "quiet")] if bracket else [])]


def estimate(found: Json | None, percent: bool = False) -> Cell:
    """Return an estimate with its interval set back, if there is an estimate."""
    return quietly(estimates.whole(found, percent)) if found else None


def label(item: Json) -> str:
    """Return an experiment's name in plain text, marked where it is a control."""
    return labelled(item["name"], item["control"])


def chosen(item: Json) -> str:
    """Say which features, pooling and C were chosen, over all rounds of a protocol."""
    rounds = item["chosen"]
    if len(rounds) == 1:
        (only,) = rounds
        C = "" if only["C"] is None else f", C = {only['C']:g}"
        return f"{only['candidate']}, {POOLING_WORDS[only['pooling']]}{C}"
    counts = Counter((each["candidate"], each["pooling"]) for each in rounds)
    said = [
        f"{candidate}, {POOLING_WORDS[pooling]}, in {number} of {len(rounds)} rounds"
        for (candidate, pooling), number in counts.most_common()
    ]
    if is_published(item):
        return "; ".join(said)
    return f"{'; '.join(said)}; C = {ranged([each['C'] for each in rounds])}"


def is_published(item: Json) -> bool:
    """Whether it is a detector that others have trained, on clips that are not known here."""
    return any(each["candidate"] == LOGITS for each in item["chosen"])


def ranged(values: Sequence[float]) -> str:
    """Return the range of some numbers, or the one number that all are."""
    low, high = min(values), max(values)
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def stage(found: Json) -> str:
    """Return which probabilities of a split count: those "after" calibration, if it was made."""
    return "after" if found["ece"]["after"] else "before"


def ece(found: Json, when: str) -> str:
    """Return a split's calibration error with its chance level: "9.10% (8.70% by chance)"."""
    value, chance = found["ece"][when]["value"], found["ece"]["chance"][when]["mean"]
    return f"{100 * value:.2f}% ({100 * chance:.2f}% by chance)"


def ece_in_words(found: Json, when: str) -> str:
    """Say a split's calibration error, what chance gives, and what is beyond chance."""
    value, chance = found["ece"][when]["value"], found["ece"]["chance"][when]
    beyond = beyond_chance(found, when)
    left = f"{100 * beyond:.2f}% is beyond chance" if beyond else "none of it is beyond chance"
    return (
        f"ECE {100 * value:.2f}%, where chance alone gives {100 * chance['mean']:.2f}% with "
        f"{found['n_bonafide'] + found['n_spoof']:,} clips (up to {100 * chance['high']:.2f}% in "
        f"39 of 40 draws): {left}."
    )


def beyond_chance(found: Json, when: str) -> float:
    """Return the part of a split's calibration error that is not chance."""
    return Chance(**found["ece"]["chance"][when]).beyond(found["ece"][when]["value"])


def covers_new_speakers(found: Json) -> bool:
    """Tell whether a split's interval comes from resampling speakers, in both classes."""
    method = found["interval"]["method"]
    return "speaker" in method and "trial" not in method
