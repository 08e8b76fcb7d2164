"""Paired differences: against slow and published results, under simulation, and where they end."""

import numpy as np
import pytest
from authenticity.errors import UserError
from authenticity.evaluation import bootstrap, compare, verdict
from authenticity.evaluation.compare import Scorer
from comparisons import grid, simulated, table
from scipy.stats import chi2
from sklearn.metrics import roc_auc_score

# Albumin, total protein, K-G score and outcome of 43 patients, from DeLong, DeLong and
# Clarke-Pearson (1988) as printed in the SAS/STAT User's Guide, the LOGISTIC procedure, "Comparing
# Receiver Operating Characteristic Curves", which takes 10 minus the K-G score.
PATIENTS = np.fromstring(
    """3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
    1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
    4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
    3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
    3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
    3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
    3.6 6.6 5 1""",
    sep=" ",
).reshape(-1, 4)


def paired(baseline, candidate, *options, **named):
    """Compare two tables of scores."""
    scorers = Scorer("baseline", baseline), Scorer("candidate", candidate)
    return compare.paired(*scorers, *options, **named)


def slow_delong(labels, baseline, candidate):
    """Return z by the definition, every spoof trial against every bona fide one."""
    values, by_spoof, by_bonafide = [], [], []
    for scores in (baseline, candidate):
        spoof, bonafide = scores[labels == 1], scores[labels == 0]
        won = [[1.0 if x > y else 0.5 if x == y else 0.0 for y in bonafide] for x in spoof]
        values.append(np.mean(won))
        by_spoof.append(np.mean(won, axis=1))
        by_bonafide.append(np.mean(won, axis=0))
    covariance = np.cov(by_spoof) / len(spoof) + np.cov(by_bonafide) / len(bonafide)
    contrast = np.array([-1.0, 1.0])
    return contrast @ values / np.sqrt(contrast @ covariance @ contrast)


@pytest.mark.parametrize("digits", [0, 1, 8])
def test_delong_is_what_its_definition_gives_also_with_ties(digits):
    random = np.random.default_rng(digits)
    labels = random.permutation(np.repeat([0, 1], [37, 90]))
    common = random.normal(size=127) + labels
    baseline, candidate = (np.round(common + random.normal(size=127), digits) for _ in range(2))
    found = compare.delong(labels, baseline, candidate)
    assert found.z == pytest.approx(slow_delong(labels, baseline, candidate), rel=1e-9)
    aucs = [roc_auc_score(labels, scores) for scores in (baseline, candidate)]
    assert found.value == pytest.approx(aucs[1] - aucs[0])
    assert compare.delong(labels, candidate, baseline).z == pytest.approx(-found.z)


def test_delong_gives_the_published_joint_test_of_the_ovarian_cancer_patients():
    albumin, protein, score, outcome = PATIENTS.T
    score = 10 - score
    of_albumin = compare.delong(outcome, score, albumin)
    of_protein = compare.delong(outcome, score, protein)
    between = compare.delong(outcome, albumin, protein)
    # The joint test of both differences, from the variances of all three.
    variances = [(test.value / test.z) ** 2 for test in (of_albumin, of_protein, between)]
    shared = (variances[0] + variances[1] - variances[2]) / 2
    covariance = [[variances[0], shared], [shared, variances[1]]]
    values = np.array([of_albumin.value, of_protein.value])
    joint = values @ np.linalg.solve(covariance, values)
    assert joint == pytest.approx(2.5340, abs=5e-5)
    assert chi2.sf(joint, 2) == pytest.approx(0.2817, abs=5e-5)


def test_delong_where_there_is_no_variance():
    labels = np.array([0, 0, 1, 1])
    right = np.array([1.0, 2.0, 3.0, 4.0])
    same = compare.delong(labels, right, right)
    assert (same.value, same.low, same.high, same.z, same.p) == (0.0, 0.0, 0.0, 0.0, 1.0)
    wrong = compare.delong(labels, right, -right)
    assert (wrong.value, wrong.z, wrong.p) == (-1.0, None, 0.0)
    assert compare.delong(labels[1:], right[1:], right[1:]) is None


def test_differences_are_candidate_minus_baseline():
    old, new = simulated(400, better=1.0)
    found = paired(old, new, 1)
    labels = old["label"].to_numpy()
    aucs = [roc_auc_score(labels, each["score"].to_numpy()) for each in (old, new)]
    assert found.roc_auc.value == pytest.approx(aucs[1] - aucs[0])
    assert found.baseline["roc_auc"] == pytest.approx(aucs[0])
    assert found.candidate["roc_auc"] == pytest.approx(aucs[1])
    assert 0 < found.roc_auc.low < found.roc_auc.value < found.roc_auc.high
    assert found.eer.high < 0
    assert found.relative.value == pytest.approx((aucs[1] - aucs[0]) / (1 - aucs[0]))
    assert 0 < found.relative.low < found.relative.value < found.relative.high < 1
    assert found.delong["score"].value == pytest.approx(found.roc_auc.value)
    turned = paired(new, old, 1)
    assert turned.roc_auc.value == -found.roc_auc.value
    assert (turned.roc_auc.low, turned.roc_auc.high) == pytest.approx(
        (-found.roc_auc.high, -found.roc_auc.low)
    )
    assert turned.relative.high < 0


def test_identical_scorers_do_not_differ_at_all():
    old, _ = simulated(200, n_speakers=30)
    found = paired(old, old, 1)
    for difference in (found.roc_auc, found.eer):
        ends = (difference.value, difference.low, difference.high, difference.detectable)
        assert ends == (0.0, 0.0, 0.0, 0.0)
    assert (found.relative.value, found.relative.low, found.relative.high) == (0.0, 0.0, 0.0)


def test_the_resamples_are_those_of_the_figures_themselves():
    old, new = simulated(300, n_speakers=25)
    draws = compare.resample([Scorer("a", old), Scorer("b", new)], 3)
    columns = [old[name].to_numpy(zero_copy_only=False) for name in ("label", "score", "speaker")]
    alone = bootstrap.intervals(*columns, 3, files=old["file"].to_pylist())
    assert draws.resampler.method == alone.method == bootstrap.BY_SPEAKER
    for name in compare.METRICS:
        found = draws.metric(name, Scorer("a", old))
        assert (found.value, found.low, found.high) == tuple(
            getattr(alone.estimates[name], end) for end in ("value", "low", "high")
        )


def test_the_order_of_rows_does_not_matter():
    old, new = simulated(200, 0.5, n_speakers=20)
    shuffled = new.take(np.random.default_rng(0).permutation(200))
    assert paired(old, new, 1) == paired(old, shuffled, 1)


def test_the_interval_covers_the_truth_as_often_as_it_says(monkeypatch):
    monkeypatch.setattr(bootstrap, "N_RESAMPLES", 200)
    labels, aucs = np.arange(400_000) % 2, []
    for each in simulated(400_000, 0.3, seed=999):
        aucs.append(roc_auc_score(labels, each["score"].to_numpy()))
    truth = aucs[1] - aucs[0]
    found = [paired(*simulated(240, 0.3, seed=k), 1).roc_auc for k in range(100)]
    covered = np.mean([each.low <= truth <= each.high for each in found])
    assert covered >= 0.87
    # The errors that the bootstrap gives are those that other data show, and DeLong's.
    spread = np.std([each.value for each in found], ddof=1)
    assert np.mean([each.trial_error for each in found]) == pytest.approx(spread, rel=0.2)


@pytest.mark.parametrize(
    ("n_speakers", "n_seeds", "seed_error", "multiple"),
    # Of certain errors, z(0.975) + z(0.80) = 2.80 standard errors (Bloom 1995).
    [(None, 1, 0.0, 2.8016), (None, 3, 0.01, None), (12, 1, 0.0, None), (12, 3, 0.02, None)],
)
def test_the_stated_detectable_difference_is_found_four_times_in_five(
    n_speakers, n_seeds, seed_error, multiple
):
    """Experiments are drawn with this true difference; each makes an interval of its own data."""
    random = np.random.default_rng(1)
    trial_error = 0.01
    each = {str(seed): 0.0 for seed in range(n_seeds)} if n_seeds > 1 else {}
    stated = compare.Mean(0.0, 0.0, 0.0, trial_error, seed_error, each, n_speakers).detectable
    if multiple:
        assert stated == pytest.approx(multiple * trial_error, rel=0.02)
    found, hits, n = [], [], 3000
    for k in range(n):
        units = n_speakers or 400
        noise = trial_error * random.normal(size=units) * np.sqrt(units)
        drawn = noise.std() / np.sqrt(units) * random.normal(size=200)
        seeds = np.sqrt(n_seeds) * seed_error * random.normal(size=n_seeds)
        values = enumerate(stated + noise.mean() + seeds)
        of_seeds = {name: value + np.append(0.0, drawn) for name, value in values}
        of_seeds = of_seeds if n_seeds > 1 else {"score": of_seeds[0]}
        made = compare.mean(of_seeds, k, n_speakers)
        found.append(made.low > 0)
        hits.append(made.low <= stated <= made.high)
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)
    assert np.mean(hits) == pytest.approx(0.95, abs=0.03)


def test_the_interval_over_seeds_covers_the_truth_of_three():
    random = np.random.default_rng(0)
    hits, narrow = [], []
    for k in range(2000):
        at = dict(enumerate(0.01 * random.normal(size=3)))
        noise = 0.002 * random.normal()
        common = np.append(0.0, 0.002 * random.normal(size=400))
        found = compare.mean({name: value + noise + common for name, value in at.items()}, k)
        hits.append(found.low <= 0 <= found.high)
        narrow.append(abs(found.value) <= 1.96 * found.seed_error)
    assert 0.935 <= np.mean(hits) <= 0.985
    assert np.mean(narrow) < 0.88


@pytest.mark.parametrize(("n_speakers", "n_seeds"), [(None, 3), (10, 3), (25, 5), (None, 2)])
def test_half_widths_are_those_of_a_simulated_behrens_fisher_distribution(n_speakers, n_seeds):
    random = np.random.default_rng(2)
    for trial_error, seed_error in ((0.01, 0.001), (0.01, 0.01), (0.001, 0.01)):
        size = 400_000
        trials = random.standard_t(n_speakers - 1, size) if n_speakers else random.normal(size=size)
        both = trial_error * trials + seed_error * random.standard_t(n_seeds - 1, size)
        expected = np.quantile(both, 0.975)
        found = compare.half_width(trial_error, seed_error, n_speakers, n_seeds)
        assert found == pytest.approx(expected, rel=0.04 if n_seeds == 2 else 0.02)


def test_each_seed_is_compared_and_their_spread_widens_the_interval():
    old, seeds = simulated(600, 0.4, seeds=[-0.3, 0.0, 0.2])
    first = seeds.rename_columns([{"10": "score"}.get(name, name) for name in seeds.column_names])
    baseline, candidate = Scorer("old", old), Scorer("new", first, seeds)
    found = compare.paired(baseline, candidate, 1)
    labels = old["label"].to_numpy()
    auc = roc_auc_score(labels, old["score"].to_numpy())
    each = {s: roc_auc_score(labels, seeds[s].to_numpy()) - auc for s in ("10", "11", "12")}
    assert dict(found.roc_auc.each) == pytest.approx(each)
    values = list(each.values())
    assert found.roc_auc.value == pytest.approx(np.mean(values))
    assert found.roc_auc.seed_error == pytest.approx(np.std(values, ddof=1) / np.sqrt(3))
    spread = found.as_json()["roc_auc"]["spread"]
    assert (spread["low"], spread["high"]) == pytest.approx((min(values), max(values)))
    assert spread["deviation"] == pytest.approx(np.std(values, ddof=1))
    assert set(found.delong) == set(each)
    alone = paired(old, first, 1)
    assert not alone.seeds
    assert alone.roc_auc.high - alone.roc_auc.low < found.roc_auc.high - found.roc_auc.low
    assert found == compare.paired(baseline, candidate, 1)


def test_seeds_are_held_against_the_same_seeds():
    _, seeds = simulated(200, seeds=[0.0, 0.3, -0.3])
    scorer = Scorer("one", seeds, seeds)
    same = compare.paired(scorer, Scorer("two", seeds, seeds), 1)
    assert (same.roc_auc.low, same.roc_auc.high) == (0.0, 0.0)
    fewer = Scorer("two", seeds, seeds.drop_columns(["11"]))
    assert compare.paired(scorer, fewer, 1).seeds == ["10", "12"]
    names = [{"10": "20", "11": "21", "12": "22"}.get(name, name) for name in seeds.column_names]
    other = Scorer("two", seeds, seeds.rename_columns(names))
    with pytest.raises(UserError, match=r"one .seeds 10, 11, 12. and two .seeds 20.*same seeds"):
        compare.paired(scorer, other, 1)


def test_other_trials_are_an_error_unless_they_were_rejected():
    old, new = simulated(100)
    fewer = new.filter(np.isin(np.arange(100), [3, 40], invert=True))
    with pytest.raises(UserError, match=r"baseline, candidate on eval: 2 of 100 .*f00003"):
        paired(old, fewer, 1)
    found = paired(old, fewer, 1, rejected={"f00003", "f00040", "f00041"})
    assert found.counts == {"n_bonafide": 49, "n_spoof": 49, "n_left_out": 2}
    elsewhere = table(np.zeros(100), np.arange(100) % 2, rounds="fold_1")
    with pytest.raises(UserError, match="same protocol"):
        paired(old, elsewhere, 1)


def test_a_perfect_baseline_leaves_nothing_to_remove():
    labels = np.arange(60) % 2
    perfect, poor = table(labels + 0.0, labels), simulated(60)[1]
    assert paired(perfect, poor, 1).relative is None
    almost = labels + 0.0
    almost[1] = -1.0
    # A third of the resamples have no error to remove: the loss has no end.
    assert paired(table(almost, labels), poor, 1).relative is None
    gain = paired(table(almost, labels), perfect, 1).relative
    assert (gain.value, gain.low, gain.high) == (1.0, 0.0, 1.0)


def test_ablations_have_figures_differences_and_costs():
    sides, about, costs = grid()
    found = verdict.ablations(sides, about, costs, "plain", 1)
    plain, supcon, narrow = found["rows"]
    assert (found["n_bonafide"], found["n_spoof"], found["n_left_out"]) == (150, 150, 0)
    assert plain["difference"] is None
    assert plain["cost"] is None
    assert plain["roc_auc"]["spread"] is None
    assert supcon["seeds"] == ["10", "11", "12"]
    alone = compare.paired(sides["plain"], sides["supcon"], 1).as_json()
    assert supcon["difference"]["roc_auc"] == alone["roc_auc"]
    assert supcon["roc_auc"]["value"] == pytest.approx(
        plain["roc_auc"]["value"] + alone["roc_auc"]["value"]
    )
    assert supcon["roc_auc"]["spread"]["low"] < supcon["roc_auc"]["value"]
    assert supcon["cost"]["parameters"] == 98_304
    assert narrow["leaks"]


def test_costs_are_those_of_the_experiments_own_jobs(tmp_path):
    def benchmark(path, seconds, cpu, memory):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        line = f"s\tmax_rss\tcpu_time\n{seconds}\t{memory}\t{cpu}\n"
        (tmp_path / path).write_text(line)

    benchmark("contrast/supcon.tsv", 10, 18, 200)
    benchmark("evaluate/supcon.tsv", 2, 2, 300)
    benchmark("contrast/margin.tsv", 99, 99, 999)
    benchmark("spectral/0.tsv", 50, 50, 900)
    model = {"rounds": [{"seeds": {"10": {"parameters": 7}, "11": {"parameters": 8}}}]}
    found = verdict.cost(tmp_path, "supcon", model)
    assert (found["seconds"], found["peak_mib"], found["parameters"]) == (12.0, 300.0, 7)
    assert found["cpu_seconds"] == 20.0
    assert verdict.cost(tmp_path / "none", "supcon", model) is None
