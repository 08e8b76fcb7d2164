"""The report of a finished run: its tables, its opening page, and the page in a real browser."""

import re
from html import unescape

import pytest
import run_files as run
from authenticity import report, summary, trust
from authenticity.errors import UserError
from authenticity.files import read_json, write_json
from authenticity.report import wording

LEAKY = run.metrics("leaky", leak=run.leak(speakers=20, duplicates=3))
FLIPPED = run.metrics("flipped", 0.3)
UNDECIDED = run.metrics("undecided", 0.5)
UNKNOWN = run.metrics("unknown", leak=run.leak(unknown_speakers=7))


def rows_of(page, kind=""):
    """The rows of a page's tables, each as the texts of its cells."""
    found = re.findall(rf"<tr{kind}><th scope=\"row\">.*?</tr>", page, re.DOTALL)
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in found]
    return [[" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in row] for row in rows]


def test_the_headline_table_shows_figures_and_marks_eval():
    page = report.headline([run.metrics()])
    row = ["layers", "eval", "0.9300 (0.9200 to 0.9350)", "7.00% (6.00 to 7.50)"]
    row += ["7.00% (6.00 to 7.50)", "0.9000 (0.8900 to 0.9050)", "1,200 (3)", "300 (12)"]
    costs = ["layers", "eval", "0.4100 (0.4000 to 0.4150) min 0.3300 (0.3200 to 0.3350)"]
    costs += ["6.10% (3.00% by chance) → 3.20% (3.00% by chance)"]
    costs += ["0.3500 (0.3400 to 0.3550)", "0.3700 (0.3600 to 0.3750)"]
    assert rows_of(page, ' class="chosen"') == [row, costs]
    assert 'class="notice"' not in page


def test_columns_stand_only_where_some_experiment_has_the_figure():
    assert "t-DCF" not in report.headline([run.metrics()])
    tandem = run.metrics(eval_changes={"min_tdcf_legacy": run.estimate(0.21)})
    page = report.headline([run.metrics(), tandem])
    assert "Min t-DCF, legacy" in page
    assert "revised" not in page
    alone = report.headline([run.without_dev()])
    for title in ("HTER", "Cllr", "Act DCF"):
        assert title not in alone


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (
            LEAKY,
            "leaky leaks: in its protocol official, train and eval share 20 speakers and 3 dup",
        ),
        (
            FLIPPED,
            "flipped is flipped on eval: its ROC-AUC lies wholly below 0.5 (0.2900 to 0.3050)",
        ),
        (UNDECIDED, "undecided is not told apart from guessing on eval"),
        (UNKNOWN, "unknown: 7 clips of its protocol without a known speaker"),
    ],
)
def test_what_must_be_said_is_said_wherever_figures_stand(item, said, tmp_path):
    metrics = [run.metrics(), item]
    applied = [run.view("trimmed", 0.9, name) for name in ("layers", item["experiment"])]
    figure = tmp_path / "roc.svg"
    figure.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    ratings = {each["experiment"]: "do not trust" for each in metrics}
    pages = [
        report.headline(metrics),
        report.per_attack(metrics),
        report.conditions(metrics),
        report.speakers(metrics),
        report.views(metrics, applied),
        report.audit(run.audit(), metrics, applied),
        report.selection(item, candidates()),
        report.opening([report.Corpus(run.verified(), metrics, ratings, figure)]),
    ]
    for page in pages:
        assert f'<p class="notice">{said}' in page
        assert page.count('class="notice"') == 1
        if item is LEAKY:
            assert re.search(
                r'leaky <span class="bad">leaks|12 speakers \(leaks\)|Candidates of', page
            )


@pytest.mark.parametrize(
    ("auc", "way"), [(0.154, "the right way"), (0.93, "the wrong way"), (0.5, "no way")]
)
def test_pages_say_which_figures_are_of_scores_that_calibration_turned_round(auc, way):
    chosen = run.chosen()
    chosen["calibration"]["slope"] = -0.3
    page = report.headline([run.metrics("turned", auc, chosen=[chosen])])
    (said,) = re.findall(r'class="notice">(.*?)</p>', page)
    assert "The calibration on dev turned the scores round (slope -0.3)" in said
    assert "exported score files are of the calibrated log-likelihood ratio" in said
    assert said.endswith(f"which points {way} on eval.")


def test_all_sides_of_a_leak_are_counted():
    leak = run.leak(speakers=1)
    leak["duplicates"]["dev_eval"] = 2
    leak["speakers"]["train_dev"] = 4
    assert wording.shared(leak) == (
        "train and eval share 1 speaker; dev and eval share 2 duplicate clips; "
        "train and dev share 4 speakers"
    )


def test_the_choice_of_several_rounds_is_counted():
    rounds = [run.chosen(str(n), "layer_2" if n == 1 else "layer_3", 10.0**-n) for n in range(5)]
    page = report.headline([run.metrics(chosen=rounds)])
    words = "mean and standard deviation over time"
    assert f"layer_3, {words}, in 4 of 5 rounds; layer_2, {words}, in 1 of 5 rounds" in page
    assert "C = 0.0001 to 1" in page


def test_attacks_are_listed_for_each_split_eval_first():
    page = report.per_attack([run.metrics()])
    assert rows_of(page)[:2] == [
        ["A07", "layers", "150", "0.9100 (0.9000 to 0.9150)", *["9.00% (8.00 to 9.50)"] * 2],
        ["A08", "layers", "150", "0.9400 (0.9300 to 0.9450)", *["6.00% (5.00 to 6.50)"] * 2],
    ]
    assert page.index("eval, each attack") < page.index("dev, each attack")
    assert "Missed" not in report.per_attack([run.without_dev()])


def test_conditions_show_every_value_and_who_stands_against_whom():
    rows = rows_of(report.conditions([run.metrics()]))
    figures = ["0.9300 (0.9200 to 0.9350)", "7.00% (6.00 to 7.50)"]
    assert rows[:3] == [
        ["C1", "layers", "600", "150", *figures],
        ["C2", "layers", "against all", "150", *figures],
        ["C3", "layers", "600", "0", "–", "–"],
    ]
    none = run.metrics(eval_changes={"per_condition": {}})
    del none["splits"]["dev"]
    assert "no column of conditions" in report.conditions([none])


def test_what_has_no_name_comes_last_and_is_no_known_attack():
    changes = run.split(0.93)
    attacks, codecs = changes["per_attack"], changes["per_condition"]["codec"]
    attacks |= {"not known": attacks["A07"], "xtts": attacks["A08"]}
    codecs |= {"not given": codecs["C1"], "opus": codecs["C2"]}
    item = run.metrics(eval_changes=changes)
    page = report.per_attack([item])
    assert [row[0] for row in rows_of(page)[:4]] == ["A07", "A08", "xtts", "not known"]
    assert "eval has 3 attacks and unknown ones, and shares no known attack with train" in page
    names = [row[0] for row in rows_of(report.conditions([item]))[:5]]
    assert names == ["C1", "C2", "C3", "opus", "not given"]


def test_the_worst_speakers_come_first_and_not_too_many():
    speakers = {f"S{n:03d}": run.speaker(1) | {"miss": n / 100} for n in range(60)}
    page = report.speakers([run.metrics(eval_changes={"per_speaker": speakers})])
    rows = rows_of(page)
    assert len(rows) == 50
    assert rows[0][0] == "S059"
    assert rows[0][3:6] == ["25", "59.0%", "59.0%"]
    assert "60 speakers, the 50 worst" in page


def test_a_speakers_errors_are_weighted_by_clips():
    both = {"n_bonafide": 30, "n_spoof": 10, "false_alarm": 0.1, "miss": 0.5, "roc_auc": 0.9}
    (row,) = rows_of(report.speakers([run.metrics(eval_changes={"per_speaker": {"S": both}})]))
    assert row == ["S", "30", "10.0%", "10", "50.0%", "20.0%", "0.9000"]


def test_without_a_threshold_speakers_are_ordered_by_auc():
    one = {"n_bonafide": 1, "n_spoof": 1, "false_alarm": None, "miss": None}
    found = {name: one | {"roc_auc": auc} for name, auc in (("a", 0.9), ("b", None), ("c", 0.2))}
    page = report.speakers([run.metrics(eval_changes={"per_speaker": found})])
    assert [row[0] for row in rows_of(page)] == ["c", "a", "b"]


def test_views_show_the_change_and_silence_stands_first():
    applied = [run.view("noise_10db", 0.8), run.view("trimmed", 0.9)]
    page = report.views([run.metrics()], applied)
    rows = rows_of(page, "[^>]*")
    assert [row[1] for row in rows] == ["clean", "silence trimmed", "noise 10 dB"]
    assert rows[2][2] == "0.8000 (0.7900 to 0.8050) -0.1300 (-0.1400 to -0.1200)"
    assert rows[2][3] == "20.00% (19.00 to 20.50) +13.00 points (12.00 to 14.00)"
    assert rows_of(page, ' class="chosen"')[0][1] == "clean"


def test_an_experiment_made_for_another_view_is_compared_with_that():
    own = run.metrics("trims", 0.9, view="trimmed")
    page = report.views([own], [run.view("clean", 0.95, "trims")])
    rows = rows_of(page, "[^>]*")
    assert [row[1] for row in rows] == ["silence trimmed", "clean"]
    assert rows[1][2].endswith("+0.0200 (0.0100 to 0.0300)")
    audit = rows_of(
        report.audit(
            run.audit() | run.audit(view="trimmed"), [own], [run.view("clean", 0.95, "trims")]
        )
    )
    assert audit[0][:3] == ["trims", "0.9500 (0.9400 to 0.9550)", "0.9000 (0.8900 to 0.9050)"]


def test_clips_set_aside_are_listed_and_their_names_are_only_text():
    reason = "silent & <b>short</b>"
    bad = {"file": "<script>alert(1)</script>", "label": 1, "reason": reason}
    page = report.rejected(run.verified(n_rejected=1, rejected=[bad]))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "silent &amp; &lt;b&gt;short" in page
    none = report.rejected(run.verified())
    assert "Clips set aside: none" in none
    assert "No two clips" in none


def test_duplicates_are_told_with_what_was_done():
    counts = {"n_groups": 2, "n_trials": 5, "n_conflicts": 1, "examples": [["a.wav", "b.wav"]]}
    removed = run.verified(duplicates=counts | {"policy": "remove", "n_removed": 4})
    page = report.rejected(removed)
    assert "5 clips have the same decoded audio as another, in 2 groups" in page
    assert "4 clips were removed" in page
    assert "In 1 group the same audio is called bona fide and spoof" in page
    assert "a.wav, b.wav" in page
    kept = run.verified(duplicates=counts | {"policy": "keep", "n_removed": 0})
    assert "All were kept" in report.rejected(kept)


def test_near_duplicates_are_told_with_examples():
    near = {"n_groups": 2, "n_trials": 5, "n_steady": 1, "examples": [["a.wav", "b <i>.wav"]]}
    page = report.rejected(run.verified(near_duplicates=near))
    assert "5 clips are near-duplicates of another" in page
    assert "in 2 groups. All were kept. 1 clip of steady sound could not be compared." in page
    assert "a.wav, b &lt;i&gt;.wav" in page
    assert "No two clips are near-duplicates" in report.rejected(run.verified())
    assert wording.shared(run.leak(near_duplicates=3)) == (
        "train and eval share 3 near-duplicate clips"
    )


def candidates(n_rounds=1, **changes):
    items = [
        {
            "candidate": name,
            "pooling": "mean",
            "C": 0.1,
            "cv_roc_auc": 0.9,
            "chosen": name == "layer_3",
            "n_rounds_chosen": n_rounds * (name == "layer_3"),
            "splits": {"eval": {"method": "trial bootstrap"} | run.estimate(0.8)},
        }
        | changes
        for name in ("layer_2", "layer_3")
    ]
    return {"candidates": items, "folds": "5 folds", "n_rounds": n_rounds}


def test_the_chosen_candidate_is_marked():
    page = report.selection(run.metrics(), candidates())
    (marked,) = rows_of(page, ' class="chosen"')
    assert marked == ["layer_3", "mean over time", "0.1", "0.9000", *marked[4:5], "chosen"]
    assert marked[4] == "0.8000 (0.7900 to 0.8050)"


def test_candidates_of_several_rounds_are_means_without_intervals():
    mean = {"method": "mean over 5 rounds", "value": 0.8, "low": None, "high": None}
    page = report.selection(run.metrics(), candidates(5, C=None, splits={"eval": mean}))
    (marked,) = rows_of(page, ' class="chosen"')
    assert marked[2:] == ["by round", "0.9000", "0.8000", "in 5 of 5 rounds"]
    assert "Means over 5 rounds" in page


def test_the_audit_puts_the_strongest_shortcut_first_and_beside_the_experiments():
    applied = [run.view("trimmed", 0.91), run.view("inverted", 0.5)]
    page = report.audit(run.audit(0.9), [run.metrics()], applied)
    rows = rows_of(page)
    clean, trimmed = "0.9300 (0.9200 to 0.9350)", "0.9100 (0.9000 to 0.9150)"
    assert rows[0] == ["layers", clean, trimmed, "0.5000 (0.4900 to 0.5050)"]
    assert [row[0] for row in rows[1:]] == [
        *("Speaker identity", "Level", "Duration", "All properties together")
    ]
    assert "Speaker identity: learned from others." in page
    assert "The strongest property on eval is Level: ROC-AUC 0.9000" in page


def test_the_audit_holds_experiments_against_the_view_that_they_score():
    audits = run.audit(0.9) | run.audit(0.55004, view="trimmed")
    trims = run.metrics("trims", 0.9, view="trimmed")
    page = report.audit(audits, [run.metrics(), trims], [])
    assert "The strongest property on eval is Level: ROC-AUC 0.9000" in page
    words = (
        "The strongest properties on eval, silence trimmed, are Duration and Level: ROC-AUC 0.5500"
    )
    assert words in page
    assert page.index("eval, clean (") < page.index("eval, silence trimmed (")


def test_a_prediction_below_one_half_is_called_no_shortcut():
    rows = {row[0]: row for row in rows_of(report.audit(run.audit(), [], []))}
    assert rows["All properties together"][2:4] == [
        "0.4800 (0.4700 to 0.4850)",
        "no better than guessing",
    ]
    assert rows["Speaker identity"][3] == "–"


def test_a_corpus_without_experiments_has_an_audit_all_the_same():
    page = report.audit(run.audit(0.9), [], [])
    assert "Level" in page
    assert "Experiment" not in page
    assert "nothing to audit" in report.audit({"clean": {"splits": {}}}, [], [])


def test_pages_are_whole_and_need_nothing_from_outside():
    for page in (report.headline([run.metrics()]), report.per_attack([run.metrics()])):
        assert page.startswith("<!doctype html>")
        assert "http" not in page
        assert '<th scope="col">' in page
        assert "prefers-color-scheme: dark" in page


def opening(tmp_path, *metrics, **verified):
    figure = tmp_path / "roc.svg"
    figure.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    ratings = {item["experiment"]: "caution" for item in metrics}
    found = run.verified(n_rejected=2, **verified)
    return report.opening([report.Corpus(found, metrics, ratings, figure if metrics else None)])


def test_the_opening_names_the_experiment_that_is_best_on_dev(tmp_path):
    one, two = run.metrics("one", 0.91), run.metrics("two", 0.97)
    page = opening(tmp_path, one, two)
    assert "two, the best on dev, scores" in page
    assert "97.0 of 100 pairs" in page
    one["dev_roc_auc"] = 0.99
    page = opening(tmp_path, one, two)
    assert "one, the best on dev, scores" in page
    assert "91.0 of 100 pairs" in page
    assert "1,500 clips were used, 2 set aside" in page
    alike = "no duplicate clip and no near-duplicate clip"
    assert f"shares no speaker, no attack, {alike} with training" in page
    assert 'alt="ROC curves on eval of toy"' in page
    assert "The rating of these figures: caution" in page


def test_the_opening_prefers_an_experiment_that_does_not_leak(tmp_path):
    leaky = run.metrics("leaky", 0.99, leak=run.leak(speakers=3))
    assert "sound, the best on dev, scores" in opening(tmp_path, leaky, run.metrics("sound", 0.9))
    assert "leaky, the best on dev, scores" in opening(tmp_path, leaky)


def test_the_answer_is_never_a_controls(tmp_path):
    control = run.metrics("shuffled", 0.97, control=True)
    page = opening(tmp_path, run.metrics("one", 0.91), run.metrics("two", 0.8), control)
    assert "one, the best on dev of those that are no controls, scores" in page
    assert '<th scope="row">shuffled <span class="quiet">(control)</span></th>' in page
    leaky = run.metrics("leaky", 0.9, leak=run.leak(speakers=3))
    assert "leaky, the best on dev of" in opening(tmp_path, leaky, control)
    page = opening(tmp_path, control)
    assert "Only controls were run, and a control is no answer." in page
    assert "of 100 pairs" not in page


def test_the_opening_copes_with_a_corpus_that_is_only_tested_on(tmp_path):
    page = opening(tmp_path, corpus="wild")
    assert "The data: corpus wild" in page
    assert "it is there to test on" in page
    assert "The answer" not in page


def headline(*metrics):
    ratings = {("toy", item["experiment"]): "caution" for item in metrics}
    return report.headline_rows(metrics, ratings)


def test_the_summary_prints_one_aligned_line_per_experiment(tmp_path, capsys):
    write_json(
        tmp_path / "headline.json",
        headline(run.metrics("one", 0.91), run.metrics("a_longer_name", 0.97)),
    )
    (tmp_path / "report.html").write_text("")
    page = tmp_path / "toy" / "tables" / "trust.html"
    page.parent.mkdir(parents=True)
    page.write_text("")
    summary.main(tmp_path)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 6
    places = {line.index("eval" if n else "split") for n, line in enumerate(printed[:3])}
    assert len(places) == 1
    assert "0.9700 (0.9600 to 0.9750)" in printed[2]
    assert "3.00% (2.00 to 3.50)" in printed[2]
    assert printed[2].endswith("caution")
    assert printed[4] == f"which figures to trust: {page.resolve()}"
    assert printed[5] == f"report: {(tmp_path / 'report.html').resolve()}"


def test_a_control_is_labelled_in_the_summary_and_on_every_page(tmp_path, capsys):
    control = run.metrics("shuffled", 0.7, control=True)
    write_json(tmp_path / "headline.json", headline(run.metrics(), control))
    assert [row["control"] for row in read_json(tmp_path / "headline.json")] == [False, True]
    assert [row["trust"] for row in read_json(tmp_path / "headline.json")] == ["caution"] * 2
    summary.main(tmp_path)
    assert "  shuffled (control)  eval" in capsys.readouterr().out
    metrics = [control, run.metrics("zero")]
    applied = [run.view("trimmed", 0.9, name) for name in ("shuffled", "zero")]
    evidence = trust.gather(metrics, applied, run.audit(), run.verified())
    for page in (
        report.headline(metrics),
        report.per_attack(metrics),
        report.conditions(metrics),
        report.speakers(metrics),
        report.views(metrics, applied),
        report.audit(run.audit(), metrics, applied),
        report.selection(control, candidates()),
        report.rating(trust.judge_all("toy", evidence)),
    ):
        assert re.search(r'shuffled (<span class="quiet">)?\(control\)', page)
        assert not re.search(r'zero (<span class="quiet">)?\(control\)', page)
    attacks = [row[1] for row in rows_of(report.per_attack(metrics))]
    assert attacks[:2] == ["zero", "shuffled (control)"]


def test_the_summary_has_a_line_per_leak_and_per_scorer_that_ranks_wrongly(tmp_path, capsys):
    turned = run.metrics("flipped", 0.3)
    turned["chosen"][0]["calibration"]["slope"] = -1.0
    write_json(tmp_path / "headline.json", headline(LEAKY, turned, UNDECIDED, run.metrics()))
    summary.main(tmp_path)
    assert capsys.readouterr().out.splitlines()[6:10] == [
        "toy, leaky leaks: train and eval share 20 speakers and 3 duplicate clips",
        "toy, flipped is flipped: bona fide scores higher than spoof",
        "toy, flipped was turned round by its calibration on dev: see the report",
        "toy, undecided is not told apart from guessing",
    ]


def test_a_summary_without_a_run_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match="make run"):
        summary.main(tmp_path)


def test_a_number_with_its_interval_reads_well():
    found = {"value": 0.5, "low": 0.25, "high": 0.75}
    interval = wording.Words("(25.00 to 75.00)", "quiet")
    assert wording.estimate(found, percent=True) == ["50.00%", interval]
    page = report.headline([run.metrics()])
    assert '<td>0.9300 <span class="quiet">(0.9200 to 0.9350)</span></td>' in page


def test_names_are_text_on_every_page():
    hostile = "<script>alert('x')</script> & \"y\""
    clip = {"file": hostile, "label": 1, "reason": hostile}
    item = run.metrics(hostile, control=True)
    for page in (
        report.rejected(run.verified(n_rejected=1, rejected=[clip])),
        report.headline([item]),
        report.views([item], []),
        report.selection(item, candidates()),
    ):
        assert "<script" not in page
        assert hostile in unescape(page)
