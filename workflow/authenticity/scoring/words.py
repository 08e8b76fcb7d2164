"""Numbers and models in words, the same on the terminal, on the page and in the pictures."""

from collections.abc import Mapping
from typing import Any

from authenticity.names import ordered_views, view_name
from authenticity.scoring import decision
from authenticity.scoring.decision import (
    CLASSES,
    DISTRUST,
    GENUINE,
    NAMES,
    SYNTHETIC,
    UNDECIDED,
    WRONG,
)

INTERVAL = "calibration clips only"
"""What every interval of a recording is called: it covers nothing else."""

_UNMEASURED = "It was never measured on unseen clips."
_CONTRADICTIONS = {
    "polarity": "Turned upside down, which sounds the same, it would be judged otherwise.",
    "part_synthetic": "A part of it scores as synthetic, the whole as genuine.",
}
_BEYOND = {name: verdict for verdict, name in WRONG.items()}


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


def number(recording: Mapping[str, Any]) -> str:
    """Return the one number that stands for a recording, with its interval.

    It is the probability. Where the checks on the run that made the model do not trust that, it is
    the log-likelihood ratio; where a caution is severe, none is worth a number.

    Args:
        recording: the numbers of a `Recording`, by name.
    """
    if recording["p_synthetic"] is None:
        return "no number"
    if recording["p_trust"] == DISTRUST:
        low, high = signed(recording["llr_low"]), signed(recording["llr_high"])
        return f"LLR {signed(recording['llr'])} ({low} to {high})"
    share = percent(recording["p_synthetic"])
    return f"{share}% ({interval(recording['p_low'], recording['p_high'])})"


def why_no_verdict(recording: Mapping[str, Any], limits: Mapping[str, Any]) -> str:
    """Return in one short sentence why a recording gets no verdict; empty where it gets one.

    Args:
        recording: the values of a `Recording`, by name, as `result.plain` gives them.
        limits: `decision` of the bundle.
    """
    if recording["verdict"] != UNDECIDED:
        return ""
    severe = [caution["code"] for caution in recording["cautions"] if caution["severe"]]
    if severe:
        unlike = "It is too unlike the training data to judge"
        named = "" if severe[0] == "unlike_training" else f": {severe[0].replace('_', ' ')}"
        return _CONTRADICTIONS.get(severe[0], f"{unlike}{named}.")
    llr, lower, upper = recording["llr"], limits["lower"], limits["upper"]
    if lower <= llr < upper:
        return f"Its LLR of {signed(llr)} is between {signed(lower)} and {signed(upper)}."
    verdict = SYNTHETIC if llr >= upper else GENUINE
    _, outcomes = decision.against(limits, verdict)
    return (
        f"This model's “{verdict}” is unreliable: {100 * outcomes[verdict]['value']:.0f}% of "
        f"unseen {NAMES[WRONG[verdict]]} clips get it."
    )


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


def megabytes(size: int) -> str:
    """Return a size in 10^6 bytes."""
    return f"{size / 1e6:,.1f} MB" if size < 1e7 else f"{size / 1e6:,.0f} MB"


def opening(about: Mapping[str, Any]) -> list[str]:
    """Return two lines that come before any answer: which detector, and what it is worth.

    Args:
        about: of the bundle; see `bundle.read_about`.
    """
    limits = about["decision"]
    shown = ", a demonstration: rely on no verdict of it" if about["demonstration"] else ""
    withheld = " or ".join(f"“{name}”" for name, issued in limits["issued"].items() if not issued)
    worth = _UNMEASURED
    if limits["eval"]:
        genuine, synthetic = (
            f"{100 * limits['eval'][name][_BEYOND[name]]['value']:.0f}%" for name in CLASSES
        )
        worth = (
            f"It takes {genuine} of unseen genuine clips for synthetic, {synthetic} of synthetic "
            f"ones for genuine{f', so it never says {withheld}' if withheld else ''}."
        )
    return [f"Detector: {about['corpus']}, {about['experiment']}{shown}.", worth]


def known(about: Mapping[str, Any]) -> list[str]:
    """Return all that was measured: how limits were set, how often they err, what to trust.

    Args:
        about: of the bundle; see `bundle.read_about`.
    """
    limits = about["decision"]
    sentences = [
        f"The thresholds were {limits['provenance']}.",
        f"On those clips, by construction: {_outcomes(limits['dev'], limits, measured=False)}.",
    ]
    if limits["eval"]:
        rates = _outcomes(limits["eval"], limits, measured=True)
        sentences.append(f"On {limits['unseen']}: {rates}.")
        odds = [
            decision.at_even_odds(limits["eval"], verdict)
            for verdict, is_issued in limits["issued"].items()
            if is_issued
        ]
        sentences += [f"{each[0].upper()}{each[1:]}." for each in odds]
    else:
        sentences.append(_UNMEASURED)
    sentences += [
        f"The verdict “{verdict}” is not given: {decision.withheld(limits, verdict)}."
        for verdict, is_issued in limits["issued"].items()
        if not is_issued
    ]
    sentences += [_beyond(limits)] if limits["eval"] and limits["views"] else []
    for kind, rating in (about["trust"] or {}).items():
        checks = "".join(f" {check['sentence']}" for check in rating["checks"])
        sentences.append(f"{kind}: {rating['status']}{decision.because(rating)}.{checks}")
    return sentences


def _outcomes(counts: Mapping[str, Any], limits: Mapping[str, Any], measured: bool) -> str:
    """Say how often clips are beyond the wrong limit, and how often there is no verdict."""
    rates = []
    for name in CLASSES:
        rows, verdict = counts[name], _BEYOND[name]
        share = (
            decision.share(rows[verdict]) if measured else f"{100 * rows[verdict]['value']:.0f}%"
        )
        rates.append(
            f"{share} of {rows['n']} {NAMES[name]} ones"
            f"{decision.people(rows, name)} were beyond the limit of “{verdict}”, "
            f"and {100 * decision.without_verdict(rows, limits):.0f}% got no verdict"
        )
    return "; ".join(rates)


def _beyond(limits: Mapping[str, Any]) -> str:
    """Say how often clips are beyond the wrong limit, as they are and in other views."""

    def shares(counts: Mapping[str, Any]) -> str:
        each = (f"{100 * counts[name][_BEYOND[name]]['value']:.0f}%" for name in CLASSES)
        return " and ".join(each)

    views = "".join(
        f"; {view_name(view)} {shares(limits['views'][view])}"
        for view in ordered_views(limits["views"])
    )
    whose = decision.people(limits["eval"]["bonafide"], "bonafide")
    return (
        f"Beyond the wrong limit, of unseen genuine{whose} and synthetic clips: "
        f"{shares(limits['eval'])}{views}."
    )
