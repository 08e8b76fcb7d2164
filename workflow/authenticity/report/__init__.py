"""The report's tables and its opening page, written from the run's results.

Experiments are `results.Tested`, in the order in which the configuration names them. Every page
says of a protocol that leaks that it does.
"""

from authenticity.report.comparison import ablations, comparison, pair_name
from authenticity.report.data import audit, rejected
from authenticity.report.opening import Corpus, opening, rating
from authenticity.report.results import (
    candidates,
    conditions,
    headline,
    headline_rows,
    per_attack,
    selection,
    speakers,
    splices,
    views,
)
