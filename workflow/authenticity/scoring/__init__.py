"""Scoring a person's own recordings: the verdict, its evidence, and where in time."""
