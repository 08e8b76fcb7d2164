"""Scoring a recording of one's own with a trained model, and saying what the score is worth."""
