"""How often intervals hold the truth, verdicts are right, and stated power is reached.

Corpora are simulated: some speakers in each class, the same people in both ("shared") or others
("separate"), with ten clips each in a class. A score is normal; of its variance, .3 is the
speaker's, .1 the speaker's in this class, and the rest the clip's. Two detectors of the same true
ROC-AUC, .8 or .95, share half of each part. The true figures are those of infinitely many speakers.

    python tests/benchmarks/benchmark_inference.py [CORPORA]

CORPORA of each kind are simulated, 400 unless given.
"""

import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from authenticity.evaluation import bootstrap, compare, verdict
from authenticity.evaluation.metrics import Ranking, cllr
from authenticity.names import NO, YES
from scipy.special import ndtr, ndtri

CLIPS = 10
SHARES = {"speaker": 0.3, "class": 0.1, "clip": 0.6}
KINDS = [
    (n_speakers, shared, auc)
    for n_speakers in (2, 10, 20, 30, 48)
    for shared in (True, False)
    for auc in (0.8, 0.95)
]


def corpus(random, n_speakers, shared, auc):
    """Return labels, speakers, and the scores of both detectors."""
    labels = np.tile(np.repeat([0, 1], CLIPS), n_speakers)
    person = np.repeat(np.arange(n_speakers), 2 * CLIPS)
    voice = 2 * person + labels
    heard = person if shared else voice

    def part():
        return (
            np.sqrt(SHARES["speaker"]) * random.normal(size=2 * n_speakers)[heard]
            + np.sqrt(SHARES["class"]) * random.normal(size=2 * n_speakers)[voice]
            + np.sqrt(SHARES["clip"]) * random.normal(size=labels.size)
        )

    common = np.sqrt(0.5) * part()
    scores = [common + np.sqrt(0.5) * part() + distance(auc) * labels for _ in range(2)]
    return labels, np.array([f"s{k}" for k in heard], dtype=object), scores


def distance(auc):
    """Distance of the classes' means, in standard deviations, that gives a ROC-AUC."""
    return np.sqrt(2) * ndtri(auc)


def llr(scores, auc):
    """The log-likelihood ratio that is right for an endless supply of speakers."""
    return distance(auc) * scores - distance(auc) ** 2 / 2


def truths(auc):
    """Return the true figures."""
    clips = np.random.default_rng(1).normal(size=1_000_000)
    nats = [np.logaddexp(0, s * llr(clips + m * distance(auc), auc)) for m, s in ((1, -1), (0, 1))]
    cllr = np.mean(nats) / np.log(2)
    figures = {"ROC-AUC": auc, "EER": ndtr(-distance(auc) / 2), "Cllr": cllr}
    return figures | {"difference": 0.0}


def simulate(kind, seed):
    """Make one corpus and all intervals; return what held, and the two answers."""
    n_speakers, shared, auc = kind
    random = np.random.default_rng([seed, n_speakers, int(shared), int(100 * auc)])
    labels, speakers, scores = corpus(random, *kind)
    found = bootstrap.intervals(labels, scores[0], speakers, seed, compare.METRICS).estimates
    cost = bootstrap.intervals(
        labels,
        llr(scores[0], auc),
        speakers,
        seed,
        metrics={"cllr": cllr(llr(scores[0], auc))},
        costs=["cllr"],
    ).estimates["cllr"]
    change = paired(labels, speakers, scores, seed)
    intervals = {"ROC-AUC": found["roc_auc"], "EER": found["eer"], "Cllr": cost}
    intervals["difference"] = change
    truth = truths_of[auc]
    held = {
        name: (each.low <= truth[name] <= each.high, each.low > truth[name])
        for name, each in intervals.items()
    }
    return held, verdict.answers(change)


def paired(labels, speakers, scores, seed):
    """Return the paired difference in ROC-AUC, as `compare` makes it."""
    resampler = bootstrap.Resampler(labels, speakers, seed)
    old, new = (
        bootstrap.resampled(resampler, Ranking.of(labels, each), compare.METRICS)["roc_auc"]
        for each in scores
    )
    return compare.mean({"score": new - old}, seed, resampler.n_speakers)


truths_of = {auc: truths(auc) for auc in (0.8, 0.95)}


def coverage(n_corpora, pool):
    """Yield a row for each kind of corpus."""
    chunk = max(1, n_corpora // 8)
    for kind in KINDS:
        made = list(pool.map(simulate, [kind] * n_corpora, range(n_corpora), chunksize=chunk))
        shares = (
            "{:.1f} ({:.1f})".format(*(100 * np.mean([each[name] for each, _ in made], axis=0)))
            for name in made[0][0]
        )
        here = [each["on_these_speakers"]["at_least_one_point"] for _, each in made]
        general = [each["at_least_one_point"] for _, each in made]
        rates = (
            f"{100 * np.mean([each == YES for each in given]):.1f} / "
            f"{100 * np.mean([each == NO for each in given]):.1f}"
            for given in (here, general)
        )
        people = "shared" if kind[1] else "separate"
        covers = "yes" if kind[0] >= bootstrap.MINIMUM_SPEAKERS else "no"
        yield [f"{kind[0]}", people, f"{kind[2]:g}", covers, *shares, *rates]


def power(n_tries=4000):
    """Yield how often a difference of the stated size is found, by speakers and seeds."""
    kinds = [(None, 1), (None, 3), (None, 5), (10, 1), (10, 3), (48, 3), (48, 5)]
    for n_speakers, n_seeds in kinds:
        seed_error = 0.01 if n_seeds > 1 else 0.0
        each = {str(k): 0.0 for k in range(n_seeds)} if n_seeds > 1 else {}
        error = np.hypot(0.01, seed_error)
        stated = compare.Mean(0.0, 0.0, 0.0, 0.01, seed_error, each, n_speakers).detectable
        tries = [experiment(k, n_speakers, n_seeds, seed_error) for k in range(n_tries)]
        shares = (np.mean([low + true > 0 for low in tries]) for true in (stated, 2.8016 * error))
        drawn = "trials" if n_speakers is None else f"{n_speakers} speakers"
        rates = (f"{100 * share:.1f}" for share in shares)
        yield [drawn, str(n_seeds), f"{stated / error:.2f}", *rates]


def experiment(k, n_speakers, n_seeds, seed_error):
    """Return the lower end of the interval that one experiment makes of no true difference."""
    random = np.random.default_rng(k)
    size = n_speakers or 1000
    noise = 0.01 * np.sqrt(size) * random.normal(size=size)
    drawn = noise.std() / np.sqrt(size) * random.normal(size=400)
    found = noise.mean() + np.sqrt(n_seeds) * seed_error * random.normal(size=n_seeds)
    resamples = {str(seed): value + np.append(0.0, drawn) for seed, value in enumerate(found)}
    resamples = resamples if n_seeds > 1 else {"score": resamples["0"]}
    return compare.mean(resamples, k, n_speakers).low


def show(columns, rows):
    """Print a Markdown table, row by row."""
    print(f"| {' | '.join(columns)} |\n| {' | '.join(['---'] * len(columns))} |")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
    print()


if __name__ == "__main__":
    n_corpora = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print(f"Coverage in % of {n_corpora} simulated corpora (in brackets: interval too high)\n")
    columns = ["speakers a class", "in both classes", "ROC-AUC", "said to cover new speakers"]
    columns += ["ROC-AUC", "EER", "Cllr", "difference"]
    columns += ["“yes” (wrong) / “no” (right), on these speakers", "the same, in general"]
    with ProcessPoolExecutor() as pool:
        show(columns, coverage(n_corpora, pool))
    print("Power in % at the stated detectable difference, and at 2.80 standard errors\n")
    columns = ["drawn", "seeds", "stated, in standard errors", "power", "power at 2.80 errors"]
    show(columns, power())
