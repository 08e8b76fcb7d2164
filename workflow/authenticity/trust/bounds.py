"""What the checks hold values against; none is a law, and each has its reason."""

from enum import Enum


class Bound(float, Enum):
    """A number that a check holds a value against, and the reason for it."""

    reason: str

    def __new__(cls, value: float, reason: str) -> "Bound":
        """Make a number that knows its reason."""
        bound = float.__new__(cls, value)
        bound._value_ = value
        bound.reason = reason
        return bound

    FEW = (
        100,
        "Caution where a class has fewer clips: one error moves its rate by more than a point.",
    )
    HANDFUL = (
        20,
        "No trust where a class has fewer clips: one error moves its rate by five.",
    )
    WIDE = (
        0.05,
        "Caution where the interval of ROC-AUC is wider: published systems differ by less.",
    )
    VAGUE = (
        0.20,
        "No trust where the interval of ROC-AUC is wider: from a weak detector to a good one.",
    )
    UNSURE = (
        0.10,
        "Caution where the interval of EER is wider: a fifth of what separates 0% from guessing.",
    )
    ONE_SPEAKER = (
        1,
        "No trust where a class has no more speakers than this: voice and class are one thing.",
    )
    ONE_SIDED = (
        0.5,
        "Caution where more than this share of the speakers has clips of one class only: a known "
        "voice tells the class.",
    )
    SHORTCUT = (
        0.75,
        "Caution where a single property reaches this ROC-AUC: halfway from guessing to perfect, "
        "without any speech heard.",
    )
    LOSS = (
        0.02,
        "Caution where a view costs more ROC-AUC. Where trimming silence or inverting the waveform "
        "costs it beyond chance, no trust: it is in part one of silence or polarity.",
    )
    DRIFT = (
        0.05,
        "Caution where either error rate at the threshold of dev is further from the EER: the "
        "threshold does not carry over.",
    )
    LOST = (
        0.25,
        "No trust where it is further: whoever sets the threshold on dev is lost.",
    )
    MISCALIBRATED = (
        0.05,
        "Caution where more of ECE is beyond chance (none is where chance gives as much in 1 of 40 "
        "draws): a probability is off by one in twenty on average.",
    )
    MEANINGLESS = (
        0.15,
        "No trust in probabilities where more of it is beyond chance: 80% may mean 65% as well as "
        "95%.",
    )
    COST = (
        0.10,
        "Caution where act DCF exceeds min DCF by more, of the 1.0 that deciding without listening "
        "costs.",
    )
    SET_ASIDE = (
        0.01,
        "Caution where a larger share of the clips was set aside: what `audio.max_rejected` allows "
        "by default.",
    )
    MANY_SET_ASIDE = (
        0.05,
        "No trust where the share is larger: the clips left need not be like the others.",
    )
