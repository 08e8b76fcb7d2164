"""The tidy table of all values, how it is read, and the scores that it is made of."""

import pyarrow.compute as pc
import pytest
import run_files
import scored
from authenticity import tables
from authenticity.evaluation import results
from authenticity.evaluation.results import Results
from authenticity.files import write_json


def test_a_row_is_named_by_all_that_tells_it_from_others():
    item = run_files.tested("one", 0.91, views={"inverted": 0.8})
    table = item.results.table
    assert table.schema == results.RESULTS
    assert table.group_by(results.RESULTS.names[:8]).aggregate([]).num_rows == len(table)
    backwards = table.take(pc.sort_indices(table, [("metric", "descending")]))
    assert results.table(backwards.to_pylist()).equals(table), "the order of rows is of no account"


def test_a_value_is_selected_by_its_columns():
    item = run_files.tested("one", 0.91)
    selected = item.results.where(split="eval", group="all", view="clean")
    auc = selected["roc_auc"]
    assert (auc.value, auc.low, auc.high) == (0.91, 0.9, 0.915)
    assert (auc.n_bonafide, auc.n_spoof, auc.method) == (1200, 300, run_files.BY_TRIAL)
    assert (selected["ece"].low, selected["ece"].method) == (None, None)
    assert item.reported["roc_auc"] == auc
    assert selected.get("min_tdcf_legacy") is None
    with pytest.raises(KeyError):
        selected["min_tdcf_legacy"]
    assert not item.results.where(split="train")
    with pytest.raises(ValueError, match="select one first"):
        item.results.where(split="eval")["roc_auc"]


def test_groups_are_read_value_by_value():
    item = run_files.tested("one", 0.91)
    aucs = item.on("eval", "attack").each("roc_auc")
    assert {name: auc.n_spoof for name, auc in aucs.items()} == {"A07": 150, "A08": 150}
    assert item.conditions("eval") == ["codec"]
    codecs = item.on("eval", "codec").by_value()
    assert codecs["C3"].get("roc_auc") is None
    assert codecs["C3"]["n_clips"].n_bonafide == 600


def test_what_an_experiment_was_tested_on_follows_from_its_results():
    item = run_files.tested("one", views={"noise": 0.7, "trimmed": 0.9}, control=True)
    assert (item.splits, item.views) == (["dev", "eval"], ["clean", "trimmed", "noise"])
    assert item.on("eval", view="noise")["roc_auc"].value == 0.7
    assert (item.name, item.label, item.leaks) == ("one", "one (control)", False)
    elsewhere = run_files.tested("one", target="wild")
    assert elsewhere.name == "one, from toy"
    assert not run_files.without("eval", item).reported


def test_results_and_their_record_are_a_pair_of_files(tmp_path):
    items = [run_files.tested("one"), run_files.tested("two", 0.8)]
    metrics, records = [], []
    for item in items:
        metrics.append(tmp_path / f"{item.name}.parquet")
        records.append(tmp_path / f"{item.name}.json")
        tables.write(metrics[-1], item.results.table, results.RESULTS)
        record = {name: value for name, value in vars(item).items() if name != "results"}
        write_json(records[-1], record)
    assert results.read(metrics, records) == items
    together = results.together(reversed(metrics))
    assert together.equals(results.together(metrics))
    assert len(Results(together).where(experiment="two").table) == len(items[1].results.table)


def test_views_of_a_table_of_scores_come_in_their_order(tmp_path):
    path = scored.write(tmp_path / "one.parquet", scored.trials("eval"))
    assert list(tables.scores(path)) == ["clean"]
    table = tables.read(path)
    views = ["telephone"] * 100 + ["noise"] * (len(table) - 100)
    several = table.append_column(tables.VIEW, [views])
    tables.write(tmp_path / "two.parquet", several, several.schema)
    by_view = tables.scores(tmp_path / "two.parquet")
    assert list(by_view) == ["telephone", "noise"]
    assert [len(part) for part in by_view.values()] == [100, len(table) - 100]
    assert by_view["noise"].schema.names == table.schema.names
