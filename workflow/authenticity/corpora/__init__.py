"""One module per corpus format: each turns protocols and a listing into manifest rows.

A format module offers `scan(root, splits) -> Scan`: what the corpus consists of, as cheaply as it
can be had, and the trials, which are only read when the scan differs from the last one.
"""

from authenticity.corpora import asvspoof

FORMATS = {"asvspoof2019_la": asvspoof.Format(asvspoof.ASVSPOOF2019_LA)}
"""Readers by the name that `format` has in the configuration."""
