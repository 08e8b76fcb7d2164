"""The answer on one input, declared once: what it holds, and how it is written as JSON.

The columns of the tables, the lines of `recordings.jsonl`, the rows of the page and the tables in
docs/scores.md follow from the fields of `Recording` and `Windows`. A field with an annotation is a
column; the annotation is its meaning in one line of Markdown.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

CONTENT_DIGITS = 32
"""Of the SHA-256 of a file's content, in `content`."""

Verdict = Literal["likely synthetic", "likely genuine", "cannot tell"]


def columns(record: type) -> dict[str, tuple[type, str]]:
    """Return the columns of a record, its annotated fields, by name: type and meaning.

    The type is float, also for an array; int; or str, for all that is not a number.
    """
    found = {}
    for name, hint in get_type_hints(record, include_extras=True).items():
        if get_origin(hint) is Annotated:
            kind, meaning = hint.__origin__, hint.__metadata__[0]
            is_float = kind is float or get_origin(kind) is np.ndarray or float in get_args(kind)
            found[name] = float if is_float else int if kind is int else str, meaning
    return found


@dataclass(frozen=True)
class Caution:
    """A reason to trust a score less.

    Attributes:
        code: what it is, for programs. Something sets the recording off from the training data:
            `too_short`, `longer_than_training`, `mostly_silence`, `narrow_band`, `wide_band`,
            `clipped`, `quiet`, `reverberant`, `lossy_codec` or `unlike_training`; or answers
            contradict each other: `polarity`, `part_synthetic`.
        message: one sentence, with the numbers.
        severe: whether the score says nothing any more: the verdict is then `cannot tell`.
    """

    code: str
    message: str
    severe: bool


@dataclass(frozen=True)
class Windows:
    """Overlapping stretches of a recording, each with a score of its own; all arrays are (n,).

    The calibration was fitted on whole clips: `llr` orders windows and shows where the evidence
    lies, but a single window's is not as well founded as the recording's. `score` and `llr` are NaN
    where a window is silent throughout.
    """

    start: Annotated[NDArray[np.float64], "seconds; windows overlap"]
    end: Annotated[NDArray[np.float64], "seconds; the last window ends where the recording ends"]
    score: Annotated[NDArray[np.float64], "as above, of the window alone; empty where it is silent"]
    llr: Annotated[NDArray[np.float64], "as above, of the window alone; empty where it is silent"]
    speech: Annotated[NDArray[np.float64], "share of the window that is sound, 0 to 1"]


@dataclass(frozen=True)
class Activity:
    """Stretches of sound rather than silence, from `start` to `end` in seconds; float64, (m,)."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]


@dataclass(frozen=True)
class Spectrogram:
    """A mel spectrogram for the eye, of equally wide bands from 0 to 8000 Hz; see `mel_edges`.

    Attributes:
        power_db: 10 log10 of the power, shape (bands, columns), float32; low bands first.
        seconds_per_column: from one column's middle to the next one's; the first is at 0 s.
    """

    power_db: NDArray[np.float32]
    seconds_per_column: float


@dataclass(frozen=True)
class Contribution:
    """What one part of the evidence adds to a score.

    Attributes:
        name: such as `layer 0, mean over time`, `mfcc_3` or `spectral branch`.
        log_odds: above 0 for synthetic. All of them and the model's bias add up to the score.
    """

    name: str
    log_odds: float


class Span(NamedTuple):
    """Where a picture's panels lie, all of which share the time axis.

    Attributes:
        left, right: ends of the time axis, as fractions of the picture's width.
        top, bottom: of the panels, as fractions of the picture's height from above.
    """

    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True, kw_only=True)
class Recording:
    """The answer on a file that was scored; annotated fields are columns and say what they mean.

    Attributes:
        windows: where in time.
        activity: where there is sound.
        contributions: which evidence mattered, the largest first.
        spectrogram: to draw the above on; None in an answer that was read back.
        preview: the sound for the page, a file below the results' folder; None without pictures.
        span: where the scores lie in the picture; None without pictures.
        settings: what the answer depends on beside the file; see `batch.Settings.digest`.
        peak_bytes: the most memory that the process had that made the answer.
    """

    file: Annotated[
        str,
        "as it was given; a name that a spreadsheet would take for a formula begins with `./`; "
        "bytes that are not UTF-8 are `\\x..`",
    ]
    status: Annotated[
        Literal["scored"],
        "`scored` or `rejected`; a rejected file has only `file`, `status`, `reason` and, where it "
        "could be read, `content`",
    ] = "scored"
    verdict: Annotated[Verdict, "`likely synthetic`, `likely genuine` or `cannot tell`"]
    p_synthetic: Annotated[
        float | None,
        "probability that it is synthetic, where a share of `prior` is; none where a caution is "
        "severe",
    ]
    p_low: Annotated[float | None, "lower end of its 95% interval, of calibration clips only"]
    p_high: Annotated[float | None, "upper end of it"]
    p_trust: Annotated[
        str | None,
        "whether the checks on the model's run trust its probabilities: `trust`, `caution` or `do "
        "not trust`; none where they were not made",
    ]
    prior: Annotated[float, "the share of synthetic recordings that the probability is given for"]
    llr: Annotated[float, "log-likelihood ratio, natural logarithm, above 0 for synthetic"]
    llr_low: Annotated[float, "lower end of its 95% interval, of calibration clips only"]
    llr_high: Annotated[float, "upper end of it"]
    score: Annotated[
        float, "the model's log-odds before calibration: the `score` of the workflow's tables"
    ]
    score_inverted: Annotated[float, "the same with the samples negated, which sounds the same"]
    cautions: Annotated[
        tuple[Caution, ...], "the codes above, separated by spaces, severe ones first"
    ]
    reason: Annotated[str, "why this verdict, or why the file was set aside"]
    duration: Annotated[float, "seconds"]
    codec: Annotated[str, "of the file"]
    sample_rate: Annotated[int, "of the file, hertz"]
    channels: Annotated[int, "of the file"]
    content: Annotated[str, "the first 32 digits of the SHA-256 of the file"]
    audio: Annotated[str, "the same for the decoded sound: equal for equal samples"]
    picture: Annotated[str | None, "the file below the results' folder"] = None
    seconds: Annotated[
        float, "measured: reading, decoding, scoring and, where they are made, picture and sound"
    ]
    real_time_factor: Annotated[float, "`seconds` over `duration`, measured"]
    windows: Windows
    activity: Activity
    contributions: tuple[Contribution, ...]
    spectrogram: Spectrogram | None = None
    preview: str | None = None
    span: Span | None = None
    settings: str = ""
    peak_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """The answer on a file that cannot be scored; fields as of `Recording`.

    Attributes:
        content: empty where the file cannot be read, or where the reason does not lie in what it
            holds; the next run then tries it again.
    """

    file: str
    status: Literal["rejected"] = "rejected"
    reason: str
    content: str = ""
    settings: str = ""
    peak_bytes: int = 0


Answer = Recording | Rejected


def plain(answer: Answer) -> dict[str, Any]:
    """Return all of an answer but the spectrogram as JSON takes it; NaN and infinity are null."""
    values = asdict(answer)
    values.pop("spectrogram", None)
    for arrays in (values.get("windows", {}), values.get("activity", {})):
        for name, array in arrays.items():
            arrays[name] = [each if math.isfinite(each) else None for each in array.tolist()]
    return values


def restored(values: Mapping[str, Any]) -> Answer:
    """Return the answer that `plain` was given, without its spectrogram.

    Raises:
        TypeError, KeyError: it is no answer, or one of another version.
    """
    if values["status"] == "rejected":
        return Rejected(**values)
    parts = {"span": Span(*values["span"]) if values["span"] else None}
    for name, record in (("windows", Windows), ("activity", Activity)):
        arrays = {key: np.array(numbers, np.float64) for key, numbers in values[name].items()}
        parts[name] = record(**arrays)
    for name, record in (("cautions", Caution), ("contributions", Contribution)):
        parts[name] = tuple(record(**part) for part in values[name])
    return Recording(**{**values, **parts})
