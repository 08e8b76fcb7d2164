"""Where in time: recordings of one person with a stretch of synthetic speech spliced in.

They are made of a corpus's own clips, so that the truth is known to the sample. A minute of one
person, from as many clips as that takes, with ten seconds of one attack at a random joint. All
clips are brought to one level and every joint is faded alike, so that neither a step in loudness
nor a joint as such tells where the stretch is. In a second version the polarity of each clip is
inverted or not by chance, which sounds the same: a detector that hears polarity fails there.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from authenticity.audio import SAMPLE_RATE
from authenticity.errors import UserError
from authenticity.features import spectral
from authenticity.names import NOT_KNOWN
from authenticity.scoring.decision import Band
from authenticity.scoring.detector import Detector
from authenticity.scoring.result import Recording, Windows

VERSION = "2"
"""Raise it when a change here alters any recording or figure."""

NUMBER = 30
HUMAN_SECONDS, SYNTHETIC_SECONDS = 60.0, 10.0
MOSTLY = 0.5
"""Share of a window from which on it counts as synthetic; only those without any count as human."""

AS_RECORDED, BY_CHANCE = "as recorded", "by chance"
"""The polarity of the clips, in either version."""

WINDOWS = pa.schema(
    [
        ("recording", pa.string()),
        ("polarity", pa.string()),
        ("speaker", pa.string()),
        ("attack", pa.string()),
        ("start", pa.float64()),
        ("end", pa.float64()),
        ("synthetic", pa.float64()),
        ("llr", pa.float64()),
    ]
)
"""One row a window; `synthetic` is the share of it that is, `llr` is NaN where it is silent."""

_FADE = 160  # samples; 10 ms
_LEVEL = 10 ** (-26 / 10)  # mean power of the frames that are not silence: -26 dB, usual for speech

Load = Callable[[str], NDArray[np.float32]]
"""Given a clip's key, returns its samples, mono at 16 kHz."""

_logger = logging.getLogger("authenticity")


@dataclass(frozen=True)
class Splice:
    """One recording.

    Attributes:
        name: its number, from 1, as text.
        polarity: of its clips.
        samples: mono at 16 kHz, shape (n,).
        start, end: of the synthetic stretch, seconds.
        speaker: whose the rest is.
        attack: what the stretch is made by.
    """

    name: str
    polarity: str
    samples: NDArray[np.float32]
    start: float
    end: float
    speaker: str
    attack: str

    def share(self, start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of each window that is synthetic; windows are given in seconds."""
        common = np.minimum(end, self.end) - np.maximum(start, self.start)
        return np.clip(common, 0, None) / (end - start)


def make(trials: pa.Table, load: Load, seed: int, number: int = NUMBER) -> Iterator[Splice]:
    """Yield recordings in both versions, speakers and attacks taking turns.

    Each recording draws from all clips, and a clip again only where there are too few; so clips
    recur in different recordings.

    Args:
        trials: `file`, `label`, `attack` and `speaker` of the clips to use.
        load: reads one.
        seed: of what is drawn.
        number: how many to make.

    Raises:
        UserError: there are no human or no synthetic clips.
    """
    people, machines = (
        _grouped(trials, label, column) for label, column in ((0, "speaker"), (1, "attack"))
    )
    if not people or not machines:
        raise UserError("splices need clips of both classes")
    random = np.random.default_rng(seed)
    order = [list(random.permutation(sorted(group))) for group in (people, machines)]
    for index in range(number):
        speaker, attack = (str(names[index % len(names)]) for names in order)
        human = _pieces(people[speaker], load, HUMAN_SECONDS, random)
        synthetic = _pieces(machines[attack], load, SYNTHETIC_SECONDS, random)
        joint = int(random.integers(1, len(human))) if len(human) > 1 else 1
        before, after = human[:joint], human[joint:]
        start = sum(map(len, before)) / SAMPLE_RATE
        end = start + sum(map(len, synthetic)) / SAMPLE_RATE
        pieces = [_faded(piece) for piece in (*before, *synthetic, *after)]
        signs = random.choice(np.array([-1, 1], np.float32), len(pieces))
        for polarity, chosen in ((AS_RECORDED, np.ones_like(signs)), (BY_CHANCE, signs)):
            samples = np.concatenate(
                [sign * piece for sign, piece in zip(chosen, pieces, strict=True)]
            )
            yield Splice(str(index + 1), polarity, samples, start, end, speaker, attack)


def _grouped(trials: pa.Table, label: int, column: str) -> dict[str, list[str]]:
    """Return the files of a class by speaker or attack; those that are not known are one."""
    files: dict[str, list[str]] = {}
    for row in trials.select(["file", "label", column]).to_pylist():
        if row["label"] == label:
            files.setdefault(row[column] or NOT_KNOWN, []).append(row["file"])
    return files


def _pieces(
    files: Sequence[str], load: Load, seconds: float, random: np.random.Generator
) -> list[NDArray[np.float32]]:
    """Return clips that last so long together, the last one cut; all at one level."""
    missing, pieces = round(seconds * SAMPLE_RATE), []
    while missing > 0:
        for file in random.permutation(sorted(files)):
            samples = load(str(file))[:missing]
            power = spectral.active_power(samples)
            pieces.append(samples * np.float32(np.sqrt(_LEVEL / max(power, 1e-12))))
            missing -= len(samples)
            if missing <= 0:
                break
    return pieces


def _faded(piece: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fade both ends of a piece."""
    length = min(_FADE, len(piece) // 2)
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    faded = piece.copy()
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded


@dataclass(frozen=True)
class Evaluation:
    """What a detector makes of splices.

    Attributes:
        windows: of all recordings in both versions, `WINDOWS`.
        figures: by polarity; see `figures`.
        example: the first recording, and the detector's answer on it.
    """

    windows: pa.Table
    figures: dict[str, Any]
    example: tuple[Splice, Recording]


def evaluate(detector: Detector, trials: pa.Table, load: Load, seed: int) -> Evaluation:
    """Score the windows of splices made of some clips; see `make` for the arguments."""
    tables, example = [], None
    for splice in make(trials, load, seed):
        example = example or (splice, detector.score_samples(splice.samples))
        tables.append(table(splice, detector.windows(splice.samples)))
        _logger.info("%s of %d recordings, polarity %s", splice.name, NUMBER, splice.polarity)
    windows = pa.concat_tables(tables)
    by_polarity = {
        polarity: figures(
            windows.filter(pc.equal(windows["polarity"], polarity)), detector.bundle.band, seed
        )
        for polarity in (AS_RECORDED, BY_CHANCE)
    }
    return Evaluation(windows, by_polarity, example)


def table(splice: Splice, windows: Windows) -> pa.Table:
    """Return the windows of a recording as rows of `WINDOWS`."""
    number = len(windows.start)
    columns = {
        "recording": [splice.name] * number,
        "polarity": [splice.polarity] * number,
        "speaker": [splice.speaker] * number,
        "attack": [splice.attack] * number,
        "start": windows.start,
        "end": windows.end,
        "synthetic": splice.share(windows.start, windows.end),
        "llr": windows.llr,
    }
    return pa.table(columns, schema=WINDOWS)


def figures(windows: pa.Table, band: Band, seed: int) -> dict[str, Any]:
    """Return how well windows tell where the synthetic stretch is, as plain data.

    Intervals are bootstraps over recordings, since windows of one recording overlap.

    Args:
        windows: rows of `WINDOWS`, of all recordings of one version.
        band: of the detector's decision.
        seed: of the bootstrap.

    Returns:
        - `n_recordings`, `n_human`, `n_synthetic` (windows), `n_between` (windows of both, left
          out) and `n_silent` (left out);
        - `roc_auc`: over the windows of all recordings;
        - `within`: the mean of each recording's own, which asks only that the stretch stands out
          from the rest of its recording;
        - `found`: the share of recordings whose highest window touches the stretch; `by_chance`,
          the same for a window drawn at random;
        - `above`: the share of `synthetic` and of `human` windows above the band, and of
          `recordings` that have such a window in the stretch;
        - `people`: how many, as far as they are known, the human speech is of;
        - `attacks`: of each attack, `roc_auc` and `n_recordings`, without interval.
    """
    from authenticity.evaluation import bootstrap

    silent = np.isnan(windows["llr"].to_numpy())
    sounding = windows.filter(pa.array(~silent))
    share = sounding["synthetic"].to_numpy()
    between = (share > 0) & (share < MOSTLY)
    counted = sounding.filter(pa.array(~between))
    recordings = np.asarray(counted["recording"].to_pylist())
    labels = (counted["synthetic"].to_numpy() > 0).astype(int)
    llr = counted["llr"].to_numpy()
    over_all = bootstrap.intervals(labels, llr, recordings, seed, ["roc_auc"])
    _, within = bootstrap.mean_roc_auc(
        labels, llr, recordings, np.arange(len(llr)).astype(str), recordings, seed
    )
    hits, chances = _hits(sounding)
    return {
        "n_recordings": len(set(windows["recording"].to_pylist())),
        "n_human": int((labels == 0).sum()),
        "n_synthetic": int((labels == 1).sum()),
        "n_between": int(between.sum()),
        "n_silent": int(silent.sum()),
        "people": len(set(windows["speaker"].to_pylist()) - {NOT_KNOWN}),
        "interval": "bootstrap over recordings",
        "roc_auc": _plain(over_all.estimates["roc_auc"]),
        "within": _plain(within),
        "above": _above(labels, llr > band.upper, recordings),
        "found": float(np.mean(hits)),
        "by_chance": float(np.mean(chances)),
        "attacks": _by_attack(labels, llr, recordings, np.asarray(counted["attack"].to_pylist())),
    }


def _above(labels: NDArray, above: NDArray[np.bool_], recordings: NDArray) -> dict[str, float]:
    """Return the shares of windows above the band, and of recordings with one in the stretch."""
    in_stretch = [
        above[(recordings == name) & (labels == 1)].any() for name in np.unique(recordings)
    ]
    return {
        "synthetic": float(above[labels == 1].mean()),
        "human": float(above[labels == 0].mean()),
        "recordings": float(np.mean(in_stretch)),
    }


def _by_attack(
    labels: NDArray, llr: NDArray, recordings: NDArray, attacks: NDArray
) -> dict[str, dict[str, float]]:
    from authenticity.evaluation.metrics import Ranking, once

    def figures_of(rows: NDArray[np.bool_]) -> dict[str, float]:
        corners = once(Ranking.of(labels[rows], llr[rows])).corners
        number = len(set(recordings[rows].tolist()))
        return {"roc_auc": float(corners.roc_auc()[0]), "n_recordings": number}

    return {str(attack): figures_of(attacks == attack) for attack in np.unique(attacks)}


def _hits(sounding: pa.Table) -> tuple[list[bool], list[float]]:
    """Return, by recording, whether its highest window touches the stretch, and the odds of it."""
    recordings = np.asarray(sounding["recording"].to_pylist())
    llr, touches = sounding["llr"].to_numpy(), sounding["synthetic"].to_numpy() > 0
    hits, chances = [], []
    for name in dict.fromkeys(recordings.tolist()):
        rows = recordings == name
        hits.append(bool(touches[rows][llr[rows].argmax()]))
        chances.append(float(touches[rows].mean()))
    return hits, chances


def _plain(estimate: Any) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
