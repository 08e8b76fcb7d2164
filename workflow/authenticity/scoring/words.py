"""Numbers, verdicts and models in words, the same on the terminal, the page and the pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

from authenticity.names import ordered_views, view_name
from authenticity.scoring.decision import (
    CLASSES,
    DISTRUST,
    GENUINE,
    NAMES,
    PROBABILITIES,
    SYNTHETIC,
    UNDECIDED,
    WRONG,
    ClassOutcomes,
    Decision,
    Outcomes,
    Rate,
)
from authenticity.scoring.result import Caution, Recording, Verdict
from authenticity.wording import listed

INTERVAL = "calibration clips only"
"""What every interval of a recording is called: it covers nothing else."""

_UNMEASURED = "It was never measured on unseen clips."
# Cautions on answers that contradict each other; all others are on the recording.
_CONTRADICTIONS = {
    "polarity": "With inverted polarity, which sounds the same, it would be judged otherwise.",
    "part_synthetic": "A part of it scores as synthetic, the whole as genuine.",
}


# Numbers.


def percent(share: float) -> str:
    """Return a probability in percent; rounding never makes it certain."""
    if share >= 0.9995:
        return ">99.9"
    return "<0.1" if share < 0.0005 else f"{100 * share:.1f}"


def interval(low: float, high: float) -> str:
    """Return the interval of a probability in percent."""
    if low >= 0.9995 or high < 0.0005:
        return percent(low)
    return f"{percent(low)} to {percent(high)}"


def signed(value: float) -> str:
    """Return a log-likelihood ratio with its sign; what rounds to nothing has none."""
    text = f"{round(value, 2) + 0.0:+.2f}"
    return "0.00" if text == "+0.00" else text.replace("-", "−")


def duration(seconds: float) -> str:
    """Return how long something is or takes, with its unit."""
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def clock(seconds: float) -> str:
    """Return a place in a recording as minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def megabytes(size: int) -> str:
    """Return a size in 10^6 bytes; a small one in 10^3."""
    if size < 1e5:
        return f"{size / 1e3:,.0f} kB"
    return f"{size / 1e6:,.1f} MB" if size < 1e7 else f"{size / 1e6:,.0f} MB"


def _with_interval(rate: Rate) -> str:
    return f"{rate['value']:.0%} ({100 * rate['low']:.0f} to {rate['high']:.0%})"


def _people(counted: Outcomes, name: str) -> str:
    """Say how many people clips of a class are of, where it is bona fide and that is known."""
    number = counted[name]["speakers"] if name == "bonafide" else 0
    return f" ({number} {'person' if number == 1 else 'people'})" if number else ""


# A recording.


def number(recording: Recording) -> str:
    """Return the one number that stands for a recording, with its interval.

    It is the probability; the log-likelihood ratio where the checks on the model's run do not trust
    its probabilities; none where a caution is severe.
    """
    if recording.p_synthetic is None:
        return "no number"
    if recording.p_trust == DISTRUST:
        low, high = signed(recording.llr_low), signed(recording.llr_high)
        return f"LLR {signed(recording.llr)} ({low} to {high})"
    share = percent(recording.p_synthetic)
    return f"{share}% ({interval(recording.p_low, recording.p_high)})"


def why_no_verdict(recording: Recording, decision: Decision) -> str:
    """Return in one short sentence why a recording gets no verdict; empty where it gets one."""
    if recording.verdict != UNDECIDED:
        return ""
    severe = [caution.code for caution in recording.cautions if caution.severe]
    if severe:
        unlike = "It is too unlike the training data to judge"
        cause = "" if severe[0] == "unlike_training" else f": {severe[0].replace('_', ' ')}"
        return _CONTRADICTIONS.get(severe[0], f"{unlike}{cause}.")
    llr, lower, upper = recording.llr, decision["lower"], decision["upper"]
    if lower <= llr < upper:
        return f"Its LLR of {signed(llr)} is between {signed(lower)} and {signed(upper)}."
    verdict = SYNTHETIC if llr >= upper else GENUINE
    heard, counted = _against(decision, verdict)
    return (
        f"This model's “{verdict}” is unreliable: {counted[verdict]['value']:.0%} of "
        f"unseen {NAMES[WRONG[verdict]]} clips{heard} get it."
    )


def concluded(
    verdict: Verdict, llr: float, cautions: Sequence[Caution], about: Mapping[str, Any]
) -> tuple[Verdict, str]:
    """Return the verdict that is given and, in a few sentences, why, and how often it is wrong.

    Args:
        verdict: of the recording, by the band.
        llr: its log-likelihood ratio.
        cautions: on it, severe ones first.
        about: of the bundle: `decision` and `trust`.
    """
    if cautions and cautions[0].severe:
        message = cautions[0].message
        if cautions[0].code in _CONTRADICTIONS:
            return UNDECIDED, f"Its answers contradict each other. {message}"
        unlike = "It is unlike what the model was trained on"
        return UNDECIDED, f"{unlike}: {message[0].lower()}{message[1:]}"
    decision: Decision = about["decision"]
    ratio, lower, upper = map(signed, (llr, decision["lower"], decision["upper"]))
    side = f"not below {upper}" if verdict == SYNTHETIC else f"below {lower}"
    why = f"Its log-likelihood ratio of {ratio} "
    if verdict == UNDECIDED:
        why += (
            f"lies between {lower} and {upper}, where either verdict would be wrong too often. "
            f"{_undecided(decision)}"
        )
    elif not decision["issued"][verdict]:
        why += (
            f"is {side}, where the limit for “{verdict}” lies; but {_withheld(decision, verdict)}, "
            "so it gives no such verdict."
        )
        verdict = UNDECIDED
    else:
        on_dev = decision["dev"][WRONG[verdict]][verdict]["value"]
        why += (
            f"is {side}, where a recording is called {_called(verdict)}; so were {on_dev:.0%} "
            f"of the {NAMES[WRONG[verdict]]} clips that set this limit. "
            f"{_unseen(decision, verdict)}"
        )
    rating = (about["trust"] or {}).get(PROBABILITIES)
    if rating and rating["status"] == DISTRUST:
        why += f" The model's probabilities are not to be trusted{_because(rating)}."
    return verdict, why


def _called(verdict: Verdict) -> str:
    return verdict.removeprefix("likely ")


def _undecided(decision: Decision) -> str:
    """Say how often there was no verdict."""
    counted = decision["eval"] or decision["dev"]
    clips = decision["unseen"] if decision["eval"] else "the clips that set these limits"
    genuine, synthetic = (_without_verdict(counted[name], decision) for name in CLASSES)
    return (
        f"Of {clips}, {genuine} of the genuine ones{_people(counted, 'bonafide')} and "
        f"{synthetic} of the synthetic ones got no verdict."
    )


def _without_verdict(counted: ClassOutcomes, decision: Decision) -> str:
    """Return the share of a class's clips that get no verdict."""
    verdicts = (UNDECIDED, *_verdicts(decision, issued=False))
    return f"{sum(counted[verdict]['value'] for verdict in verdicts):.0%}"


def _against(decision: Decision, verdict: Verdict) -> tuple[str, ClassOutcomes]:
    """Return a view where a verdict is wrong too often, in words, and its wrong class's outcomes.

    The view is "", clips as recorded, if it is wrong too often there, else the worst view.
    """
    measured = {"": decision["eval"], **decision["views"]}
    wrong = {
        view: counted[WRONG[verdict]]
        for view, counted in measured.items()
        if counted and counted[WRONG[verdict]][verdict]["low"] > decision["target"]
    }
    view = "" if "" in wrong else max(wrong, key=lambda view: wrong[view][verdict]["value"])
    return f", {view_name(view)}," if view else "", wrong[view]


def _unseen(decision: Decision, verdict: Verdict) -> str:
    """Say how often the verdict is wrong on clips of eval."""
    if not decision["eval"]:
        return _UNMEASURED
    name, evaluated = WRONG[verdict], decision["eval"]
    return (
        f"Of {decision['unseen']}, so were {_with_interval(evaluated[name][verdict])} of the "
        f"{evaluated[name]['n']} {NAMES[name]} ones{_people(evaluated, name)}; "
        f"{_at_even_odds(evaluated, verdict)}."
    )


def _at_even_odds(evaluated: Outcomes, verdict: Verdict) -> str:
    """Say how many recordings with a verdict are of the other class, if half are synthetic."""
    name = WRONG[verdict]
    (other,) = set(CLASSES) - {name}
    wrong, right = evaluated[name][verdict], evaluated[other][verdict]["value"]
    if not wrong["n"] and not right:
        return "none of the other class was either, so what it is worth is not known"
    # Where none was seen to be wrong, it is not known that none is.
    rate, about = (wrong["value"], "about") if wrong["n"] else (wrong["high"], "up to")
    count = max(1, round(100 * rate / (rate + right)))
    return (
        f"at even odds {about} {count} in 100 recordings called {_called(verdict)} are "
        f"{NAMES[name]}"
    )


def _because(rating: Mapping[str, Any]) -> str:
    """Name the checks that a status comes from."""
    names = listed([check["name"].lower() for check in rating["checks"]])
    return f", because of {names}" if names else ""


# A model; `about` is the `bundle.About` of its bundle.


def opening(about: Mapping[str, Any]) -> list[str]:
    """Return two lines that come before any answer: which detector, and what it is worth."""
    decision: Decision = about["decision"]
    shown = ", a demonstration: rely on no verdict of it" if about["demonstration"] else ""
    never = " or ".join(f"“{verdict}”" for verdict in _verdicts(decision, issued=False))
    worth = _UNMEASURED
    if decision["eval"]:
        genuine, synthetic = _wrong_shares(decision["eval"])
        worth = (
            f"It takes {genuine} of unseen genuine clips for synthetic, {synthetic} of synthetic "
            f"ones for genuine."
            + (f" It never says {never}: that would be wrong too often." if never else "")
        )
    return [f"Detector: {about['corpus']}, {about['experiment']}{shown}.", worth]


def worth(about: Mapping[str, Any]) -> str:
    """Return in one line what a detector was trained on, how often it errs, and what it says."""
    decision: Decision = about["decision"]
    sentences = [f"{about['corpus']}, experiment {about['experiment']}."]
    for part in ("dev", "eval"):
        counted = decision[part]
        if counted is None:
            sentences.append(_UNMEASURED)
            continue
        (genuine, synthetic), numbers = _wrong_shares(counted), [counted[name] for name in CLASSES]
        sentences.append(
            f"On {part} it takes {genuine} of {numbers[0]['n']:,} genuine clips for synthetic, "
            f"{synthetic} of {numbers[1]['n']:,} synthetic ones for genuine."
        )
    issued = [f"“{verdict}”" for verdict in _verdicts(decision, issued=True)]
    sentences.append(f"Verdicts that it gives: {' and '.join(issued) or 'none'}.")
    ratings = (f"{kind}: {rating['status']}" for kind, rating in (about["trust"] or {}).items())
    sentences.append(f"Checks of its run: {'; '.join(ratings) or 'none'}.")
    if about["demonstration"]:
        sentences.append("A demonstration: rely on no verdict of it.")
    return " ".join(sentences)


def known(about: Mapping[str, Any]) -> list[str]:
    """Return all that was measured: how limits were set, how often they err, what to trust."""
    decision: Decision = about["decision"]
    on_dev = _outcomes(decision["dev"], decision, measured=False)
    sentences = [
        f"The thresholds were {decision['provenance']}.",
        f"On those clips as recorded: {on_dev}.",
    ]
    if decision["eval"]:
        on_eval = _outcomes(decision["eval"], decision, measured=True)
        sentences.append(f"On {decision['unseen']}: {on_eval}.")
        for verdict in _verdicts(decision, issued=True):
            odds = _at_even_odds(decision["eval"], verdict)
            sentences.append(f"{odds[0].upper()}{odds[1:]}.")
    else:
        sentences.append(_UNMEASURED)
    sentences += [
        f"The verdict “{verdict}” is not given: {_withheld(decision, verdict)}."
        for verdict in _verdicts(decision, issued=False)
    ]
    if decision["eval"] and (views := decision["views"]):
        rates = [" and ".join(_wrong_shares(decision["eval"]))]
        for view in ordered_views(views):
            rates.append(f"{view_name(view)} {' and '.join(_wrong_shares(views[view]))}")
        sentences.append(
            f"Beyond the wrong limit, of unseen genuine{_people(decision['eval'], 'bonafide')} and "
            f"synthetic clips: {'; '.join(rates)}."
        )
    checks = {}  # one may bear on several kinds of metric
    for kind, rating in (about["trust"] or {}).items():
        sentences.append(f"{kind}: {rating['status']}{_because(rating)}.")
        checks |= {check["name"]: check["sentence"] for check in rating["checks"]}
    return sentences + [f"{name}: {sentence}" for name, sentence in checks.items()]


def _verdicts(decision: Decision, issued: bool) -> list[Verdict]:
    """Return the verdicts that a model gives, or those that it never gives."""
    return [verdict for verdict, is_issued in decision["issued"].items() if is_issued == issued]


def _withheld(decision: Decision, verdict: Verdict) -> str:
    """Say where a verdict is wrong too often, and so not given."""
    name = WRONG[verdict]
    heard, counted = _against(decision, verdict)
    return (
        f"this model would call {_with_interval(counted[verdict])} of {counted['n']} unseen "
        f"{NAMES[name]} clips{_people({name: counted}, name)}{heard} {_called(verdict)}, where "
        f"{100 * decision['target']:g}% is the aim"
    )


def _wrong_shares(counts: Outcomes) -> list[str]:
    """Return the shares of genuine and of synthetic clips that are beyond the wrong limit."""
    return [f"{counts[name][verdict]['value']:.0%}" for verdict, name in WRONG.items()]


def _outcomes(counts: Outcomes, decision: Decision, measured: bool) -> str:
    """Say how often clips are beyond the wrong limit, and how often there is no verdict.

    Rates of the clips that the thresholds were set on are not `measured` and have no interval.
    """
    rates = []
    for verdict, name in WRONG.items():
        rate, number = counts[name][verdict], counts[name]["n"]
        share = _with_interval(rate) if measured else f"{rate['value']:.0%}"
        rates.append(
            f"{share} of {number} {NAMES[name]} ones{_people(counts, name)} were beyond the limit "
            f"of “{verdict}”, and {_without_verdict(counts[name], decision)} got no verdict"
        )
    return "; ".join(rates)
