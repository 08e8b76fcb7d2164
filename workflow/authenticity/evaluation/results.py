"""All figures of a run as one tidy table, and the files that it is made of."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from authenticity.files import read_json

Json = Mapping[str, Any]

RESULTS = pa.schema(
    [
        *((name, pa.string()) for name in ("corpus", "experiment", "target", "view", "split")),
        *((name, pa.string()) for name in ("group", "group_value", "metric")),
        *((name, pa.float64()) for name in ("value", "low", "high")),
        *((name, pa.int64()) for name in ("n_bonafide", "n_spoof")),
        ("method", pa.string()),
    ]
)
"""A row is one figure: of an experiment that was fitted on `corpus`, on a split of `target` in a
view, over all trials (`group` is "all") or those of one attack, speaker or value of a condition.
Rates are fractions. `low` and `high` are the ends of the 95% interval, `method` says what it covers
(trials or speakers drawn); all three are null where a figure has none."""

_FIGURES = ("roc_auc", "eer", "average_precision", "cllr", "min_cllr", "min_dcf", "act_dcf")
_TANDEM = ("min_tdcf_legacy", "min_tdcf_revised")
_STAGES = {"after": "", "before": "_before_calibration"}


def read(paths: Iterable[str | Path]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read the metrics of experiments, a file for each and each corpus that it is tested on.

    Returns:
        The metrics in the view that each experiment is made to score, and those in other views.
    """
    scored, others = [], []
    for path in paths:
        first, *rest = read_json(path)
        scored.append(first)
        others += rest
    return scored, others


def tidy(metrics: Iterable[Json]) -> pa.Table:
    """Return metrics as rows of `RESULTS`, in a fixed order."""
    rows = [row for found in metrics for row in _rows(found)]
    table = pa.Table.from_pylist(rows, RESULTS)
    keys = ("corpus", "experiment", "target", "view", "split", "group", "group_value", "metric")
    return table.sort_by([(name, "ascending") for name in keys])


def _rows(found: Json) -> Iterator[dict[str, Any]]:
    names = ("corpus", "experiment", "target", "view")
    about = {name: found[name] for name in names}
    for split, figures in found["splits"].items():
        common = about | {"split": split}
        yield from _group(common, "all", None, figures, _overall(figures))
        for group, values in _groups(figures).items():
            for value, part in values.items():
                counts = {"n_bonafide": figures["n_bonafide"]} | part
                yield from _group(common, group, value, counts, _partial(part))
    if "change" in found:
        (split,) = found["splits"]
        counts, common = found["splits"][split], about | {"split": split}
        changes = {f"{name}_change": found["change"][name] for name in ("roc_auc", "eer")}
        yield from _group(common, "all", None, counts, changes)


def _overall(figures: Json) -> dict[str, Any]:
    named = {name: figures[name] for name in (*_FIGURES, *_TANDEM)}
    for stage, suffix in _STAGES.items():
        named[f"brier{suffix}"] = figures["brier"][stage]
        named[f"ece{suffix}"] = figures["ece"][stage]
    return named | (figures["at_threshold"] or {})


def _groups(figures: Json) -> dict[str, Json]:
    return {
        "attack": figures["per_attack"],
        "speaker": figures["per_speaker"],
        **figures["per_condition"],
    }


def _partial(part: Json) -> dict[str, Any]:
    names = ("roc_auc", "eer", "miss", "false_alarm")
    return {name: part[name] for name in names if name in part}


def _group(
    common: Json, group: str, value: str | None, counts: Json, figures: Json
) -> Iterator[dict[str, Any]]:
    """Yield a row for each figure that there is; a plain number has no interval."""
    method = counts.get("interval", {}).get("method")
    for metric, figure in figures.items():
        if figure is None:
            continue
        ends = figure if isinstance(figure, Mapping) else {"value": figure}
        row = {"group": group, "group_value": value, "metric": metric}
        row |= {end: ends.get(end) for end in ("value", "low", "high")}
        row |= {name: counts[name] for name in ("n_bonafide", "n_spoof")}
        yield common | row | {"method": method if ends.get("low") is not None else None}
