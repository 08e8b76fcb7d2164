"""Measures this tree's speed beside the prototype's method; see docs/speed.md."""
