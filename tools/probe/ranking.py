"""How well sets of features find traces of vocoders, by speakers that the models have not heard."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from authenticity import tables
from authenticity.config import Experiment
from authenticity.evaluation import bootstrap, compare, metrics
from authenticity.features import matrix, spectral
from authenticity.features.encoder import Embedding, Encoder, EncoderSource, write_folder
from authenticity.models import candidates, fitting
from numpy.typing import NDArray

from probe import corpus

_GRID = (0.0003, 0.003, 0.03)
Sets = dict[str, dict[str, NDArray[np.float32]]]
_logger = logging.getLogger("authenticity.probe")


@dataclass
class Described:
    """The clips of the probe, and what is measured of them.

    Attributes:
        clips: without their samples, in order.
        numbers: spectral columns by name, a row for each clip.
        embeddings: by encoder.
    """

    clips: list[corpus.Clip] = field(default_factory=list)
    numbers: dict[str, list] = field(default_factory=dict)
    embeddings: dict[str, list[Embedding]] = field(default_factory=dict)

    @classmethod
    def of(cls, clips: Iterable[corpus.Clip], encoders: Mapping[str, Encoder]) -> "Described":
        """Describe clips one after the other; no two are in memory."""
        found = cls(embeddings={name: [] for name in encoders})
        for clip in clips:
            found.clips.append(corpus.Clip(clip.key, clip.speaker, clip.method, np.empty(0)))
            for name, value in spectral.spectrum(clip.samples).items():
                found.numbers.setdefault(name, []).append(np.atleast_1d(np.float32(value)))
            for name, encoder in encoders.items():
                found.embeddings[name].append(encoder.embed(clip.samples))
        return found

    def trials(self) -> pa.Table:
        """Return the clips as a corpus of one part."""
        rows = [
            {
                "key": clip.key,
                "corpus": "probe",
                "split": "none",
                "label": int(clip.method != corpus.HUMAN),
                "attack": clip.method,
                "speaker": clip.speaker,
            }
            for clip in self.clips
        ]
        return pa.Table.from_pylist(rows, schema=tables.TRIALS)

    def layers(self, encoder: str) -> dict[str, NDArray[np.float32]]:
        """Return mean and standard deviation over time of an encoder's layers, by layer."""
        clips = self.embeddings[encoder]
        pooled = np.stack([np.concatenate([clip.mean, clip.std], axis=1) for clip in clips])
        return {f"layer {layer}": pooled[:, layer] for layer in range(pooled.shape[1])}

    def sets(self) -> Sets:
        """Return sets of features by name, each with its candidates, (clips, features)."""
        found: Sets = {}
        dynamics = matrix.spectral_columns("dynamics")
        columns = {
            "15 spectral numbers": matrix.spectral_columns("standard"),
            "the same and log-mel mean, std": [
                *matrix.spectral_columns("standard"),
                *spectral.LOG_MEL_STATISTICS,
            ],
            **{name: [name] for name in dynamics},
            "dynamics": dynamics,
        }
        for title, names in columns.items():
            joined = np.concatenate([np.stack(self.numbers[name]) for name in names], axis=1)
            found[title] = {title: joined}
        found |= {name: self.layers(name) for name in self.embeddings}
        both = found["dynamics"]["dynamics"]
        first = next(iter(self.embeddings))
        found[f"dynamics and {first}"] = {
            layer: np.concatenate([both, own], axis=1) for layer, own in found[first].items()
        }
        return found


def encoders(names: Sequence[str], seed: int, folder: Path) -> dict[str, Encoder]:
    """Load encoders, and for the first one random weights of the same shape.

    Args:
        names: folders or hub names.
        seed: of the random weights.
        folder: to write those to.
    """
    import torch
    import transformers

    found = {EncoderSource(name).name: Encoder.load(name) for name in names}
    title, first = next(iter(found.items()))
    torch.manual_seed(seed)
    network = transformers.AutoModel.from_config(first.network.config)
    write_folder(network, first.preprocessing, torch.float32, folder)
    return {**found, f"{title}, random weights": Encoder.load(folder)}


def judge(trials: pa.Table, sets: Sets, seed: int) -> Iterator[tuple[str, pa.Table, list[str]]]:
    """Fit each set of features in five rounds of speakers.

    Yields:
        Its name, the scores of the clips when their speakers are reported on, and the candidates
        that were chosen.
    """
    experiment = Experiment.model_validate(
        {
            "features": {"spectral": "standard"},
            "model": {"kind": "logistic", "C": _GRID, "folds": 2},
            "protocol": {"kind": "speaker_folds", "number": 5},
            "protocol_name": "speaker_folds",
            "seed": seed,
        }
    )
    keys, data = trials["key"].to_pylist(), fitting.Trials(trials, experiment)
    for title, each in sets.items():
        _logger.info("fitting %s", title)
        fitted = {
            (name, "none"): fitting.fit(
                data, lambda view, own=own: (keys, own), experiment, own.shape[1], 0
            )
            for name, own in each.items()
        }
        choice = candidates.conclude(trials, fitted)
        reported = choice.scores.filter(pc.equal(choice.scores["split"], "eval"))
        yield title, reported, sorted({item["candidate"] for item in choice.model["rounds"]})


def row(title: str, width: int, scores: pa.Table, methods: Sequence[str], seed: int) -> str:
    """Return a line of the table: ROC-AUC with its 95% interval, and by method."""
    labels, values = scores["label"].to_numpy(), scores["score"].to_numpy()
    speakers, attacks = scores["speaker"].to_pylist(), np.array(scores["attack"].to_pylist())
    found = bootstrap.intervals(labels, values, speakers, seed, bootstrap.ROC_AUC)
    found = found.estimates["roc_auc"]
    cells = [title, str(width), f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"]
    for method in methods:
        own = np.isin(attacks, [corpus.HUMAN, method])
        cells.append(f"{metrics.roc_auc(labels[own], values[own]):.3f}")
    return f"| {' | '.join(cells)} |"


def table(described: Described, methods: Sequence[str], seed: int) -> str:
    """Fit all sets of features; return the table of what they reach, and differences, Markdown."""
    trials, sets = described.trials(), described.sets()
    n_human = pc.sum(pc.equal(trials["label"], 0)).as_py()
    n_speakers = len(trials["speaker"].unique())
    lines = [
        f"{n_human} human clips of {n_speakers} speakers, {len(trials) - n_human} spoken again.",
        "",
        f"| features | numbers | ROC-AUC (95% interval) | {' | '.join(methods)} |",
        "|---|---|---|" + "---|" * len(methods),
    ]
    scores = {}
    for title, reported, chosen in judge(trials, sets, seed):
        width = next(iter(sets[title].values())).shape[1]
        named = ", ".join([title, *chosen]) if len(sets[title]) > 1 else title
        lines.append(row(named, width, reported, methods, seed))
        scores[title] = reported
    lines += ["", "| difference in ROC-AUC | (95% interval, paired) |", "|---|---|"]
    *trained, control = described.embeddings
    pairs = [
        ("dynamics", "15 spectral numbers"),
        *((name, control) for name in trained),
        (f"dynamics and {trained[0]}", "dynamics"),
    ]
    for better, baseline in pairs:
        sides = (compare.Scorer(name, scores[name]) for name in (baseline, better))
        found = compare.paired(*sides, seed).roc_auc
        interval = f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
        lines.append(f"| {better} minus {baseline} | {interval} |")
    return "\n".join(lines)
