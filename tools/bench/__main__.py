"""Print how fast this tree is beside the prototype's method; see docs/speed.md."""

import argparse
import multiprocessing
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import torch
import transformers
from authenticity import files, lean, shards
from authenticity.features.precision import native_precision
from bundles import make_bundle

from bench import arithmetic, contrast, figure, finetune, planning
from bench.clips import FFMPEG, Embedded, Prototype, Spectral, Worker, duration, least
from bench.clips import files as demonstration

SMALL = Path("resources/encoders/small")
_SHARD_CLIPS = 25_000 / shards.suitable_number(25_000)
_BUSY_PERCENT = 20
_STARTED = """
import sys
from authenticity import lean
from authenticity.features import extraction
from authenticity.jobs import job
lean.start()
from authenticity.features.encoder import Encoder
encoder = Encoder.load(*sys.argv[1:3])
"""
_EMBEDDED = """
import os
os.chdir(sys.argv[3])
from authenticity.features import spectral
from bench.clips import LIMITS, audio, files
for clip in files(4):
    samples = audio.decode(clip, LIMITS)
    spectral.describe(samples)
    encoder.embed(samples)
"""
"""What a job that embeds clips does before the first one, and with four of them."""


@dataclass(frozen=True)
class Line:
    """One measured value, and what it is held against.

    Attributes:
        name: what was measured.
        value: of it.
        unit: x for a ratio.
        target: what it should reach, on a CPU that computes bfloat16 natively.
        bound: what it is held against on this kind of machine; None if it is only reported.
        at_least: whether more is better.
        remark: how it came about.
    """

    name: str
    value: float
    unit: str
    target: float
    bound: float | None
    at_least: bool
    remark: str

    @property
    def status(self) -> str:
        """Return `met`, `short`, or `reported` of what is held against nothing."""
        if self.bound is None:
            return "reported"
        met = self.value >= self.bound if self.at_least else self.value <= self.bound
        return "met" if met else "short"

    def __str__(self) -> str:
        sign, space = ("≥" if self.at_least else "≤"), "" if self.unit in "x%" else " "
        cells = [
            f"{value:.3g}{space}{self.unit}" if value is not None else "-"
            for value in (self.value, self.target, self.bound)
        ]
        cells[1:] = [f"{sign} {cell}" if cell != "-" else cell for cell in cells[1:]]
        return f"| {' | '.join([self.name, *cells, self.status, self.remark])} |"


class Bench:
    """Measures part by part; what later parts and the figure need is kept.

    Attributes:
        quick: fewer clips, rounds and epochs, and no corpus of over 25,000 files.
        machine: what it runs on.
        facts: all values that lines and figure are made of.
    """

    def __init__(self, quick: bool, folder: Path, precision: str = "auto"):
        """Make an encoder of random weights in wav2vec2-base's shape, below `folder`."""
        self.quick, self._folder = quick, folder
        self.precision = native_precision() if precision == "auto" else precision
        self.native = self.precision == "bfloat16"
        self.machine = {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "precision": self.precision,
            "torch": torch.__version__,
            "busy_percent": psutil.cpu_percent(2.0),
        }
        self.facts: dict[str, float] = {}
        self.stages: dict[str, arithmetic.Stage] = {}
        torch.set_num_threads(1)  # torch was imported before `lean.one_thread_each` was called
        self._base = folder / "base"
        torch.manual_seed(1)
        transformers.Wav2Vec2Model(transformers.Wav2Vec2Config()).save_pretrained(self._base)
        transformers.Wav2Vec2FeatureExtractor().save_pretrained(self._base)

    def parts(self) -> list[Callable[[], Iterator[Line]]]:
        """Return the parts in order."""
        return [
            self.rate,
            self.spectral,
            self.loop,
            self.heads,
            self.fine_tuning,
            self.memory,
            self.plans,
            self.command,
            *([] if self.quick else [self.two_cores]),
        ]

    def rate(self) -> Iterator[Line]:
        """Arithmetic of the encoder on one core."""
        seconds = [2.0] if self.quick else [1.7, 2.9, 4.3]
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
            self.stages = apart.submit(
                arithmetic.stages, self._base, self.precision, seconds
            ).result()
        peaks = {"float32": arithmetic.peak("float32")}
        if self.native:
            peaks["bfloat16"] = arithmetic.peak("bfloat16")
        self.facts |= {f"peak_{name}": value for name, value in peaks.items()}
        self.facts["bandwidth"] = arithmetic.bandwidth()
        total = sum(stage.operations for stage in self.stages.values())
        taken = sum(stage.seconds for stage in self.stages.values())
        share = 100 * total / taken / 1e9 / peaks[self.precision]
        by_stage = ", ".join(
            f"{name} {stage.rate:.0f}" for name, stage in self.stages.items() if stage.operations
        )
        yield Line(
            f"encoder's arithmetic, one core, of the {self.precision} peak",
            *(share, "%", 75, 70 if self.native else 65, True),
            f"peak {peaks[self.precision]:.0f} GFLOP/s; {by_stage}",
        )

    def spectral(self) -> Iterator[Line]:
        """Decoding and spectral numbers on one core."""
        clips = demonstration(24 if self.quick else 100)
        self.facts["clip_seconds"] = statistics.mean(map(duration, clips))
        ways = {
            "prototype": [Worker(Prototype, None, single=True)],
            "here": [Worker(Spectral, single=True)],
        }
        found = least(ways, clips, number=3 if self.quick else 5)
        self.facts |= {f"spectral_{name}": cpu for name, (_, cpu) in found.items()}
        (_, theirs), (_, ours) = found["prototype"], found["here"]
        yield Line(
            "decoding and all spectral numbers, one core, against the prototype's steps",
            *(theirs / ours, "x", 30, 25 if FFMPEG else 1.8, True),
            f"{1e3 * ours:.1f} ms of CPU a clip against {1e3 * theirs:.1f}"
            + ("" if FFMPEG else "; there is no ffmpeg to start, so both decode in process"),
        )

    def loop(self) -> Iterator[Line]:
        """The whole extraction, steady, against the prototype's loop."""
        # Two processes take every other clip: by length, so that both have as much to do.
        clips = sorted(demonstration(6 if self.quick else 12), key=duration)
        embedded = (Embedded, self._base, self.precision)
        theirs = (Prototype, self._base)
        ways = {
            "prototype, default threads": [Worker(*theirs, single=False)],
            "prototype, one thread": [Worker(*theirs, single=True)],
            "one core": [Worker(*embedded, single=True)],
            "two processes": [Worker(*embedded, single=True) for _ in range(2)],
            "two processes, four layers": [Worker(*embedded, 4, single=True) for _ in range(2)],
            "one core, int8": [Worker(Embedded, self._base, "int8", single=True)],
        }
        found = least(ways, clips, number=1 if self.quick else 3)
        self.facts |= {f"loop_wall_{name}": wall for name, (wall, _) in found.items()}
        self.facts |= {f"loop_{name}": cpu for name, (_, cpu) in found.items()}
        (_, old), (_, new) = found["prototype, one thread"], found["one core"]
        yield Line(
            "wav2vec2-base, all layers pooled, one core, against the prototype's loop, one thread",
            *(old / new, "x", 1.8, 1.8 if self.native else 0.95, True),
            f"{1e3 * new:.0f} ms of CPU a clip against {1e3 * old:.0f}" + self._bfloat16,
        )
        (old, _), (new, _) = found["prototype, default threads"], found["two processes"]
        yield Line(
            "wav2vec2-base, all layers pooled, two processes, against the prototype's loop",
            *(old / new, "x", 3.5, self._quiet(3.5 if self.native else 1.05), True),
            f"{1e3 * new:.0f} ms a clip against {1e3 * old:.0f}, default threads" + self._bfloat16,
        )
        (one, _) = found["one core"]
        yield Line(
            "two processes that only decode and embed, against one: the most that two cores gain",
            *(one / new, "x", None, None, True),
            f"{1e3 * one:.1f} ms a clip and {1e3 * new:.1f}",
        )
        (new, _) = found["two processes, four layers"]
        yield Line(
            "the lowest four layers of it, as `make detector` has them, two processes",
            *(old / new, "x", 8, self._quiet(6.5 if self.native else 2), True),
            f"{1e3 * new:.0f} ms a clip against {1e3 * old:.0f}" + self._bfloat16,
        )
        (_, old), (_, new) = found["one core"], found["one core, int8"]
        yield Line(
            f"wav2vec2-base, all layers pooled, one core, int8 against {self.precision}",
            *(old / new, "x", None if self.native else 1.6, None if self.native else 1.25, True),
            f"{1e3 * new:.0f} ms of CPU a clip against {1e3 * old:.0f}",
        )

    def heads(self) -> Iterator[Line]:
        """The contrastive head."""
        number = 2_500 if self.quick else 25_000
        seconds = contrast.seconds(number, epochs=50) * 25_000 / number
        yield Line(
            "contrastive head, 25,000 clips, 50 epochs, CPU time",
            *(seconds, "s", 40, 40 if self.native else 60, False),
            f"{number:,} clips run",
        )

    def fine_tuning(self) -> Iterator[Line]:
        """Two layers trained from the cache."""
        # A step's own time weighs more in a small batch.
        number, bound = (12, 3.5) if self.quick else (64, 4)
        ratio = finetune.ratio(self._base, number, self.precision)
        yield Line(
            "fine-tuning two layers, an epoch from cache, against computing all layers",
            *(ratio, "x", 5, bound, True),
            f"{number} clips of 3 s",
        )

    def memory(self) -> Iterator[Line]:
        """Peak memory and start of a process that embeds clips."""
        arguments = (str(self._base), self.precision, str(Path.cwd()))
        start = min(planning.run(self._folder, "-c", _STARTED, *arguments)[0] for _ in range(3))
        _, memory = planning.run(self._folder, "-c", _STARTED + _EMBEDDED, *arguments)
        yield Line(
            "peak memory of a process that embeds, wav2vec2-base",
            *(memory, "MB", 900, 950, False),
            f"{self.precision}; imports and loading take {start:.1f} s of CPU",
        )
        work = _SHARD_CLIPS * self.facts["loop_one core"]
        yield Line(
            "imports and loading, of a shard's time at 25,000 files",
            *(100 * start / work, "%", 3, 3.5 if self.native else 4, False),
            f"a shard of {_SHARD_CLIPS:.0f} clips computes for {work:.0f} s",
        )

    def plans(self) -> Iterator[Line]:
        """Planning corpora that are only listed."""
        sizes = {25_000: (None, None), 121_461: (5, 3), 1_000_000: (25, 8)}
        for number, targets in list(sizes.items())[: 1 if self.quick else None]:
            folder = self._folder / f"plan-{number}"
            folder.mkdir()
            planning.lay_out(folder, number)
            for title, target in zip(("first plan", "planned again"), targets, strict=True):
                seconds, memory = planning.plan(folder)
                bound = 2 * target if target else 12
                yield Line(
                    f"{number:,} files listed, {title}",
                    *(seconds, "s", target, bound, False),
                    f"CPU time; peak memory {memory:.0f} MB",
                )
            seconds, memory = planning.job(folder)
            yield Line(
                f"{number:,} files, what a job spends on planning",
                *(seconds, "s", 0.3, 0.3, False),
                f"{memory:.1f} MB",
            )

    def command(self) -> Iterator[Line]:
        """The command's first answer."""
        bundle = make_bundle(self._folder / "bundle", SMALL, spectral_numbers="full")
        recording = self._folder / "recording.ogg"
        recording.write_bytes(demonstration(1)[0])
        command = ["-m", "authenticity", "score", str(recording), "--bundle", str(bundle)]
        taken = [
            planning.first_line(self._folder, *command, "--output", f"scored-{index}")
            for index in range(3)
        ]
        yield Line(
            "first answer of `authenticity score` on one recording, small encoder",
            *(min(taken), "s", 2.5, self._quiet(3 if self.native else 5), False),
            "wall time, fastest of 3",
        )

    def two_cores(self) -> Iterator[Line]:
        """Extraction by the workflow, on one core and on two."""
        folder = self._folder / "extraction"
        folder.mkdir()
        planning.lay_out(folder, demonstration(400), n_shards=4, encoder=self._base)
        one, two = (min(planning.extracted(folder, cores) for _ in range(3)) for cores in (1, 2))
        yield Line(
            "extraction of 400 clips by the workflow, two cores against one, wav2vec2-base",
            *(one / two, "x", 1.9, self._quiet(1.7), True),
            f"{one:.0f} s and {two:.0f} s, fastest of 3, start-up and jobs counted",
        )

    def _quiet(self, bound: float) -> float | None:
        """Return the bound of a wall time: none where others use the machine."""
        return bound if self.machine["busy_percent"] < _BUSY_PERCENT else None

    @property
    def _bfloat16(self) -> str:
        return "" if self.native else "; the target needs native bfloat16"


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return 1 if a value falls short of its bound."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in under three minutes")
    parser.add_argument(
        "--precision",
        choices=["auto", "float32"],
        default="auto",
        help="of the encoder; float32 is that of a CPU without bfloat16",
    )
    parser.add_argument("--output", type=Path, default="benchmarks", help="where its files go")
    given = parser.parse_args(arguments)
    begun = time.monotonic()
    lean.one_thread_each()
    lean.keep_freed_memory()
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given.quick, Path(folder), given.precision)
        print(
            ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in bench.machine.items())
        )
        print("\n| measured | value | target | bound here | | how |\n|---|---|---|---|---|---|")
        lines = []
        for part in bench.parts():
            for line in part():
                print(line, flush=True)
                lines.append(line)
    given.output.mkdir(parents=True, exist_ok=True)
    files.write_json(
        given.output / "bench.json",
        {
            "machine": bench.machine,
            "quick": given.quick,
            "lines": [asdict(line) | {"status": line.status} for line in lines],
            "facts": bench.facts,
            "stages": {name: asdict(stage) for name, stage in bench.stages.items()},
        },
    )
    figure.draw(bench.stages, bench.facts, bench.precision, given.output / "bench.png")
    print(f"\n{time.monotonic() - begun:.0f} s; {given.output}/bench.json and bench.png")
    short = [line.name for line in lines if line.status == "short"]
    print("".join(f"falls short: {name}\n" for name in short), end="", file=sys.stderr)
    return int(bool(short))


if __name__ == "__main__":
    sys.exit(main())
