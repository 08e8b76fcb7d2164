"""The report of a finished run: its tables, its opening page, and the page in a real browser."""

import re
from html import unescape

import pytest
import run_files as run
from authenticity import card, report, summary, trust, wording
from authenticity.errors import UserError
from authenticity.estimates import Estimate
from authenticity.files import read_json, write_json
from authenticity.html import render
from authenticity.report import cells

LEAKY = run.tested("leaky", leak=run.leak(speakers=20, duplicates=3))
FLIPPED = run.tested("flipped", 0.3)
UNDECIDED = run.tested("undecided", 0.5)
UNKNOWN = run.tested("unknown", leak=run.leak(unknown_speakers=7))


def rows_of(page, kind=""):
    """The rows of a page's tables, each as the texts of its cells."""
    found = re.findall(rf"<tr{kind}><th scope=\"row\">.*?</tr>", page, re.DOTALL)
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in found]
    return [[" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in row] for row in rows]


def test_the_headline_table_shows_figures_and_marks_eval():
    page = report.headline([run.tested()])
    row = ["layers", "eval", "0.9300 (0.9200 to 0.9350)", "7.00% (6.00 to 7.50)"]
    row += ["7.00% (6.00 to 7.50)", "0.9000 (0.8900 to 0.9050)", "1,200 (3)", "300 (12)"]
    costs = ["layers", "eval", "0.4100 (0.4000 to 0.4150) min 0.3300 (0.3200 to 0.3350)"]
    costs += ["6.10% (3.00% by chance) → 3.20% (3.00% by chance)"]
    costs += ["0.3500 (0.3400 to 0.3550)", "0.3700 (0.3600 to 0.3750)"]
    assert rows_of(page, ' class="chosen"') == [row, costs]
    assert "Spoof clips (known speakers)" in page
    assert 'class="notice"' not in page


def test_columns_stand_only_where_some_experiment_has_the_figure():
    assert "t-DCF" not in report.headline([run.tested()])
    tandem = run.tested(of_eval={"min_tdcf_legacy": run.estimate(0.21)})
    page = report.headline([run.tested(), tandem])
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
    items = [run.tested(), item]
    figure = tmp_path / "roc.svg"
    figure.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    ratings = {each.name: "do not trust" for each in items}
    pages = [
        report.headline(items),
        report.per_attack(items),
        report.conditions(items),
        report.speakers(items),
        report.views(items),
        report.audit({"clean": run.audit()}, items),
        report.selection(item, model()),
        report.opening([report.Corpus(run.verified(), items, ratings, figure)]),
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
    page = report.headline([run.tested("turned", auc, chosen=[run.chosen(slope=-0.3)])])
    (said,) = re.findall(r'class="notice">(.*?)</p>', page)
    assert "The calibration on dev turned the scores round (slope -0.3)" in said
    assert "exported score files are of the calibrated log-likelihood ratio" in said
    assert said.endswith(f"which points {way} on eval.")


def test_all_sides_of_a_leak_are_counted():
    leak = run.leak(speakers=1)
    leak["duplicates"]["dev_eval"] = 2
    leak["speakers"]["train_dev"] = 4
    assert wording.shared(run.tested(leak=leak)) == (
        "train and eval share 1 speaker; dev and eval share 2 duplicate clips; "
        "train and dev share 4 speakers"
    )


def test_the_choice_of_several_rounds_is_counted():
    rounds = [run.chosen(str(n), "layer_2" if n == 1 else "layer_3", 10.0**-n) for n in range(5)]
    page = report.headline([run.tested(chosen=rounds)])
    words = "mean and standard deviation over time"
    assert f"layer_3, {words}, in 4 of 5 rounds; layer_2, {words}, in 1 of 5 rounds" in page
    assert "C = 0.0001 to 1" in page


def test_attacks_are_listed_for_each_split_eval_first():
    page = report.per_attack([run.tested()])
    assert rows_of(page)[:2] == [
        ["A07", "layers", "150", "0.9100 (0.9000 to 0.9150)", *["9.00% (8.00 to 9.50)"] * 2],
        ["A08", "layers", "150", "0.9400 (0.9300 to 0.9450)", *["6.00% (5.00 to 6.50)"] * 2],
    ]
    assert page.index("eval, each attack") < page.index("dev, each attack")
    assert "Missed" not in report.per_attack([run.without_dev()])


def test_known_and_unknown_attacks_are_told_apart_wherever_there_are_both(tmp_path, capsys):
    attacks = run.groups(0.93)["attack"]
    apart = {"known attacks": attacks["A07"], "unknown attacks": attacks["A08"]}
    item = run.tested(by={"attacks": apart}, known_attacks=["A07"])
    names = [row[0] for row in rows_of(report.per_attack([item]))[:4]]
    assert names == ["known attacks", "unknown attacks", "A07 (known)", "A08"]
    page = report.opening([report.Corpus(run.verified(), [item], {"layers": "trust"}, None)])
    assert "known attacks" not in page
    figure = tmp_path / "roc.svg"
    figure.write_text("<svg/>")
    page = report.opening([report.Corpus(run.verified(), [item], {"layers": "trust"}, figure)])
    titles = re.findall(r"<th[^>]*>([^<]*)</th>", page)
    assert titles[1:4] == ["ROC-AUC", "known attacks", "unknown attacks"]
    rows = report.headline_rows([item], {"toy": {"layers": "trust"}})
    header, line = summary.by_novelty(rows)
    assert header.split("  ")[-1] == "ROC-AUC, unknown attacks"
    assert line.endswith("0.9400 (0.9300 to 0.9450), 150 spoof")
    assert (
        summary.by_novelty(report.headline_rows([run.tested()], {"toy": {"layers": "trust"}})) == []
    )


def test_conditions_show_every_value_and_who_stands_against_whom():
    rows = rows_of(report.conditions([run.tested()]))
    figures = ["0.9300 (0.9200 to 0.9350)", "7.00% (6.00 to 7.50)"]
    assert rows[:3] == [
        ["C1", "layers", "600", "150", *figures],
        ["C2", "layers", "against all", "150", *figures],
        ["C3", "layers", "600", "0", "–", "–"],
    ]
    none = run.without("dev", run.tested(by={"codec": {}}))
    assert "no column of conditions" in report.conditions([none])
    left_out = run.tested(not_conditions=["duration"])
    assert "or the name of another group: duration." in report.conditions([left_out])


def test_what_has_no_name_comes_last_and_is_no_known_attack():
    by = run.groups(0.93)
    by["attack"] |= {"not known": by["attack"]["A07"], "xtts": by["attack"]["A08"]}
    by["codec"] |= {"not given": by["codec"]["C1"], "opus": by["codec"]["C2"]}
    item = run.tested(by=by)
    page = report.per_attack([item])
    assert [row[0] for row in rows_of(page)[:4]] == ["A07", "A08", "xtts", "not known"]
    assert "eval has 3 attacks and unknown ones, and shares no known attack with train" in page
    names = [row[0] for row in rows_of(report.conditions([item]))[:5]]
    assert names == ["C1", "C2", "C3", "opus", "not given"]


def test_the_worst_speakers_come_first_and_not_too_many():
    speakers = {f"S{n:03d}": run.speaker(1, miss=n / 100, wrong=n / 100) for n in range(60)}
    page = report.speakers([run.tested(by={"speaker": speakers})])
    rows = rows_of(page)
    assert len(rows) == 50
    assert rows[0][0] == "S059"
    assert rows[0][3:6] == ["25", "59.0%", "59.0%"]
    assert "60 speakers, the 50 worst" in page


def test_a_speaker_has_a_row_of_counts_and_shares():
    rates = {"false_alarm": 0.1, "miss": 0.5, "wrong": 0.2, "roc_auc": 0.9}
    both = {"n_bonafide": 30, "n_spoof": 10, "n_clips": 40, **rates}
    (row,) = rows_of(report.speakers([run.tested(by={"speaker": {"S": both}})]))
    assert row == ["S", "30", "10.0%", "10", "50.0%", "20.0%", "0.9000"]


def test_without_a_threshold_speakers_are_ordered_by_auc():
    none = {"n_bonafide": 1, "n_spoof": 1, "n_clips": 2}
    found = {name: none | {"roc_auc": auc} for name, auc in (("a", 0.9), ("b", None), ("c", 0.2))}
    page = report.speakers([run.tested(by={"speaker": found})])
    assert [row[0] for row in rows_of(page)] == ["c", "a", "b"]


def test_views_show_the_change_and_silence_stands_first():
    page = report.views([run.tested(views={"noise_10db": 0.8, "trimmed": 0.9})])
    rows = rows_of(page, "[^>]*")
    assert [row[1] for row in rows] == ["clean", "silence trimmed", "noise 10 dB"]
    assert rows[2][2] == "0.8000 (0.7900 to 0.8050) -0.1300 (-0.1400 to -0.1200)"
    assert rows[2][3] == "20.00% (19.00 to 20.50) +13.00 points (12.00 to 14.00)"
    assert rows[2][4] == "20.00% (19.00 to 20.50) +13.00 points"
    assert rows_of(page, ' class="chosen"')[0][1] == "clean"


def test_an_experiment_made_for_another_view_is_compared_with_that():
    own = run.tested("trims", 0.9, view="trimmed", views={"clean": 0.95})
    rows = rows_of(report.views([own]), "[^>]*")
    assert [row[1] for row in rows] == ["silence trimmed", "clean"]
    assert rows[1][2].endswith("+0.0500 (0.0400 to 0.0600)")
    audits = {view: run.audit(view=view) for view in ("clean", "trimmed")}
    audit = rows_of(report.audit(audits, [own]))
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
    assert wording.shared(run.tested(leak=run.leak(near_duplicates=3))) == (
        "train and eval share 3 near-duplicate clips"
    )


def model(n_rounds=1):
    rounds = [{"candidate": "layer_3", "pooling": "mean", "folds": "5 folds"}] * n_rounds
    selection = [
        {"candidate": name, "pooling": "mean", "C": 10.0**-n, "cv_roc_auc": 0.9 + n / 100}
        for name in ("layer_2", "layer_3")
        for n in range(n_rounds)
    ]
    return {"rounds": rounds, "selection": selection}


def with_candidates():
    aucs = {f"layer_{n} mean": {"roc_auc": run.estimate(0.77 + n / 100)} for n in (2, 3)}
    return run.tested(by={"candidate": aucs})


def test_the_chosen_candidate_is_marked():
    page = report.selection(with_candidates(), model())
    (marked,) = rows_of(page, ' class="chosen"')
    assert marked[:4] == ["layer_3", "mean over time", "1", "0.9000"]
    assert marked[4:] == ["–", "0.8000 (0.7900 to 0.8050)", "chosen"]


def test_candidates_of_several_rounds_are_means():
    page = report.selection(with_candidates(), model(5))
    (marked,) = rows_of(page, ' class="chosen"')
    assert marked[2:4] == ["0.01", "0.9200"]
    assert marked[-1] == "in 5 of 5 rounds"
    assert "Means over 5 rounds" in page


def test_the_audit_puts_the_strongest_shortcut_first_and_beside_the_experiments():
    item = run.tested(views={"trimmed": 0.91, "inverted": 0.5})
    page = report.audit({"clean": run.audit(0.9)}, [item])
    rows = rows_of(page)
    clean, trimmed = "0.9300 (0.9200 to 0.9350)", "0.9100 (0.9000 to 0.9150)"
    assert rows[0] == ["layers", clean, trimmed, "0.5000 (0.4900 to 0.5050)"]
    assert [row[0] for row in rows[1:]] == [
        *("Speaker identity", "Level", "Duration", "All properties together")
    ]
    assert "Speaker identity: learned from others." in page
    assert "The strongest property on eval is Level: ROC-AUC 0.9000" in page


def test_the_audit_holds_experiments_against_the_view_that_they_score():
    audits = {"clean": run.audit(0.9), "trimmed": run.audit(0.55004, view="trimmed")}
    trims = run.tested("trims", 0.9, view="trimmed")
    page = report.audit(audits, [run.tested(), trims])
    assert "The strongest property on eval is Level: ROC-AUC 0.9000" in page
    words = (
        "The strongest properties on eval, silence trimmed, are Duration and Level: ROC-AUC 0.5500"
    )
    assert words in page
    assert page.index("eval, clean (") < page.index("eval, silence trimmed (")


def test_who_speaks_is_held_against_those_experiments_alone_that_have_met_the_speakers():
    met = run.tested("met", leak=run.leak(speakers=3))
    page = report.audit({"clean": run.audit(0.9)}, [run.tested(), met])
    alone, of_met = re.findall(r"<p>(The strongest property .*)</p>", page)
    assert "is Level: ROC-AUC 0.9000" in alone
    assert alone.endswith("Who speaks does not count: these experiments have not met the speakers.")
    assert "is Speaker identity: ROC-AUC 0.9900" in of_met
    assert of_met.endswith("experiments that have met these speakers.")


def test_a_prediction_below_one_half_is_called_no_shortcut():
    rows = {row[0]: row for row in rows_of(report.audit({"clean": run.audit()}, []))}
    assert rows["All properties together"][2:4] == [
        "0.4800 (0.4700 to 0.4850)",
        "no better than guessing",
    ]
    assert rows["Speaker identity"][3] == "–"


def test_a_corpus_without_experiments_has_an_audit_all_the_same():
    page = report.audit({"clean": run.audit(0.9)}, [])
    assert "Level" in page
    assert "Experiment" not in page
    assert "nothing to audit" in report.audit({"clean": {"splits": {}}}, [])


def test_pages_are_whole_and_need_nothing_from_outside():
    for page in (report.headline([run.tested()]), report.per_attack([run.tested()])):
        assert page.startswith("<!doctype html>")
        assert "http" not in page
        assert '<th scope="col">' in page
        assert "prefers-color-scheme: dark" in page


def opening(tmp_path, *items, on_dev=None, **verified):
    figure = tmp_path / "roc.svg"
    figure.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    ratings = {item.name: "caution" for item in items}
    on_dev = on_dev or {
        (item.corpus, item.experiment): item.on("dev")["roc_auc"].value for item in items
    }
    shown = figure if items else None
    about = run.verified(n_rejected=2, n_accepted=1498, **verified)
    return report.opening([report.Corpus(about, items, ratings, shown, on_dev=on_dev)])


def test_the_opening_names_the_experiment_that_is_best_on_dev(tmp_path):
    one, two = run.tested("one", 0.91), run.tested("two", 0.97)
    page = opening(tmp_path, one, two)
    assert "two, the best on dev, scores" in page
    assert "97.0 of 100 pairs" in page
    page = opening(tmp_path, one, two, on_dev={("toy", "one"): 0.99, ("toy", "two"): 0.97})
    assert "one, the best on dev, scores" in page
    assert "91.0 of 100 pairs" in page
    assert "1,498 of 1,500 clips were used, 2 set aside" in page
    alike = "no duplicate clip and no near-duplicate clip"
    assert f"shares no speaker, no attack, {alike} with training" in page
    assert 'alt="ROC curves on eval of toy"' in page
    assert "The rating of these results: caution" in page


def test_without_dev_the_opening_names_the_first(tmp_path):
    item = run.without_dev()
    assert "nodev scores the spoof higher" in opening(
        tmp_path, item, on_dev={("toy", "other"): 0.9}
    )


def test_the_opening_prefers_an_experiment_that_does_not_leak(tmp_path):
    leaky = run.tested("leaky", 0.99, leak=run.leak(speakers=3))
    page = opening(tmp_path, leaky, run.tested("sound", 0.9))
    assert "sound, the best on dev of those that do not leak, scores" in page
    assert "leaky, the best on dev, scores" in opening(tmp_path, leaky)


def test_the_opening_prefers_an_experiment_that_was_fitted_on_the_corpus(tmp_path):
    own, other = run.tested("own", 0.9), run.tested("other", 0.8, corpus="easy")
    on_dev = {("toy", "own"): 0.95, ("easy", "other"): 0.99}
    page = opening(tmp_path, own, other, on_dev=on_dev)
    assert "own, the best on dev of those that were fitted on this corpus, scores" in page
    control = run.tested("shuffled", control=True)
    page = opening(tmp_path, own, other, control, on_dev=on_dev)
    assert "that are no controls and were fitted on this corpus, scores" in page
    assert "other, from easy, the best on dev, sc" in opening(tmp_path, other, on_dev=on_dev)


def test_of_speakers_of_another_corpus_only_the_name_is_known(tmp_path):
    item = run.tested("away", corpus="other", leak=run.leak(speakers=2))
    (row,) = report.headline_rows([item], {"toy": {item.name: "caution"}})
    assert row["leak"] == "train and eval share 2 speaker names"
    assert "shares 2 speaker names, no attack" in opening(
        tmp_path, item, on_dev={("toy", "other"): 0.9}
    )


def test_the_answer_is_never_a_controls(tmp_path):
    control = run.tested("shuffled", 0.97, control=True)
    page = opening(tmp_path, run.tested("one", 0.91), run.tested("two", 0.8), control)
    assert "one, the best on dev of those that are no controls, scores" in page
    assert '<th scope="row">shuffled <span class="quiet">(control)</span></th>' in page
    leaky = run.tested("leaky", 0.9, leak=run.leak(speakers=3))
    assert "leaky, the best on dev of" in opening(tmp_path, leaky, control)
    page = opening(tmp_path, control)
    assert "Only controls were run, and a control is no answer." in page
    assert "of 100 pairs" not in page


def test_the_opening_copes_with_a_corpus_that_is_only_tested_on(tmp_path):
    page = opening(tmp_path, corpus="wild")
    assert "The data: corpus wild" in page
    assert "it is there to test on" in page
    assert "The answer" not in page


def headline(folder, *items):
    ratings = {"toy": {item.name: "caution" for item in items}}
    write_json(folder / "headline.json", report.headline_rows(items, ratings))
    write_json(folder / "toy" / "verified" / "clean.json", run.verified())


def test_the_summary_prints_one_aligned_line_per_experiment(tmp_path, capsys):
    results = tmp_path / "results"
    headline(results, run.tested("one", 0.91), run.tested("a_longer_name", 0.97))
    benchmark = tmp_path / "benchmarks" / "toy" / "fit" / "one.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\tcpu_time\tmax_rss\n400\t360\t512\n")
    (results / "report.html").write_text("")
    page = results / "toy" / "tables" / "trust.html"
    page.parent.mkdir(parents=True)
    page.write_text("")
    summary.main(results)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 8
    places = {line.index("eval" if n else "split") for n, line in enumerate(printed[:3])}
    assert len(places) == 1
    assert "0.9700 (0.9600 to 0.9750)" in printed[2]
    assert "3.00% (2.00 to 3.50)" in printed[2]
    assert printed[2].endswith("caution")
    assert printed[4].endswith(
        "set aside; 1 measured jobs, 0.10 CPU hours, at most 0.50 GiB in one"
    )
    assert printed[6] == f"which results to trust: {page.resolve()}"
    assert printed[7] == f"report: {(results / 'report.html').resolve()}"


def test_a_control_is_labelled_in_the_summary_and_on_every_page(tmp_path, capsys):
    control = run.tested("shuffled", 0.7, control=True)
    headline(tmp_path, run.tested(), control)
    assert [row["control"] for row in read_json(tmp_path / "headline.json")] == [False, True]
    assert [row["trust"] for row in read_json(tmp_path / "headline.json")] == ["caution"] * 2
    summary.main(tmp_path)
    assert "  shuffled (control)  eval" in capsys.readouterr().out
    items = [control, run.tested("zero")]
    evidence = [trust.Evidence(item, run.audit(), run.verified()) for item in items]
    for page in (
        report.headline(items),
        report.per_attack(items),
        report.conditions(items),
        report.speakers(items),
        report.views(items),
        report.audit({"clean": run.audit()}, items),
        report.selection(control, model()),
        report.rating(trust.judge_all("toy", evidence)),
    ):
        assert re.search(r'shuffled (<span class="quiet">)?\(control\)', page)
        assert not re.search(r'zero (<span class="quiet">)?\(control\)', page)
    attacks = [row[1] for row in rows_of(report.per_attack(items))]
    assert attacks[:2] == ["zero", "shuffled (control)"]


def test_the_summary_has_a_line_per_leak_and_per_scorer_that_ranks_wrongly(tmp_path, capsys):
    turned = run.tested("flipped", 0.3, chosen=[run.chosen(slope=-1.0)])
    headline(tmp_path, LEAKY, turned, UNDECIDED, run.tested())
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
    interval = cells.Words("(25.00 to 75.00)", "quiet")
    assert cells.estimate(Estimate(0.5, 0.25, 0.75), percent=True) == ["50.00%", interval]
    page = report.headline([run.tested()])
    assert '<td>0.9300 <span class="quiet">(0.9200 to 0.9350)</span></td>' in page


def test_names_are_text_on_every_page():
    hostile = "<script>alert('x')</script> & \"y\""
    clip = {"file": hostile, "label": 1, "reason": hostile}
    item = run.tested(hostile, control=True)
    for page in (
        report.rejected(run.verified(n_rejected=1, rejected=[clip])),
        report.headline([item]),
        report.views([item]),
        report.selection(item, model()),
    ):
        assert "<script" not in page
        assert hostile in unescape(page)


def test_no_sign_of_a_name_is_hidden_on_a_page():
    hostile = "a\x1b[2J\u202eb\nc"
    clip = {"file": hostile, "label": 1, "reason": hostile}
    sections = {hostile: [card.Table(hostile, [hostile], [[hostile]])]}
    document, markdown = (
        render(f"document.{kind}.j2", title=hostile, sections=sections) for kind in ("html", "md")
    )
    rejected = report.rejected(run.verified(n_rejected=1, rejected=[clip]))
    for page in (rejected, document, markdown):
        assert not {"\x1b", "\u202e"} & set(page)
        assert page.count("x1b[2J") + page.count("x1b\\[2J") > 1
    assert "a\\x1b[2J\\u202eb\\nc" in document
