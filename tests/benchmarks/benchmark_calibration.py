"""How often the trust page's rating of probabilities is right, by number of clips.

    PYTHONPATH=workflow python tests/benchmarks/benchmark_calibration.py

Scores of two bell curves as far apart as a weak detector's (ROC-AUC 0.69, the demonstration's) have
known probabilities. They are rated as they are (calibrated) and with their log-odds doubled
(overconfident), by the rule of `trust.checks` and by the older one, which held the bare ECE against
the same bounds. Below 100 clips of a class, another check calls for caution in any case.
"""

import numpy as np
from authenticity.evaluation.calibration import CalibrationError, beyond_chance
from authenticity.trust import CAUTION, DISTRUST, MEANINGLESS, MISCALIBRATED, TRUST
from scipy.special import expit

RUNS, DISTANCE = 400, 0.7


def rated(error: float) -> str:
    """Return the rating of a calibration error, or of the part that is beyond chance."""
    if error > MEANINGLESS.value:
        return DISTRUST
    return CAUTION if error > MISCALIBRATED.value else TRUST


def simulated(n: int, factor: float) -> tuple[float, dict[str, list[float]]]:
    """Return the mean ECE, and the shares of trust, caution and no trust by rule."""
    errors, ratings = [], {"before": [], "now": []}
    for run in range(RUNS):
        random = np.random.default_rng(run)
        labels = random.permutation(np.arange(n) % 2)
        log_odds = DISTANCE * (random.normal(size=n) + DISTANCE * (labels - 0.5))
        found = CalibrationError(expit(factor * log_odds), labels)
        value = found.value()
        errors.append(value)
        ratings["before"].append(rated(value))
        ratings["now"].append(rated(beyond_chance(value, *found.chance(run, range(n)))))
    shares = {
        rule: [given.count(status) / RUNS for status in (TRUST, CAUTION, DISTRUST)]
        for rule, given in ratings.items()
    }
    return float(np.mean(errors)), shares


def main() -> None:
    """Print a line for each model, number of clips and rule."""
    print(f"{'model':14} clips  mean ECE  rule    trust  caution  do not trust")
    for model, factor in (("calibrated", 1.0), ("overconfident", 2.0)):
        for n in (71, 200, 810):
            mean, shares = simulated(n, factor)
            for rule, (trust, caution, distrust) in shares.items():
                line = f"{model:14} {n:5}  {mean:8.1%}  {rule:6}"
                print(f"{line}  {trust:5.1%}  {caution:7.1%}  {distrust:12.1%}")


if __name__ == "__main__":
    main()
