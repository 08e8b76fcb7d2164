"""What the checks hold values against; none is a law, and each has its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """A number that a check holds a value against, and the reason for it."""

    value: float
    reason: str


FEW = Bound(
    100, "Caution where a class has fewer clips: one error moves its rate by more than a point."
)
HANDFUL = Bound(20, "No trust where a class has fewer clips: one error moves its rate by five.")
WIDE = Bound(
    0.05, "Caution where the interval of ROC-AUC is wider: published systems differ by less."
)
VAGUE = Bound(
    0.20, "No trust where the interval of ROC-AUC is wider: from a weak detector to a good one."
)
UNSURE = Bound(
    0.10, "Caution where the interval of EER is wider: a fifth of what separates 0% from guessing."
)
ONE_SPEAKER = Bound(
    1, "No trust where a class has no more speakers than this: voice and class are one thing."
)
ONE_SIDED = Bound(
    0.5,
    "Caution where more than this share of the speakers has clips of one class only: a known voice "
    "tells the class.",
)
SHORTCUT = Bound(
    0.75,
    "Caution where a single property reaches this ROC-AUC: halfway from guessing to perfect, "
    "without any speech heard.",
)
LOSS = Bound(
    0.02,
    "Caution where a view costs more ROC-AUC. Where trimming silence or inverting the waveform "
    "costs it beyond chance, no trust: it is in part one of silence or polarity.",
)
DRIFT = Bound(
    0.05,
    "Caution where either error rate at the threshold of dev is further from the EER: the "
    "threshold does not carry over.",
)
LOST = Bound(0.25, "No trust where it is further: whoever sets the threshold on dev is lost.")
MISCALIBRATED = Bound(
    0.05,
    "Caution where more of ECE is beyond chance (none is where chance gives as much in 1 of 40 "
    "draws): a probability is off by one in twenty on average.",
)
MEANINGLESS = Bound(
    0.15,
    "No trust in probabilities where more of it is beyond chance: 80% may mean 65% as well as 95%.",
)
COST = Bound(
    0.10,
    "Caution where act DCF exceeds min DCF by more, of the 1.0 that deciding without listening "
    "costs.",
)
SET_ASIDE = Bound(
    0.01,
    "Caution where a larger share of the clips was set aside: what `audio.max_rejected` allows by "
    "default.",
)
MANY_SET_ASIDE = Bound(
    0.05, "No trust where the share is larger: the clips left need not be like the others."
)
BOUNDS = [found for found in list(vars().values()) if isinstance(found, Bound)]
