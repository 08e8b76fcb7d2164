"""What is fuzzed: each target takes bytes that anyone may have written.

A target passes when they end in a result, or in an error of the project's own that fits on a line.
Anything else, a crash of a decoder, 20 s without an end, or 2 GB of memory is a fault.

Run one: python -m fuzz.targets NAME [FLAGS OF LIBFUZZER] [FOLDER OF SEEDS | INPUT ...]
"""

import atexit
import contextlib
import copy
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["authenticity", "zipfile"]):
    import zipfile

    from authenticity import audio, manifest, tables
    from authenticity.config import Corpus
    from authenticity.errors import RejectedClip, UserError
    from authenticity.growing import MOST_IN_MEMORY
    from authenticity.limits import Limits
    from authenticity.models.projection import LinearModel
    from authenticity.roots import Root
    from authenticity.scoring import bundle
    from authenticity.scoring.batch import as_line
    from authenticity.scoring.detector import Detector

import corpora
import numpy as np
from bundles import make_bundle
from corpora import encoded, voice
from encoders import make_encoder
from recordings import muxed
from safetensors.numpy import save

LIMITS = Limits(max_megabytes=1, max_seconds=60)
CLIP = voice(1, spoof=False, seconds=0.3)
SCRATCH = Path(tempfile.mkdtemp(prefix="fuzz-"))


def hear(data: bytes) -> None:
    """The decoder: a file of a corpus, or one to score."""
    samples = audio.decode(data, LIMITS, MOST_IN_MEMORY)
    assert np.isfinite(samples[:]).all()
    audio.file_format(io.BytesIO(data))


def sounds() -> Iterator[bytes]:
    """Clips of each family of formats."""
    for subtype in ("PCM_U8", "PCM_24", "FLOAT", "IMA_ADPCM"):
        yield encoded(CLIP, format="WAV", subtype=subtype)
    for form in ("FLAC", "AIFF", "CAF", "W64", "AU"):
        yield encoded(CLIP[:3000], format=form)
    yield encoded(CLIP, format="OGG", subtype="OPUS")
    yield encoded(CLIP, format="OGG", subtype="VORBIS")
    for form, codec in (("mp3", "mp3"), ("mp4", "aac"), ("matroska", "ac3"), ("mpegts", "mp2")):
        yield muxed(form, codec, seconds=0.3)


def corpus_of(name: str) -> dict[str, bytes]:
    """A small corpus in one of the formats, with clips that are no sound."""
    files = {
        "csv": lambda: corpora.own_csv(["path,label,codec", "a.wav,real,x", "b.wav,1,"], ("a.wav",))
    }.get(name, getattr(corpora, name, None))()
    return {path: data if _is_list(path) else b"RIFF" for path, data in files.items()}


def _is_list(path: str) -> bool:
    return path.endswith((".txt", ".tsv", ".csv"))


PROTOCOLS = ("asvspoof2019_la", "asvspoof2021_la", "asvspoof2021_df", "asvspoof5")
LISTINGS = ("csv", "in_the_wild", "fakeavceleb", "mlaad")


class Lists:
    """The lists of corpora: the first byte says which list has the other bytes."""

    def __init__(self, formats: tuple[str, ...]):
        self._formats, self._cases = formats, []

    def seeds(self) -> Iterator[bytes]:
        """The lists as they are."""
        for name in self._formats:
            corpora.write_folder(corpus_of(name), SCRATCH / name)
            lists = sorted(path for path in corpus_of(name) if _is_list(path))
            self._cases += [(name, SCRATCH / name / path) for path in lists]
        for index, (_, path) in enumerate(self._cases):
            yield bytes([index]) + path.read_bytes()

    def __call__(self, data: bytes) -> None:
        """Make the manifest, and read the clips that it names."""
        name, path = self._cases[data[0] % len(self._cases)]
        before, made = path.read_bytes(), SCRATCH / f"{name}.parquet"
        path.write_bytes(data[1:])
        try:
            settings = Corpus(format=name, root=str(SCRATCH / name))
            manifest.refresh(made, "fuzzed", settings)
            root = Root(SCRATCH / name)
            for row in tables.read(made).to_pylist()[:20]:
                try:
                    root.read(row["path"], 1000)
                except RejectedClip as error:
                    fits_on_a_line(error)
        finally:
            path.write_bytes(before)


def unpack(data: bytes) -> None:
    """An archive: listed, and its first members read."""
    path = SCRATCH / "x.zip"
    path.write_bytes(data)
    root = Root(path)
    for name in list(root.walk())[:10]:
        try:
            assert len(root.read(name, 1_000_000)) <= 1_000_000
        except RejectedClip as error:
            fits_on_a_line(error)


def archives() -> Iterator[bytes]:
    """Small archives of each kind of compression."""
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", kind) as archive:
            for name in ("a/b.wav", "ä.flac", "../c", ".hidden"):
                archive.writestr(name, b"RIFF" * 20)
            archive.comment = b"all"
        yield buffer.getvalue()


class Bundles:
    """A bundle: the first byte says which of its files has the other bytes.

    Checksum and identity are made to agree with them, as a hostile author would, but for one case.
    """

    def seeds(self) -> Iterator[bytes]:
        """The files of a bundle with an encoder, and of one without."""
        (SCRATCH / "clip.wav").write_bytes(encoded(np.tile(CLIP, 20), format="WAV"))
        make_bundle(SCRATCH / "bundle", make_encoder(SCRATCH / "encoder"))
        self._about = bundle.read(SCRATCH / "bundle" / bundle.ABOUT)
        layered = json.dumps(self._about).encode()
        features = {**self._about["features"], "spectral": "prototype", "layers": []}
        self._about |= {"features": features, "encoder": None, "pooling": "none"}
        model = LinearModel(np.zeros(15), np.ones(15), np.ones(15), 0.0)
        replicates = {bundle.REPLICATES: np.ones((3, 2))}
        weights = save({**model.arrays(bundle.MODEL), **replicates})
        self._weights = SCRATCH / "bundle" / bundle.WEIGHTS
        self._weights.write_bytes(weights)
        spectral = json.dumps(self._about).encode()
        yield from (b"\0" + layered, b"\1" + layered, b"\1" + spectral, b"\2" + weights, b"\3")

    def __call__(self, data: bytes) -> None:
        """Load the bundle, and score with one that has no encoder."""
        case, about, before = data[0] % 4, data[1:], self._weights.read_bytes()
        if case:
            with contextlib.suppress(ValueError, RecursionError, TypeError):  # TypeError: no object
                values = json.loads(about) if case == 1 else copy.deepcopy(self._about)
                for place, value in zip(data[1::2], data[2::2], strict=False) if case == 3 else ():
                    holder, name = (found := list(_places(values)))[place % len(found)]
                    holder[name] = copy.deepcopy(ODD[value % len(ODD)])
                weights = data[1:] if case == 2 else before
                values["files"] = {bundle.WEIGHTS: hashlib.sha256(weights).hexdigest()}
                values["identity"] = bundle.identity(values)
                about = json.dumps(values).encode()
        (SCRATCH / "bundle" / bundle.ABOUT).write_bytes(about)
        try:
            if case == 2:
                self._weights.write_bytes(data[1:])
            loaded = bundle.Bundle.load(SCRATCH / "bundle")
            if loaded.about["encoder"] is None:
                as_line(Detector(loaded, None, 1).score(SCRATCH / "clip.wav"))
        finally:
            self._weights.write_bytes(before)


ODD = (
    *(None, True, 0, 1, -1, 2**63, 10**400, 0.5, 1e-300, 1e308, float("nan"), float("inf")),
    *("", "x", "../x", "\0", "none", "full", "mean_std", [], [0], [-1], [[]], {}, {"x": 0}),
    json.loads("[" * 500 + "]" * 500),
)
"""Values that stand in place of those of a bundle."""


def _places(value: dict | list) -> Iterator[tuple[dict | list, str | int]]:
    """Yield where values of JSON stand: what holds them, and the name or number there."""
    for name, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, name
        if isinstance(item, dict | list):
            yield from _places(item)


def fits_on_a_line(error: Exception) -> None:
    """Require that an error has a message, and that it is one line."""
    assert str(error).strip(), "an error without a message"
    assert len(str(error).splitlines()) == 1, f"an error of several lines: {error}"


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], Iterator[bytes]]]] = {
    "audio": (hear, sounds),
    "protocols": ((protocols := Lists(PROTOCOLS)), protocols.seeds),
    "listings": ((listings := Lists(LISTINGS)), listings.seeds),
    "archives": (unpack, archives),
    "bundles": ((bundles := Bundles()), bundles.seeds),
}


def main(name: str, flags: list[str]) -> None:
    """Fuzz a target; the first folder among the flags gets its seeds."""
    target, seeds = TARGETS[name]
    os.fsync = lambda _: None  # nothing here has to outlast a power cut
    folder = next((Path(flag) for flag in flags if Path(flag).is_dir()), SCRATCH)
    for index, seed in enumerate(seeds()):
        (folder / f"seed-{index}").write_bytes(seed)

    def once(data: bytes) -> None:
        try:
            try:
                target(data or b"\0")
            except (RejectedClip, UserError) as error:
                fits_on_a_line(error)
        except BaseException:  # libFuzzer keeps the input of a crash, not always that of an error
            digest = hashlib.sha256(data).hexdigest()[:16]
            folder.with_name(f"{name}-{digest}").write_bytes(data)
            raise

    atexit.register(shutil.rmtree, SCRATCH)
    atheris.Setup([name, *flags], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
