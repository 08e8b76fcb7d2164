"""A model card per experiment, after Mitchell et al. 2019, "Model Cards for Model Reporting".

The headings are theirs (section 4 of arXiv 1810.03993). Every number comes from the run's files;
the limits are the checks of `trust` that found something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from authenticity import estimates, wording
from authenticity.benchmarks import Spent
from authenticity.estimates import Estimate
from authenticity.evaluation import bootstrap
from authenticity.evaluation.results import ATTACK, REPORTED, Results, Tested
from authenticity.html import render
from authenticity.names import labelled, view_name
from authenticity.trust import TRUST
from authenticity.wording import Json

WORST_ATTACKS = 5
"""So many of the attacks that pass most are named; the report's own page has all."""


class Table(NamedTuple):
    """A table of plain text; the first cell of a row is its heading."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


Sections = Mapping[str, Sequence[Table | str | Sequence[str]]]
"""What stands below each heading: tables, paragraphs, and lists of texts. The first has none."""


@dataclass(frozen=True)
class Facts:
    """What a card tells of.

    Attributes:
        item: the experiment on its own corpus.
        verified: the verification of that corpus.
        judged: the experiment's ratings, `trust.judge`; None where it is not reported there.
        model: the model's JSON.
        elsewhere: the experiment on other corpora.
        encoder: the encoder's JSON; None where the experiment hears with none.
        sample: how many of its layers are needed; None where no sample was to say it.
        versions: of the workflow's steps and of the packages, by name.
        spent: time and memory by rule.
    """

    item: Tested
    verified: Json
    judged: Json | None
    model: Json
    elsewhere: Sequence[Tested]
    encoder: Json | None
    sample: Json | None
    versions: Mapping[str, str]
    spent: Sequence[Spent]


def licence_of(encoder: Json) -> str | None:
    """Return the path of the licence in an encoder's folder; a hub's model has no folder here."""
    licences = sorted(Path(encoder["model"]).glob("LICEN[CS]E*"))
    return next((path.as_posix() for path in licences if path.is_file()), None)


def pages(facts: Facts) -> tuple[str, str]:
    """Return the card as a page of the report, and as CommonMark with tables of GitHub's kind."""
    name = labelled(facts.item.experiment, facts.item.control)
    how = "published by others, calibrated" if wording.is_published(facts.item) else "trained"
    title = f"Model card: {name}, {how} on {facts.item.corpus}"
    values = {"title": title, "sections": _sections(facts)}
    return render("document.html.j2", **values), render("document.md.j2", **values)


def _sections(facts: Facts) -> Sections:
    item = facts.item
    clips = [[split, *wording.clips_and_speakers(item.on(split))] for split in item.splits]
    classes = ["Bona fide clips (known speakers)", "Spoof clips (known speakers)"]
    return {
        "": [_rating(facts)],
        "Model details": [Table("How it was made", ["What", "This model"], _details(facts))],
        "Intended use": _use(item),
        "Factors": ["The results were taken over:", _factors(facts)],
        "Metrics": [_metrics(item)],
        "Evaluation data": [
            Table(f"Corpus {item.corpus}", ["Split", *classes], clips),
            wording.used(facts.verified),
        ],
        "Training data": [_training(facts)],
        "Quantitative analyses": _results(facts),
        "Limits, biases and recommendations": [
            "Voices are personal data, and a false alarm calls a real person's speech fake: the "
            "report's table per speaker shows for whom.",
            _limits(facts),
        ],
        "Time and memory spent": _spent(facts.spent),
    }


def _rating(facts: Facts) -> str:
    if not facts.judged:
        return f"Rating: none, for the corpus has no {REPORTED} split of its own."
    return f"Rating: {facts.judged['overall']['sentence']} {facts.judged['claim']}"


def _details(facts: Facts) -> list[list[str]]:
    item, encoder, n_rounds = facts.item, facts.encoder, len(facts.item.chosen)
    rounds = "one round" if n_rounds == 1 else f"{n_rounds} rounds, each with a model of its own"
    rows = [
        ["Kind", _kind(facts)],
        ["Features, pooling, C", wording.chosen(item)],
        ["Audio", wording.audio(item)],
        ["Calibration", _calibration(item)],
        ["Protocol", f"{item.protocol}, {rounds}, seed {item.seed}"],
    ]
    if encoder:
        states = {"finetune": "in part fine-tuned", "published": "as it was published"}
        state = states.get(facts.model["kind"], "frozen")
        rows.append(["Encoder", f"{encoder['model']}, {state}, {encoder['precision']}"])
        if facts.sample:
            rows.append(["Encoder's layers", _layers(facts, facts.sample)])
        rows.append(["Encoder's identity", encoder["identity"]])
        licence = licence_of(encoder) or "no licence file in its folder"
        rows.append(["Encoder's licence", licence])
    return [*rows, ["Versions", ", ".join(f"{name} {of}" for name, of in facts.versions.items())]]


def _kind(facts: Facts) -> str:
    if wording.is_published(facts.item):
        return "a classifier trained by others: the difference of its two logits"
    seeds = facts.model["rounds"][0].get("seeds")
    if not seeds:
        return "logistic regression on standardised features"
    first = next(iter(seeds.values()))
    kept = f"epoch {first['epoch']} kept"
    if first["epoch"] == 0:
        kept = "the untrained layers kept, as no epoch was better on dev"
    how = (
        f"seeds {wording.listed(list(seeds))}, of which the first is described here: "
        f"{first['parameters']:,} parameters trained, {kept}"
    )
    if facts.model["kind"] == "contrastive":
        heads = f"heads trained with the loss {first['loss']}"
        return f"{heads}, and logistic regression on what they project to; {how}"
    return f"the encoder's own layers, fine-tuned under a linear head; {how}"


def _calibration(item: Tested) -> str:
    fitted = [each["calibration"] for each in item.chosen if each["calibration"]]
    if not fitted:
        return "none: the protocol has no dev split"
    slope, offset, prior = (
        wording.ranged([each[name] for each in fitted])
        for name in ("slope", "offset", "prior_spoof")
    )
    return f"affine, on dev: slope {slope}, offset {offset}, prior of spoof {prior}"


def _layers(facts: Facts, sample: Json) -> str:
    found, seconds = sample["experiments"][facts.item.experiment], sample["seconds"]
    best, needed, roc_auc = (found[name] for name in ("best", "needed", "roc_auc"))
    return (
        f"0 to {facts.encoder['n_layers'] - 1} of 0 to {len(roc_auc) - 1}: on dev of a sample of "
        f"{sample['clips']:,} clips layer {best} was best (ROC-AUC {roc_auc[best]:.4f}), and "
        f"{needed} the lowest within a standard error of it ({roc_auc[needed]:.4f}); up to layer "
        f"{sample['needed']} a clip of 3 s takes {seconds['kept']:.2f} s of CPU time, "
        f"{seconds['all']:.2f} s with all"
    )


def _use(item: Tested) -> list[str | list[str]]:
    control = "A control: others are compared with it. Do not use it as a detector."
    return [
        *([control] if item.control else []),
        "To study what tells bona fide from synthetic or converted speech, and to be the "
        f"measure for other detectors, on speech like that of the corpus {item.corpus}.",
        "Out of scope:",
        [
            "To decide alone about a person, a recording in court, or what may be published.",
            "Speech, channels, languages or attacks unlike those that the results below "
            "cover; a score says nothing on its own there.",
            "A person who was recorded and edited, replayed, or imitated by another person, "
            "unless the corpus has such attacks.",
        ],
    ]


def _factors(facts: Facts) -> list[str]:
    item, attacks = facts.item, "none on its own corpus"
    if item.reported:
        attacks = wording.attacks(item.on(REPORTED, ATTACK).names("group_value"))
        if wording.is_published(item):
            attacks += "; which it was trained on is not known"
        else:
            attacks += f", {item.leak['attacks']['train_eval']} of them in training as well"
    factors = {
        "Conditions of the corpus": [name.replace("_", " ") for name in item.conditions(REPORTED)],
        "Views of the audio": [view_name(name) for name in item.views],
        "Other corpora": [other.target for other in facts.elsewhere],
    }
    lines = [f"{name}: {wording.listed(values or ['none'])}." for name, values in factors.items()]
    return [f"Attacks: {attacks}.", *lines]


def _metrics(item: Tested) -> list[str]:
    last, threshold = item.splits[-1], item.threshold
    words = "No threshold: the protocol has no dev split."
    if threshold:
        words = (
            f"Threshold {wording.ranged(list(threshold['by_round'].values()))}, EER on dev "
            f"({threshold['n_bonafide']:,} bona fide, {threshold['n_spoof']:,} spoof)."
        )
    return [
        "A higher score means more like spoof. ROC-AUC: 0.5 is guessing. EER: both kinds of error "
        "equally frequent. HTER: the mean of both at the threshold of dev.",
        words,
        f"Intervals: {100 * bootstrap.LEVEL:g}%, {bootstrap.N_RESAMPLES:,} resamples; on "
        f"{last} by {item.on(last)['roc_auc'].method} ({item.why[last]}).",
    ]


def _training(facts: Facts) -> Table | str:
    if wording.is_published(facts.item):
        return "It was trained by others, on clips that are not known. Nothing was fitted here."
    counts = ("n_train_bonafide", "n_train_spoof")
    rows = [
        [each["round"], *(f"{each[name]:,}" for name in counts), each["folds"]]
        for each in facts.model["rounds"]
    ]
    columns = ["Round", "Bona fide clips", "Spoof clips", "Folds that set C"]
    return Table("Fitted on", columns, rows)


_COLUMNS = ["ROC-AUC", "EER", "HTER", "Cllr", "ECE (by chance)"]


def _row(results: Results) -> list[str]:
    return [
        _plain(results["roc_auc"]),
        _plain(results["eer"], True),
        _plain(results.get("hter"), True),
        _plain(results.get("cllr")),
        wording.ece(results, wording.stage(results)),
    ]


def _plain(estimate: Estimate | None, percent: bool = False) -> str:
    return estimates.whole(estimate, percent) if estimate else "–"


def _results(facts: Facts) -> list[Table]:
    item = facts.item
    rows = [[split, *_row(item.on(split))] for split in item.splits]
    tables = [Table("Per split, 95% intervals in brackets", ["Split", *_COLUMNS], rows)]
    if item.reported:
        tables.append(_worst_attacks(item))
    if item.others:
        rows = [[view_name(view), *_row(results)] for view, results in item.others.items()]
        tables.append(Table(f"Other views of {REPORTED}", ["View", *_COLUMNS], rows))
    if facts.elsewhere:
        rows = [
            [other.target + (" (leaks)" if other.leaks else ""), *_row(other.reported)]
            for other in facts.elsewhere
        ]
        tables.append(Table("Other corpora", ["Tested on", *_COLUMNS], rows))
    return tables


def _worst_attacks(item: Tested) -> Table:
    attacks = item.on(REPORTED, ATTACK)
    aucs, eers = attacks.each("roc_auc"), attacks.each("eer")
    worst = sorted(aucs, key=lambda name: (aucs[name].value, name))[:WORST_ATTACKS]
    rows = [
        [name, f"{aucs[name].n_spoof:,}", _plain(aucs[name]), _plain(eers[name], True)]
        for name in worst
    ]
    caption = f"Attacks that pass most, of {len(aucs)} on {REPORTED}"
    return Table(caption, ["Attack", "Spoof clips", "ROC-AUC", "EER"], rows)


def _limits(facts: Facts) -> list[str]:
    made = facts.judged["checks"] if facts.judged else []
    found = [each for each in made if each["status"] != TRUST]
    return [
        *("{name} ({status}): {sentence}".format(**each) for each in found),
        "No result says anything about attacks, languages or channels that no corpus here has.",
    ]


def _spent(spent: Sequence[Spent]) -> list[Table | str]:
    if not spent:
        return ["No benchmark of this corpus's jobs was found."]
    rows = [
        [
            f"{each.rule}, {'for all experiments' if each.shared else 'for this one'}",
            f"{each.jobs:,}",
            f"{each.wall_seconds:,.0f} s",
            f"{each.cpu_seconds:,.0f} s",
            f"{each.peak_mib:,.0f} MiB",
        ]
        for each in spent
    ]
    total = sum(each.cpu_seconds for each in spent)
    columns = ["Jobs of rule", "Found", "Duration, summed", "CPU time", "Peak memory"]
    return [
        Table("From the benchmarks that were found", columns, rows),
        f"{total:,.0f} s of CPU time in all. Energy is not measured: it is the CPU time times "
        "the power of a busy core. A benchmark is of the last time that its job ran, and a "
        "resumed run measures only what it redoes.",
    ]
