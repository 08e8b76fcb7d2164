"""Score recordings with a synthetic stretch, window by window."""

from pathlib import Path

from authenticity import audio, report, tables
from authenticity.files import write_json, write_text
from authenticity.jobs import corpus_root, job
from authenticity.plots import overlay
from authenticity.scoring import splices
from authenticity.scoring.detector import Detector

with job(snakemake) as log:
    given, out, params = snakemake.input, snakemake.output, snakemake.params
    detector = Detector.load(Path(given.bundle).parent, jobs=snakemake.threads)
    scores, trials = tables.read(given.scores), tables.read(given.trials)
    path_of = dict(zip(trials["key"].to_pylist(), trials["path"].to_pylist(), strict=True))
    root = corpus_root(snakemake)
    windows, by_polarity, (splice, recording) = splices.evaluate(
        detector,
        tables.where(scores, split=params.split),
        lambda file: audio.load(root, path_of[file], detector.bundle.limits),
        params.seed,
    )
    about = dict(snakemake.wildcards.items())
    tables.write(out.windows, windows, splices.WINDOWS, about)
    span = overlay.write(
        out.picture, recording, detector.bundle.band.lower, detector.bundle.band.upper
    )
    example = {"start": splice.start, "end": splice.end, "duration": recording.duration}
    example |= {"speaker": splice.speaker, "attack": splice.attack, "span": span._asdict()}
    window = detector.bundle.about["window"]
    figures = {**about, "split": params.split, "window": window}
    figures |= {"polarity": by_polarity, "example": example}
    write_json(out.figures, figures)
    write_text(out.page, report.splices(figures, Path(out.picture)))
