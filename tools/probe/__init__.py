"""Ranks features by how well they find traces of vocoders; see README.md."""
