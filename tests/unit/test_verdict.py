"""Verdicts: "yes" only where it is so, "cannot tell" where it is open, and the words beside it."""

import json
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import results_page
import run_files as run
from authenticity import report
from authenticity.errors import UserError
from authenticity.evaluation import bootstrap, verdict
from authenticity.evaluation.verdict import NO, OPEN, YES
from authenticity.files import write_json
from comparisons import grid, side, simulated, table


def judged(old, new, seeds=None, **changes):
    """The verdict on a candidate, given the tables of both."""
    return verdict.judge(side("old", old), side("new", new, seeds, **changes), 1)


def here(found):
    return tuple(
        found["on_these_speakers"][name] for name in ("at_least_one_point", "better_at_all")
    )


def test_a_large_gain_is_a_yes_and_its_reverse_a_no():
    old, new = simulated(2000, 1.0, n_speakers=40)
    found = judged(old, new)
    assert here(found) == (found["at_least_one_point"], found["better_at_all"]) == (YES, YES)
    assert found["headline"] == (
        "new at least one point better than old: yes, for new speakers too (40 bona fide and "
        "40 spoof speakers); n = 2,000 (1,000 bona fide, 1,000 spoof)."
    )
    assert "1 - AUC it removes" in found["sentence"]
    back = judged(new, old)
    assert "It adds" in back["sentence"]
    assert (back["at_least_one_point"], back["better_at_all"]) == (NO, NO)


@pytest.mark.parametrize(("n_speakers", "answer"), [(2, OPEN), (9, OPEN), (10, YES)])
def test_a_gain_on_few_speakers_is_one_on_these_speakers_only(n_speakers, answer):
    old, new = simulated(2000, 1.5, n_speakers=n_speakers)
    found = judged(old, new)
    assert here(found) == (YES, YES)
    assert (found["at_least_one_point"], found["better_at_all"]) == (answer, answer)
    if answer == OPEN:
        assert (
            f": on these {n_speakers} bona fide and {n_speakers} spoof speakers yes, in general "
            "cannot tell (fewer than 10 in a class); n = 2,000" in found["headline"]
        )
        assert "Better at all: on these speakers yes, in general cannot tell." in found["sentence"]


def test_unknown_speakers_leave_the_general_answer_open():
    found = judged(*simulated(2000, 1.0))
    assert (found["at_least_one_point"], here(found)) == (OPEN, (YES, YES))
    assert (
        "on the speakers of these clips, not all known: yes, in general cannot tell"
        in found["headline"]
    )


def test_few_trials_cannot_tell_and_say_what_they_could_have_told():
    found = judged(*simulated(60, 0.3))
    assert here(found) == (OPEN, OPEN)
    points = f"a true difference of {100 * found['detectable']:.2f} points is found"
    assert points in found["sentence"]
    assert "in general cannot tell (fewer than 10 in a class)" in found["headline"]
    assert "covers other clips of the same speakers, not other speakers" in found["sentence"]


def test_identical_scorers_are_a_no():
    old, _ = simulated(200, n_speakers=20)
    found = judged(old, old)
    assert (found["at_least_one_point"], found["better_at_all"]) == (NO, NO)
    assert "+0.00 points (95% interval +0.00 to +0.00" in found["sentence"]
    assert "removes 0% (0 to 0)" in found["sentence"]


def test_shuffled_labels_do_not_make_a_yes(monkeypatch):
    """With labels that mean nothing, trained seeds included, neither answer may be a "yes"."""
    monkeypatch.setattr(bootstrap, "N_RESAMPLES", 200)
    point, at_all = [], []
    for k in range(80):
        old, seeds = simulated(200, seed=k, seeds=[0.0, 0.0, 0.0], n_speakers=30)
        labels = np.random.default_rng(k).permutation(old["label"].to_numpy())
        place = old.column_names.index("label")
        shuffled = [each.set_column(place, "label", [labels]) for each in (old, seeds)]
        found = judged(shuffled[0], shuffled[0], shuffled[1])
        point.append(found["at_least_one_point"])
        at_all.append(found["better_at_all"])
    assert point.count(YES) <= 2
    assert at_all.count(YES) <= 5
    alone = [
        judged(*(each.set_column(place, "label", [labels]) for each in simulated(200, seed=k)))
        for k, labels in enumerate(np.random.default_rng(0).permuted([[0, 1] * 100] * 80, axis=1))
    ]
    assert [here(each)[0] for each in alone].count(YES) <= 5


@pytest.mark.parametrize(("n_seeds", "said"), [(1, "for one seed"), (2, "for 2 seeds")])
def test_fewer_than_three_seeds_give_no_answer(n_seeds, said):
    old, seeds = simulated(2000, 2.0, seeds=[0.0] * n_seeds)
    found = judged(old, old, seeds)
    assert (found["at_least_one_point"], found["better_at_all"]) == (OPEN, OPEN)
    assert said in found["sentence"]
    assert "3 or more are needed" in found["sentence"]


def test_seeds_that_disagree_leave_it_open():
    old, steady = simulated(2000, 1.0, seeds=[0.0, 0.02, -0.02])
    found = judged(old, old, steady)
    assert here(found)[0] == YES
    assert "Over 3 seeds it is +" in found["sentence"]
    assert "over the seeds" in found["sentence"] or "independent: p < 0.001." in found["sentence"]
    old, wild = simulated(2000, 0.8, seeds=[0.0, 0.7, -0.7])
    assert here(judged(old, old, wild))[0] == OPEN


def test_near_perfection_a_point_cannot_be_gained():
    labels = np.arange(2000) % 2
    scores = np.random.default_rng(0).normal(size=2000) + 4.0 * labels
    found = judged(table(scores, labels), table(scores + labels, labels))
    assert here(found) == (NO, YES)
    assert "points were left to gain: a whole one cannot be" in found["sentence"]
    assert found["relative_reduction"]["value"] > 0.5


def test_leaks_and_flipped_scores_are_said():
    old, new = simulated(200)
    leaky = judged(old, new, leak=run.leak(speakers=4))
    assert "new leaks: speakers or duplicate clips" in leaky["sentence"]
    assert leaky["headline"].endswith("100 spoof); but new leaks.")
    flipped = judged(old, new, auc=0.3)
    assert flipped["headline"].endswith("; but new is flipped.")
    assert flipped["warnings"] == [
        "new is flipped: its scores point the wrong way, so a difference from it says nothing of "
        "how well the other one detects."
    ]
    assert judged(old, new)["warnings"] == []


def verdicts():
    old, new = simulated(500, 0.8, n_speakers=40)
    _, seeds = simulated(500, 0.2, n_speakers=40, seeds=[0.0, 0.1, -0.1])
    sides = {
        "old": side("old", old),
        "new": side("new", new),
        "seeded": side("seeded", old, seeds, leak=run.leak(speakers=4)),
        "single": side("single", old, seeds.select([*seeds.column_names[:6], "11"])),
    }
    pairs = [["old", "new"], ["old", "seeded"], ["old", "single"], ["new", "old"]]
    items = [each.item for each in sides.values()]
    return verdict.verdict(pairs, sides, 1), items


def test_a_pair_with_a_control_says_so():
    old, new = simulated(200)
    sides = {"new": side("new", new), "old": side("old", old, control=True)}
    found = verdict.verdict([["old", "new"]], sides, 1)
    items = [each.item for each in sides.values()]
    page = report.comparison(found, items)
    assert "new against old (control)" in page
    (pair,) = found["pairs"]
    assert f"{pair['headline']} old is a control." in page
    assert report.pair_name(pair, items) == "new against old (control)"


def test_the_json_is_plain_and_the_page_says_it_all():
    found, items = verdicts()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["margin"], found["minimum_seeds"], len(found["pairs"])) == (0.01, 3, 4)
    page = report.comparison(found, items)
    for item in found["pairs"]:
        assert f"<li>{item['headline']}</li>" in page
        assert item["sentence"] in unescape(page)
    assert "training not random" in page
    assert "one seed" in page
    assert page.count('class="notice"') == 1
    assert "<td>&lt; 0.001</td>" in page
    assert "speaker-clustered bootstrap (40 bona fide and 39 spoof speakers" in page


def test_the_page_of_ablations_has_a_row_for_each_and_marks_the_reference():
    found = verdict.ablations(*grid(), "plain", 1)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    page = report.ablations(found, [side.item for side in grid()[0].values()])
    assert page.count('<tr class="chosen"><th scope="row">plain') == 1
    assert "98,304" in page
    assert "300 MiB" in page
    assert 'narrow <span class="bad">leaks' in page
    assert page.count("points <span") == 2
    assert "3 seeds, standard deviation" in page


def test_ablations_are_written_as_markdown(tmp_path: Path):
    found = verdict.ablations(*grid(), "plain", 1)
    write_json(tmp_path / "toy/ablations.json", found)
    write_json(tmp_path / "toy/verdict.json", verdicts()[0])
    page = results_page.ablations(tmp_path)
    plain, supcon, *_ = found["rows"]
    assert f"| plain | no contrastive loss | 1 | {plain['dev_roc_auc']:.4f} |" in page
    assert f"| {100 * supcon['difference']['roc_auc']['value']:+.2f} (" in page
    assert "| supcon | loss | 3 |" in page
    with pytest.raises(UserError, match="make ablations"):
        results_page.ablations(tmp_path / "toy")
