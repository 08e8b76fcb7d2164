"""From scores to results: splits, metrics with their intervals, audits."""
