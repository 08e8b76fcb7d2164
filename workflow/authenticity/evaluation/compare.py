"""Two scorers on the same trials: by how much one is better, and how sure that is.

All differences are candidate minus baseline: positive is better for ROC-AUC, worse for EER. Every
resample (`bootstrap.Resampler`) weighs the trials alike for both scorers, so that what both find
hard cancels.

Scorers trained with several seeds are compared seed by seed, and the difference is the mean over
seeds. Its interval has to hold what other trials and other seeds could have given. Trials are
resampled; seeds are not, because three of them resampled give an interval far too narrow (their
bootstrap variance is two thirds of the right one, and its tails are short). Their mean has the
error s / sqrt(S), with s the standard deviation of the S seeds' differences, and Student's
distribution with S - 1 degrees of freedom (the fiducial distribution of a mean of S normal values,
Fisher 1935). It is convolved with the distribution that the trials give, as in the Behrens-Fisher
problem: the bootstrap's own where trials are drawn, Student's where speakers are. Without error of
the trials this is the t interval of the seeds; without error of the seeds, the paired bootstrap
interval of the trials.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from authenticity import tables
from authenticity.errors import UserError
from authenticity.evaluation import bootstrap
from authenticity.evaluation.bootstrap import DIFFERENCE, SHARE, Estimate, Scale
from authenticity.evaluation.metrics import Floats, Ranking
from authenticity.evaluation.results import REPORTED, Tested

METRICS = {name: bootstrap.RANKED[name] for name in ("roc_auc", "eer")}
_TAIL = (1.0 - bootstrap.LEVEL) / 2.0
POWER = 0.8
_TRIAL = ["file", "round"]


@dataclass(frozen=True)
class DeLong(Estimate):
    """DeLong's test of two ROC-AUCs on the same trials; its interval is the normal one.

    Attributes:
        z: the difference in standard errors; None where it differs without any variance.
        p: two-sided.
    """

    z: float | None
    p: float


def delong(labels: ArrayLike, baseline: ArrayLike, candidate: ArrayLike) -> DeLong | None:
    """Test whether two scorers of the same trials have different ROC-AUCs.

    DeLong, DeLong and Clarke-Pearson 1988: the difference's variance is that of its placements over
    spoof trials and over bona fide trials, each divided by their number. Placements come from
    sorted scores, in n log n (as in Sun and Xu 2014). Trials count as independent, which clips of
    one speaker are not: a cross-check of the bootstrap, not a substitute.

    Labels (0 and 1) and both scores are (n,). None where a class has a single trial, which leaves
    no variance to estimate.
    """
    labels = np.asarray(labels)
    if min((labels == 0).sum(), (labels == 1).sum()) < 2:
        return None
    of_baseline, of_candidate = (_placements(labels, scores) for scores in (baseline, candidate))
    value = float(of_candidate[0].mean() - of_baseline[0].mean())
    variance = sum(
        np.var(new - old, ddof=1) / old.size
        for old, new in zip(of_baseline, of_candidate, strict=True)
    )
    half = float(ndtri(1.0 - _TAIL) * np.sqrt(variance))
    if variance > 0:
        z = float(value / np.sqrt(variance))
        p = float(2.0 * ndtr(-abs(z)))
    else:
        z, p = (0.0, 1.0) if value == 0 else (None, 0.0)
    return DeLong(value, value - half, value + half, z, p)


def _placements(labels: NDArray, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Share of the other class that each spoof trial is above, and each bona fide trial below."""
    spoof, bonafide = (np.asarray(scores, dtype=np.float64)[labels == label] for label in (1, 0))
    return _share_below(bonafide, spoof), 1.0 - _share_below(spoof, bonafide)


def _share_below(values: Floats, at: Floats) -> Floats:
    """Share of the values that lie below each point, ties half."""
    ranked = np.sort(values)
    return sum(np.searchsorted(ranked, at, side) for side in ("left", "right")) / 2.0 / values.size


@dataclass(frozen=True)
class Scorer:
    """An experiment's scores.

    Attributes:
        name: the experiment's.
        scores: `tables.SCORES`; its eval trials are compared.
        seeds: `tables.TRIAL_COLUMNS`, then a column of scores per seed, named by it, comparable
            over rounds as `score` is; None where training has no chance in it.
        item: its results, which tell of leaks and of scores that point the wrong way; a verdict
            needs them.
    """

    name: str
    scores: pa.Table
    seeds: pa.Table | None = None
    item: Tested | None = None

    @property
    def seed_names(self) -> list[str]:
        """The seeds in the table's order; none where training has no chance in it."""
        names = [] if self.seeds is None else self.seeds.column_names
        return [name for name in names if name not in tables.TRIAL_COLUMNS]

    @property
    def columns(self) -> list[str]:
        """The score columns of `trials`: one for each seed, or "score"."""
        return self.seed_names or ["score"]

    def trials(self) -> pd.DataFrame:
        """Return eval trials by file and round, with `label`, `speaker` and score columns."""
        table = self.scores if self.seeds is None else self.seeds
        part = tables.where(table, split=REPORTED)
        names = [*_TRIAL, "label", "speaker", *self.columns]
        return part.select(names).to_pandas().set_index(_TRIAL)


_Key = tuple[str, str]


@dataclass(frozen=True)
class Draws:
    """Metrics of several scorers on the same trials and on the same m resamples of them.

    Attributes:
        labels: (n,).
        scores: (n,) by scorer and seed; the seed is "score" where training has no chance in it.
        n_left_out: trials that were set aside for some scorer, and so for all.
        resampler: drew the resamples.
        drawn: by metric, scorer and seed, (1 + m,); see `bootstrap.resampled`.
    """

    labels: NDArray[np.int8]
    scores: dict[_Key, Floats]
    n_left_out: int
    resampler: bootstrap.Resampler
    drawn: dict[str, dict[_Key, Floats]]

    @property
    def counts(self) -> dict[str, int]:
        """How many trials of each class are compared, and how many are not."""
        n_bonafide, n_spoof = np.bincount(self.labels, minlength=2).tolist()
        return {"n_bonafide": n_bonafide, "n_spoof": n_spoof, "n_left_out": self.n_left_out}

    def metric(self, name: str, scorer: Scorer) -> "Mean":
        """Return one scorer's ROC-AUC or EER, the mean over its seeds."""
        drawn = {column: self.drawn[name][scorer.name, column] for column in scorer.columns}
        return mean(drawn, self.resampler.seed, self.resampler.n_speakers, SHARE)


def resample(scorers: Sequence[Scorer], seed: int, rejected: Collection[str] = ()) -> Draws:
    """Compute ROC-AUC and EER of scorers and all their seeds on the same resamples of eval.

    The scorers have distinct names. Their trials may lack files that are `rejected`, set aside in
    some view; other differences are a `UserError`.
    """
    names = [scorer.name for scorer in scorers]
    trials = pd.concat([each.trials() for each in scorers], axis=1, keys=names).sort_index()
    labels = trials.xs("label", axis=1, level=1)
    shared = labels.notna().all(axis=1)
    allowed = frozenset(rejected)
    missing = [file for file, _ in trials.index[~shared] if file not in allowed]
    if missing:
        raise UserError(
            f"{', '.join(names)} on {REPORTED}: {len(missing):,} of {len(trials):,} trials are not "
            f"scored by all of them ({missing[0]}, for one), but a comparison needs the same "
            "trials; give these experiments the same protocol"
        )
    trials, labels = trials[shared], labels[shared].astype(np.int8)
    if labels.ne(labels.iloc[:, 0], axis=0).any(axis=None):
        raise ValueError(f"{', '.join(names)}: labels of the same trials differ")
    labels = labels.iloc[:, 0].to_numpy()
    keys = [(scorer.name, column) for scorer in scorers for column in scorer.columns]
    scores = {key: trials[key].to_numpy() for key in keys}
    files = trials.index.get_level_values("file").to_numpy()
    resampler = bootstrap.Resampler(labels, trials[names[0], "speaker"].to_numpy(), seed, files)
    drawn = {name: {} for name in METRICS}
    for key, column in scores.items():
        found = bootstrap.resampled(resampler, Ranking.of(labels, column), METRICS)
        for name, values in found.items():
            drawn[name][key] = values
    return Draws(labels, scores, int((~shared).sum()), resampler, drawn)


@dataclass(frozen=True)
class Mean(Estimate):
    """A mean over seeds of a metric or of a difference; for its interval see the module.

    Attributes:
        trial_error: standard error from the trials: the bootstrap's, `bootstrap.widened`.
        seed_error: standard error from the seeds, s / sqrt(S); 0 where there is one value.
        each: the values, by seed; empty where training has no chance in it.
        n_speakers: `bootstrap.Resampler.n_speakers`.
    """

    trial_error: float
    seed_error: float
    each: Mapping[str, float]
    n_speakers: int | None

    @property
    def detectable(self) -> float:
        """Smallest difference whose interval lies above 0 with a chance of 80%.

        The interval's half-width is itself random: the errors found in three seeds vary by a factor
        of six. So this is no multiple of the standard error (2.80 of them where both errors are
        certain, Bloom 1995, "Minimum detectable effects", Evaluation Review 19(5)) but the 80%
        point of half-width minus error of the mean, simulated with the errors found here.
        """
        if not self.trial_error and not self.seed_error:
            return 0.0
        random = np.random.default_rng(0)
        numbers, errors = (self.n_speakers, len(self.each)), [self.trial_error, self.seed_error]
        for index, freedom in enumerate(map(_freedom, numbers)):
            if np.isfinite(freedom):
                ratio = random.chisquare(freedom, _SIMULATED) / freedom
                errors[index] = errors[index] * np.sqrt(ratio)
        half = half_width(*errors, *numbers)
        error = np.hypot(self.trial_error, self.seed_error) * random.normal(size=_SIMULATED)
        return float(np.quantile(half - error, POWER))

    @property
    def spread(self) -> dict[str, Any] | None:
        """How the values differ over seeds, as plain data; None unless there are two or more."""
        if len(self.each) < 2:
            return None
        values = list(self.each.values())
        ends = {"low": min(values), "high": max(values)}
        return {**ends, "deviation": float(np.std(values, ddof=1)), "each": dict(self.each)}

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        names = ("value", "low", "high", "trial_error", "seed_error", "spread")
        return {name: getattr(self, name) for name in names}


def mean(
    drawn: Mapping[str, Floats],
    seed: int,
    n_speakers: int | None = None,
    scale: Scale = DIFFERENCE,
) -> Mean:
    """Average a metric or a difference over its seeds.

    `drawn` are the values of the trials themselves and of resamples, (1 + m,), by seed; the only
    key is "score" where training has no chance in it. `seed` is of what is drawn here, `n_speakers`
    the resampler's.
    """
    values, n_seeds = {name: float(each[0]) for name, each in drawn.items()}, len(drawn)
    of_seeds = list(values.values())
    value = float(np.mean(of_seeds))
    seed_error = float(np.std(of_seeds, ddof=1) / np.sqrt(n_seeds)) if n_seeds > 1 else 0.0
    resampled = np.mean([each[1:] for each in drawn.values()], axis=0)
    trial_error = float(bootstrap.widened(resampled.std(ddof=1), n_speakers))
    if n_speakers is None or not seed_error:
        shifted = resampled + seed_error * student(n_seeds, resampled.size, seed)
        low, high = bootstrap.ends(value, shifted, n_speakers, scale)
    else:
        errors = (
            bootstrap.error(value, resampled, n_speakers, scale),
            seed_error * scale.slope(np.float64(value)),
        )
        half = half_width(*errors, n_speakers, n_seeds)
        low, high = (scale.back(scale.to(np.float64(value)) + sign * half) for sign in (-1, 1))
    each = {} if list(values) == ["score"] else values
    return Mean(value, float(low), float(high), trial_error, seed_error, each, n_speakers)


def student(n_seeds: int, n_draws: int, seed: int) -> Floats:
    """Draw from Student's distribution for a mean over seeds, (n_draws,); zeros for one seed."""
    if n_seeds < 2:
        return np.zeros(n_draws)
    # Not the bootstrap's own stream: shifts must not follow from which trials were drawn.
    return np.random.default_rng([seed, n_seeds]).standard_t(n_seeds - 1, n_draws)


def half_width(
    trial_error: ArrayLike, seed_error: ArrayLike, n_speakers: int | None, n_seeds: int
) -> Floats:
    """Return half the width of the 95% interval that errors of trials and of seeds make together.

    The standard errors are numbers or (n,); `n_speakers` and `n_seeds` give the degrees of freedom
    of the two Student's distributions that are convolved, the normal one where there is no number.
    """
    angle = np.arctan2(seed_error, trial_error)
    table = _convolved(_freedom(n_speakers), _freedom(n_seeds))
    return np.hypot(seed_error, trial_error) * np.interp(angle, _ANGLES, table)


_ANGLES = np.linspace(0.0, np.pi / 2, 33)
_SIMULATED = 20_000


def _freedom(number: int | None) -> float:
    return np.inf if number is None or number < 2 else number - 1.0


@cache
def _convolved(first: float, second: float) -> Floats:
    """Return the 97.5% points of cos(angle) T1 + sin(angle) T2 at `_ANGLES`, T Student's."""
    from scipy.optimize import brentq

    nodes = stdtrit(second, (np.arange(1000) + 0.5) / 1000)

    def excess(point: float, angle: float) -> float:
        below = stdtr(first, (point - np.sin(angle) * nodes) / np.cos(angle))
        return float(below.mean()) - (1.0 - _TAIL)

    inner = [brentq(excess, 0.0, 1e3, args=(angle,)) for angle in _ANGLES[:-1]]
    return np.array([*inner, stdtrit(second, 1.0 - _TAIL)])


@dataclass(frozen=True)
class Comparison:
    """By how much a candidate differs from a baseline on the same trials; see `verdict.verdict`.

    `relative` is None where the baseline is perfect on the trials, or on so many resamples that the
    interval has no end. A test of `delong` ("score" without seeds) is None where a class is one
    trial.
    """

    counts: Mapping[str, int]
    interval: Mapping[str, Any]
    seeds: Sequence[str]
    baseline: Mapping[str, float]
    candidate: Mapping[str, float]
    roc_auc: Mean
    eer: Mean
    relative: Estimate | None
    delong: Mapping[str, DeLong | None]

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            **self.counts,
            "interval": self.interval,
            "seeds": self.seeds,
            "baseline_mean": self.baseline,
            "candidate_mean": self.candidate,
            "roc_auc": self.roc_auc.as_json(),
            "eer": self.eer.as_json(),
            "relative_reduction": self.relative and asdict(self.relative),
            "detectable": self.roc_auc.detectable,
            "delong": {name: test and asdict(test) for name, test in self.delong.items()},
        }


def paired(
    baseline: Scorer, candidate: Scorer, seed: int, rejected: Collection[str] = ()
) -> Comparison:
    """Compare two scorers on eval, seed by seed where their training has chance in it.

    The candidate trained with a seed is compared with the baseline trained with the same, or with
    the one baseline there is. `seed` is the bootstrap's; for `rejected` see `resample`.

    Raises:
        UserError: the trials differ beyond those rejected, or no seed is common to both.
    """
    return between(resample([baseline, candidate], seed, rejected), baseline, candidate)


def between(draws: Draws, baseline: Scorer, candidate: Scorer) -> Comparison:
    """Compare two of the scorers that were resampled together; see `paired`."""
    pairs, resampler = _seed_pairs(baseline, candidate), draws.resampler
    old, new, differences = {}, {}, {}
    for metric in METRICS:
        drawn = draws.drawn[metric]
        old[metric], new[metric] = (
            float(np.mean([drawn[pair[side]][0] for pair in pairs.values()])) for side in (0, 1)
        )
        changes = {name: drawn[second] - drawn[first] for name, (first, second) in pairs.items()}
        differences[metric] = mean(changes, resampler.seed, resampler.n_speakers)
    return Comparison(
        counts=draws.counts,
        interval=resampler.how,
        seeds=[name for name in pairs if name != "score"],
        baseline=old,
        candidate=new,
        **differences,
        relative=_relative(draws, list(pairs.values()), differences["roc_auc"]),
        delong={
            name: delong(draws.labels, draws.scores[first], draws.scores[second])
            for name, (first, second) in pairs.items()
        },
    )


def _seed_pairs(baseline: Scorer, candidate: Scorer) -> dict[str, tuple[_Key, _Key]]:
    """Which column of the baseline each of the candidate's is held against, by seed."""
    old, new = baseline.seed_names, candidate.seed_names
    names = [name for name in new if name in old] if old and new else old or new or ["score"]
    if not names:
        raise UserError(
            f"{baseline.name} (seeds {', '.join(old)}) and {candidate.name} (seeds "
            f"{', '.join(new)}) have no seed in common to be compared; give both the same seeds"
        )
    sides = ((baseline, old), (candidate, new))
    return {
        name: tuple((side.name, name if seeds else "score") for side, seeds in sides)
        for name in names
    }


def _relative(
    draws: Draws, pairs: Sequence[tuple[_Key, _Key]], difference: Mean
) -> Estimate | None:
    """Return the share of 1 - AUC that is gained; see `Comparison`.

    Of speakers, points of the resamples further out are its interval's ends: those that Student's
    distribution asks for (Hesterberg 2015, "What teachers should know about the bootstrap", The
    American Statistician 69(4), the expanded percentile interval).
    """
    drawn = draws.drawn["roc_auc"]
    left = 1.0 - np.mean([drawn[first][0] for first, _ in pairs])
    if left <= 0:
        return None
    lefts = 1.0 - np.mean([drawn[first][1:] for first, _ in pairs], axis=0)
    gains = np.mean([(drawn[second] - drawn[first])[1:] for first, second in pairs], axis=0)
    gains = gains + difference.seed_error * student(len(pairs), gains.size, draws.resampler.seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A baseline that is perfect on a resample has nothing to remove: keeping that is 0.
        shares = np.where((lefts <= 0) & (gains == 0), 0.0, gains / lefts)
    n_speakers = draws.resampler.n_speakers
    tail = float(ndtr(bootstrap.widened(stdtrit(_freedom(n_speakers), _TAIL), n_speakers)))
    # Not interpolated: -inf would make the quantiles next to it undefined.
    low, high = np.quantile(shares, [tail, 1.0 - tail], method="nearest")
    if not np.isfinite([low, high]).all():
        return None
    return Estimate(float(difference.value / left), float(low), float(high))
