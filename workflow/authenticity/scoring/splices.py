"""Where in time: recordings of one person with a stretch of synthetic speech spliced in.

They are made of a corpus's own clips, so that the truth is known to the sample: a minute of one
person, from as many clips as that takes, with ten seconds of one attack at a random joint. All
clips have one level and every joint is faded alike, so that neither a step in loudness nor a joint
tells where the stretch is. In a second version the polarity of each clip is inverted or not by
chance, which sounds the same: a detector that hears polarity fails there.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from authenticity import tables
from authenticity.audio import SAMPLE_RATE
from authenticity.errors import UserError
from authenticity.features import spectral
from authenticity.names import NOT_KNOWN
from authenticity.scoring.decision import Band
from authenticity.scoring.detector import Detector
from authenticity.scoring.result import Recording, Windows

if TYPE_CHECKING:
    import pandas as pd

VERSION = "2"
"""Raise it when a change here alters any recording or figure."""

NUMBER = 30
HUMAN_SECONDS, SYNTHETIC_SECONDS = 60.0, 10.0
MOSTLY = 0.5
"""Share of a window from which on it counts as synthetic; only those without any count as human."""

AS_RECORDED, BY_CHANCE = "as recorded", "by chance"
"""The polarity of the clips, in either version."""

WINDOWS = pa.schema(
    [(name, pa.string()) for name in ("recording", "polarity", "speaker", "attack")]
    + [(name, pa.float64()) for name in ("start", "end", "synthetic", "llr")]
)
"""One row a window; `synthetic` is the share of it that is, `llr` is NaN where it is silent."""

_FADE = 160  # samples; 10 ms
_LEVEL = 10 ** (-26 / 10)  # mean power of the frames that are not silence: -26 dB, usual for speech

Load = Callable[[str], NDArray[np.float32]]
"""Given a clip's key, returns its samples, mono at 16 kHz."""

_logger = logging.getLogger("authenticity")


@dataclass(frozen=True)
class Splice:
    """A recording with a synthetic stretch.

    Attributes:
        name: its number, from 1, as text.
        polarity: of its clips.
        samples: mono at 16 kHz, shape (n,).
        start, end: of the stretch, seconds.
        speaker, attack: of the rest, and of the stretch.
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

    A clip recurs within a recording only where there are too few, but in different recordings.

    Args:
        trials: `file`, `label`, `attack` and `speaker` of the clips to use.
        load: reads a clip.
        seed: of the random draws.
        number: how many to make.

    Raises:
        UserError: there are no human or no synthetic clips.
    """
    clips = trials.select(["file", "label", "speaker", "attack"]).to_pandas().fillna(NOT_KNOWN)
    people, machines = (
        clips[clips.label == label].groupby(column).file.agg(list).to_dict()
        for label, column in ((0, "speaker"), (1, "attack"))
    )
    if not people or not machines:
        raise UserError("splices need clips of both classes")
    random, longest = np.random.default_rng(seed), round(HUMAN_SECONDS * SAMPLE_RATE)
    heard = cache(lambda file: load(file)[:longest].copy())  # the rest of a long clip is let go
    order = [list(random.permutation(sorted(group))) for group in (people, machines)]
    for index in range(number):
        speaker, attack = (str(names[index % len(names)]) for names in order)
        human = _pieces(people[speaker], heard, HUMAN_SECONDS, random)
        synthetic = _pieces(machines[attack], heard, SYNTHETIC_SECONDS, random)
        joint = int(random.integers(1, len(human))) if len(human) > 1 else 1
        before, after = human[:joint], human[joint:]
        start = sum(map(len, before)) / SAMPLE_RATE
        end = start + sum(map(len, synthetic)) / SAMPLE_RATE
        pieces = [_faded(piece) for piece in (*before, *synthetic, *after)]
        signs = random.choice(np.array([-1, 1], np.float32), len(pieces))
        for polarity, chosen in ((AS_RECORDED, np.ones_like(signs)), (BY_CHANCE, signs)):
            samples = np.concatenate(list(map(np.multiply, chosen, pieces)))
            yield Splice(str(index + 1), polarity, samples, start, end, speaker, attack)


def _pieces(
    files: Sequence[str], load: Load, seconds: float, random: np.random.Generator
) -> list[NDArray[np.float32]]:
    """Return clips that last so long together, the last one cut; all at one level."""
    missing, pieces = round(seconds * SAMPLE_RATE), []
    shuffled = (str(file) for _ in count() for file in random.permutation(sorted(files)))
    while missing > 0:
        samples = load(next(shuffled))[:missing]
        power = spectral.active_power(samples)
        pieces.append(samples * np.float32(np.sqrt(_LEVEL / max(power, 1e-12))))
        missing -= len(samples)
    return pieces


def _faded(piece: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fade both ends of a piece."""
    length = min(_FADE, len(piece) // 2)
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    faded = piece.copy()
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded


def evaluate(
    detector: Detector, trials: pa.Table, load: Load, seed: int
) -> tuple[pa.Table, dict[str, Any], tuple[Splice, Recording]]:
    """Score the windows of splices made of some clips; see `make` for the arguments.

    Returns:
        The windows of all recordings in both versions, `WINDOWS`; by polarity, `figures`; the first
        recording, and the detector's answer on it.
    """
    parts, example = [], None
    for splice in make(trials, load, seed):
        example = example or (splice, detector.score_samples(splice.samples))
        parts.append(table(splice, detector.windows(splice.samples)))
        _logger.info("%s of %d recordings, polarity %s", splice.name, NUMBER, splice.polarity)
    windows, by_polarity = pa.concat_tables(parts), {}
    for polarity in (AS_RECORDED, BY_CHANCE):
        own = tables.where(windows, polarity=polarity)
        by_polarity[polarity] = figures(own, detector.bundle.band, seed)
    return windows, by_polarity, example


def table(splice: Splice, windows: Windows) -> pa.Table:
    """Return the windows of a recording as rows of `WINDOWS`."""
    names = (splice.name, splice.polarity, splice.speaker, splice.attack)
    share = splice.share(windows.start, windows.end)
    columns = [[name] * len(share) for name in names]
    return pa.table([*columns, windows.start, windows.end, share, windows.llr], schema=WINDOWS)


def figures(windows: pa.Table, band: Band, seed: int) -> dict[str, Any]:
    """Return how well windows tell where the synthetic stretch is, as plain data.

    The windows, rows of `WINDOWS`, are of all recordings of one version. Intervals are bootstraps
    over recordings, since windows of one recording overlap.

    Returns:
        - `n_recordings`; windows `n_human`, `n_synthetic`, and left out: `n_between` (of both) and
          `n_silent`;
        - `roc_auc`: over the windows of all recordings;
        - `within`: the mean of each recording's own ROC-AUC, for which the stretch has to stand out
          from its own recording alone;
        - `found`: the share of recordings whose highest window touches the stretch; `by_chance`,
          the same for a window drawn at random;
        - `above`: the share of `synthetic` and of `human` windows above the band, and of
          `recordings` that have such a window in the stretch;
        - `people`: how many known speakers there are;
        - `attacks`: of each attack, `roc_auc` and `n_recordings`, without interval.
    """
    from authenticity.evaluation import bootstrap
    from authenticity.evaluation.metrics import roc_auc

    table = windows.to_pandas()
    sounding = table[table.llr.notna()]
    between = sounding.synthetic.between(0, MOSTLY, inclusive="neither")
    counted = sounding[~between]
    labels, llr = (counted.synthetic > 0).to_numpy(int), counted.llr.to_numpy()
    recordings = counted.recording.to_numpy()
    over_all = bootstrap.intervals(labels, llr, recordings, seed, bootstrap.ROC_AUC)
    _, within = bootstrap.mean_roc_auc(
        labels, llr, recordings, np.arange(len(llr)).astype(str), recordings, seed
    )
    return {
        "n_recordings": table.recording.nunique(),
        "n_human": int((labels == 0).sum()),
        "n_synthetic": int((labels == 1).sum()),
        "n_between": int(between.sum()),
        "n_silent": len(table) - len(sounding),
        "people": len(set(table.speaker) - {NOT_KNOWN}),
        "interval": "bootstrap over recordings",
        "roc_auc": asdict(over_all.estimates["roc_auc"]),
        "within": asdict(within),
        "above": _above(counted, band),
        **_found(sounding),
        "attacks": {
            attack: {
                "roc_auc": roc_auc(rows.synthetic > 0, rows.llr),
                "n_recordings": rows.recording.nunique(),
            }
            for attack, rows in counted.groupby("attack")
        },
    }


def _above(counted: "pd.DataFrame", band: Band) -> dict[str, float]:
    is_synthetic, is_above = counted.synthetic > 0, counted.llr > band.upper
    by_recording = (is_above & is_synthetic).groupby(counted.recording, sort=False)
    return {
        "synthetic": float(is_above[is_synthetic].mean()),
        "human": float(is_above[~is_synthetic].mean()),
        "recordings": float(by_recording.any().mean()),
    }


def _found(sounding: "pd.DataFrame") -> dict[str, float]:
    touches = sounding.synthetic > 0
    highest = sounding.groupby("recording", sort=False).llr.idxmax()
    by_chance = touches.groupby(sounding.recording, sort=False).mean()
    return {
        "found": float(touches[highest].mean()),
        "by_chance": float(np.mean(by_chance.to_numpy())),
    }
