"""`make fuzz`: what others may have written, mutated; see `targets`."""
