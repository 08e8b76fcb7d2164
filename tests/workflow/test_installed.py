"""The library as it is installed: the one that the workflow asks for, and a wheel without it."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
import soundfile
from bundles import make_bundle
from checkout import REPOSITORY, check_out
from recordings import sound


def environment(folder: Path, *paths: Path) -> Path:
    """Return a fresh environment's Python, which finds other packages but no editable ones."""
    venv.create(folder, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    others = [*paths, sysconfig.get_path("purelib")]
    (packages / "others.pth").write_text("".join(f"{path}\n" for path in others))
    return folder / "bin" / "python"


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    hidden = ("PYTHONPATH", "AUTHENTICITY_BUNDLE")
    without = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=without,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize(
    ("snakefile", "installed"),
    [("Snakefile", None), ("tools/demo_corpus/Snakefile", REPOSITORY / "workflow")],
)
def test_the_workflow_wants_its_own_library_installed(
    snakefile: str, installed: Path | None, tmp_path: Path
):
    python = environment(tmp_path / "environment", *filter(None, [installed]))
    checkout = check_out(tmp_path / "checkout")
    dry = ("-m", "snakemake", "--dry-run", "--cores", "1", "--snakefile", snakefile)
    refused = run(python, *dry, cwd=checkout)
    assert refused.returncode == 1
    (line,) = [line for line in refused.stderr.splitlines() if not line.startswith("Using")]
    found = installed / "authenticity" if installed else "nowhere"
    assert line.startswith(f"error: {python} imports the library `authenticity` from {found}, ")
    assert f"expected {checkout / 'workflow'}: type `make`" in line
    assert not (checkout / "results").exists()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the project's wheel, and without what only the workflow uses."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in (
        *("pyproject.toml", "README.md", "LICENSE"),
        *("requirements.in", "requirements-workflow.in"),
    ):
        shutil.copy(REPOSITORY / name, source)
    shutil.copytree(
        REPOSITORY / "workflow",
        source / "workflow",
        ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
    )
    python = environment(folder / "environment")
    made = run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet"),
        *("--no-deps", "--no-build-isolation", "--no-index", source),
        cwd=folder,
    )
    assert made.returncode == 0, made.stderr
    (others,) = folder.rglob("others.pth")
    (others.parent / "sitecustomize.py").write_text(
        "import sys\nsys.modules |= dict.fromkeys(['snakemake', 'pydantic', 'librosa'])\n"
    )
    return python


def test_a_wheel_is_the_library_alone(wheel: Path):
    (about,) = wheel.parents[1].rglob("authenticity-*.dist-info")
    found = importlib.metadata.PathDistribution(about)
    packages = {path.parts[0] for path in found.files if path.parts[0] != ".."}
    assert packages == {"authenticity", about.name}
    assert not any({"demo", "pretraining"} & set(path.parts) for path in found.files)
    pages = {path.name for path in found.files if path.parts[1:-1] == ("report", "templates")}
    assert {"page.html.j2", "style.css", "document.md.j2"} <= pages
    extra = {
        re.split(r"[\[=;<>! ]", line)[0]: line.endswith('extra == "workflow"')
        for line in found.requires
    }
    assert {name for name in extra if extra[name]} == {"snakemake", "pydantic", "pyyaml", "librosa"}
    assert {"torch", "transformers", "pyarrow", "jinja2"} <= extra.keys()


def test_a_wheel_scores_without_the_workflow(wheel: Path, tmp_path: Path):
    soundfile.write(tmp_path / "one.wav", sound(3.0), 16_000)
    bundle = make_bundle(tmp_path / "bundle", REPOSITORY / "resources" / "encoders" / "small")
    command = wheel.parent / "authenticity"
    scored = run(command, "score", "one.wav", "--bundle", bundle, "--jobs", "1", cwd=tmp_path)
    assert scored.returncode == 0, scored.stderr
    assert "one.wav" in scored.stdout
    assert (tmp_path / "scored" / "index.html").exists()


def test_without_a_model_the_command_says_which_folder_to_name(wheel: Path, tmp_path: Path):
    soundfile.write(tmp_path / "one.wav", sound(1.0), 16_000)
    refused = run(wheel.parent / "authenticity", "score", "one.wav", cwd=tmp_path)
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert line.startswith("error: no model: name a bundle's folder with --bundle or ")
    assert line.endswith("makes one, results/demo/bundles/baseline_full")
