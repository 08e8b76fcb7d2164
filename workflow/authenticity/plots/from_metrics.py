"""The report's figures from an experiment's or a corpus's metrics."""

from collections.abc import Sequence
from math import nan

import pyarrow as pa
from matplotlib.figure import Figure

from authenticity.evaluation.bootstrap import Estimate
from authenticity.evaluation.figures import estimate
from authenticity.names import labelled, ordered_splits, ordered_views, view_name
from authenticity.plots.candidates import Candidate, candidates
from authenticity.plots.forest import Row, attacks, views
from authenticity.plots.matrix import Cell, matrix
from authenticity.plots.scores import Bin, Reliability, ScoredSplit, calibration, score_histograms
from authenticity.report.wording import Json, label


def leaking(metrics: Sequence[Json]) -> list[str]:
    """Return the labels of the experiments whose protocol leaks."""
    return [label(item) for item in metrics if item["leak"]["leaks"]]


def of_scores(scores: pa.Table, metrics: Json) -> Figure:
    """Draw the score histograms of an experiment, per class and split."""
    trials = scores.select(["split", "label", "score"]).to_pandas()
    splits = []
    for split in ordered_splits(trials["split"]):
        chosen = trials[trials["split"] == split]
        splits.append(ScoredSplit(split, chosen["label"].to_numpy(), chosen["score"].to_numpy()))
    return score_histograms(splits, label(metrics), metrics["leak"]["leaks"])


def of_calibration(metrics: Json) -> Figure:
    """Draw the reliability diagram of an experiment, before and after calibration."""
    splits = metrics["splits"]
    diagrams = [
        Reliability(
            split,
            stage == "after",
            [Bin(**each) for each in splits[split]["reliability"][stage]],
            splits[split]["ece"][stage]["value"],
            splits[split]["ece"]["chance"][stage]["mean"],
        )
        for split in ordered_splits(splits)
        for stage in ("before", "after")
        if splits[split]["reliability"][stage]
    ]
    return calibration(diagrams, label(metrics), metrics["leak"]["leaks"])


def of_candidates(metrics: Json) -> Figure:
    """Draw the ROC-AUC of an experiment's candidates, layer by layer, with the choice marked."""
    compared = []
    for item in metrics["selection"]["candidates"]:
        roc_auc = {}
        for split, figure in item["splits"].items():
            # A mean over rounds has no interval.
            ends = [nan if figure[end] is None else figure[end] for end in ("low", "high")]
            roc_auc[split] = Estimate(figure["value"], *ends)
        compared.append(Candidate(item["candidate"], item["pooling"], item["chosen"], roc_auc))
    return candidates(compared, label(metrics), metrics["leak"]["leaks"])


def of_attacks(metrics: Sequence[Json], split: str) -> Figure:
    """Draw the ROC-AUC of experiments on each attack of a split."""
    rows = [
        Row(label(item), attack, figure["n_spoof"], estimate(figure["roc_auc"]))
        for item in metrics
        for attack, figure in item["splits"][split]["per_attack"].items()
    ]
    return attacks(rows, split, leaking(metrics))


def of_views(metrics: Sequence[Json], others: Sequence[Json], split: str) -> Figure:
    """Draw the ROC-AUC of experiments in the views that they score, and in all others."""
    seen = [*metrics, *others]
    order = ordered_views(item["view"] for item in seen)
    rows = []
    for item in sorted(seen, key=lambda item: order.index(item["view"])):
        figures = item["splits"][split]
        auc = estimate(figures["roc_auc"])
        rows.append(Row(label(item), view_name(item["view"]), figures["n_spoof"], auc))
    made_for = {label(item): view_name(item["view"]) for item in metrics}
    return views(rows, made_for, split, leaking(metrics))


def of_corpora(metrics: Sequence[Json], experiment: str, split: str) -> Figure:
    """Draw one experiment's figures over every pair of a training and a test corpus."""
    cells = [
        Cell(
            item["corpus"],
            item["target"],
            item["leak"]["leaks"],
            estimate(item["splits"][split]["roc_auc"]),
            estimate(item["splits"][split]["eer"]),
        )
        for item in metrics
        if split in item["splits"]  # a corpus may have no part of its own to report on
    ]
    return matrix(cells, labelled(experiment, metrics[0]["control"]))
