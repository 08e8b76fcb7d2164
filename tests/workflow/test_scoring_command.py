"""The command `authenticity score`: what it is given, what it leaves, and what cannot stop it."""

import csv
import dataclasses
import io
import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from html import unescape
from pathlib import Path

import authenticity
import deadly
import held
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from authenticity import cli
from authenticity.errors import UserError
from authenticity.names import printable
from authenticity.scoring import batch, display, inputs, outputs, result, worker
from authenticity.scoring.bundle import Bundle
from authenticity.scoring.display import Display
from authenticity.scoring.worker import drawn_name
from checkout import REPOSITORY, Checkout
from corpora import encoded, voice
from recordings import muxed, recording
from score_command import comparable, environment, kept, rows_of, run, start, workers_of

# What is named, and what that stands for.


def written(folder: Path, names: Sequence[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def test_a_folder_is_its_files_sorted_whatever_they_are_called(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    names = ["b.wav", "a/z.mp3", "a/notes", ".DS_Store", "a/._z.mp3", ".git/c.wav", "ünï.flac"]
    folder = written(tmp_path / "in", names)
    (folder / "a" / "loop").symlink_to(folder)
    (folder / "broken.wav").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    found = [str(Path(path).relative_to(folder)) for path in inputs.collect([str(folder)])]
    assert found == ["a/notes", "a/z.mp3", "b.wav", "broken.wav", "ünï.flac"]
    assert caplog.messages == [f"{folder}: skipped hidden ones (3), pipes or devices (1)"]


def test_each_file_counts_once_in_the_order_of_the_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    written(tmp_path, ["b.wav", "a.wav", "c/d.wav", "[x].wav"])
    monkeypatch.chdir(tmp_path)
    found = inputs.collect(["c/../b.wav", "*.wav", str(tmp_path), "**/d.wav", "gone.wav", "no*"])
    assert found[:3] == ["c/../b.wav", "[x].wav", "a.wav"]
    assert found[3:] == [str(tmp_path / "c/d.wav"), "gone.wav", "no*"]
    assert inputs.collect(["[x].wav"]) == ["[x].wav"], "a file may be called like a pattern"
    written(tmp_path, ["e/f/g.wav", "e/b.wav"])
    (tmp_path / "link").symlink_to("e/f")
    assert inputs.collect(["link", "e/f/g.wav"]) == ["link/g.wav"], "the same file"
    assert inputs.collect(["b.wav", "link/../b.wav"]) == ["b.wav", "link/../b.wav"], "e/b.wav"


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\0"])
def test_a_list_on_standard_input(
    separator: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(written(tmp_path, ["last.wav"]))
    listed = separator.join([b"one.wav", b"", b"two words.wav", b"\xff.wav", b"one.wav"])
    found = inputs.collect(["-", "last.wav"], io.BytesIO(listed))
    assert found == ["one.wav", "two words.wav", os.fsdecode(b"\xff.wav"), "last.wav"]
    assert inputs.as_text(found[2]) == "\\xff.wav"
    found = inputs.collect(["-"], io.BytesIO(b"\xef\xbb\xbflast.wav" + separator))
    assert found == ["last.wav"], "a list of Windows begins with a mark"


def test_no_name_is_a_formula_or_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written(tmp_path, ["=1+1.wav", "-rf.wav", "@a.wav", "a=1.wav"])
    monkeypatch.chdir(tmp_path)
    assert inputs.collect(["*.wav"]) == ["./-rf.wav", "./=1+1.wav", "./@a.wav", "a=1.wav"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[2Jb\nc", "a\\x1b[2Jb\\nc"),
        ("invoice\u202egpj.exe", "invoice\\u202egpj.exe"),
        ("zero\u200bwidth\u2028line", "zero\\u200bwidth\\u2028line"),
        ("half \udcff", "half \\udcff"),
        ("ünï 録音\u3000\xa0🎤.wav", "ünï 録音\u3000\xa0🎤.wav"),
    ],
)
def test_signs_that_do_not_show_are_escaped(name: str, shown: str):
    assert printable(name) == shown


def test_results_are_no_inputs_and_nothing_is_an_error(tmp_path: Path):
    folder = written(tmp_path / "in", ["a.wav", "scored/scores.csv", "scored/overlays/a.png"])
    assert inputs.collect([str(folder)], output=folder / "scored") == [str(folder / "a.wav")]
    with pytest.raises(UserError, match="no files there"):
        inputs.collect([str(folder)], output=folder)
    with pytest.raises(UserError, match="standard input: no files"):
        inputs.collect(["-"], io.BytesIO(b"\n"))
    with pytest.raises(UserError, match=r"gone, no\*: no such file or folder"):
        inputs.collect(["gone", "no*"])
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UserError, match="link: no such file or folder"):
        inputs.collect([str(tmp_path / "link")])
    with pytest.raises(UserError, match="an empty path"):
        inputs.collect([str(folder), ""])


def test_results_of_earlier_runs_are_no_inputs_of_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    ours = ["scored/scores.csv", "scored/windows.parquet", "scored/previews/a-01234567.mp3"]
    begun = [f"la/{batch.UNFINISHED}", "la/previews/a-01234567.mp3"]
    # Lhotse's corpora have a list of that name.
    folder = written(tmp_path, ["a.wav", *ours, *begun, f"corpus/{batch.KEPT}", "corpus/b.wav"])
    found = inputs.collect([str(folder)], output=folder / "new")
    assert found == [
        str(folder / name) for name in ("a.wav", "corpus/b.wav", "corpus/" + batch.KEPT)
    ]
    assert caplog.messages == [f"{folder}: skipped folders of earlier results (2)"]
    preview = str(folder / ours[-1])
    assert inputs.collect([str(folder / "scored/previews")]) == [preview], "it is asked for"


def test_names_of_pictures_are_safe_and_of_one_file_alone():
    files = ["a/x.wav", "b/x.wav", "a/x.mp3", "…/ü\n'.wav", "..wav"]
    names = {drawn_name(file, "content") for file in files}
    assert len(names) == len(files)
    assert all(re.fullmatch(r"[A-Za-z0-9_.]+-[0-9a-f]{8}", name) for name in names)


# The call.


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["score"], ["guess", "x"]),
        *(["score", "--prior", prior, "x"] for prior in ("0", "nan", "abc", "50%")),
        *(["score", "--jobs", jobs, "x"] for jobs in ("0", "x", "1.5")),
    ],
)
def test_a_wrong_call_is_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == cli.USAGE
    said = capsys.readouterr().err
    assert "usage: authenticity" in said
    assert "invalid" not in said or "invalid choice" in said, "names of functions say nothing"
    if "x" in arguments[3:]:
        assert f"found {arguments[2]}" in said


def test_help_waits_for_no_library():
    script = (
        "import sys\nfrom authenticity.cli import main\n"
        "try: main(['score', '--help'])\n"
        "except SystemExit: print(sorted({'numpy', 'torch', 'pyarrow'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    assert "Exit codes: 0" in run.stdout
    assert "0.25 s to 4 h long, in files of up to 1 GB" in " ".join(run.stdout.split())
    assert run.stdout.splitlines()[-1] == "[]"


def spoilt(bundle: Path, folder: Path) -> list[str]:
    """A copy of a bundle in which the encoder's weights are not what they were."""
    shutil.copytree(bundle.parent / "layers", folder / "bundle")
    weights = folder / "bundle" / "encoder" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    shutil.copy(REPOSITORY / "README.md", folder)
    return [str(folder / "README.md"), "--bundle", str(folder / "bundle")]


def cut_short(bundle: Path, folder: Path) -> list[str]:
    """A copy of a bundle whose `bundle.json` is not whole, named by that file."""
    shutil.copytree(bundle, folder / "bundle")
    about = folder / "bundle" / "bundle.json"
    about.write_bytes(about.read_bytes()[:1000])
    return [__file__, "--bundle", str(about)]


def lhotse(bundle: Path, folder: Path) -> list[str]:
    """A folder of another program, which calls a file of its own as we do."""
    (folder / "recordings.jsonl").write_text('{"id": "a", "sources": []}\n')
    return [__file__, "--output", str(folder)]


BAD_CALLS: Mapping[str, tuple[Callable[[Path, Path], list[str]], str]] = {
    "empty folder": (lambda bundle, folder: [str(folder)], "no files there to score"),
    "spoilt bundle": (spoilt, "checksum"),
    "cut bundle": (cut_short, "copy the whole bundle again, or make it anew"),
    "no such path": (lambda bundle, folder: [f"{folder}x"], "no such file or folder"),
    "empty path": (lambda bundle, folder: [""], "an empty path"),
    "another program's folder": (lhotse, "expected answers of an earlier run"),
    "no bundle": (
        lambda bundle, folder: [__file__, "--bundle", str(folder / "none")],
        "expected a bundle there",
    ),
    "output with other things": (
        lambda bundle, folder: [__file__, "--output", str(Path(__file__).parent)],
        "holds other things than results",
    ),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_mistake_is_one_line(
    name: str, tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
):
    arguments, expected = BAD_CALLS[name]
    (tmp_path / "empty").mkdir()
    given = ["--bundle", str(bundle), *arguments(bundle, tmp_path / "empty")]
    output = [] if "--output" in given else ["--output", str(tmp_path / "out")]
    assert cli.main(["score", *given, *output]) == cli.USAGE
    said = capsys.readouterr()
    assert not said.out
    (line,) = said.err.splitlines()
    assert line.startswith("error: ")
    assert expected in line
    assert not (tmp_path / "out").exists()


def make_score(
    folder: Path, command: str, *given: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `make score` with a shell command in the place of the installed one."""
    installed = folder / "bin" / "authenticity"
    installed.parent.mkdir()
    installed.write_text(f"#!/bin/sh\n{command}\n")
    installed.chmod(0o755)
    (folder / ".installed").touch()
    venv = os.path.relpath(folder, REPOSITORY)
    return subprocess.run(
        ["make", f"--assume-old={venv}/.installed", "score", f"VENV={venv}", *given],
        cwd=REPOSITORY,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("variable", ["INPUT", "OUTPUT", "BUNDLE"])
@pytest.mark.parametrize("by_environment", [False, True])
def test_make_takes_a_path_as_it_is_and_runs_nothing_in_it(
    variable: str, by_environment: bool, tmp_path: Path
):
    hostile = f"$(shell touch {tmp_path}/made) `touch {tmp_path}/made` $(INPUT) $x.wav"
    paths = {"INPUT": "a.wav", "OUTPUT": "out", "BUNDLE": "bundle"} | {variable: hostile}
    written = [] if by_environment else [f"{name}={path}" for name, path in paths.items()]
    environment = paths if by_environment else {}
    made = make_score(tmp_path, 'echo "arguments: $@"', *written, **environment)
    assert made.returncode == 0, made.stderr
    expected = "score --bundle {BUNDLE} --output {OUTPUT} -- {INPUT}".format(**paths)
    assert f"arguments: {expected}\n" in made.stdout
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (3, 0), (2, 2)])
def test_make_does_not_fail_of_a_file_that_is_set_aside(code: int, expected: int, tmp_path: Path):
    command = f'for path; do :; done\necho "given: $path"\nexit {code}'
    made = make_score(tmp_path, command, "INPUT=it's a$b.wav", "BUNDLE=x")
    assert made.returncode == expected, made.stderr
    assert "given: it's a$b.wav" in made.stdout
    assert ("set aside" in made.stdout) == (code == 3)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == cli.DONE
    assert capsys.readouterr().out == f"authenticity {authenticity.__version__}\n"


def test_the_console_command_and_the_pages_assets_are_installed():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"authenticity": "authenticity.cli:main"}
    house = REPOSITORY / "workflow" / "authenticity"
    named = project["tool"]["setuptools"]["package-data"]["authenticity"]
    found = {path for pattern in named for path in house.glob(pattern)}
    assert found == {
        path for path in house.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    }


NUMBERS = {
    "verdict": "cannot tell",
    "cautions": (),
    "p_trust": "caution",
    "p_synthetic": 0.9999,
    "p_low": 0.8,
    "p_high": 0.99999,
    "llr": 1.5,
    "llr_low": -0.25,
    "llr_high": 4.0,
}
WITHHELD = {
    **dict.fromkeys(("p_synthetic", "p_low", "p_high")),
    "cautions": (result.Caution("polarity", "It would be called otherwise.", severe=True),),
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "cannot tell       >99.9% (80.0 to >99.9)      a.wav"),
        ({"p_trust": None}, "cannot tell       >99.9% (80.0 to >99.9)      a.wav"),
        ({"p_trust": "do not trust"}, "cannot tell       LLR +1.50 (−0.25 to +4.00)  a.wav"),
        (WITHHELD, "cannot tell       no number                   a.wav  [polarity]"),
    ],
)
def test_a_line_has_the_number_that_may_be_relied_on(changes: dict, expected: str):
    assert display.line(recording(file="a.wav", **NUMBERS | changes)) == expected


def test_a_hostile_name_does_nothing_to_the_terminal():
    line = display.line(recording(file="a\x1b[2J\u202eb\n.wav"))
    assert line.isprintable()
    assert "a\\x1b[2J\\u202eb\\n.wav" in line


# Whole runs.


@pytest.fixture(scope="session")
def bundle(finished: Checkout) -> Path:
    """A bundle that the toy run makes: without an encoder, which takes seconds to load."""
    return finished.path / "results" / "toy" / "bundles" / "spectral"


def start_held(
    bundle: Path, output: Path, *arguments: str, room: int = 0
) -> subprocess.Popen[bytes]:
    """Start the command; it prints so many bytes, and waits in the next line until it is read."""
    reading, writing = held.full_pipe(room)
    process = start(bundle, output, *arguments, stdout=writing)
    os.close(writing)
    process.stdout = os.fdopen(reading, "rb")
    return process


@pytest.fixture(scope="module")
def mixed(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as people have them: good and bad files, with names that programs stumble over."""
    folder = tmp_path_factory.mktemp("mixed")
    clips = sorted((finished.corpus / "ASVspoof2019_LA_eval" / "flac").glob("*.flac"))
    shutil.copy(clips[0], folder / clips[0].name)
    shutil.copy(clips[1], folder / "two words, 'quoted' \"twice\".flac")
    shutil.copy(clips[1], folder / "line\nbreak.flac")
    shutil.copy(clips[2], os.fsdecode(os.fsencode(folder) + b"/not \xff UTF-8.flac"))
    (folder / "film.mp4").write_bytes(muxed("mp4", "aac", seconds=1.0, video=True))
    whole = encoded(voice(7, spoof=True, seconds=2))
    (folder / "corrupt.flac").write_bytes(whole[: len(whole) // 2] + b"\x55" * (len(whole) // 2))
    (folder / "text.wav").write_text("this is text, not sound")
    (folder / "silent film.mp4").write_bytes(muxed("mp4", "", video=True))
    (folder / "empty.mp3").write_bytes(b"")
    (folder / ".hidden.wav").write_bytes(b"")
    loud = np.clip(20 * voice(5, spoof=False), -1, 1)
    (folder / "too loud.wav").write_bytes(encoded(loud, format="WAV"))
    return folder


REASONS = {
    "corrupt.flac": "",
    "text.wav": "not readable as audio",
    "silent film.mp4": "no audio stream",
    "empty.mp3": "0 bytes",
    "gone.wav": "no such file",
}


@pytest.fixture(scope="module")
def scored(mixed: Path, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results on that folder and a file that is not there, two files at once: only read it."""
    output = tmp_path_factory.mktemp("scored") / "out"
    listed = f"{mixed}\n{mixed}/gone.wav\n{mixed}/film.mp4\n".encode()
    code, lines, errors = run(bundle, output, "-", stdin=listed, jobs=2)
    skipped, detector, worth = errors.splitlines()
    assert skipped.endswith("mixed0: skipped hidden ones (1)")
    assert detector == "Detector: toy, spectral."
    assert re.fullmatch(r"It takes \d+% of unseen genuine clips for synthetic, .*\.", worth)
    assert code == cli.SOME_REJECTED
    assert "11 files: 6 scored" in "\n".join(lines)
    assert sum(line.startswith(("likely ", "cannot tell")) for line in lines) == 6
    assert sum(line.startswith("set aside") for line in lines) == 5
    assert any("line\\nbreak.flac" in line for line in lines)
    return output


def test_every_file_is_accounted_for(scored: Path, mixed: Path):
    rows = rows_of(scored)
    names = [Path(row["file"]).name for row in rows]
    assert names[:-1] == sorted(
        inputs.as_text(path.name) for path in mixed.iterdir() if path.name[0] != "."
    )
    assert names[-1] == "gone.wav"
    rejected = {Path(row["file"]).name: row for row in rows if row["status"] == "rejected"}
    assert rejected.keys() == REASONS.keys()
    for name, reason in REASONS.items():
        assert reason in rejected[name]["reason"]
        assert rejected[name]["score"] is None
        assert bool(rejected[name]["content"]) == (name != "gone.wav")


def test_a_clipped_recording_is_scored_with_a_severe_caution(scored: Path):
    (row,) = (row for row in rows_of(scored) if row["file"].endswith("/too loud.wav"))
    assert "clipped" in row["cautions"].split()
    assert row["verdict"] == "cannot tell"


def test_a_defect_of_ours_costs_one_answer_and_is_told(
    finished: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bundle = finished.path / "results" / "toy" / "bundles" / "layers"
    settings = batch.Settings(bundle, "", prior=0.5, pictures=False)
    scorer = worker.Scorer(settings, tmp_path)
    path = str(next((finished.corpus / "ASVspoof2019_LA_eval" / "flac").glob("*.flac")))
    good = json.loads(scorer.answer(path)[0])
    assert_equal_to_the_workflows([good], finished, "layers")
    scored = scorer._detector.score(path)
    for unfit in (np.bool_(True), math.nan):
        broken = dataclasses.replace(scored, score=unfit)
        monkeypatch.setattr(scorer, "_scored", lambda path, broken=broken: (broken, ""))
        line, trace = scorer.answer(path)
        bad = json.loads(line)
        assert (bad["status"], bad["content"]) == ("rejected", ""), "tried again by the next run"
        assert bad["reason"].startswith("unexpected error: ")
        assert bad["reason"].endswith(", please report it")
        assert "Traceback" in trace
    monkeypatch.undo()
    with pytest.raises(authenticity.UserError, match="prior x: expected a share"):
        scorer._detector.score(path, prior="x")
    again = json.loads(scorer.answer(path)[0])
    assert again["score"] == good["score"]


def test_a_picture_that_cannot_be_drawn_costs_no_number(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from authenticity.plots import overlay

    (tmp_path / "a.flac").write_bytes(encoded(voice(3, spoof=False, seconds=1.5)))
    scorer = worker.Scorer(batch.Settings(bundle, "", prior=0.5), tmp_path)
    drawn = json.loads(scorer.answer(str(tmp_path / "a.flac"))[0])
    monkeypatch.setattr(overlay, "_HEIGHT", 0)  # a defect of ours
    line, trace = scorer.answer(str(tmp_path / "a.flac"))
    plain = json.loads(line)
    assert "Traceback" in trace
    assert plain["score"] == drawn["score"]
    assert (plain["picture"], plain["preview"], plain["span"]) == (None, None, None)
    answer = result.restored(plain)
    counts = outputs.summary([answer])
    about = Bundle.load(bundle)
    outputs.write(tmp_path / "out", [answer], about, batch.Settings(bundle, "", 0.5), 1.0)
    assert "could not be made" in (tmp_path / "out" / "index.html").read_text()
    assert counts["scored"] == 1


@pytest.mark.parametrize("factor", [1, 1e4, 1e11])
def test_samples_beyond_full_scale_have_a_sound(factor: float, tmp_path: Path):
    samples = np.float32(factor) * voice(3, spoof=False, seconds=1.5)
    worker.write_sound(tmp_path / "a.mp3", samples)
    sound, _ = soundfile.read(tmp_path / "a.mp3")
    assert 0.01 < np.abs(sound).max() < 2


@pytest.mark.parametrize(
    ("n_bytes", "options", "file"),
    [
        (1024, [], r"previews/.*\.mp3"),
        (12_000, [], r"overlays/.*\.png"),
        (1024, ["--no-pictures"], r"recordings\.jsonl\.unfinished"),
        (6000, ["--no-pictures"], r"scores\.parquet"),
    ],
)
def test_a_full_disk_stops_the_command_and_blames_no_recording(
    n_bytes: int, options: list[str], file: str, bundle: Path, tmp_path: Path
):
    """A limit on the size of files stands for the disk: the system refuses to write, likewise."""
    (tmp_path / "a.flac").write_bytes(encoded(voice(3, spoof=False, seconds=1.5)))
    output = tmp_path / "out"

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))

    arguments = [*options, str(tmp_path / "a.flac")]
    command = [sys.executable, "-m", "authenticity", "score", "--quiet", "--bundle", str(bundle)]
    full = subprocess.run(
        [*command, "--output", str(output), *arguments],
        env=environment(),
        preexec_fn=limited,
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.returncode == cli.USAGE
    (said,) = full.stderr.splitlines()
    assert re.fullmatch(rf"error: {output}/{file}: .*File too large; .*", said)
    assert not list(output.rglob("*.tmp"))
    assert not (output / "scores.csv").exists()
    again = subprocess.run([*command, "--output", str(output), *arguments], env=environment())
    assert again.returncode == cli.DONE
    assert len(rows_of(output)) == 1


def test_tables_alone_leave_no_page_of_other_recordings(scored: Path, bundle: Path, tmp_path: Path):
    output = shutil.copytree(scored, tmp_path / "out")
    kept = batch.read([output / batch.KEPT])
    two = [answer for answer in kept if answer.status == "scored"][:2]
    settings = batch.Settings(bundle, "", prior=0.5, pictures=False)
    counts = outputs.write(output, two, Bundle.load(bundle), settings, None)
    assert not (output / "index.html").exists()
    assert (output / two[0].picture).exists(), "a later run may want it"
    assert counts["seconds_per_file"] == pytest.approx((two[0].seconds + two[1].seconds) / 2)


def test_the_tables_agree(scored: Path):
    rows = rows_of(scored)
    lines = (scored / "scores.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows
    with (scored / "scores.csv").open(newline="") as table:
        text = list(csv.DictReader(table))
    expected = [
        {name: "" if value is None else printable(str(value)) for name, value in row.items()}
        for row in rows
    ]
    assert text == expected
    assert any("\n" in row["file"] for row in rows)
    assert not any("\n" in row["file"] for row in text), "a line is a row"
    documented = (REPOSITORY / "docs" / "scores.md").read_text()
    for name in json.loads((scored / "summary.json").read_text()):
        assert f"`{name}`" in documented, name


@pytest.mark.parametrize(
    ("record", "schema"), [(result.Recording, outputs.SCORES), (result.Windows, outputs.WINDOWS)]
)
def test_the_documented_columns_are_those_of_the_record(record: type, schema: pa.Schema):
    words = {str: "text", float: "float64", int: "int32"}
    rows = [
        f"| `{name}` | {words[kind]} | {meaning} |"
        for name, (kind, meaning) in result.columns(record).items()
    ]
    assert "\n".join(rows) in (REPOSITORY / "docs" / "scores.md").read_text()
    assert [name for name in schema.names if record is result.Recording or name != "file"] == list(
        result.columns(record)
    )


def test_scores_equal_the_workflows(scored: Path, finished: Checkout):
    assert_equal_to_the_workflows(rows_of(scored), finished, "spectral")


def assert_equal_to_the_workflows(rows: Sequence[dict], finished: Checkout, experiment: str):
    """The rows of clips of the corpus have the scores of the workflow's table."""
    table = finished.path / "results" / "toy" / "scores" / f"{experiment}.parquet"
    known = {row["file"]: row for row in pq.read_table(table).to_pylist()}
    found = [row for row in rows if Path(row["file"]).stem in known]
    assert found
    for row in found:
        expected = known[Path(row["file"]).stem]
        assert row["score"] == pytest.approx(expected["score"], abs=1e-6)
        assert row["llr"] == pytest.approx(expected["llr"], abs=1e-6)


def test_each_recording_has_windows_a_picture_and_a_sound(scored: Path):
    windows = pq.read_table(scored / "windows.parquet").to_pandas()
    page = (scored / "index.html").read_text()
    for row in rows_of(scored):
        if row["status"] == "scored":
            own = windows[windows.file == row["file"]]
            assert own.start.min() == 0
            assert own.end.max() == pytest.approx(row["duration"], abs=1e-3)
            assert (scored / row["picture"]).read_bytes().startswith(b"\x89PNG")
            sound = scored / "previews" / Path(row["picture"]).with_suffix(".mp3").name
            assert soundfile.info(sound).duration == pytest.approx(row["duration"], abs=0.2)
    assert "two words, 'quoted' \"twice\".flac" in unescape(page)
    summary = json.loads((scored / "summary.json").read_text())
    assert sum(summary["verdicts"].values()) == summary["scored"] == 6
    assert 0 < summary["peak_bytes"] < 2e9
    taken = [row["seconds"] for row in rows_of(scored) if row["status"] == "scored"]
    assert summary["seconds"] == pytest.approx(sum(taken))
    assert max(taken) < summary["wall_seconds"], "of the run, loading included"


def test_the_same_again_computes_nothing_and_one_more_computes_one(
    scored: Path, mixed: Path, bundle: Path, tmp_path: Path
):
    output, before = tmp_path / "out", comparable(scored)
    shutil.copytree(scored, output)
    names = [path for path in mixed.iterdir() if path.name != "film.mp4"]
    listed = "\0".join([*map(str, sorted(names)), str(tmp_path / "new.flac")]).encode(
        "utf-8", "surrogateescape"
    )
    (tmp_path / "new.flac").write_bytes(encoded(voice(3, spoof=False, seconds=1.5)))
    code, lines, _ = run(bundle, output, "-", stdin=listed)
    assert code == cli.SOME_REJECTED
    assert "9 as found by an earlier run" in "\n".join(lines)
    after = comparable(output)
    film = [row for row in before["scores"] if row["file"].endswith("/film.mp4")]
    assert [row for row in after["scores"] if row in before["scores"]] == [
        row for row in before["scores"] if row not in film and not row["file"].endswith("gone.wav")
    ]
    assert after["scores"][-1]["status"] == "scored"
    kept = {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()}
    assert run(bundle, output, "-", stdin=listed)[0] == cli.SOME_REJECTED
    assert {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()} == kept
    code, lines, _ = run(bundle, output, str(mixed / "film.mp4"))
    assert code == cli.DONE
    assert "; 1 as found by an earlier run" in "\n".join(lines)
    assert not any(line.startswith("cost: ") for line in lines), "nothing was scored"
    assert rows_of(output) == [row for row in rows_of(scored) if row["file"].endswith("/film.mp4")]
    for kind in ("pictures", "sounds"):
        assert comparable(output)[kind] == after[kind], "what was found of others stays"
    lines = run(bundle, output, "-", stdin=listed)[1]
    assert "; 11 as found by an earlier run" in "\n".join(lines)
    assert comparable(output) == after


STREAMS = {
    "all closed": ("<&- >&- 2>&-", ""),
    "output full": (">/dev/full", "standard output: No space left on device; "),
    "both full": (">/dev/full 2>&1", ""),
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("name", STREAMS)
def test_standard_streams_that_fail_end_no_run(
    name: str, scored: Path, mixed: Path, bundle: Path, tmp_path: Path
):
    redirections, expected = STREAMS[name]
    output = tmp_path / "out"
    shutil.copytree(scored, output)
    (output / "scores.csv").unlink()
    command = [sys.executable, "-m", "authenticity", "score", "--bundle", str(bundle)]
    command += ["--output", str(output), "--", str(mixed)]
    run = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", *command],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert run.returncode == cli.SOME_REJECTED
    assert (output / "scores.csv").exists()
    assert run.stderr.count("standard output: ") == bool(expected)
    assert expected in run.stderr


def test_only_what_an_answer_had_drawn_is_removed_and_only_for_a_newer_one(tmp_path: Path):
    def answer(file: str, content: str) -> result.Recording:
        name = drawn_name(file, content)
        drawn = {"picture": f"overlays/{name}.png", "preview": f"previews/{name}.mp3"}
        for part in drawn.values():
            written(tmp_path, [part])
        return recording(file=file, content=content, **drawn)

    def kept(*given: result.Answer) -> list[str]:
        answers = batch.Answers(tmp_path)
        with answers.kept() as keep:
            for one in given:
                keep(one)
            answers.finish([one.file for one in given])
        return [one.content for one in batch.read([tmp_path / batch.KEPT])]

    foreign = written(tmp_path, ["overlays/map-01234567.png"]) / "overlays/map-01234567.png"
    first, second, changed = answer("a", "1"), answer("b", "2"), answer("a", "3")
    assert kept(first) == ["1"]
    assert kept(second) == ["2", "1"]
    assert kept(changed) == ["3", "2"]
    assert foreign.exists()
    there = {one.content: (tmp_path / one.picture).exists() for one in (first, second)}
    assert there == {"1": False, "2": True}
    assert not (tmp_path / "recordings.jsonl.unfinished").exists()
    with batch.Answers(tmp_path).kept():
        pass
    assert not (tmp_path / "recordings.jsonl.unfinished").exists(), "nothing was scored"
    for foreign in ({"picture": "../map-01234567.png"}, {"file": ["b.wav"]}):
        (tmp_path / "recordings.jsonl").write_text(json.dumps(result.plain(second) | foreign))
        with pytest.raises(UserError, match="expected answers of an earlier run"):
            batch.Answers(tmp_path)


def test_the_time_to_the_first_score_counts_from_a_score(capsys: pytest.CaptureFixture[str]):
    started = time.monotonic() - 100
    said = Display(12, ["Detector: toy."], quiet=False, started=started)
    gone = display.line(batch.rejected("gone.wav", "no such file"))
    assert said.wall_seconds() >= 100
    said.answer(gone, scored=False)
    said.answer(gone, scored=False, reused=True)
    assert said.wall_seconds() is None
    nothing = {"files": 2, "scored": 0, "rejected": 2, "verdicts": {}}
    said.summary(Path("out"), nothing)
    printed = capsys.readouterr()
    assert printed.err == "Detector: toy.\n"
    assert "gone.wav: no such file" in printed.out
    assert "cost" not in printed.out


def test_interrupted_and_killed_it_goes_on(scored: Path, mixed: Path, bundle: Path, tmp_path: Path):
    output, gone = tmp_path / "out", f"{mixed}/gone.wav"
    *answers, on_gone = batch.read([scored / "recordings.jsonl"])
    # What cannot be opened comes first.
    limits = Bundle.load(bundle).about["decision"]
    lines = [f"{display.line(answer, limits)}\n".encode() for answer in [on_gone, *answers]]
    for n_lines, end, code in ((1, signal.SIGINT, cli.INTERRUPTED), (5, signal.SIGKILL, -9)):
        printed = b"".join(lines[:n_lines])
        process = start_held(bundle, output, str(mixed), gone, room=len(printed))
        held.until(lambda n_lines=n_lines: len(kept(output)) > n_lines, process)
        workers = workers_of(process)
        assert workers, "nothing is worked on"
        process.send_signal(end)
        out, _ = process.communicate(timeout=held.GUARD_SECONDS)
        assert process.returncode == code
        assert sorted(out.lstrip(b"\0").splitlines()[:n_lines]) == sorted(printed.splitlines())
        assert len(kept(output)) == n_lines + 1
        held.until_gone(workers)
    assert not (output / "scores.csv").exists()
    (output / "previews" / "two-0123abcd.mp3.1.tmp").write_bytes(b"half a sound")
    code, lines, _ = run(bundle, output, str(mixed), gone)
    assert code == cli.SOME_REJECTED
    assert " as found by an earlier run" in "\n".join(lines)
    assert comparable(output) == comparable(scored)
    assert not (output / "recordings.jsonl.unfinished").exists()


def test_a_process_that_is_killed_costs_no_answer(bundle: Path, mixed: Path, tmp_path: Path):
    output = tmp_path / "out"
    names = ("film.mp4", "too loud.wav", "line\nbreak.flac", "two words, 'quoted' \"twice\".flac")
    process = start_held(bundle, output, *(str(mixed / name) for name in names))
    held.until(lambda: kept(output), process)
    (worker,) = workers_of(process)
    worker.kill()
    out, _ = process.communicate(timeout=held.GUARD_SECONDS)
    assert process.returncode == cli.DONE
    assert sorted(Path(row["file"]).name for row in rows_of(output)) == sorted(names)
    assert b"4 files: 4 scored" in out


def test_a_pool_that_breaks_while_a_process_starts_loses_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    submitted = []

    def submit(pool: ProcessPoolExecutor, function: Callable, *arguments: object) -> Future:
        submitted.append(function)
        if len(submitted) == 3:  # the model, a file, and now a second process
            raise ValueError("bad value(s) in fds_to_keep")
        return original(pool, function, *arguments)

    original = ProcessPoolExecutor.submit
    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    monkeypatch.setattr(batch, "_load", deadly.load)
    monkeypatch.setattr(batch, "_score", deadly.score)
    monkeypatch.setattr(batch, "_LOADING_SECONDS", 0.0)
    settings = batch.Settings(tmp_path, "", 0.5)
    answers = batch._computed(["a", "b", "c"], tmp_path, settings, 2)
    assert sorted(one.file for one in answers) == ["a", "b", "c"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_kills_its_process_is_set_aside_and_all_others_are_scored(
    jobs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batch, "_load", deadly.load)
    monkeypatch.setattr(batch, "_score", deadly.score)
    monkeypatch.setattr(batch, "_LOADING_SECONDS", 0.0)
    paths = ["a", "deadly", "b", "c"]
    settings = batch.Settings(tmp_path, "", 0.5)
    answers = {one.file: one.reason for one in batch._computed(paths, tmp_path, settings, jobs)}
    assert answers.keys() == set(paths)
    for path, reason in answers.items():
        assert reason.startswith("the process that read it died") == ("deadly" in path), path


def test_a_model_that_cannot_be_loaded_is_a_users_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = batch.Settings(tmp_path / "no bundle", "", 0.5)
    with pytest.raises(UserError, match="expected a bundle there"):
        list(batch._computed(["a"], tmp_path, settings, 1))
    monkeypatch.setattr(batch, "_load", deadly.load_without_memory)
    with pytest.raises(UserError, match="that loaded the model died"):
        list(batch._computed(["a"], tmp_path, settings, 1))
