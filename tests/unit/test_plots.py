"""The figures show what they are given, in full, and equal figures are equal bytes."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import run_files as run
from authenticity import plots
from authenticity.estimates import Estimate
from authenticity.evaluation import bootstrap, compare
from authenticity.evaluation.metrics import operating_points
from authenticity.names import NO, OPEN, YES
from authenticity.plots import drawing
from authenticity.report.results import Candidate
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scipy.special import expit, ndtr

NAMES = ["baseline_spectral", "baseline_prototype", "baseline_layer"]
LEAK = run.leak(speakers=1)


def curve(name, distance, n=300, leaks=False):
    labels = np.repeat([0, 1], n)
    scores = np.random.default_rng(0).normal(size=2 * n) + distance * labels
    found = bootstrap.intervals(
        labels,
        scores,
        ["-"] * (2 * n),
        0,
        compare.METRICS,
        band_at=np.linspace(0, 1, 21),
    )
    item = run.tested(
        name,
        of_eval=found.estimates | {"n_bonafide": n, "n_spoof": n},
        leak=LEAK if leaks else run.leak(),
    )
    return plots.Curve(item, operating_points(labels, scores), found.band)


def scores(n_by_split, slope=1.0):
    """Scores whose odds are `slope` times those before calibration."""
    random = np.random.default_rng(1)
    tables = []
    for split, n in n_by_split.items():
        labels = np.repeat([0, 1], n)
        values = random.normal(size=2 * n) + labels
        columns = {"split": split, "label": labels, "score": values, "p_spoof": expit(values)}
        tables.append(pd.DataFrame(columns | {"p_calibrated": expit(slope * values)}))
    return pa.Table.from_pandas(pd.concat(tables, ignore_index=True))


def candidate(name, pooling, dev, n_chosen=0):
    auc = {"dev": Estimate(dev, dev - 0.02, dev + 0.01), "eval": Estimate(0.9, 0.85, 0.95)}
    return Candidate(name, pooling, 0.1, 0.9, n_chosen, auc)


def all_candidates():
    names = [f"layer_{i}" for i in range(13)] + ["layers_all"]
    return [
        candidate(name, pooling, 0.9 + 0.005 * i, int((name, pooling) == ("layer_6", "mean_std")))
        for pooling in ("mean", "mean_std")
        for i, name in enumerate(names)
    ]


def with_attacks(name, leak=None, **aucs):
    return run.tested(name, by={"attack": run.attacks(**aucs)}, leak=leak or run.leak())


def crossed(*corpora, leaking=(), auc=0.9):
    return [
        run.tested(
            NAMES[2],
            auc,
            corpus=a,
            target=b,
            of_eval={"roc_auc": Estimate(auc, auc - 0.1, auc + 0.05)},
            leak=LEAK if (a, b) in leaking else run.leak(),
        )
        for a in corpora
        for b in corpora
    ]


def difference(answer, value, low, high, *seeds):
    auc = {"value": value, "low": low, "high": high}
    spread = {"each": dict(enumerate(seeds))} if seeds else None
    answers = {"on_these_speakers": {"at_least_one_point": answer}}
    return answers | {"roc_auc": auc | {"spread": spread}}


def differences():
    return [
        ("margin", False, difference(YES, 0.03, 0.015, 0.04, 0.02, 0.03, 0.04)),
        ("supcon", True, difference(OPEN, 0.01, -0.01, 0.02, 0.0, 0.01, 0.02)),
        ("a_head_of_256_dimensions", False, difference(NO, 0.0, -0.01, 0.005)),
    ]


def every_figure():
    curves = [curve(NAMES[i], distance, leaks=i == 1) for i, distance in enumerate((1, 2, 4))]
    aucs = {f"A{i:02d}": 0.6 + i / 40 for i in range(7, 15)}
    leaks = [LEAK if name == NAMES[1] else run.leak() for name in NAMES]
    attacked = [with_attacks(name, leak, **aucs) for name, leak in zip(NAMES, leaks, strict=True)]
    seen = [
        run.tested(name, 0.9, views={"mp3": 0.7}, leak=leak)
        for name, leak in zip(NAMES, leaks, strict=True)
    ]
    two_splits = scores({"dev": 2548, "eval": 7355}, slope=1.3)
    long_name = "a_corpus_with_a_very_long_name"
    return {
        "roc": plots.roc(curves),
        "det": plots.det(curves),
        "scores": plots.score_histograms(two_splits, run.tested(NAMES[2])),
        "candidates": plots.candidates(all_candidates(), run.tested(NAMES[2])),
        "attacks": plots.attacks(attacked),
        "views": plots.views(seen),
        "differences": plots.differences(differences(), "Ablations against plain, eval"),
        "calibration": plots.calibration(two_splits, run.tested(NAMES[2])),
        "matrix": plots.matrix(crossed("demo", long_name, leaking=[("demo", "demo")])),
        "large_matrix": plots.matrix(crossed("a", "b", "c", "d", long_name)),
    }


FIGURES = every_figure()


def words(figure):
    axes = figure.axes
    found = [text.get_text() for text in [*figure.texts, *(t for ax in axes for t in ax.texts)]]
    for legend in figure.legends:
        found += [legend.get_title().get_text(), *(text.get_text() for text in legend.get_texts())]
    legends = [ax.get_legend() for ax in axes if ax.get_legend()]
    return found + [text.get_text() for legend in legends for text in legend.get_texts()]


@pytest.mark.parametrize("name", FIGURES)
def test_every_word_is_inside_the_figure(name):
    figure = FIGURES[name]
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = figure.get_tightbbox(canvas.get_renderer())
    width, height = figure.get_size_inches()
    assert drawn.x0 >= 0
    assert drawn.y0 >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height


@pytest.mark.parametrize("name", FIGURES)
def test_axes_say_what_they_show(name):
    labelled = [axes for axes in FIGURES[name].axes if axes.get_xlabel()]
    assert len(labelled) == len(FIGURES[name].axes)
    assert FIGURES[name].axes[0].get_ylabel() or name in ("attacks", "views", "differences")


def test_equal_figures_are_equal_bytes(tmp_path):
    for number in range(2):
        figure = plots.roc([curve("one", 1.0)])
        plots.save(figure, tmp_path / f"{number}.svg")
    first = (tmp_path / "0.svg").read_bytes()
    assert first == (tmp_path / "1.svg").read_bytes()
    assert first.startswith(b"<?xml")
    assert b"<dc:date>" not in first
    assert b"<text" not in first


def test_roc_says_auc_interval_and_trials():
    found = words(FIGURES["roc"])
    auc = curve(NAMES[0], 1).item.reported["roc_auc"]
    value, low, high = auc.value, auc.low, auc.high
    trials = "300 bona fide + 300 spoof"
    assert f"{NAMES[0]}: AUC {value:.3f} ({low:.3f} to {high:.3f}), {trials}" in found
    line = FIGURES["roc"].axes[0].lines[0]
    assert line.get_xdata()[0] == 0
    assert line.get_xdata()[-1] == pytest.approx(100)


def test_det_is_straight_for_bell_curves_and_marks_the_eer_on_the_diagonal():
    found = curve("one", 2.0, n=20_000)
    axes = plots.det([found]).axes[0]
    accepted, rejected = axes.lines[0].get_data()
    middle = (np.abs(accepted) < 1.5) & (np.abs(rejected) < 1.5)
    np.testing.assert_allclose(accepted[middle] + rejected[middle], -2.0, atol=0.12)
    place = axes.lines[1].get_data()
    assert place[0] == place[1]
    assert ndtr(place[0][0]) == pytest.approx(found.item.reported["eer"].value)


def test_det_of_a_perfect_scorer_can_be_drawn(tmp_path):
    plots.save(plots.det([curve("one", 100.0)]), tmp_path / "det.svg")


def test_the_axes_of_det_rise_with_a_single_clip_in_a_class():
    axes = plots.det([curve("one", 1.0, n=1)]).axes[0]
    for low, high in (axes.get_xlim(), axes.get_ylim()):
        assert low < high


def test_histograms_are_shares_that_sum_to_one():
    item = run.tested("one", of_eval={"n_bonafide": 500, "n_spoof": 500})
    figure = plots.score_histograms(scores({"eval": 500}), item)
    for patch in figure.axes[0].patches:
        corners = patch.get_xy()
        area = 0.5 * abs(
            np.dot(corners[:, 0], np.roll(corners[:, 1], 1))
            - np.dot(corners[:, 1], np.roll(corners[:, 0], 1))
        )
        width = np.min(np.diff(np.unique(corners[:, 0])))
        assert area / width == pytest.approx(1.0, rel=1e-6)
    assert figure.axes[0].get_title(loc="left") == "eval: 500 bona fide + 500 spoof"


def test_histograms_count_a_clip_once_that_several_rounds_scored():
    figure = plots.score_histograms(scores({"dev": 2400}), run.tested("rounds"))
    assert figure.axes[0].get_title(loc="left") == "dev: 1,200 bona fide + 300 spoof"


def test_the_choice_is_marked_in_its_own_panel():
    panels = FIGURES["candidates"].axes
    assert [len(axes.patches) for axes in panels] == [0, 1]
    span = panels[1].patches[0]
    assert span.get_x() < 6 < span.get_x() + span.get_width()
    assert "chosen on dev" in words(FIGURES["candidates"])
    assert [text.get_text() for text in panels[0].get_xticklabels()][-2:] == ["12", "all"]


@pytest.mark.parametrize("name", ["roc", "det", "attacks", "views"])
def test_an_experiment_that_leaks_is_marked_in_the_legend_with_a_note(name):
    found = words(FIGURES[name])
    marked = [text for text in found if text.startswith(f"{NAMES[1]} [leaks]")]
    assert len(marked) == 1
    assert any(text.startswith("[leaks]: speakers or duplicate clips") for text in found)
    assert not any(text.startswith(f"{NAMES[0]} [leaks]") for text in found)


def test_a_figure_of_one_experiment_that_leaks_says_so_in_its_title():
    leaky = run.tested("one", leak=LEAK)
    for figure in (
        plots.score_histograms(scores({"eval": 50}), leaky),
        plots.calibration(scores({"dev": 50, "eval": 50}), leaky),
        plots.candidates(all_candidates(), leaky),
    ):
        assert figure.get_suptitle() == "one [leaks: results too good]"
    assert FIGURES["scores"].get_suptitle() == NAMES[2]


def test_what_several_rounds_chose_is_named_once():
    found = [candidate(f"layer_{i}", "mean", 0.9, n_chosen=i < 2) for i in range(3)]
    figure = plots.candidates(found, run.tested("folds"))
    assert words(figure).count("chosen on dev") == 1
    assert len(figure.axes[0].patches) == 2
    assert {"dev, 95% interval", "eval, 95% interval"} <= set(words(figure))


def test_views_stand_in_their_order_and_clean_values_go_down_the_page():
    axes = plots.views([run.tested("one", 0.9, views={"mp3": 0.8})]).axes[0]
    labels, places = axes.get_yticklabels(), axes.get_yticks()
    names = {text.get_text(): place for text, place in zip(labels, places, strict=True)}
    assert names["clean"] > names["mp3"]
    (dotted,) = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert dotted.get_xdata()[0] == 0.9
    assert "guessing" not in words(FIGURES["roc"])


def test_guessing_is_drawn_where_an_interval_reaches_it():
    assert "guessing" in words(plots.attacks([with_attacks("one", A07=0.505)]))
    assert "guessing" not in words(plots.attacks([with_attacks("one", A07=0.9)]))


def test_guessing_is_within_the_axes_where_every_score_points_the_wrong_way():
    axes = plots.attacks([run.tested("flipped", 0.2)]).axes[0]
    assert axes.get_xlim()[1] > 0.5


def test_reliability_points_have_wilson_intervals():
    shares = {0.2: (10, 40), 0.95: (60, 63)}
    rows = [
        {"split": split, "label": int(i < n_spoof), "p_spoof": 0.5, "p_calibrated": p}
        for split in ("dev", "eval")
        for p, (n_spoof, n) in shares.items()
        for i in range(n)
    ]
    item = run.tested("one", of_eval=run.ece(0.5, 0.06, 0.05))
    figure = plots.calibration(pa.Table.from_pylist(rows), item)
    curve, counts = figure.axes[1], figure.axes[3]
    (points,) = [line for line in curve.lines if line.get_marker() == "s"]
    assert points.get_xdata() == pytest.approx(list(shares))
    assert points.get_ydata() == pytest.approx([10 / 40, 60 / 63])
    assert [patch.get_height() for patch in counts.patches] == [103, 40, 63]
    # n = 63, 60 spoof: Wilson's interval by hand (Brown et al. 2001, equation 4).
    low, high = curve.collections[-1].get_segments()[-1][:, 1]
    p, n, z = 60 / 63, 63, 1.959964
    middle, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert low == pytest.approx((middle - half) / (1 + z**2 / n), abs=1e-6)
    assert high == pytest.approx((middle + half) / (1 + z**2 / n), abs=1e-6)
    assert curve.get_title(loc="left").splitlines() == [
        "eval",
        "ECE 50.0% (5.0% by chance), before calibration",
        "ECE 6.0% (5.0% by chance), after calibration",
    ]
    assert "after calibration" in words(figure)


def test_without_a_calibration_only_probabilities_before_it_are_drawn():
    figure = plots.calibration(scores({"eval": 50}), run.without_dev())
    assert len(figure.axes) == 2
    assert not any("after" in text for text in words(figure))


def test_the_matrix_has_a_cell_per_pair_with_its_interval_and_marks_leaks():
    one, two = crossed("a", "b", leaking=[("a", "a")])[:2]
    figure = plots.matrix([one, two])
    auc, eer = figure.axes
    said = [text.get_text() for text in auc.texts]
    assert said == [
        *("0.900", "(0.800 to 0.950)", "[leaks]"),
        *("0.900", "(0.800 to 0.950)"),
    ]
    assert [text.get_text() for text in eer.texts][:2] == ["10.0%", "(9.0 to 10.5)"]
    assert len(auc.patches) == len(eer.patches) == 1
    assert [text.get_text() for text in auc.get_xticklabels()] == ["a", "b"]
    assert [text.get_text() for text in auc.get_yticklabels()] == ["a"]


def test_a_corpus_that_is_only_trained_on_has_a_row_and_no_column():
    to_b, to_a = (
        [item for item in crossed("b", "a") if item.target == target] for target in ("b", "a")
    )
    untested = [run.without("eval", item) for item in to_b]
    axes = plots.matrix([*untested, *to_a]).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b", "a"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["a"]


def test_words_in_a_cell_can_be_read_on_its_colour():
    figure, dark = (plots.matrix(crossed("a", auc=auc)) for auc in (0.9, 0.5))
    assert {text.get_color() for text in figure.axes[0].texts} == {"black"}
    assert {text.get_color() for text in dark.axes[0].texts} == {"white"}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("layer_6", "6"),
        ("spectral+layer_12", "12"),
        ("layers_all", "all"),
        ("spectral", "spectral"),
    ],
)
def test_layers_are_read_from_names(name, label):
    items = [candidate(name, "mean", 0.9)]
    panel = plots.candidates(items, run.tested()).axes[0]
    assert [text.get_text() for text in panel.get_xticklabels()] == [label]


def test_one_candidate_without_layers_can_be_drawn(tmp_path):
    found = [candidate("spectral", "none", 0.9, 1)]
    figure = plots.candidates(found, run.tested("baseline_spectral"))
    plots.save(figure, tmp_path / "one.svg")
    assert "dev, 95% interval" in words(figure)


def test_the_attack_that_is_missed_most_stands_on_top():
    item = with_attacks("one", A07=0.9, A08=0.6, A09=0.8)
    axes = plots.attacks([item]).axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["A08 (n = 150)", "A09 (n = 150)", "A07 (n = 150)"]
    places = axes.get_yticks()
    assert places[0] > places[1] > places[2]


def test_an_attack_that_experiments_were_tested_on_with_other_clips_has_both_counts():
    items = [with_attacks("one", A07=0.9, A08=0.8), with_attacks("two", A07=0.9)]
    fewer = {"A07": run.attacks(A07=0.9)["A07"] | {"n_spoof": 90}}
    items.append(run.tested("three", by={"attack": fewer}))
    axes = plots.attacks(items).axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["A08 (n = 150)", "A07 (n = 90 to 150)"]


def test_the_forest_of_differences_has_both_lines_and_every_seed():
    axes = FIGURES["differences"].axes[0]
    vertical = [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1]
    assert vertical[:2] == [0.0, 1.0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["margin", "supcon [leaks]", "a_head_of_256_dimensions"]
    marks = {line.get_label(): line.get_xdata() for line in axes.lines}
    assert marks["at least one point better on these speakers"] == [3.0]
    assert len(marks["one seed"]) == 6
    assert len(plots.differences(differences()[:1], "one").axes[0].get_yticks()) == 1


def test_no_two_experiments_share_colour_and_mark():
    looks = [drawing.look(index)[::2] for index in range(40)]
    assert len(set(looks)) == 40
