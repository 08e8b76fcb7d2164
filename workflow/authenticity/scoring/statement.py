"""What is known of a model, in sentences, for whoever reads its answers."""

from collections.abc import Mapping
from typing import Any

from authenticity.names import ordered_views, view_name
from authenticity.scoring import decision
from authenticity.scoring.decision import CLASSES, NAMES, WRONG

INTERVAL = "calibration clips only"
"""What every interval of a recording is called: it covers nothing else."""

_UNMEASURED = "It was never measured on unseen clips."
_COVERS = "not other voices, languages, channels or synthesisers"
_BEYOND = {name: verdict for verdict, name in WRONG.items()}


def opening(about: Mapping[str, Any]) -> list[str]:
    """Return the few sentences that come before any answer.

    Args:
        about: of the bundle; see `about.read`.
    """
    found = about["decision"]
    said = [f"{about['corpus']}, {about['experiment']}. {about['statement']}", *_withheld(found)]
    if found["eval"]:
        said.append(_beyond(found))
    else:
        said.append(_UNMEASURED)
    if about["trust"]:
        statuses = " ".join(_status(kind, item) for kind, item in about["trust"].items())
        said.append(f"Checks on the run that made it. {statuses}")
    return [*said, f"Intervals, in brackets, are of 95%, {INTERVAL}: {_COVERS}."]


def known(about: Mapping[str, Any]) -> list[str]:
    """Return all that was measured: how limits were set, how often they err, what to trust.

    Args:
        about: of the bundle; see `about.read`.
    """
    found = about["decision"]
    said = [
        f"The thresholds were {found['provenance']}.",
        f"On those clips, by construction: {_outcomes(found['dev'], found, measured=False)}.",
    ]
    if found["eval"]:
        said.append(f"On {found['unseen']}: {_outcomes(found['eval'], found, measured=True)}.")
        odds = [
            decision.at_even_odds(found["eval"], verdict)
            for verdict, given in found["issued"].items()
            if given
        ]
        said += [f"{each[0].upper()}{each[1:]}." for each in odds]
    else:
        said.append(_UNMEASURED)
    said += _withheld(found)
    said += [_beyond(found)] if found["eval"] and found["views"] else []
    for kind, item in (about["trust"] or {}).items():
        why = " ".join(check["sentence"] for check in item["checks"])
        said.append(f"{_status(kind, item)}{f' {why}' if why else ''}")
    return said


def _withheld(found: Mapping[str, Any]) -> list[str]:
    return [
        f"The verdict “{verdict}” is not given: {decision.withheld(found, verdict)}."
        for verdict, given in found["issued"].items()
        if not given
    ]


def _outcomes(counts: Mapping[str, Any], found: Mapping[str, Any], measured: bool) -> str:
    """Say how often clips are beyond the wrong limit, and how often there is no verdict."""
    said = []
    for name in CLASSES:
        rows, verdict = counts[name], _BEYOND[name]
        share = (
            decision.share(rows[verdict]) if measured else f"{100 * rows[verdict]['value']:.0f}%"
        )
        said.append(
            f"{share} of {rows['n']} {NAMES[name]} ones"
            f"{decision.people(rows, name)} were beyond the limit of “{verdict}”, "
            f"and {100 * decision.without_verdict(rows, found):.0f}% got no verdict"
        )
    return "; ".join(said)


def _beyond(found: Mapping[str, Any]) -> str:
    """Say how often clips are beyond the wrong limit, as they are and in other views."""

    def shares(counts: Mapping[str, Any]) -> str:
        each = (f"{100 * counts[name][_BEYOND[name]]['value']:.0f}%" for name in CLASSES)
        return " and ".join(each)

    views = "".join(
        f"; {view_name(view)} {shares(found['views'][view])}"
        for view in ordered_views(found["views"])
    )
    whose = decision.people(found["eval"]["bonafide"], "bonafide")
    return (
        f"Beyond the wrong limit, of unseen genuine{whose} and synthetic clips: "
        f"{shares(found['eval'])}{views}."
    )


def _status(kind: str, item: Mapping[str, Any]) -> str:
    return f"{kind}: {item['status']}{decision.because(item)}."
