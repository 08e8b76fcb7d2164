"""The figures show what they are given, in full, and equal figures are equal bytes."""

import numpy as np
import pytest
from authenticity import plots
from authenticity.evaluation import bootstrap
from authenticity.evaluation.bootstrap import Estimate
from authenticity.evaluation.figures import Curve
from authenticity.evaluation.metrics import operating_points
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scipy.special import ndtr

NAMES = ["baseline_spectral", "baseline_prototype", "baseline_layer"]


def curve(name, distance, n=300):
    labels = np.repeat([0, 1], n)
    scores = np.random.default_rng(0).normal(size=2 * n) + distance * labels
    found = bootstrap.intervals(
        labels,
        scores,
        ["-"] * (2 * n),
        0,
        figures=["roc_auc", "eer"],
        n_resamples=40,
        band_at=np.linspace(0, 1, 21),
    )
    return Curve(
        name,
        operating_points(labels, scores),
        found.band,
        found.estimates["roc_auc"],
        found.estimates["eer"],
        n,
        n,
    )


def split(name, n):
    labels = np.repeat([0, 1], n)
    return plots.ScoredSplit(name, labels, np.random.default_rng(1).normal(size=2 * n) + labels)


def candidate(name, pooling, dev, chosen=False):
    auc = {"dev": Estimate(dev, dev - 0.02, dev + 0.01), "eval": Estimate(0.9, 0.85, 0.95)}
    return plots.Candidate(name, pooling, chosen, auc)


def all_candidates():
    names = [f"layer_{i}" for i in range(13)] + ["layers_all"]
    return [
        candidate(name, pooling, 0.9 + 0.005 * i, (name, pooling) == ("layer_6", "mean_std"))
        for pooling in ("mean", "mean_std")
        for i, name in enumerate(names)
    ]


def row(experiment, name, value):
    return plots.Row(experiment, name, 1234, Estimate(value, value - 0.1, value + 0.02))


def reliability(split, calibrated, slope):
    middles = [0.05 + 0.1 * number for number in range(10)]
    bins = [plots.Bin(p, 0.5 + slope * (p - 0.5), 7 * n) for n, p in enumerate(middles)]
    return plots.Reliability(split, calibrated, bins, 0.06, 0.05)


def cells(*corpora, leaking=()):
    return [
        plots.Cell(a, b, (a, b) in leaking, Estimate(0.9, 0.8, 0.95), Estimate(0.1, 0.05, 0.2))
        for a in corpora
        for b in corpora
    ]


def every_figure():
    curves = [curve(name, distance) for name, distance in zip(NAMES, (1, 2, 4), strict=True)]
    found = [row(e, f"A{i:02d}", 0.6 + i / 40) for e in NAMES for i in range(7, 15)]
    seen = [row(e, v, 0.9 - i / 5) for i, v in enumerate(("clean", "mp3")) for e in NAMES]
    leaking = [NAMES[1]]
    stages = [(split, after) for split in ("dev", "eval") for after in (False, True)]
    long_name = "a_corpus_with_a_very_long_name"
    return {
        "roc": plots.roc(curves, "eval", leaking),
        "det": plots.det(curves, "eval", leaking),
        "scores": plots.score_histograms([split("dev", 2548), split("eval", 7355)], NAMES[2]),
        "candidates": plots.candidates(all_candidates(), NAMES[2]),
        "attacks": plots.attacks(found, "eval", leaking),
        "views": plots.views(seen, dict.fromkeys(NAMES, "clean"), "eval", leaking),
        "calibration": plots.calibration([reliability(*each, 0.8) for each in stages], NAMES[2]),
        "matrix": plots.matrix(cells("demo", long_name, leaking=[("demo", "demo")]), NAMES[2]),
        "large_matrix": plots.matrix(cells("a", "b", "c", "d", long_name), NAMES[2]),
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
    assert FIGURES[name].axes[0].get_ylabel() or name in ("attacks", "views")


def test_equal_figures_are_equal_bytes(tmp_path):
    for number in range(2):
        figure = plots.roc([curve("one", 1.0)], "eval")
        plots.save(figure, tmp_path / f"{number}.svg")
    first = (tmp_path / "0.svg").read_bytes()
    assert first == (tmp_path / "1.svg").read_bytes()
    assert first.startswith(b"<?xml")
    assert b"<dc:date>" not in first
    assert b"<text" not in first


def test_roc_says_auc_interval_and_trials():
    found = words(FIGURES["roc"])
    one = curve(NAMES[0], 1)
    value, low, high = one.roc_auc.value, one.roc_auc.low, one.roc_auc.high
    trials = "300 bona fide + 300 spoof"
    assert f"{NAMES[0]}: AUC {value:.3f} ({low:.3f} to {high:.3f}), {trials}" in found
    line = FIGURES["roc"].axes[0].lines[0]
    assert line.get_xdata()[0] == 0
    assert line.get_xdata()[-1] == pytest.approx(100)


def test_det_is_straight_for_bell_curves_and_marks_the_eer_on_the_diagonal():
    found = curve("one", 2.0, n=20_000)
    axes = plots.det([found], "eval").axes[0]
    accepted, rejected = axes.lines[0].get_data()
    middle = (np.abs(accepted) < 1.5) & (np.abs(rejected) < 1.5)
    np.testing.assert_allclose(accepted[middle] + rejected[middle], -2.0, atol=0.12)
    place = axes.lines[1].get_data()
    assert place[0] == place[1]
    assert ndtr(place[0][0]) == pytest.approx(found.eer.value)


def test_det_of_a_perfect_scorer_can_be_drawn(tmp_path):
    plots.save(plots.det([curve("one", 100.0)], "eval"), tmp_path / "det.svg")


def test_histograms_are_shares_that_sum_to_one():
    figure = plots.score_histograms([split("eval", 500)], "one")
    for patch in figure.axes[0].patches:
        corners = patch.get_xy()
        area = 0.5 * abs(
            np.dot(corners[:, 0], np.roll(corners[:, 1], 1))
            - np.dot(corners[:, 1], np.roll(corners[:, 0], 1))
        )
        width = np.min(np.diff(np.unique(corners[:, 0])))
        assert area / width == pytest.approx(1.0, rel=1e-6)
    assert figure.axes[0].get_title(loc="left") == "eval: 500 bona fide + 500 spoof"


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
    for figure in (
        plots.score_histograms([split("eval", 50)], "one", leaks=True),
        plots.calibration([reliability("eval", True, 1.0)], "one", leaks=True),
        plots.candidates(all_candidates(), "one", leaks=True),
    ):
        assert figure.get_suptitle() == "one [leaks: figures too good]"
    assert FIGURES["scores"].get_suptitle() == NAMES[2]


def test_means_over_rounds_are_drawn_without_intervals():
    mean = {split: Estimate(0.9, np.nan, np.nan) for split in ("dev", "eval")}
    found = [plots.Candidate(f"layer_{i}", "mean", i < 2, mean) for i in range(3)]
    figure = plots.candidates(found, "folds")
    assert words(figure).count("chosen on dev") == 1
    assert len(figure.axes[0].patches) == 2
    assert {"dev, mean", "eval, mean"} <= set(words(figure))
    assert figure.axes[0].get_ylim()[0] < 0.9


def test_views_stand_in_their_order_and_clean_figures_go_down_the_page():
    found = [row("one", name, value) for name, value in (("clean", 0.9), ("mp3", 0.8))]
    axes = plots.views(found, {"one": "clean"}, "eval").axes[0]
    names = {text.get_text(): place for text, place in zip(
        axes.get_yticklabels(), axes.get_yticks(), strict=True
    )}  # fmt: skip
    assert names["clean"] > names["mp3"]
    (dotted,) = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert dotted.get_xdata()[0] == 0.9
    assert "guessing" not in words(FIGURES["roc"])


def test_guessing_is_drawn_where_an_interval_reaches_it():
    near = plots.attacks([row("one", "A07", 0.55)], "eval")
    assert "guessing" in words(near)
    assert "guessing" not in words(plots.attacks([row("one", "A07", 0.9)], "eval"))


def test_reliability_points_have_wilson_intervals_and_empty_bins_none():
    figure = plots.calibration([reliability("eval", True, 1.0)], "one")
    curve, counts = figure.axes
    (points,) = [line for line in curve.lines if line.get_marker() == "s"]
    assert len(points.get_xdata()) == 9
    assert len(counts.patches) == 9
    # n = 63, 60 spoof: Wilson's interval by hand (Brown et al. 2001, equation 4).
    low, high = curve.collections[0].get_segments()[-1][:, 1]
    p, n, z = round(0.95 * 63) / 63, 63, 1.959964
    middle, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert low == pytest.approx((middle - half) / (1 + z**2 / n), abs=1e-6)
    assert high == pytest.approx((middle + half) / (1 + z**2 / n), abs=1e-6)
    title = curve.get_title(loc="left")
    assert title == "eval\nECE 6.0% (5.0% by chance), after calibration"
    assert "after calibration" in words(figure)


def test_the_matrix_has_a_cell_per_pair_with_its_interval_and_marks_leaks():
    found = [
        plots.Cell("a", "a", True, Estimate(0.9, 0.8, 0.95), Estimate(0.1, 0.05, 0.2)),
        plots.Cell("a", "b", False, Estimate(0.4, 0.3, 0.5), Estimate(0.6, 0.5, 0.7)),
    ]
    figure = plots.matrix(found, "one")
    auc, eer = figure.axes
    said = [text.get_text() for text in auc.texts]
    assert said == ["0.900", "(0.800 to 0.950)", "[leaks]", "0.400", "(0.300 to 0.500)"]
    assert [text.get_text() for text in eer.texts][:2] == ["10.0%", "(5.0 to 20.0)"]
    assert len(auc.patches) == len(eer.patches) == 1
    assert [text.get_text() for text in auc.get_xticklabels()] == ["a", "b"]
    assert [text.get_text() for text in auc.get_yticklabels()] == ["a"]


def test_a_corpus_that_is_only_trained_on_has_a_row_and_no_column():
    found = [cell for cell in cells("b", "a") if cell.tested_on == "a"]
    axes = plots.matrix(found, "one").axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b", "a"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["a"]


def test_words_in_a_cell_can_be_read_on_its_colour():
    figure = plots.matrix(cells("a", "b"), "one")
    dark = plots.matrix(
        [plots.Cell("a", "b", False, Estimate(0.5, 0.4, 0.6), Estimate(0.5, 0.4, 0.6))], "one"
    )
    assert {text.get_color() for text in figure.axes[0].texts} == {"black"}
    assert {text.get_color() for text in dark.axes[0].texts} == {"white"}


@pytest.mark.parametrize(
    ("name", "layer"),
    [("layer_6", 6), ("spectral+layer_12", 12), ("layers_all", None), ("spectral", None)],
)
def test_layers_are_read_from_names(name, layer):
    assert plots.layer_of(name) == layer


def test_one_candidate_without_layers_can_be_drawn(tmp_path):
    figure = plots.candidates([candidate("spectral", "none", 0.9, True)], "baseline_spectral")
    plots.save(figure, tmp_path / "one.svg")
    assert "dev, 95% interval" in words(figure)


def test_the_attack_that_is_missed_most_stands_on_top():
    found = [row("one", "A07", 0.9), row("one", "A08", 0.6), row("one", "A09", 0.8)]
    axes = plots.attacks(found, "eval").axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["A08 (n = 1,234)", "A09 (n = 1,234)", "A07 (n = 1,234)"]
    places = axes.get_yticks()
    assert places[0] > places[1] > places[2]
