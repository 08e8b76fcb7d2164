"""Which of the trained encoders ships: the best on half of the probe's speakers.

The other half says by how much an encoder beats random weights of the same shape, so the interval
of the one that is chosen owes nothing to the choice.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from authenticity import tables
from authenticity.evaluation import compare, metrics
from authenticity.features.sources import FILES
from authenticity.files import atomic, sha256
from numpy.typing import NDArray
from probe import ranking

RANDOM = "random weights"
logger = logging.getLogger("authenticity")


def chooses(speakers: Sequence[str], seed: int) -> NDArray[np.bool_]:
    """Return of each trial whether its speaker is in the half that chooses, drawn at random."""
    names = np.unique(speakers)
    return np.isin(speakers, np.random.default_rng(seed).permutation(names)[: len(names) // 2])


def judge(described: ranking.Described, seed: int) -> dict[str, pa.Table]:
    """Return one encoder's scores (`tables.SCORES`) of the halves `choosing` and `reporting`.

    The first half is judged by itself, so that the choice knows nothing of the other one. That is
    reported on by models that learn from all other speakers.
    """
    (name,) = described.embeddings
    trials, layers = described.trials(), described.layers(name)
    own = chooses(trials["speaker"].to_pylist(), seed)
    half = {layer: values[own] for layer, values in layers.items()}
    ((_, choosing, _),) = ranking.judge(trials.filter(own), {name: half}, seed)
    ((_, every, _),) = ranking.judge(trials, {name: layers}, seed)
    reporting = every.filter(~chooses(every["speaker"].to_pylist(), seed))
    return {"choosing": choosing, "reporting": reporting}


def choose(
    trained: Mapping[str, Mapping[str, pa.Table]],
    untrained: Mapping[str, Mapping[str, pa.Table]],
    heard: Collection[str],
    seed: int,
) -> dict[str, Any]:
    """Choose the encoder with the highest ROC-AUC in the choosing half; ties go to the first.

    Args:
        trained: what `judge` returned, by the encoder's name.
        untrained: likewise, of random weights.
        heard: names of trained encoders that have heard vocoders of the probe, so that it cannot
            say what they are worth elsewhere: they are reported and never chosen.
        seed: of the bootstrap.

    Returns:
        `chosen`; whether it `ships`, as its 95% interval above random weights, their mean over
        seeds, excludes zero; and the figures of all.
    """
    first = next(iter(untrained.values()))["reporting"]
    seeds = first.select(tables.TRIAL_COLUMNS)
    for name, scores in untrained.items():
        seeds = seeds.append_column(name, scores["reporting"]["score"])
    control = compare.Scorer(RANDOM, first, seeds)
    found = {
        name: compare.paired(control, compare.Scorer(name, halves["reporting"]), seed)
        for name, halves in trained.items()
    }
    on_choosing = {name: _roc_auc(halves["choosing"]) for name, halves in trained.items()}
    chosen = max((name for name in trained if name not in heard), key=on_choosing.__getitem__)
    halves = trained[chosen]
    return {
        "chosen": chosen,
        "ships": bool(found[chosen].roc_auc.low > 0),
        "heard": [*heard],
        "halves": {half: _counts(scores) for half, scores in halves.items()},
        "encoders": {
            name: {
                "choosing": on_choosing[name],
                "reporting": each.candidate["roc_auc"],
                "gain": {end: getattr(each.roc_auc, end) for end in ("value", "low", "high")},
            }
            for name, each in found.items()
        },
        RANDOM: {
            "seeds": len(untrained),
            "choosing": float(np.mean([_roc_auc(each["choosing"]) for each in untrained.values()])),
            "reporting": found[chosen].baseline["roc_auc"],
        },
    }


def _roc_auc(scores: pa.Table) -> float:
    return float(metrics.roc_auc(scores["label"].to_numpy(), scores["score"].to_numpy()))


def _counts(scores: pa.Table) -> dict[str, int]:
    bonafide, spoof = np.bincount(scores["label"]).tolist()
    return {"speakers": len(scores["speaker"].unique()), "bonafide": bonafide, "spoof": spoof}


def markdown(choice: Mapping[str, Any]) -> str:
    """Return what `choose` returned as a table."""
    said = [
        f"{half}: {n['speakers']} speakers, {n['bonafide']} human clips, {n['spoof']} spoken again"
        for half, n in choice["halves"].items()
    ]
    lines = [
        f"{'; '.join(said)}.".capitalize(),
        "",
        "| encoder | ROC-AUC, choosing | ROC-AUC, reporting | above random weights (95%, paired) |",
        "|---|---|---|---|",
    ]
    for name, row in choice["encoders"].items():
        gain = "{value:+.3f} ({low:+.3f} to {high:+.3f})".format(**row["gain"])
        shown = f"**{name}**" if name == choice["chosen"] else name
        if name in choice["heard"]:
            shown += ", which has heard the vocoders"
        lines.append(f"| {shown} | {row['choosing']:.3f} | {row['reporting']:.3f} | {gain} |")
    row = choice[RANDOM]
    lines.append(
        f"| {RANDOM}, mean of {row['seeds']} | {row['choosing']:.3f} | {row['reporting']:.3f} | |"
    )
    return "\n".join(lines)


def ship(choice: Mapping[str, Any], encoders: Path, folder: Path) -> dict[str, Any]:
    """Copy the chosen one of `encoders` to `folder` if it ships; otherwise say that none does.

    `choice` is what `choose` returned. Returns the encoder's name and its files' SHA-256, or None
    and no files.
    """
    name = choice["chosen"]
    if not choice["ships"]:
        logger.warning(
            "none ships, %s stays as it is: what the best, %s, gains over random weights has an "
            "interval that is not above zero",
            folder,
            name,
        )
        return {"encoder": None, "files": {}}
    for file in FILES:
        with atomic(folder / file) as temporary:
            temporary.write_bytes((encoders / name / file).read_bytes())
    logger.info("%s is now %s; commit it, and bring its README.md up to date", folder, name)
    return {"encoder": name, "files": {file: sha256(folder / file) for file in FILES}}
