"""The tidy table of all figures, and the files that it is made of."""

import json

import pyarrow.compute as pc
import pytest
import run_files
import scored
from authenticity import tables
from authenticity.evaluation import results

CHANGE = {"roc_auc": {"value": -0.1, "low": -0.2, "high": 0.0}, "n_left_out": 0}
CHANGE["eer"] = CHANGE["roc_auc"]


def rows(table, **wanted):
    for name, value in wanted.items():
        chosen = pc.is_null(table[name]) if value is None else pc.equal(table[name], value)
        table = table.filter(chosen)
    return table.to_pylist()


def test_every_figure_is_a_row_with_its_interval_and_counts():
    metrics = run_files.metrics("one", 0.91)
    figures = metrics["splits"]["eval"]
    table = results.tidy([metrics])
    assert table.schema == results.RESULTS
    (auc,) = rows(table, split="eval", group="all", metric="roc_auc")
    assert [auc[end] for end in ("value", "low", "high")] == list(figures["roc_auc"].values())
    assert (auc["n_bonafide"], auc["n_spoof"]) == (figures["n_bonafide"], figures["n_spoof"])
    assert auc["method"] == figures["interval"]["method"]
    assert auc["group_value"] is None
    named = set(pc.unique(table["metric"]).to_pylist())
    assert named >= {"roc_auc", "eer", "average_precision", "cllr", "ece", "brier", "min_dcf"}
    assert "hter" in named
    attacks = rows(table, split="eval", group="attack", metric="roc_auc")
    assert [row["group_value"] for row in attacks] == sorted(figures["per_attack"])
    (ece,) = rows(table, split="eval", group="all", metric="ece")
    assert (ece["low"], ece["method"]) == (None, None)


def test_a_row_is_named_by_all_that_tells_it_from_others():
    whole = run_files.metrics("one", 0.91)
    view = whole | {"view": "inverted", "change": CHANGE}
    view["splits"] = {"eval": whole["splits"]["eval"]}
    table = results.tidy([view, whole])
    assert table.equals(results.tidy([whole, view])), "the order of the files is of no account"
    names = ["experiment", "target", "view", "split", "group", "group_value", "metric"]
    assert table.select(names).group_by(names).aggregate([]).num_rows == len(table)
    (change,) = rows(table, view="inverted", metric="roc_auc_change")
    assert change["value"] == -0.1


@pytest.mark.parametrize("others", [0, 2])
def test_the_view_that_is_scored_comes_first(tmp_path, others):
    items = [{"view": str(index)} for index in range(1 + others)]
    (tmp_path / "m.json").write_text(json.dumps(items))
    assert results.read([tmp_path / "m.json"]) == (items[:1], items[1:])


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
