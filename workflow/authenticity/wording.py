"""Sentences that stand wherever an experiment's results do: leaks, orientation, its choice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from authenticity import estimates
from authenticity.evaluation import calibration
from authenticity.evaluation.results import REPORTED, Results, Tested
from authenticity.names import LOGITS, NOT_KNOWN, POOLING_WORDS, view_name

Json = Mapping[str, Any]

NO_WIDTH = (
    "An interval of no width comes from resamples that are all alike, as where the clips at hand "
    "are separated without an error. It is not certainty, least of all with few clips."
)
_PAIRS = ("train_eval", "dev_eval", "train_dev")
_LEAK_KINDS = {
    "speakers": "speaker",
    "attacks": "attack",
    "duplicates": "duplicate clip",
    "near_duplicates": "near-duplicate clip",
}


def counted(number: int, thing: str) -> str:
    """Return a number with its noun: "no speaker", "1 clip", "1,024 clips"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}" if number else f"no {thing}"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def ranged(values: Sequence[float]) -> str:
    """Return the range of some numbers, or the one number that all are."""
    low, high = min(values), max(values)
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def attacks(names: Sequence[str]) -> str:
    """Say how many attacks there are, as far as they are known."""
    known = [name for name in names if name != NOT_KNOWN]
    if not known:
        return "unknown attacks"
    more = "" if len(known) == len(names) else " and unknown ones"
    return f"{counted(len(known), 'attack')}{more}"


def clips_and_speakers(results: Results) -> list[str]:
    """Return the clips of each class and their speakers, bona fide first: "1,200 (3)"."""
    auc = results["roc_auc"]
    counts = {"bonafide": auc.n_bonafide, "spoof": auc.n_spoof}
    return [
        f"{clips:,} ({int(results[f'n_speakers_{name}'].value):,})"
        for name, clips in counts.items()
    ]


def audio(item: Tested) -> str:
    """Say which views an experiment was fitted on and which it scores."""
    fitted, scored = [view_name(view) for view in item.train_views], view_name(item.view)
    return scored if fitted == [scored] else f"fitted on {listed(fitted)}; {scored} is scored"


def chosen(item: Tested) -> str:
    """Say which features, pooling and C were chosen, over all rounds of a protocol."""
    rounds = item.chosen
    counts = Counter(
        f"{each['candidate']}, {POOLING_WORDS[each['pooling']]}" for each in rounds
    ).most_common()
    if len(rounds) == 1:
        ((words, _),) = counts
        return words if rounds[0]["C"] is None else f"{words}, C = {rounds[0]['C']:g}"
    choices = [f"{words}, in {number} of {len(rounds)} rounds" for words, number in counts]
    if not is_published(item):
        choices.append(f"C = {ranged([each['C'] for each in rounds])}")
    return "; ".join(choices)


def is_published(item: Tested) -> bool:
    """Whether it is a detector that others have trained, on clips that are not known here."""
    return any(each["candidate"] == LOGITS for each in item.chosen)


def _nouns(item: Tested) -> dict[str, str]:
    """What both sides may share; of a speaker of another corpus, only the name is known."""
    return _LEAK_KINDS if item.corpus == item.target else _LEAK_KINDS | {"speakers": "speaker name"}


def shared(item: Tested) -> str:
    """Say what is on both sides: "train and eval share 20 speakers and 3 duplicates"."""
    sentences = []
    for pair in _PAIRS:
        things = [
            counted(item.leak[kind][pair], noun)
            for kind, noun in _nouns(item).items()
            if kind != "attacks" and item.leak[kind][pair]
        ]
        if things:
            sentences.append(f"{pair.replace('_', ' and ')} share {listed(things)}")
    return "; ".join(sentences)


def shared_with_training(item: Tested) -> str:
    """Say how much of each kind train and eval share, attacks and what they do not share too."""
    nouns, leak = _nouns(item), item.leak
    if leak["unknown_speakers"]:
        nouns = nouns | {"speakers": f"known {nouns['speakers']}"}
    return listed([counted(leak[kind]["train_eval"], noun) for kind, noun in nouns.items()])


def leak(item: Tested) -> str | None:
    """Say that a protocol leaks, with the counts; None where it does not."""
    if not item.leaks:
        return None
    return (
        f"{item.name} leaks: in its protocol {item.protocol}, {shared(item)}. "
        "Its results are too good for speakers and clips that it has not met."
    )


def unknown_speakers(item: Tested) -> str | None:
    """Say how many clips have no known speaker; None where all are known."""
    number = item.leak["unknown_speakers"]
    words = (
        f"{item.name}: {counted(number, 'clip')} of its protocol without a known speaker. "
        "Whether speakers are on both sides cannot be said of them."
    )
    return words if number else None


def turned(item: Tested) -> list[float]:
    """Return the negative slopes of an experiment's calibrations on dev, of each round."""
    slopes = [each["calibration"]["slope"] for each in item.chosen if each.get("calibration")]
    return [slope for slope in slopes if slope < 0]


def orientation(item: Tested) -> str | None:
    """Say that scores point the wrong way or nowhere on eval, or did so on dev; else None."""
    if not item.reported:
        return None
    way, reason = item.orientation(), _turned(item)
    interval = estimates.interval(item.reported["roc_auc"]).strip("()")
    if way == "flipped":
        words = (
            f"{item.name} is flipped on {REPORTED}: its ROC-AUC lies wholly below 0.5 "
            f"({interval}), so bona fide clips score higher than spoof."
        )
        now = "Turning the scores round now would be a choice made on the clips that are reported."
        return f"{words} {reason or now}"
    if way == "undecided":
        words = (
            f"{item.name} is not told apart from guessing on {REPORTED}: the interval of its "
            f"ROC-AUC ({interval}) holds 0.5."
        )
        return f"{words} {reason}" if reason else words
    return f"{item.name} points another way on dev. {reason}" if reason else None


def _turned(item: Tested) -> str | None:
    """Say that calibration turned the scores round, and which metrics are of which scores."""
    slopes, rounds = turned(item), len(item.chosen)
    if not slopes:
        return None
    if rounds > 1:
        return (
            f"In {len(slopes)} of {rounds} rounds the calibration on dev turned the scores round, "
            "and the score of every round is the calibrated one."
        )
    after = {"flipped": "the right way", "undecided": "no way", "as expected": "the wrong way"}
    return (
        f"The calibration on dev turned the scores round (slope {slopes[0]:.3g}), because lower "
        "scores pointed to spoof there. ROC-AUC, EER, average precision and error rates at the "
        "threshold are of the raw score; Cllr, the detection costs, Brier score and ECE after "
        "calibration and the exported score files are of the calibrated log-likelihood ratio, "
        f"which points {after[item.orientation()]} on {REPORTED}."
    )


def warnings(items: Sequence[Tested]) -> list[str]:
    """Return all that must be said beside the results of these experiments."""
    words = [say(item) for item in items for say in (leak, orientation)]
    words += map(unknown_speakers, items)
    return [each for each in words if each]


def stage(results: Results) -> str:
    """Return the suffix of the calibration errors that count: after calibration, if it was made."""
    return "" if results.get("ece") else "_before_calibration"


def ece(results: Results, suffix: str, digits: int = 2) -> str:
    """Return a calibration error with its chance level: "9.10% (8.70% by chance)"."""
    value, chance = (100 * results[f"{name}{suffix}"].value for name in ("ece", "ece_chance"))
    return f"{value:.{digits}f}% ({chance:.{digits}f}% by chance)"


def ece_in_words(results: Results, suffix: str) -> str:
    """Say a calibration error, what chance gives, and what is beyond chance."""
    error = results[f"ece{suffix}"]
    chance, high = (results[f"{name}{suffix}"].value for name in ("ece_chance", "ece_chance_high"))
    beyond = beyond_chance(results, suffix)
    left = f"{100 * beyond:.2f}% is beyond chance" if beyond else "none of it is beyond chance"
    return (
        f"ECE {100 * error.value:.2f}%, where chance alone gives {100 * chance:.2f}% with "
        f"{error.n_bonafide + error.n_spoof:,} clips (up to {100 * high:.2f}% in "
        f"39 of 40 draws): {left}."
    )


def beyond_chance(results: Results, suffix: str) -> float:
    """Return the part of a calibration error that is not chance."""
    error, chance, high = (
        results[f"{name}{suffix}"].value for name in ("ece", "ece_chance", "ece_chance_high")
    )
    return calibration.beyond_chance(error, chance, high)


def used(verified: Json) -> str:
    """Say how many clips of a corpus were used, set aside, and left out."""
    removed = verified["duplicates"]["n_removed"]
    return (
        f"{verified['n_accepted'] - removed:,} of {verified['n_manifest']:,} clips were used, "
        f"{verified['n_rejected']:,} set aside, {removed:,} left out as duplicates."
    )


def duplicates(groups: Json) -> str:
    """Say how many clips have the same decoded audio, and what was done about them."""
    if not groups["n_groups"]:
        return "No two clips have the same decoded audio."
    words = (
        f"{counted(groups['n_trials'], 'clip')} have the same decoded audio as another, in "
        f"{counted(groups['n_groups'], 'group')}."
    )
    removed = groups["policy"] == "remove"
    done = f"{counted(groups['n_removed'], 'clip').capitalize()} were removed."
    words += f" {done if removed else 'All were kept.'}"
    if groups["n_conflicts"]:
        number = counted(groups["n_conflicts"], "group")
        words += f" In {number} the same audio is called bona fide and spoof: a label is wrong"
        words += ", and none of their clips was used." if removed else "."
    return words


def near_duplicates(groups: Json) -> str:
    """Say how many clips are copies of another whose samples differ."""
    words = "No two clips are near-duplicates (encoded again, louder, or cut shorter)."
    if groups["n_groups"]:
        words = (
            f"{counted(groups['n_trials'], 'clip')} are near-duplicates of another (encoded "
            f"again, louder, or cut shorter), in {counted(groups['n_groups'], 'group')}. All "
            "were kept."
        )
    if groups["n_steady"]:
        steady = counted(groups["n_steady"], "clip").capitalize()
        words += f" {steady} of steady sound could not be compared."
    return words
