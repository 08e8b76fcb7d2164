"""One module per corpus format: each turns protocols and a listing into manifest rows.

A format offers `folders(root, splits)`, whose listing says cheaply whether anything changed, and
`trials(root, splits, listing)`, which is called only when something did.
"""

from authenticity.corpora import asvspoof

FORMATS = {"asvspoof2019_la": asvspoof.Format(asvspoof.ASVSPOOF2019_LA)}
"""Readers by the name that `format` has in the configuration."""

VERSION = "1"
"""Raise it when a reader makes other rows of the same corpus."""
