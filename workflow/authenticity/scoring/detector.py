"""A detector: a bundle's model and encoder, ready to score recordings.

    from authenticity import Detector

    recording = Detector.load("results/demo/bundles/baseline_full").score("interview.mp3")
    print(recording.verdict, recording.p_synthetic, recording.reason)

The numbers are those of the workflow: a clip of a corpus gets the score that its table has. Beside
the score stand the windows (where in time), the evidence (which part of the features adds how much)
and a spectrogram for the eye, of a few columns, however long the recording.
"""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.special import expit, logit

from authenticity import audio
from authenticity.audio import SAMPLE_RATE, Format, Limits
from authenticity.errors import RejectedClip, UserError
from authenticity.features import matrix, spectral
from authenticity.features.encoder import Encoder
from authenticity.features.published import Published
from authenticity.growing import MOST_IN_MEMORY, Rows
from authenticity.models.projection import ContrastiveModel, Model
from authenticity.scoring import cautions, decision, words
from authenticity.scoring.bundle import Bundle, Part
from authenticity.scoring.inputs import as_text
from authenticity.scoring.result import (
    CONTENT_DIGITS,
    Activity,
    Caution,
    Contribution,
    Recording,
    Spectrogram,
    Verdict,
    Windows,
)

MOST_COLUMNS, N_BANDS = 1600, 80
"""Of a spectrogram."""

NO_SPANS = np.empty((0, 2), np.int64)
_FRAME_SECONDS, _HOP_SECONDS = 0.02, 0.01  # of `spectral.activity`
_FRAME, _HOP = 1024, 256  # samples: 64 ms every 16 ms, unless the recording is long
_FRAMES_PER_COLUMN = 8
_FLOOR = 1e-10  # power; -100 dB
_ROLLOFF_FRAME, _ROLLOFF_HOP = 2048, 512  # as `spectral` measures it
_BLOCK_COLUMNS = 512
_OURS = Format("", SAMPLE_RATE, channels=1, bit_rate=None, lossless=True)


class Detector:
    """Scores recordings with a `bundle`."""

    def __init__(self, bundle: Bundle, encoder: Encoder | None, jobs: int):
        self.bundle, self._encoder, self._jobs = bundle, encoder, jobs

    @classmethod
    def load(cls, bundle: str | Path, jobs: int = 1) -> "Detector":
        """Load a bundle from its folder, with its encoder.

        `jobs` threads work on one long recording; the numbers do not depend on it.

        Raises:
            UserError: it is not a whole bundle, or one of another version.
        """
        loaded, encoder = Bundle.load(bundle), None
        if loaded.encoder:
            about = loaded.about["encoder"]
            kind = Published if loaded.about["kind"] == "published" else Encoder
            # Half precision is a GPU's, which need not be here: float32 is within its rounding.
            precision = "float32" if about["precision"] == "float16" else about["precision"]
            encoder = kind.load(loaded.encoder, precision, about["window_seconds"])
            encoder.cut_above(max(loaded.about["features"]["layers"]))
        return cls(loaded, encoder, jobs)

    def score(self, path: str | Path, prior: float = 0.5) -> Recording:
        """Score the sound of an audio or video file.

        Args:
            path: of any format that FFmpeg or libsndfile reads, and of any length up to the
                bundle's `limits`. It is read piece by piece.
            prior: the share of synthetic recordings among those like it, before anything was
                heard, between 0 and 1; it moves the probability and nothing else.

        Raises:
            RejectedClip: it cannot be read, or there is too little to hear.
            UserError: `prior` is not between 0 and 1.
        """
        return self.scored(Heard.of(path, self.bundle.limits), prior)

    def score_samples(self, samples: NDArray[np.float32], prior: float = 0.5) -> Recording:
        """Score samples, mono at 16 kHz, full scale 1, shape (n,); see `score`.

        Raises:
            UserError: also where they are of another shape, or not floating-point numbers.
        """
        started, samples = time.perf_counter(), np.asarray(samples)
        if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
            raise UserError(
                "samples: expected floating-point numbers of full scale 1, mono at 16 kHz, of "
                f"shape (n,); found {samples.dtype} of shape {samples.shape}"
            )
        samples = np.ascontiguousarray(samples, np.float32)
        audio.check(samples, self.bundle.limits)
        return self.scored(Heard(samples, started), prior)

    def windows(self, samples: Rows) -> Windows:
        """Score the windows alone of samples, mono at 16 kHz, full scale 1, shape (n,)."""
        return self._windows(Heard(samples, time.perf_counter()))[0]

    def scored(self, heard: "Heard", prior: float) -> Recording:
        """Score what was heard; see `score`."""
        if not isinstance(prior, Real) or not 0 < prior < 1:
            raise UserError(f"prior {prior}: expected a share between 0 and 1, without the ends")
        about, model, samples = self.bundle.about, self.bundle.model, heard.samples
        (layers_inverted,) = self._embedded(samples, NO_SPANS, inverted=True)
        windows, embedded = self._windows(heard)
        features = np.concatenate([*self._described(samples), next(embedded)])
        # On polarity, the encoder's features alone depend, which are a model's last.
        inverted = np.append(features[: len(features) - len(layers_inverted)], layers_inverted)
        score, score_inverted = (float(model.scores(one[None])[0]) for one in (features, inverted))
        llr, llr_inverted = self.bundle.calibration.llr([score, score_inverted]).tolist()
        slope, offset = self.bundle.replicates.T
        tail = (1 - about["calibration"]["replicates"]["level"]) / 2
        low, high = np.quantile(slope * score + offset, [tail, 1 - tail]).tolist()
        verdicts = self.bundle.band.verdicts([llr, llr_inverted]).tolist()
        warned = self._cautions(heard, windows, features, verdicts)
        verdict, reason = words.concluded(verdicts[0], llr, warned, about)
        p_synthetic, p_low, p_high = expit(np.array([llr, low, high]) + logit(prior)).tolist()
        if warned and warned[0].severe:
            p_synthetic = p_low = p_high = None
        trust = about["trust"]
        return Recording(
            **heard.as_columns(),
            score=score,
            score_inverted=score_inverted,
            llr=llr,
            llr_low=low,
            llr_high=high,
            p_synthetic=p_synthetic,
            p_low=p_low,
            p_high=p_high,
            p_trust=trust[decision.PROBABILITIES]["status"] if trust else None,
            prior=prior,
            verdict=verdict,
            reason=reason,
            cautions=warned,
            windows=windows,
            activity=heard.activity(),
            contributions=contributions(model, features, self.bundle.parts),
            spectrogram=spectrogram(samples),
        )

    def _cautions(
        self, heard: "Heard", windows: Windows, features: NDArray, verdicts: Sequence[Verdict]
    ) -> tuple[Caution, ...]:
        """Return the cautions, severe ones first; verdicts, also if inverted, are by the band."""
        about, model, samples = self.bundle.about, self.bundle.model, heard.samples
        levels = spectral.levels(samples)
        (distance,) = cautions.distances(features[None], model.mean, model.scale)
        measured = {
            **levels,
            "sound_share": cautions.sound_share(levels),
            "rolloff_95": rolloff_95(samples),
            "slope_skewness": spectral.slope_skewness(samples),
            "clipped_share": cautions.clipped_share(samples),
            "distance": distance,
        }
        stretches = cautions.stretches(windows, levels["duration"], self.bundle.band)
        found = (
            *cautions.beyond_limits(measured, heard.form, about["domain"]),
            *cautions.polarity(*verdicts),
            *cautions.part_synthetic(stretches, about["window"]["seconds"], verdicts[0]),
        )
        return tuple(sorted(found, key=lambda caution: not caution.severe))

    def _windows(self, heard: "Heard") -> tuple[Windows, Iterator[NDArray[np.float32]]]:
        """Score the windows; return besides `_embedded`, which has the whole recording left."""
        window, samples = self.bundle.about["window"], heard.samples
        spans = window_spans(len(samples), window["seconds"], window["hop"])
        silence = self.bundle.limits.silence_dbfs
        score = np.full(len(spans), np.nan)
        embedded = self._embedded(samples, spans)
        for index, (first, last) in enumerate(spans.tolist()):
            stretch, layers = samples[first:last], next(embedded)
            if audio.decibels(audio.largest_magnitude(stretch)) >= silence:
                features = np.concatenate([*self._described(stretch), layers])
                score[index] = self.bundle.model.scores(features[None])[0]
        start, end = (spans / SAMPLE_RATE).T
        llr = self.bundle.calibration.llr(score)
        return Windows(start, end, score, llr, heard.sound_share(start, end)), embedded

    def _embedded(
        self, samples: Rows, spans: NDArray[np.int64], inverted: bool = False
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the encoder's features of each span, then of the whole; none without an encoder.

        Where `inverted`, they are of the negated samples.
        """
        if self._encoder is None:
            return iter([np.empty(0, np.float32)] * (len(spans) + 1))
        layers, statistics = self.bundle.about["features"]["layers"], self.bundle.statistics
        pooled = [(name, position) for position in range(len(layers)) for name in statistics]
        heard = self._encoder.embed_spans(samples, spans, layers, self._jobs, inverted)
        return (
            np.concatenate([getattr(embedding, name)[position] for name, position in pooled])
            for embedding in heard
        )

    def _described(self, samples: Rows) -> list[NDArray[np.float32]]:
        """Return the features that `spectral` gives, which are a model's first, float32."""
        columns = matrix.spectral_columns(self.bundle.about["features"]["spectral"])
        described = spectral.spectrum(samples) if columns else {}
        return [np.atleast_1d(np.float32(described[name])) for name in columns]


@dataclass(frozen=True)
class Heard:
    """The sound of a file, and where in it there is sound rather than silence.

    Attributes:
        samples: mono at 16 kHz, full scale 1, shape (n,).
        started: when the work on it began, by `time.perf_counter`.
        file, content: see `Recording`; empty for samples of no file.
        form: of the file, or of samples of no file.
    """

    samples: Rows
    started: float
    file: str = ""
    content: str = ""
    form: Format = _OURS

    @classmethod
    def of(cls, path: str | Path, limits: Limits) -> "Heard":
        """Read the sound of a file piece by piece.

        Raises:
            RejectedClip: it cannot be read, or does not meet the limits.
        """
        started = time.perf_counter()
        try:
            with Path(path).open("rb") as file:
                if (size := os.fstat(file.fileno()).st_size) > limits.max_bytes:
                    raise RejectedClip(
                        f"too large: {size / 1e6:,.0f} MB, where the model takes files of up to "
                        f"{limits.max_megabytes:,g} MB; save its sound alone, or cut it into parts"
                    )
                content = hashlib.file_digest(file, "sha256").hexdigest()[:CONTENT_DIGITS]
                samples = audio.decode(file, limits, MOST_IN_MEMORY)
                form = audio.file_format(file)
                return cls(samples, started, as_text(path), content, form)
        except OSError as error:
            raise RejectedClip(f"cannot be read: {error.strerror or error}") from error

    def as_columns(self) -> dict[str, Any]:
        """Return the columns on the file, its sound, and what the work has taken until now."""
        return {
            "file": self.file,
            "content": self.content,
            "audio": spectral.digest(self.samples),
            "codec": self.form.codec,
            "sample_rate": self.form.sample_rate,
            "channels": self.form.channels,
            "duration": len(self.samples) / SAMPLE_RATE,
            **self.cost(),
        }

    def cost(self) -> dict[str, float]:
        """Return the columns on what the work has taken until now."""
        seconds = time.perf_counter() - self.started
        duration = len(self.samples) / SAMPLE_RATE
        return {"seconds": seconds, "real_time_factor": seconds / duration}

    @cached_property
    def _active(self) -> NDArray[np.bool_]:
        return spectral.activity(self.samples).active

    def sound_share(
        self, start: NDArray[np.float64], end: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the share of active frames of each stretch, given in seconds."""
        before, n_frames = np.append(0, np.cumsum(self._active)), len(self._active)
        first = np.minimum(np.rint(start / _HOP_SECONDS).astype(int), n_frames - 1)
        last = np.rint((end - _FRAME_SECONDS) / _HOP_SECONDS).astype(int) + 1
        last = np.clip(last, first + 1, n_frames)
        return (before[last] - before[first]) / (last - first)

    def activity(self) -> Activity:
        """Return the stretches of active frames."""
        edges = np.flatnonzero(np.diff(self._active.astype(np.int8), prepend=0, append=0))
        start, end = edges[::2], edges[1::2] - 1
        return Activity(start * _HOP_SECONDS, end * _HOP_SECONDS + _FRAME_SECONDS)


def window_spans(n_samples: int, seconds: float, hop: float) -> NDArray[np.int64]:
    """Return the first sample of each window and the one after its last, (windows, 2).

    The last window ends where the recording ends; one that is no longer than a window is one.
    """
    length, step = round(seconds * SAMPLE_RATE), round(hop * SAMPLE_RATE)
    last = max(n_samples - length, 0)
    first = np.append(np.arange(0, last, step), last)
    return np.stack([first, np.minimum(first + length, n_samples)], axis=1)


def contributions(
    model: Model, features: NDArray[np.floating], of: Sequence[Part]
) -> tuple[Contribution, ...]:
    """Return what each part adds to the score of one clip, the largest first.

    They and the bias of the model, or of its classifier, add up to the score. A part of a linear
    model is the weighted deviation of its features, (features,), from the training clips' mean; see
    `Bundle.parts`. A contrastive model is not linear in its features: a part is what a head
    projects.
    """
    features = np.asarray(features, np.float64)
    if isinstance(model, ContrastiveModel):
        branches = model.projection.branches((features[None] - model.mean) / model.scale)
        names = ["spectral branch", "layers' branch"] if len(branches) == 2 else ["all features"]
        of = [(name, each.shape[1]) for name, each in zip(names, branches, strict=True)]
        model, features = model.classifier, np.concatenate(branches, axis=1)[0]
    terms = model.weight * (features - model.mean) / model.scale
    names, widths = zip(*of, strict=True)
    parts = np.split(terms, np.cumsum(widths)[:-1])
    summed = [
        Contribution(name, float(part.sum())) for name, part in zip(names, parts, strict=True)
    ]
    return tuple(sorted(summed, key=lambda term: (-abs(term.log_odds), term.name)))


def spectrogram(samples: Rows) -> Spectrogram:
    """Return a mel spectrogram of at most `MOST_COLUMNS` columns of samples, mono at 16 kHz, (n,).

    A column of a long recording is the mean over a few frames of its stretch.
    """
    hop = max(_HOP, -(-len(samples) // MOST_COLUMNS))
    middles = np.arange(0, len(samples), hop)
    per_column = min(_FRAMES_PER_COLUMN, hop // _HOP)
    offsets = [hop * index // per_column for index in range(per_column)]
    bands, columns = _mel_bands(), []
    for first in range(0, len(middles), _BLOCK_COLUMNS):
        block = middles[first : first + _BLOCK_COLUMNS]
        magnitudes = [np.abs(_spectra(samples, block + offset, _FRAME)) for offset in offsets]
        columns.append(bands @ np.square(magnitudes).mean(axis=0).T)
    power_db = 10 * np.log10(np.maximum(np.concatenate(columns, axis=1), _FLOOR))
    return Spectrogram(power_db, hop / SAMPLE_RATE)


def rolloff_95(samples: Rows) -> float:
    """Return the mean over frames of the frequency below which 95% of the magnitude lies, in hertz.

    The number of the same name in `spectral`, but of a long recording over some frames only.
    """
    hop = max(_ROLLOFF_HOP, len(samples) // MOST_COLUMNS)
    middles = np.arange(0, len(samples) + 1, hop)
    magnitude = np.abs(_spectra(samples, middles, _ROLLOFF_FRAME))
    return float(np.nanmean(spectral.total_and_rolloff(magnitude)[1]))


def _spectra(samples: Rows, middles: NDArray[np.integer], size: int) -> NDArray[np.complex64]:
    """Return Hann-windowed spectra of frames around these samples, (frames, size // 2 + 1)."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    frames = np.zeros((len(middles), size), np.float32)
    for frame, middle in zip(frames, middles.tolist(), strict=True):
        begin = middle - size // 2
        heard = samples[max(begin, 0) : begin + size]
        at = max(-begin, 0)
        frame[at : at + len(heard)] = heard
    return rfft(frames * window, axis=1)


def _mel_bands() -> NDArray[np.float32]:
    """Return triangular bands, (bands, bins), that each sum to one."""
    edges, hertz = spectral.mel_edges(N_BANDS), np.fft.rfftfreq(_FRAME, 1 / SAMPLE_RATE)
    bands = np.stack([np.interp(hertz, edges[n : n + 3], [0, 1, 0]) for n in range(N_BANDS)])
    return (bands / bands.sum(axis=1, keepdims=True)).astype(np.float32)
