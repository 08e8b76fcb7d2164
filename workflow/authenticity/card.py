"""A model card per experiment, after Mitchell et al. 2019, "Model Cards for Model Reporting".

The headings are theirs (section 4 of arXiv 1810.03993). Every number comes from the run's files;
the limits are the checks of `trust` that found something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from authenticity import estimates
from authenticity.document import Block, Bullets, Heading, Paragraph, Table
from authenticity.energy import Spent
from authenticity.names import labelled, ordered_splits, ordered_views, view_name
from authenticity.report import wording
from authenticity.report.wording import REPORTED, Json
from authenticity.trust import TRUST, Evidence, checks, judge

WORST_ATTACKS = 5
"""So many of the attacks that pass most are named; the report's own page has all."""


@dataclass(frozen=True)
class Facts:
    """What a card tells of, beside the evidence of `trust`.

    Attributes:
        evidence: figures, views, audit and verification.
        model: the model's JSON.
        elsewhere: metrics on other corpora, by corpus.
        encoder: the encoder's JSON.
        licence: path of the encoder's licence, or None where its folder has none.
        versions: of the workflow's steps and of the packages, by name.
        spent: time and memory by rule.
        watts_per_core: power of a busy core that energy is reckoned with.
    """

    evidence: Evidence
    model: Json
    elsewhere: Mapping[str, Json]
    encoder: Json
    licence: str | None
    versions: Mapping[str, str]
    spent: Sequence[Spent]
    watts_per_core: float

    @property
    def metrics(self) -> Json:
        """On the experiment's own corpus, in the view that it is made for."""
        return self.evidence.metrics

    @property
    def tested(self) -> bool:
        """Whether the experiment's own corpus has a part to report on."""
        return REPORTED in self.metrics["splits"]


def licence_of(encoder: Json) -> str | None:
    """Return the path of the licence in an encoder's folder; a hub's model has no folder here."""
    found = sorted(Path(encoder["model"]).glob("LICEN[CS]E*"))
    return next((path.as_posix() for path in found if path.is_file()), None)


def title(facts: Facts) -> str:
    """Return the card's title."""
    name = labelled(facts.metrics["experiment"], facts.metrics["control"])
    how = "published by others, calibrated" if _is_published(facts.model) else "trained"
    return f"Model card: {name}, {how} on {facts.metrics['corpus']}"


def card(facts: Facts) -> list[Block]:
    """Return the card's content, for `document.as_html` and `document.as_markdown`."""
    return [
        *_rating(facts),
        *_details(facts),
        *_use(facts),
        *_factors(facts),
        *_metrics(facts),
        *_data(facts),
        *_figures(facts),
        *_limits(facts),
        *_energy(facts),
    ]


def _rating(facts: Facts) -> list[Block]:
    if not facts.tested:
        return [Paragraph(f"Rating: none, for the corpus has no {REPORTED} part of its own.")]
    found = judge(facts.evidence)
    return [Paragraph(f"Rating: {found['overall']['sentence']} {found['claim']}")]


def _details(facts: Facts) -> list[Block]:
    item, encoder = facts.metrics, facts.encoder
    rows = [
        ["Kind", _kind(facts.model)],
        ["Features, pooling, C", wording.chosen(item)],
        ["Audio", wording.audio(item)],
        ["Calibration", _calibration(item)],
        ["Protocol", f"{item['protocol']}, {_rounds(item)}, seed {item['seed']}"],
    ]
    if any(each["candidate"] != "spectral" for each in item["chosen"]):
        rows += [
            ["Encoder", f"{encoder['model']}, {_state(facts.model)}, {encoder['precision']}"],
            ["Encoder's identity", encoder["identity"]],
            ["Encoder's licence", facts.licence or "no licence file in its folder"],
        ]
    rows.append(["Versions", ", ".join(f"{name} {of}" for name, of in facts.versions.items())])
    return [Heading("Model details"), Table("How it was made", ["What", "This model"], rows)]


def _is_published(model: Json) -> bool:
    return model["kind"] == "published"


def _kind(model: Json) -> str:
    if _is_published(model):
        return "a classifier trained by others: the difference of its two logits"
    seeds = model["rounds"][0].get("seeds")
    if not seeds:
        return "logistic regression on standardised features"
    first = next(iter(seeds.values()))
    how = (
        f"seeds {wording.listed(list(seeds))}, of which the first is described here: "
        f"{first['parameters']:,} parameters trained, epoch {first['epoch']} kept"
    )
    if model["kind"] == "contrastive":
        heads = f"heads trained with the loss {first['loss']}"
        return f"{heads}, and logistic regression on what they project to; {how}"
    return f"the encoder's own layers, fine-tuned under a linear head; {how}"


def _state(model: Json) -> str:
    words = {"finetune": "in part fine-tuned", "published": "as it was published"}
    return words.get(model["kind"], "frozen")


def _rounds(item: Json) -> str:
    number = len(item["chosen"])
    return "one round" if number == 1 else f"{number} rounds, each with a model of its own"


def _calibration(item: Json) -> str:
    fitted = [each["calibration"] for each in item["chosen"] if each["calibration"]]
    if not fitted:
        return "none: the protocol has no dev part"
    slope, offset, prior = (
        wording.ranged([each[name] for each in fitted])
        for name in ("slope", "offset", "prior_spoof")
    )
    return f"affine, on dev: slope {slope}, offset {offset}, prior of spoof {prior}"


def _use(facts: Facts) -> list[Block]:
    corpus = facts.metrics["corpus"]
    control = "A control: for others to be held against, not for use as a detector."
    return [
        Heading("Intended use"),
        *([Paragraph(control)] if facts.metrics["control"] else []),
        Paragraph(
            "To study what tells bona fide from synthetic or converted speech, and to be the "
            f"measure for other detectors, on speech like that of the corpus {corpus}."
        ),
        Paragraph("Out of scope:"),
        Bullets(
            [
                "To decide alone about a person, a recording in court, or what may be published.",
                "Speech, channels, languages or attacks unlike those that the figures below "
                "cover; a score says nothing on its own there.",
                "A person who was recorded and edited, replayed, or imitated by another person, "
                "unless the corpus has such attacks.",
            ]
        ),
    ]


def _factors(facts: Facts) -> list[Block]:
    attacks, conditions = "none on its own corpus", []
    if facts.tested:
        found = facts.evidence.found
        known = facts.metrics["leak"]["attacks"]["train_eval"]
        attacks = f"{wording.attacks(found)}, {known} of them in training as well"
        if _is_published(facts.model):
            attacks = f"{wording.attacks(found)}; which it was trained on is not known"
        conditions = [name.replace("_", " ") for name in found["per_condition"]]
    views = [view_name(name) for name in ordered_views(facts.evidence.views)]
    items = [
        f"Attacks: {attacks}.",
        f"Conditions of the corpus: {wording.listed(conditions) if conditions else 'none'}.",
        f"Views of the audio: {wording.listed(views)}.",
        f"Other corpora: {wording.listed(list(facts.elsewhere)) if facts.elsewhere else 'none'}.",
    ]
    return [Heading("Factors"), Paragraph("The figures were taken over:"), Bullets(items)]


def _metrics(facts: Facts) -> list[Block]:
    item, settings = facts.metrics, facts.metrics["interval"]
    last = ordered_splits(item["splits"])[-1]
    how = item["splits"][last]["interval"]
    threshold = item["threshold"]
    said = "No threshold: the protocol has no dev part."
    if threshold:
        said = (
            f"Threshold {wording.ranged(list(threshold['by_round'].values()))}, "
            f"{threshold['rule']} ({threshold['n_bonafide']:,} bona fide, "
            f"{threshold['n_spoof']:,} spoof)."
        )
    items = [
        "A higher score means more like spoof. ROC-AUC: 0.5 is guessing. EER: both kinds of error "
        "equally frequent. HTER: the mean of both at the threshold of dev.",
        said,
        f"Intervals: {100 * settings['level']:g}%, {settings['n_resamples']:,} resamples; on "
        f"{last} by {how['method']} ({how['why']}).",
    ]
    return [Heading("Metrics"), Bullets(items)]


def _data(facts: Facts) -> list[Block]:
    evaluated = [
        [
            split,
            f"{found['n_bonafide']:,} ({found['n_speakers_bonafide']:,})",
            f"{found['n_spoof']:,} ({found['n_speakers_spoof']:,})",
        ]
        for split in ordered_splits(facts.metrics["splits"])
        for found in [facts.metrics["splits"][split]]
    ]
    verified = facts.evidence.verified
    columns = ["Part", "Bona fide clips (speakers)", "Spoof clips (speakers)"]
    return [
        Heading("Evaluation data"),
        Table(f"Corpus {facts.metrics['corpus']}", columns, evaluated),
        Paragraph(
            f"{verified['n_accepted'] - verified['duplicates']['n_removed']:,} of "
            f"{verified['n_manifest']:,} clips of the corpus were used, "
            f"{verified['n_rejected']:,} set aside, {verified['duplicates']['n_removed']:,} left "
            "out as duplicates."
        ),
        Heading("Training data"),
        *_training(facts.model),
    ]


def _training(model: Json) -> list[Block]:
    if _is_published(model):
        said = "It was trained by others, on what is not known here; nothing of it was fitted."
        return [Paragraph(said)]
    rows = [
        [
            each["round"],
            f"{each['n_train_bonafide']:,}",
            f"{each['n_train_spoof']:,}",
            each["folds"],
        ]
        for each in model["rounds"]
    ]
    columns = ["Round", "Bona fide clips", "Spoof clips", "Cross-validation, which sets C"]
    return [Table("Fitted on", columns, rows)]


def _plain(found: Json | None, percent: bool = False) -> str:
    return estimates.whole(found, percent) if found else "–"


_COLUMNS = ["ROC-AUC", "EER", "HTER", "Cllr", "ECE (by chance)"]


def _row(found: Json) -> list[str]:
    at = found["at_threshold"]
    return [
        _plain(found["roc_auc"]),
        _plain(found["eer"], True),
        _plain(at and at["hter"], True),
        _plain(found["cllr"]),
        wording.ece(found, wording.stage(found)),
    ]


def _figures(facts: Facts) -> list[Block]:
    own = facts.metrics["splits"]
    rows = [[split, *_row(own[split])] for split in ordered_splits(own)]
    blocks: list[Block] = [
        Heading("Quantitative analyses"),
        Table("Per part, 95% intervals in brackets", ["Part", *_COLUMNS], rows),
    ]
    if facts.tested:
        blocks += _on_reported(facts.evidence)
    if facts.elsewhere:
        rows = [
            [
                corpus + (" (leaks)" if item["leak"]["leaks"] else ""),
                *_row(item["splits"][REPORTED]),
            ]
            for corpus, item in facts.elsewhere.items()
        ]
        blocks.append(Table("Other corpora", ["Tested on", *_COLUMNS], rows))
    return blocks


def _on_reported(evidence: Evidence) -> list[Block]:
    """The attacks that pass most, and the other views."""
    found = evidence.found
    attacks = {name: each for name, each in found["per_attack"].items() if each["roc_auc"]}
    worst = sorted(attacks, key=lambda name: (attacks[name]["roc_auc"]["value"], name))
    rows = [
        [name, f"{each['n_spoof']:,}", _plain(each["roc_auc"]), _plain(each["eer"], True)]
        for name in worst[:WORST_ATTACKS]
        for each in [attacks[name]]
    ]
    columns = ["Attack", "Spoof clips", "ROC-AUC", "EER"]
    blocks: list[Block] = [
        Table(f"Attacks that pass most, of {len(attacks)} on {REPORTED}", columns, rows)
    ]
    if names := evidence.others:
        rows = [[view_name(name), *_row(evidence.seen(name))] for name in names]
        blocks.append(Table(f"Other views of {REPORTED}", ["View", *_COLUMNS], rows))
    return blocks


def _limits(facts: Facts) -> list[Block]:
    made = checks(facts.evidence) if facts.tested else []
    found = [check for check in made if check.status != TRUST]
    items = [f"{check.name} ({check.status}): {check.sentence}" for check in found]
    always = "No figure says anything about attacks, languages or channels that no corpus here has."
    return [
        Heading("Limits, biases and recommendations"),
        Paragraph(
            "Voices are personal data, and a false alarm calls a real person's speech fake: see "
            "which speakers that happens to in the report's figures per speaker."
        ),
        Bullets([*items, always]),
    ]


def _energy(facts: Facts) -> list[Block]:
    heading = Heading("Time and energy spent")
    if not facts.spent:
        return [heading, Paragraph("No benchmark of this corpus's jobs was found.")]
    rows = [
        [
            f"{each.rule}, {'for all experiments' if each.shared else 'for this one'}",
            f"{each.jobs:,}",
            f"{each.wall_seconds:,.0f} s",
            f"{each.cpu_seconds:,.0f} s",
            f"{each.peak_mib:,.0f} MiB",
            f"{each.watt_hours(facts.watts_per_core):.2f} Wh",
        ]
        for each in facts.spent
    ]
    total = sum(each.watt_hours(facts.watts_per_core) for each in facts.spent)
    columns = ["Jobs of rule", "Found", "Duration, summed", "CPU time", "Peak memory", "Energy"]
    return [
        heading,
        Table("From the benchmarks that were found", columns, rows),
        Paragraph(
            f"About {total:.2f} Wh in all: CPU time at an assumed {facts.watts_per_core:g} W a "
            "core (report.watts_per_core), not measured. A benchmark is of the last time that its "
            "job ran, and a resumed run measures only what it redoes. Jobs too short to be sampled "
            "count as nothing."
        ),
    ]
