"""Countermeasures: models that turn a row of features into a score."""
