"""Detectors by name: folders in `detectors/`, found, listed, and trained by `make detector`.

The training first says what it needs, from rates that it measures. Then it runs the workflow with
`config/detector.yaml`, and copies the bundle to `detectors/NAME`.
"""

import argparse
import filecmp
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from authenticity import lean
from authenticity.errors import UserError, in_one_line
from authenticity.names import printable

if TYPE_CHECKING:
    from authenticity.config import Config, EncoderSettings
    from authenticity.features.encoder import Encoder, EncoderSource

FOLDER = Path("detectors")
"""Relative to the working directory."""

DEMONSTRATION = Path("results", "demo", "bundles", "baseline_full")
"""The bundle that `make run` makes, relative to a checkout."""

_ABOUT = "bundle.json"
_CORPUS, _EXPERIMENT = "asvspoof2019_la", "detector"
_CONFIGS = (Path("config", "config.yaml"), Path("config", "detector.yaml"))
_OVERLAY = Path(".snakemake", "detector.json")
_MOST_JOBS = 11  # as many extraction jobs as profiles/default runs at once
_SECONDS, _LONGEST_SECONDS = 3, 16  # of a usual clip of LA, and of its longest
_FIT_BYTES = 32  # for each number that a model is fitted on: copies in single and double precision
_IN_OUR_WORDS = {
    "`root` of the corpus in the configuration": "DATA",
    "`encoder.model` in the configuration": "ENCODER",
}


def find(bundle: str | Path) -> Path:
    """Return the folder of a bundle that is named by its path, or by its name in `FOLDER`.

    Only a plain name is looked up there; a path stays that path. For a name that is not there, the
    `UserError` lists those that are.
    """
    path = Path(bundle)
    if not is_name(str(path)):
        return path
    for folder in (path, FOLDER / path):
        if (folder / _ABOUT).is_file():
            return folder
    there = ", ".join(folder.name for folder in _folders()) or "none; `make detector` trains one"
    raise UserError(
        f"{path}: expected a bundle there, or a detector of that name in {FOLDER.absolute()}; "
        f"the detectors there: {there}"
    )


def lines() -> Iterator[str]:
    """Yield a line on each detector that is there, and on the demonstration: what it is worth."""
    from authenticity.scoring import bundle, words

    names = {folder: folder.name for folder in _folders()}
    if (DEMONSTRATION / _ABOUT).is_file():
        names[DEMONSTRATION] = str(DEMONSTRATION)
    for folder, name in names.items():
        try:
            worth = words.worth(bundle.read(folder / _ABOUT))
        except (UserError, OSError) as error:
            worth = f"cannot be used: {in_one_line(error)}"
        yield printable(f"{name}: {worth}")


def is_name(text: str) -> bool:
    """Whether a detector may have this name: that of a folder that is not hidden."""
    return text[:1] not in ("", ".") and not set(text) & {"/", "\\", "\0"}


def _folders() -> list[Path]:
    folders = FOLDER.iterdir() if FOLDER.is_dir() else ()
    return sorted(path for path in folders if is_name(path.name) and (path / _ABOUT).is_file())


def install(bundle: Path, name: str) -> Path:
    """Copy a bundle to the folder of this name, in the place of an earlier one; return it."""
    target, new, old = FOLDER / name, FOLDER / f".{name}.new", FOLDER / f".{name}.old"
    files = [str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()]
    if filecmp.cmpfiles(bundle, target, files, shallow=False)[0] != files:
        for left_over in (new, old):
            shutil.rmtree(left_over, ignore_errors=True)
        shutil.copytree(bundle, new)
        if target.exists():
            target.rename(old)
        new.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    return target


# Training.


def main(arguments: Sequence[str] | None = None) -> int:
    """Train a detector; return 0 if done, 1 if the workflow failed, 2 for invalid usage."""
    parser = argparse.ArgumentParser(prog="make detector", description="Train a detector.")
    parser.add_argument("data", help="ASVspoof 2019 LA, a folder or an archive")
    parser.add_argument("--name", required=True, help="of the detector")
    parser.add_argument("--encoder", help="a folder or a hub name, in the configured one's place")
    parser.add_argument("--cores", required=True, help="a number, or all")
    try:
        return _train(parser.parse_args(arguments))
    except (UserError, OSError) as error:
        message = in_one_line(error)
        for key, word in _IN_OUR_WORDS.items():
            message = message.replace(key, word)
        print(f"error: {printable(message)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _train(options: argparse.Namespace) -> int:
    lean.one_thread_each()
    _require(options)
    overlay: dict[str, Any] = {"corpora": {_CORPUS: {"root": options.data}}}
    if options.encoder:
        overlay["encoder"] = {"model": options.encoder}
    for line in _needs(overlay, options.cores):
        print(line, flush=True)
    command = [sys.executable, "-m", "snakemake", "--cores", options.cores, "--configfile"]
    signal.signal(signal.SIGINT, lambda *_: None)  # Snakemake gets it too; it is waited for
    if subprocess.call([*command, str(_CONFIGS[1]), str(_OVERLAY)]):
        print("not finished: the same command goes on from here", file=sys.stderr)
        return 1
    folder = install(Path("results", _CORPUS, "bundles", _EXPERIMENT), options.name)
    ours = [line for line in lines() if line.startswith(printable(f"{options.name}: "))]
    print(f"\nthe detector and its card: {printable(str(folder))}", *ours, sep="\n")
    print("score recordings with it, either way:")
    print(f"    make score INPUT=path {shlex.quote(f'BUNDLE={options.name}')}")
    print(f"    authenticity score path --bundle={shlex.quote(options.name)}")
    return 0


def _require(options: argparse.Namespace) -> None:
    data, name = options.data, options.name
    if not is_name(name):
        raise UserError(f"NAME={name}: expected the name of a folder, no path and nothing hidden")
    if (FOLDER / name).exists() and not (FOLDER / name / _ABOUT).is_file():
        raise UserError(f"{FOLDER / name}: not a detector; move it away, or take another NAME")
    if not data or not (data.startswith("s3://") or Path(data).exists()):
        raise UserError(
            f"DATA={data}: no such file or folder; expected ASVspoof 2019 LA, as a folder or LA.zip"
        )


def _needs(overlay: Mapping[str, Any], cores: str) -> Iterator[str]:
    """Write the overlay, list the corpus, and yield what the training needs, in words."""
    import yaml
    from snakemake.utils import available_cpu_count, update_config

    from authenticity import manifest, planning, running, tables
    from authenticity.config import Config
    from authenticity.files import write_json

    values: dict[str, Any] = {}
    for path in _CONFIGS:
        update_config(values, yaml.safe_load(path.read_text(encoding="utf-8")))
    update_config(values, overlay)
    config = Config.of(values)
    with running.folder_taken(Path.cwd(), only_look=True) as alone:
        if not alone:
            raise UserError(f"{Path.cwd()}: another run works in this folder; wait for it")
        write_json(_OVERLAY, overlay)
        path = Path("results", _CORPUS, "manifest.parquet")
        manifest.refresh(path, _CORPUS, config.corpora[_CORPUS])
    splits = tables.read(path, ["split"])["split"].to_pylist()
    parts = planning.Plan(config, {_CORPUS: set(splits)}).view_splits[_CORPUS]
    counts = {view: sum(map(splits.count, found)) for view, found in parts.items()}
    jobs = min(int(cores) if cores.isdecimal() else available_cpu_count(), _MOST_JOBS)
    n_fitted = splits.count("train") * len(config.experiments[_EXPERIMENT].features.train_views)
    yield f"{len(splits):,} clips; measuring this machine takes some seconds"
    yield from _measured(config, {"clean": len(splits), **counts}, n_fitted, max(1, jobs))
    yield "interrupt it when you like: the same command goes on from there\n"


def _measured(
    config: "Config", counts: Mapping[str, int], n_fitted: int, jobs: int
) -> Iterator[str]:
    """Hear noise with random weights in the encoder's shape on one core, and extrapolate.

    `counts` are the clips of each view, `n_fitted` the rows that the model is fitted on.
    """
    import numpy as np

    from authenticity.audio import SAMPLE_RATE
    from authenticity.features import matrix, spectral, views
    from authenticity.jobs import peak_bytes
    from authenticity.planning import Plan
    from authenticity.scoring.words import duration, megabytes

    features, source = config.experiments[_EXPERIMENT].features, Plan(config, {}).encoder
    hearing, shape, loaded, whole = _random_encoder(source, config.encoder)
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE * _LONGEST_SECONDS)
    noise = (noise / 10).astype(np.float32)
    hearing.embed(noise)
    # A job reads all weights, and then drops the layers above.
    memory = peak_bytes() + whole - loaded
    clip = noise[: SAMPLE_RATE * _SECONDS]
    each = _seconds(lambda: (hearing.embed(clip), spectral.describe(clip)))
    # A clip is put through a view twice, for the spectral numbers and for the encoder.
    total = sum(
        count * (each + 2 * _seconds(partial(views.apply, clip, config.views.get(view, ()), "")))
        for view, count in counts.items()
    )
    n_clips = sum(counts.values())
    # Numbers of layers are rounded, and take 2.1 bytes each on disk.
    row = 5 * (shape.num_hidden_layers + 1) * shape.hidden_size + sum(
        np.asarray(value).nbytes for value in spectral.describe(clip).values()
    )
    n_pooled = max(len(matrix.POOLINGS[name]) for name in features.pooling)
    width = matrix.n_spectral(features.spectral) + n_pooled * shape.hidden_size
    yield (
        f"time      about {duration(total / jobs)} on {jobs} of this machine's cores: {n_clips:,} "
        f"clips in {len(counts)} views, {total / n_clips:.2f} s each on one core where a clip "
        f"lasts {_SECONDS} s; and a quarter of an hour or more for fit and report"
    )
    yield f"disk      {megabytes(row * n_clips)} of tables, {megabytes(whole)} for the encoder"
    yield (
        f"memory    {megabytes(memory)} for a job, {megabytes(jobs * memory)} for {jobs} at once; "
        f"{megabytes(memory + n_fitted * width * _FIT_BYTES)} for the fit"
    )
    yield f"download  {'nothing' if source.is_on_disk else f'{megabytes(whole)}: {source.model}'}"


def _random_encoder(
    source: "EncoderSource", settings: "EncoderSettings"
) -> tuple["Encoder", Any, int, int]:
    """Return an encoder with random weights in the shape of one that may not be here yet.

    With it come its shape, the bytes of its weights, and those of the weights of all layers.
    """
    import torch

    from authenticity.features.encoder import Encoder
    from authenticity.features.precision import in_precision, native_precision

    transformers = lean.transformers()
    shape = transformers.Wav2Vec2Config()  # by default that of wav2vec2-base
    kept = settings.layers if isinstance(settings.layers, int) else shape.num_hidden_layers
    if source.is_on_disk:
        kept = source.n_layers - 1
        shape = transformers.AutoConfig.from_pretrained(source.fetch(), local_files_only=True)
    with torch.device("meta"):
        whole = transformers.AutoModel.from_config(shape).num_parameters() * 4
    shape.num_hidden_layers = kept
    torch.set_num_threads(1)
    network = transformers.AutoModel.from_config(shape).eval()
    loaded = network.num_parameters() * 4
    precision = native_precision() if settings.precision == "auto" else settings.precision
    network = in_precision(network, precision)
    return Encoder(network, {}, settings.window_seconds), shape, loaded, whole


def _seconds(work: Callable[[], object]) -> float:
    """Return the CPU time that work takes, the median of some tries."""
    return statistics.median(timeit.repeat(work, timer=time.process_time, repeat=4, number=1))


if __name__ == "__main__":
    sys.exit(main())
