"""Pages of results: over all trials, and per attack, condition, speaker and view of the audio.

So are those of the candidates among which an experiment's features were chosen, and of how well a
detector finds where in a recording synthetic speech is.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median_low
from typing import Any

from authenticity import estimates, wording
from authenticity.estimates import Estimate
from authenticity.evaluation import bootstrap
from authenticity.evaluation.results import (
    ATTACK,
    ATTACKS,
    CANDIDATE,
    REPORTED,
    SPEAKER,
    Results,
    Row,
    Tested,
)
from authenticity.html import render
from authenticity.names import POOLING_WORDS, ordered_splits, ordered_values, view_name
from authenticity.report.cells import Cell, Words, estimate, marked, page, quietly, tabulated
from authenticity.tables import candidate_column
from authenticity.wording import Json

WORST_SPEAKERS = 50
"""So many speakers a person reads through; a corpus may have thousands."""


def headline(items: Sequence[Tested]) -> str:
    """Return the page of headline results: every experiment on every split."""
    places = [(item, split, item.on(split)) for item in items for split in item.splits]
    tables = []
    for caption, cells in (("Errors", _errors), ("Calibration and costs", _costs)):
        rows = [
            {"Experiment": marked(item), "Split": split, **cells(results)}
            for item, split, results in places
        ]
        tables.append((caption, *tabulated(rows)))
    return page(
        "headline.html.j2",
        items,
        tables=tables,
        reported=[index for index, (_, split, _) in enumerate(places) if split == REPORTED],
        chosen=[[marked(item), wording.chosen(item), wording.audio(item)] for item in items],
        level=bootstrap.LEVEL,
        n_resamples=bootstrap.N_RESAMPLES,
        methods=dict.fromkeys(
            f"{split}: {results['roc_auc'].method} ({item.why[split]})."
            for item, split, results in places
        ),
        no_width=wording.NO_WIDTH,
    )


def _errors(results: Results) -> dict[str, Cell]:
    bonafide, spoof = wording.clips_and_speakers(results)
    return {
        "ROC-AUC": estimate(results["roc_auc"]),
        "EER": estimate(results["eer"], percent=True),
        "HTER at the threshold of dev": estimate(results.get("hter"), percent=True),
        "Average precision": estimate(results.get("average_precision")),
        "Bona fide clips (known speakers)": bonafide,
        "Spoof clips (known speakers)": spoof,
    }


def _costs(results: Results) -> dict[str, Cell]:
    cllr = results.get("cllr")
    ece = quietly(wording.ece(results, "_before_calibration"))
    if not wording.stage(results):
        value, chance = quietly(wording.ece(results, ""))
        ece += [f"→ {value}", chance]
    return {
        "Cllr (its minimum)": cllr and [*estimate(cllr), "min", *estimate(results["min_cllr"])],
        "ECE (by chance), before → after calibration": ece,
        "Min DCF": estimate(results.get("min_dcf")),
        "Act DCF": estimate(results.get("act_dcf")),
        "Min t-DCF, legacy": estimate(results.get("min_tdcf_legacy")),
        "Min t-DCF, revised": estimate(results.get("min_tdcf_revised")),
    }


def headline_rows(
    items: Sequence[Tested], ratings: Mapping[str, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Return the headline on the reported split as plain rows, for `summary`.

    `ratings` has the overall rating of `trust` by corpus and by name.
    """
    return [
        {
            "name": item.name,
            "experiment": item.experiment,
            "protocol": item.protocol,
            "corpus": item.target,
            "trained_on": item.corpus,
            "control": item.control,
            "split": REPORTED,
            "method": auc.method,
            "n_bonafide": auc.n_bonafide,
            "n_spoof": auc.n_spoof,
            "roc_auc": _plain(auc),
            "eer": _plain(item.reported["eer"]),
            "by_novelty": {
                name: _plain(each) | {"n_spoof": each.n_spoof}
                for name, each in item.on(REPORTED, ATTACKS).each("roc_auc").items()
            },
            "orientation": item.orientation(),
            "turned": bool(wording.turned(item)),
            "leak": wording.shared(item) if item.leaks else None,
            "trust": ratings[item.target][item.name],
        }
        for item in items
        for auc in [item.reported["roc_auc"]]
    ]


def _plain(item: Estimate) -> dict[str, float | None]:
    return {name: getattr(item, name) for name in ("value", "low", "high")}


def _reported_first(items: Sequence[Tested]) -> list[str]:
    splits = ordered_splits(name for item in items for name in item.splits)
    return sorted(splits, key=lambda split: split != REPORTED)


def _grouped(
    items: Sequence[Tested], split: str, group: str
) -> Iterator[tuple[str, Tested, Results]]:
    """Yield each value of a group with the experiments' results, the controls' last."""
    results = [(item, item.on(split, group).by_value()) for item in items]
    results.sort(key=lambda each: each[0].control)
    for value in ordered_values(name for _, by_value in results for name in by_value):
        for item, by_value in results:
            if value in by_value:
                yield value, item, by_value[value]


def per_attack(items: Sequence[Tested]) -> str:
    """Return the page of results per attack, one table per split."""
    known = dict.fromkeys(
        f"Protocol {item.protocol}, trained on {item.corpus}: {REPORTED} has "
        f"{wording.attacks(item.on(REPORTED, ATTACK).names('group_value'))}, and shares "
        f"{wording.counted(item.leak['attacks']['train_eval'], 'known attack')} with train."
        for item in items
    )
    tables = []
    for split in _reported_first(items):
        rows = [
            {
                "Attack": f"{attack} (known)" if attack in item.known_attacks else attack,
                "Experiment": marked(item),
                "Spoof clips": results["roc_auc"].n_spoof,
                "ROC-AUC": estimate(results["roc_auc"]),
                "EER": estimate(results.get("eer"), percent=True),
                "Missed at the threshold of dev": estimate(results.get("miss"), percent=True),
            }
            for group in (ATTACKS, ATTACK)
            for attack, item, results in _grouped(items, split, group)
        ]
        tables.append((split, *tabulated(rows)))
    no_width = wording.NO_WIDTH
    return page("attacks.html.j2", items, tables=tables, known=known, no_width=no_width)


def conditions(items: Sequence[Tested]) -> str:
    """Return the page of results per condition: a table per split and condition column."""
    tables = []
    for split in _reported_first(items):
        for name in dict.fromkeys(name for item in items for name in item.conditions(split)):
            rows = [
                [
                    value,
                    marked(item),
                    results["n_clips"].n_bonafide or "against all",
                    results["n_clips"].n_spoof,
                    estimate(results.get("roc_auc")),
                    estimate(results.get("eer"), percent=True),
                ]
                for value, item, results in _grouped(items, split, name)
            ]
            tables.append((f"{split}, {name.replace('_', ' ')}", rows))
    left_out = sorted({name for item in items for name in item.not_conditions})
    return page("conditions.html.j2", items, tables=tables, left_out=left_out)


def speakers(items: Sequence[Tested]) -> str:
    """Return the page of the speakers on whom each experiment errs most."""
    tables = []
    for item in items:
        by_speaker = item.on(REPORTED, SPEAKER).by_value()
        worst = sorted(by_speaker.items(), key=lambda each: (-_error(each[1]), each[0]))
        rows = [_speaker_row(*each) for each in worst[:WORST_SPEAKERS]]
        caption = f"{item.label}, {REPORTED}: {wording.counted(len(worst), 'speaker')}"
        if len(worst) > WORST_SPEAKERS:
            caption += f", the {WORST_SPEAKERS} worst"
        tables.append((caption + (" (leaks)" if item.leaks else ""), rows))
    return page("speakers.html.j2", items, tables=tables)


def _error(speaker: Results) -> float:
    """The share that is wrong at the threshold; without one, what ROC-AUC lacks."""
    if wrong := speaker.get("wrong"):
        return wrong.value
    auc = speaker.get("roc_auc")
    return 1 - auc.value if auc else -1.0


def _speaker_row(name: str, results: Results) -> list[Cell]:
    """No value of a single speaker has an interval."""
    clips, auc = results["n_clips"], results.get("roc_auc")
    alarm, miss, wrong = (
        f"{100 * rate.value:.1f}%" if rate else None
        for rate in map(results.get, ("false_alarm", "miss", "wrong"))
    )
    within = f"{auc.value:.4f}" if auc else None
    return [name, clips.n_bonafide, alarm, clips.n_spoof, miss, wrong, within]


def views(items: Sequence[Tested]) -> str:
    """Return the page of results on degraded audio, each experiment's own view first."""
    rows, chosen = [], []
    for item in items:
        chosen.append(len(rows))
        rows += [_view_row(item, view) for view in (item.view, *item.others)]
    return page("views.html.j2", items, rows=rows, chosen=chosen)


def _view_row(item: Tested, view: str) -> list[Cell]:
    """A view's values; where it is not the experiment's own view, with the changes from that."""
    results = item.on(REPORTED, view=view)
    before = item.reported if view != item.view else None
    suffix, auc = wording.stage(results), results["roc_auc"]
    cells = {
        name: estimate(results.get(name), name != "roc_auc") for name in ("roc_auc", "eer", "hter")
    }
    cells[f"ece{suffix}"] = quietly(wording.ece(results, suffix))
    changed = [_changed(cell, name, results, before) for name, cell in cells.items()]
    return [marked(item), view_name(view), *changed, auc.n_bonafide + auc.n_spoof]


def _changed(cell: Cell, name: str, results: Results, before: Results | None) -> Cell:
    now, then = results.get(name), before and before.get(name)
    if not (now and then):
        return cell
    change = results.get(f"{name}_change") or Estimate(now.value - then.value, None, None)
    percent = name != "roc_auc"
    interval = "" if change.low is None else f" {estimates.interval(change, percent)}"
    return [*cell, Words(f"{estimates.change(change.value, percent)}{interval}", "change")]


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


_PEOPLE = {0: "people who are not known", 1: "one person"}
_POLARITIES = ["Polarity as recorded", "Polarity inverted at random"]


def splices(found: Json, picture: Path) -> str:
    """Return the page of recordings with a synthetic stretch.

    Args:
        found: `splices.figures`, with `experiment`, `corpus`, `split`, the `window` in seconds, and
            the `example` that was drawn.
        picture: of the example, PNG.
    """
    versions, example = found["polarity"], found["example"]
    first, measured = versions["as recorded"], [*map(_measures, versions.values())]
    # The synthetic stretch above the picture, in shares of its width.
    left, right = example["span"]["left"], example["span"]["right"]
    scale = (right - left) / example["duration"]
    width = f"{scale * (example['end'] - example['start']):.3%}"
    return render(
        "splices.html.j2",
        **found,
        recordings=wording.counted(first["n_recordings"], "recording"),
        columns=["Measure", *_POLARITIES],
        rows=[[name, *(version[name] for version in measured)] for name in measured[0]],
        interval=first["interval"],
        people=_PEOPLE.get(first["people"], f"{first['people']} people"),
        bracket={"left": f"{left + scale * example['start']:.3%}", "width": width},
        picture=picture,
        versions=_POLARITIES,
        by_attack=[
            [
                name,
                attack["n_recordings"],
                *(f"{version['attacks'][name]['roc_auc']:.4f}" for version in versions.values()),
            ]
            for name, attack in first["attacks"].items()
        ],
    )


def _measures(version: Json) -> dict[str, Cell]:
    above, found = version["above"], f"{version['found']:.0%}; by chance {version['by_chance']:.0%}"
    reads = "Recordings with a window in the stretch that reads “likely synthetic”"
    return {
        "ROC-AUC of windows, over all recordings": estimate(Estimate(**version["roc_auc"])),
        "ROC-AUC of windows, within each recording": estimate(Estimate(**version["within"])),
        "Recordings whose highest window touches the stretch": found,
        reads: f"{above['recordings']:.0%}",
        "Synthetic windows that read so": f"{above['synthetic']:.0%}",
        "Human windows that read so": f"{above['human']:.0%}",
        "Windows of human speech alone": version["n_human"],
        "Windows at least half synthetic": version["n_synthetic"],
        "Windows less than half synthetic, left out": version["n_between"],
        "Windows of silence, left out": version["n_silent"],
    }
