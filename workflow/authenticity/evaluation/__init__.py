"""From scores to figures: splits, metrics with their intervals, audits."""
