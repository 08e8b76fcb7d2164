"""A detector: a bundle's model and encoder, ready to score recordings.

    from authenticity import Detector

    recording = Detector.load("results/demo/bundles/baseline_layer").score("interview.mp3")
    print(recording.verdict, recording.p_synthetic, recording.reason)

The numbers are those of the workflow: a clip of a corpus gets the score that its table has.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from numbers import Real
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from authenticity import audio
from authenticity.audio import SAMPLE_RATE, Format
from authenticity.errors import RejectedClip, UserError
from authenticity.features import matrix, spectral
from authenticity.features.encoder import Embedding, Encoder
from authenticity.scoring import decision, domain, evidence, spectrum, stretches
from authenticity.scoring.bundle import Bundle
from authenticity.scoring.domain import Measured
from authenticity.scoring.result import Activity, Caution, Recording, Verdict, Windows

_HASH_BLOCK = 1 << 20  # bytes
_FRAME_SECONDS, _HOP_SECONDS = 0.02, 0.01  # of `spectral.activity`


class Detector:
    """Scores recordings with a bundle.

    Attributes:
        bundle: the bundle.
    """

    def __init__(self, bundle: Bundle, encoder: Encoder | None, jobs: int):
        self.bundle = bundle
        self._encoder, self._jobs = encoder, jobs
        self._layers: list[int] = bundle.about["features"]["layers"]
        self._columns = matrix.spectral_columns(bundle.about["features"]["spectral"])

    @classmethod
    def load(cls, bundle: str | Path, jobs: int = 1) -> "Detector":
        """Load a bundle and its encoder.

        Args:
            bundle: its folder.
            jobs: how many threads work on one long recording; the numbers do not depend on it.

        Raises:
            UserError: it is not a whole bundle, or one of another version.
        """
        loaded = Bundle.load(bundle)
        folder, encoder = loaded.encoder_folder(), None
        if folder:
            about = loaded.about["encoder"]
            encoder = Encoder.load(folder, about["precision"], about["window_seconds"])
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
        start = time.perf_counter()
        _require_share(prior)
        try:
            with Path(path).open("rb") as file:
                self._require_size(os.fstat(file.fileno()).st_size)
                content = _digest(file)
                samples = audio.decode(file, self.bundle.limits)
                form = audio.file_format(file)
        except OSError as error:
            raise RejectedClip(f"cannot be read: {error.strerror or error}") from error
        return self._scored(samples, prior, str(path), content, form, start)

    def score_samples(self, samples: NDArray[np.float32], prior: float = 0.5) -> Recording:
        """Score samples, mono at 16 kHz, full scale 1, shape (n,); see `score`.

        Raises:
            UserError: also where they are of another shape, or not floating-point numbers.
        """
        start = time.perf_counter()
        _require_share(prior)
        samples = np.asarray(samples)
        if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
            raise UserError(
                "samples: expected floating-point numbers of full scale 1, mono at 16 kHz, of "
                f"shape (n,); found {samples.dtype} of shape {samples.shape}"
            )
        samples = np.ascontiguousarray(samples, np.float32)
        audio.check(samples, self.bundle.limits)
        return self._scored(samples, prior, "", "", None, start)

    def _require_size(self, size: int) -> None:
        limits = self.bundle.limits
        if size > limits.max_bytes:
            raise RejectedClip(
                f"too large: {size / 1e6:,.0f} MB, where the model takes files of up to "
                f"{limits.max_megabytes:,g} MB; save its sound alone, or cut it into parts"
            )

    def windows(self, samples: NDArray[np.float32]) -> Windows:
        """Score the windows alone of samples, mono at 16 kHz, full scale 1, shape (n,)."""
        return self._windows(samples, _Sound(samples))[0]

    def _scored(
        self,
        samples: NDArray[np.float32],
        prior: float,
        file: str,
        content: str,
        form: Format | None,
        start: float,
    ) -> Recording:
        about, model = self.bundle.about, self.bundle.model
        sound = _Sound(samples)
        nothing = np.empty((0, 2), np.int64)
        (layers_inverted,) = self._embedded(samples, nothing, inverted=True)
        windows, features = self._windows(samples, sound)
        score = float(model.scores(features[None])[0])
        # Of the numbers that a model may hear, the encoder's alone depend on the sign.
        described = features[: len(features) - len(layers_inverted)]
        inverted = np.concatenate([described, layers_inverted])
        score_inverted = float(model.scores(inverted[None])[0])
        llr, llr_inverted = self.bundle.calibration.llr([score, score_inverted]).tolist()
        low, high = self._interval(score)
        (distance,) = domain.distances(features[None], model.mean, model.scale).tolist()
        said, said_inverted = self.bundle.band.verdicts([llr, llr_inverted]).tolist()
        duration = len(samples) / SAMPLE_RATE
        cautions = domain.sorted_by_severity(
            [
                *domain.cautions(sound.measured(distance, form), about["domain"]),
                *decision.polarity(said, said_inverted),
                *self._part_synthetic(windows, duration, said),
            ]
        )
        verdict, reason = decision.concluded(said, llr, cautions, about)
        severe = any(caution.severe for caution in cautions)
        probabilities = [
            None if severe else _probability(value, prior) for value in (llr, low, high)
        ]
        trust = about["trust"]
        return Recording(
            file=file,
            content=content,
            audio=spectral.digest(samples),
            duration=duration,
            codec=form.codec if form else "",
            sample_rate=form.sample_rate if form else SAMPLE_RATE,
            channels=form.channels if form else 1,
            score=score,
            score_inverted=score_inverted,
            llr=llr,
            llr_low=low,
            llr_high=high,
            p_synthetic=probabilities[0],
            p_low=probabilities[1],
            p_high=probabilities[2],
            p_trust=trust[decision.PROBABILITIES]["status"] if trust else None,
            prior=prior,
            verdict=verdict,
            reason=reason,
            cautions=cautions,
            windows=windows,
            activity=sound.stretches(),
            contributions=evidence.contributions(model, features, self._parts()),
            spectrogram=spectrum.spectrogram(samples),
            seconds=time.perf_counter() - start,
        )

    def _part_synthetic(
        self, windows: Windows, duration: float, said: Verdict
    ) -> tuple[Caution, ...]:
        arrays = (windows.start.tolist(), windows.end.tolist(), windows.llr.tolist())
        found = stretches.stretches(*arrays, duration, self.bundle.band)
        return stretches.part_synthetic(found, self.bundle.about["window"]["seconds"], said)

    def _interval(self, score: float) -> tuple[float, float]:
        """Return the ends of the log-likelihood ratio's interval at a score."""
        slope, offset = self.bundle.replicates.T
        tail = (1 - self.bundle.about["calibration"]["replicates"]["level"]) / 2
        low, high = np.quantile(slope * score + offset, [tail, 1 - tail])
        return float(low), float(high)

    def _windows(
        self, samples: NDArray[np.float32], sound: "_Sound"
    ) -> tuple[Windows, NDArray[np.float32]]:
        """Score the windows; return the features of the whole recording besides."""
        window = self.bundle.about["window"]
        spans = window_spans(len(samples), window["seconds"], window["hop"])
        silence = self.bundle.limits.silence_dbfs
        score = np.full(len(spans), np.nan)
        embedded = self._embedded(samples, spans)
        if self._columns:
            # Heard to the end first: of an hour, the encoder's memory is then gone before librosa,
            # whose import alone takes 160 MB, is needed.
            embedded = iter(list(embedded))
        for index, (first, last) in enumerate(spans.tolist()):
            heard, layers = samples[first:last], next(embedded)
            if audio.decibels(audio.largest_magnitude(heard)) >= silence:
                features = np.concatenate([*self._described(heard), layers])
                score[index] = self.bundle.model.scores(features[None])[0]
        start, end = (spans / SAMPLE_RATE).T
        llr = self.bundle.calibration.llr(score)
        windows = Windows(start, end, score, llr, sound.share(start, end))
        return windows, np.concatenate([*self._described(samples), next(embedded)])

    def _embedded(
        self, samples: NDArray[np.float32], spans: NDArray[np.int64], inverted: bool = False
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the encoder's features of each stretch, then of the whole; none without one.

        Args:
            samples: of the recording.
            spans: the stretches, as `window_spans` gives them.
            inverted: hear the samples negated.
        """
        if self._encoder is None:
            return iter([np.empty(0, np.float32)] * (len(spans) + 1))
        heard = self._encoder.embed_spans(samples, spans, self._layers, self._jobs, inverted)
        return map(self._pooled, heard)

    def _described(self, samples: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the features that `spectral` gives, which are a model's first, float32."""
        described = spectral.spectrum(samples) if self._columns else {}
        return [np.atleast_1d(np.float32(described[name])) for name in self._columns]

    def _pooled(self, embedding: Embedding) -> NDArray[np.float32]:
        """Return the features that the encoder gives, which are a model's last."""
        return np.concatenate(
            [
                getattr(embedding, statistic)[position]
                for position in range(len(self._layers))
                for statistic in self.bundle.statistics
            ]
        )

    def _parts(self) -> list[evidence.Part]:
        encoder = self.bundle.about["encoder"]
        return evidence.parts(
            [(name, spectral.width(name)) for name in self._columns],
            self._layers,
            self.bundle.statistics,
            encoder["dimension"] if encoder else 0,
        )


def window_spans(n_samples: int, seconds: float, hop: float) -> NDArray[np.int64]:
    """Return the first sample of each window and the one after its last, (windows, 2).

    The last window ends where the recording ends; one that is no longer than a window is one.
    """
    length, step = round(seconds * SAMPLE_RATE), round(hop * SAMPLE_RATE)
    first = np.arange(0, max(n_samples - length, 0) + 1, step)
    if first[-1] + length < n_samples:
        first = np.append(first, n_samples - length)
    return np.stack([first, np.minimum(first + length, n_samples)], axis=1)


class _Sound:
    """Where a recording has sound rather than silence."""

    def __init__(self, samples: NDArray[np.float32]):
        self._samples = samples
        self._active = spectral.activity(samples)[1]
        self._before = np.append(0, np.cumsum(self._active))

    def share(self, start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of active frames of each stretch, given in seconds."""
        n_frames = len(self._active)
        first = np.minimum(np.rint(start / _HOP_SECONDS).astype(int), n_frames - 1)
        last = np.rint((end - _FRAME_SECONDS) / _HOP_SECONDS).astype(int) + 1
        last = np.clip(last, first + 1, n_frames)
        return (self._before[last] - self._before[first]) / (last - first)

    def stretches(self) -> Activity:
        """Return the stretches of active frames."""
        edges = np.flatnonzero(np.diff(self._active.astype(np.int8), prepend=0, append=0))
        start, end = edges[::2], edges[1::2] - 1
        return Activity(start * _HOP_SECONDS, end * _HOP_SECONDS + _FRAME_SECONDS)

    def measured(self, distance: float, form: Format | None) -> Measured:
        """Return what is held against the limits."""
        numbers = spectral.levels(self._samples)
        return Measured(
            duration=numbers["duration"],
            sound_share=domain.sound_share(numbers),
            level_dbfs=numbers["level_dbfs"],
            rolloff_95=spectrum.rolloff_95(self._samples),
            slope_skewness=spectral.slope_skewness(self._samples),
            clipped_share=domain.clipped_share(self._samples),
            distance=distance,
            format=form,
        )


def _require_share(prior: float) -> None:
    if not isinstance(prior, Real) or not 0 < prior < 1:
        raise UserError(f"prior {prior}: expected a share between 0 and 1, without the ends")


def _probability(llr: float, prior: float) -> float:
    from scipy.special import expit, logit

    return float(expit(llr + logit(prior)))


def _digest(file: BinaryIO) -> str:
    sha256 = hashlib.sha256()
    while block := file.read(_HASH_BLOCK):
        sha256.update(block)
    return sha256.hexdigest()[:32]
